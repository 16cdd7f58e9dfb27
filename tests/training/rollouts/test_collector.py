"""Rollouts run the real graph on a real memory, share batches and pictures, and survive failures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from langchain_core.messages import ToolMessage
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.memory import VideoError
from rewatch.tools import Toolbox, view_clip
from rewatch.tools.errors import ToolBug
from rewatch.training.data.task import Task
from rewatch.training.rollouts.collector import CollectError, Collector, failure, grouped, require_some
from rewatch.training.rollouts.rows import row_of, sampled, score
from worlds import World

from ...agent.models.local_vlm.steering import steered

MakePolicy = Callable[..., VideoLMM]
MakeLoop = Callable[[Any], Loop]


def turn(prompt: str) -> int:
    return prompt.count("<|im_start|>assistant\n") - 1


def look(start: float, end: float) -> str:
    call = {"name": "view_clip", "arguments": {"start": start, "end": end}}
    return f"<tool_call>\n{json.dumps(call)}\n</tool_call>"


def looks_once(prompt: str) -> str:
    return look(8, 12) if turn(prompt) == 0 else '{"answer": "red"}'


def test_a_seed_gives_each_run_of_a_group_its_own_words_and_the_same_again(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task]
) -> None:
    collect = Collector(loop=make_loop(make_policy(max_tokens=12)))
    first = collect(tasks[:2], 3, seed=1)
    assert [r.task.id for r in first] == [tasks[0].id] * 3 + [tasks[1].id] * 3
    said = [r.said for r in first]
    assert len(set(said)) == 6  # hot sampling of a random model
    assert [r.said for r in collect(tasks[:2], 3, seed=1)] == said
    assert not set(said) & {r.said for r in collect(tasks[:2], 3, seed=2)}
    twice = collect([tasks[0], tasks[0]], 2, seed=1)
    assert [r.said for r in twice[:2]] == said[:2] and len({r.said for r in twice}) == 4


def test_rollouts_hold_what_training_needs(make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task]) -> None:
    policy = make_policy()
    loop = make_loop(policy)
    events: list[tuple[int, str]] = []
    with steered(policy, looks_once) as requests:
        rollouts = Collector(loop=loop)(tasks, 2, listener=lambda run, event: events.append((run, event["event"])))
    assert {r.answer.text for r in rollouts} == {"red"} and not any(failure(r) for r in rollouts)
    assert all(r.calls[0].valid and r.calls[0].name == "view_clip" for r in rollouts)
    shown = next(m for m in rollouts[0].messages if isinstance(m, ToolMessage)).artifact["pictures"]
    rows = [row_of(policy, r.messages, loop.pixels) for r in rollouts]
    assert all(row and [s.name for s in row.frames] for row in rows) and [s.name for s in rows[0].frames] == shown
    # every run has its own sequence of prompts: all that is recorded but the last reply
    asked = sorted(len(request.ids) for request in requests)
    assert asked[-1] < max(len(row.ids) for row in rows) and len(requests) == sum(len(r.turns) for r in rollouts)
    with torch.no_grad():
        made = score(policy.engine, rows, full=True)
    off = (made.logp_RT - sampled(rows, made.mask_RT.shape[1]))[made.mask_RT]
    assert off.abs().max() < 1e-4 and made.mask_RT.sum() == sum(row.written for row in rows)
    plain = policy.engine.logprobs([(row.ids, row.mask, row.frames) for row in rows])
    assert torch.equal(torch.cat(plain), made.logp_RT[made.mask_RT])
    full = made.full_RTV[made.mask_RT]
    assert torch.allclose(full.exp().sum(-1), torch.ones(len(full)), atol=1e-5)
    assert torch.allclose(
        torch.distributions.Categorical(logits=full).entropy(), made.entropy_RT[made.mask_RT], atol=1e-4
    )
    assert {run for run, _ in events} == set(range(len(rollouts))) and ("check" in {name for _, name in events})


def test_pictures_are_decoded_and_prepared_once_and_turns_share_batches(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = make_policy()
    loop = make_loop(policy)
    decoded: list[int] = []
    plain = World.frames_at

    def counted(world: World, times: Iterable[float], **how: Any) -> Any:
        moments = list(times)
        decoded.append(len(moments))
        return plain(world, moments, **how)

    monkeypatch.setattr(World, "frames_at", counted)
    sizes: list[int] = []
    run = policy.engine.batcher.run
    monkeypatch.setattr(policy.engine.batcher, "run", lambda batch: sizes.append(len(batch)) or run(batch))
    with steered(policy, looks_once):
        rollouts = Collector(loop=loop)(tasks[:2], 4)
    pictures = {uri for r in rollouts for t in r.turns for uri in t["pictures"]}
    assert policy.engine.images.prepared == len(pictures)
    assert sum(decoded) == len(pictures)
    assert sum(sizes) == sum(len(r.turns) for r in rollouts) and len(sizes) <= 2 * 3  # three turns a run, eight runs


def test_failures_are_data(make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task]) -> None:
    policy = make_policy(max_tokens=8)
    loop = make_loop(policy)
    gone = replace(tasks[0], id="gone", videos=("no-such-video",))
    rollouts = Collector(loop=loop)([gone, tasks[1]], 2)
    assert "no-such-video" in (failure(rollouts[0]) or "") and failure(rollouts[2]) is None
    assert rollouts[0].answer.abstained and row_of(policy, rollouts[0].messages, loop.pixels) is None
    require_some(rollouts)
    with pytest.raises(CollectError, match="All 2 rollouts failed, 2 of them so: .*no-such-video"):
        require_some(grouped(rollouts, 2)[0])


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), VideoError("gone")])
def test_a_policy_that_fails_ends_its_runs_only(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    policy = make_policy(max_tokens=8)

    def broken(**given: Any) -> Any:
        raise error

    monkeypatch.setattr(policy.engine.loaded.model, "forward", broken)
    rollouts = Collector(loop=make_loop(policy))(tasks[:1], 2)
    assert all(str(error) in (failure(r) or "") for r in rollouts)


def test_a_bug_is_raised(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = make_policy()

    def broken(*given: Any, **settings: Any) -> Any:
        raise KeyError("out of luck")

    with monkeypatch.context() as patched:
        patched.setattr(
            "rewatch.tools.builtin.view_clip.visual_encoder", broken
        )  # which `view_clip` describes frames by
        with steered(policy, looks_once), pytest.raises(ToolBug, match="out of luck"):
            Collector(loop=replace(make_loop(policy), toolbox=Toolbox([view_clip])))(tasks[:1], 2)
    monkeypatch.setattr(policy.engine.loaded.model, "forward", broken)
    with pytest.raises(KeyError, match="out of luck"):
        Collector(loop=make_loop(policy))(tasks[:1], 2)
