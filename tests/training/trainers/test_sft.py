"""Expert conversations become rows that read as the policy's own, and are learnt; the gate knows who may go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from langchain_core.messages import AIMessage
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.memory import Span
from rewatch.training.data.task import Task
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.recording import TraceError, recorded
from rewatch.training.rollouts.rollout import Rollout
from rewatch.training.rollouts.rows import Row, row_of, score
from rewatch.training.trainers.gate import Gate, GateError
from rewatch.training.trainers.sft import SFTSettings, collated, sft_trainer, train_sft

from ...agent.models.local_vlm.steering import steered
from ..rollouts.test_collector import look, turn

MakePolicy = Callable[..., VideoLMM]
MakeLoop = Callable[[Any], Loop]
QUICK = SFTSettings(rows=4, learning_rate=2e-2, warmup=1, weight_decay=0.0)


def solved(color: str) -> Callable[[str], str]:
    answer = json.dumps({"answer": color, "evidence": []})
    return lambda prompt: [look(8, 12), answer][min(turn(prompt), 1)]


@pytest.fixture(scope="module")
def conversations(make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task]) -> list[Rollout]:
    """Runs through the loop in which each task is solved by a look."""
    made = []
    policy = make_policy()
    for task in tasks:
        with steered(policy, solved(task.id)):
            made += Collector(loop=make_loop(policy))([task], 1)
    return made


def bare(rollout: Rollout) -> list[Any]:
    """The conversation as an expert leaves it: without any ids."""
    return [m.model_copy(update={"response_metadata": {}}) if isinstance(m, AIMessage) else m for m in rollout.messages]


def test_what_an_expert_wrote_becomes_the_ids_that_the_policy_would_have_sampled(
    make_policy: MakePolicy, make_loop: MakeLoop, conversations: list[Rollout]
) -> None:
    policy = make_policy()
    loop = make_loop(policy)
    for rollout in conversations:
        tools = loop.offered_in(rollout.messages)
        messages = bare(rollout)
        messages[2] = messages[2].model_copy(update={"content": ""})  # a call by name and arguments only
        made = recorded(policy, messages, tools=tools, pixels=loop.pixels)
        row, own = (row_of(policy, m, loop.pixels) for m in (made, rollout.messages))
        assert row and own and row.frames and row.written == own.written
        assert (row.ids, row.mask, row.prompt) == (own.ids, own.mask, own.prompt)
        assert [s.name for s in row.frames] == [s.name for s in own.frames] and set(row.logprobs) == {0.0}
        again = recorded(policy, made, tools=tools, pixels=loop.pixels)
        assert [a is b for a, b in zip(made, again, strict=True)] == [True] * len(made)


def test_a_call_that_would_be_read_otherwise_is_refused(
    make_policy: MakePolicy, make_loop: MakeLoop, conversations: list[Rollout]
) -> None:
    policy = make_policy()
    loop = make_loop(policy)
    messages = bare(conversations[0])
    place = next(n for n, m in enumerate(messages) if isinstance(m, AIMessage))
    messages[place] = messages[place].model_copy(update={"tool_calls": []})  # its text still holds the call
    with pytest.raises(TraceError, match=f"Message {place} .* would read as .*view_clip"):
        recorded(policy, messages, tools=loop.toolbox.schemas([]), pixels=loop.pixels)


@pytest.fixture(scope="module")
def rows(make_policy: MakePolicy, make_loop: MakeLoop, conversations: list[Rollout]) -> list[Row]:
    policy = make_policy()
    found = [row_of(policy, r.messages, make_loop(policy).pixels) for r in conversations]
    return [row for row in found if row]


@pytest.mark.slow
def test_learning_by_heart_makes_the_loop_look_and_answer(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task], rows: Sequence[Row]
) -> None:
    policy = make_policy()
    collect = Collector(loop=make_loop(policy), temperature=0.0)
    with pytest.raises(GateError, match="no tool is called"):
        Gate().require(collect(tasks, 1))
    curve = train_sft(policy, rows, steps=90, settings=replace(QUICK, rows=5, learning_rate=3e-2))
    assert curve[-1]["loss"] < 0.5 < curve[0]["loss"]
    rollouts = collect(tasks, 1)
    found = Gate().require(rollouts)
    assert found.validity == 1 and found.right_clip == 1 and found.runs == len(tasks)
    elsewhere = replace(tasks[0].truth, spans=(Span(0, 2),))
    with pytest.raises(GateError, match=r"0% of the looks find the right clip \(80% wanted\)"):
        Gate().require([replace(r, task=replace(r.task, truth=elsewhere)) for r in rollouts])


def test_only_what_the_policy_writes_is_learnt_and_cutting_does_not_matter(
    make_policy: MakePolicy, rows: list[Row]
) -> None:
    policy = make_policy()
    inputs = collated(policy.engine, rows)
    for n, row in enumerate(rows):
        own = [i for i, is_own in zip(row.ids, row.mask, strict=True) if is_own]
        assert inputs["labels"][n][inputs["labels"][n] != -100].tolist() == own
    whole, cut = (
        train_sft(make_policy(), rows[:4], steps=3, settings=replace(QUICK, micro_batch=size)) for size in (4, 1)
    )
    assert [f["loss"] for f in whole] == pytest.approx([f["loss"] for f in cut], rel=1e-3)
    with pytest.raises(ValueError, match="nothing to learn"):
        train_sft(make_policy(), [], steps=1)


def test_trl_trains_on_the_same_rows_with_the_same_loss(
    make_policy: MakePolicy, rows: list[Row], tmp_path: Path
) -> None:
    from trl import SFTConfig

    policy = make_policy()
    with torch.no_grad():
        made = score(policy.engine, rows[:4])
    expected = -float(made.logp_RT.sum() / made.mask_RT.sum())
    args = SFTConfig(
        output_dir=str(tmp_path),
        use_cpu=True,
        bf16=False,
        per_device_train_batch_size=4,
        max_steps=3,
        learning_rate=1e-2,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    trainer = sft_trainer(policy, rows[:4], args)
    trainer.train()
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    assert losses[0] == pytest.approx(expected, abs=2e-4) and losses[-1] < losses[0]
