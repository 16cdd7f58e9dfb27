"""A Video-LMM as teacher: its traces and preferences go through files, and another model learns from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rewatch.agent.graph import Loop
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.training.data.task import Task
from rewatch.training.gym.evaluation import BUDGET
from rewatch.training.rollouts.collector import Collector
from rewatch.training.rollouts.recording import recorded
from rewatch.training.rollouts.rows import row_of
from rewatch.training.synthesis import (
    Teacher,
    Teachers,
    hindsight,
    read_conversations,
    read_preferences,
    synthesize,
    write_conversations,
)
from rewatch.training.trainers.preference import DPOSettings, recorded_pairs, train_dpo
from rewatch.training.trainers.sft import SFTSettings, train_sft

from ....agent.models.local_vlm.steering import steered
from .test_preference import cites

MakePolicy = Callable[..., VideoLMM]
MakeLoop = Callable[[Any], Loop]


def test_traces_and_preferences_of_models_are_learnt_by_another(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task], tmp_path: Path
) -> None:
    good, poor = make_policy(max_tokens=120), make_policy(max_tokens=120)
    task = tasks[0]

    def guesses(prompt: str) -> str:
        return json.dumps({"answer": "mauve"})

    teachers = [Teacher(name="good", policy=good), Teacher(name="poor", policy=poor)]
    loop = make_loop(good)
    with steered(good, cites(8, 12, task.id)), steered(poor, guesses):
        report = synthesize(Teachers(loop=loop, teachers=teachers, agree=1), [task], tmp_path)
    assert report.kept == report.pairs == 1 and report.reasons["poor"] == {"wrong answer": 1}

    learner = make_policy(max_tokens=120)
    own = make_loop(learner)
    (trace,) = read_conversations(report.traces)
    made = recorded(learner, trace.messages, tools=own.offered_in(trace.messages), pixels=own.pixels)
    row = row_of(learner, made, own.pixels)
    assert row and len(row.frames) == 4 and row.written > 20
    # the ids are those that the learner would be given, were it to say the same
    with steered(learner, cites(8, 12, task.id)):
        (run,) = Collector(loop=own, budget=BUDGET)([task], 1)
    sampled = row_of(learner, run.messages, own.pixels)
    assert sampled and (sampled.ids, sampled.mask) == (row.ids, row.mask)
    curve = train_sft(learner, [row], steps=4, settings=SFTSettings(rows=1, learning_rate=1e-2, warmup=1))
    assert curve[-1]["loss"] < curve[0]["loss"]

    (one,) = read_preferences(report.preferences)
    pairs = recorded_pairs([(one.chosen, one.rejected, one.margin)], learner, own)
    assert pairs[0].chosen.frames and not pairs[0].rejected.frames and pairs[0].margin > 0.5
    settings = DPOSettings(learning_rate=1e-2, warmup=1)
    assert train_dpo(learner, pairs, steps=3, settings=settings)[-1]["margin"] > 0.1


def test_hindsight_of_a_models_own_run_keeps_its_ids(
    make_policy: MakePolicy, make_loop: MakeLoop, tasks: list[Task], tmp_path: Path
) -> None:
    policy = make_policy(max_tokens=120)
    with steered(policy, cites(8, 12, tasks[0].id)):
        runs = Collector(loop=make_loop(policy))(tasks[:1], 2)
    found = hindsight(runs)
    assert found.reasons == {"kept": 2}
    path = tmp_path / "hindsight.jsonl"
    assert write_conversations(path, found.traces) == 2
    read = read_conversations(path)
    for run, again in zip(runs, read, strict=True):
        one, two = (row_of(policy, r.messages, make_loop(policy).pixels) for r in (run, again))
        assert one and two and (one.ids, one.mask, one.logprobs) == (two.ids, two.mask, two.logprobs)
        # read by a model of another vocabulary, the same words become ids of its own
        loop, foreign = make_loop(policy), list(again.messages)
        for n, message in enumerate(foreign):
            if "tokens" in message.response_metadata:
                tokens = {**message.response_metadata["tokens"], "vocabulary": "another", "sampled": [1], "given": [2]}
                foreign[n] = message.model_copy(update={"response_metadata": {"tokens": tokens}})
        made = recorded(policy, foreign, tools=loop.offered_in(again.messages), pixels=loop.pixels)
        learnt = row_of(policy, made, loop.pixels)
        assert learnt and learnt.ids == one.ids
        assert again.meta["by"] == "hindsight" and again.meta["rewards"]["task"] == pytest.approx(1.0)
