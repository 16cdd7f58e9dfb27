"""Where several attempts answered together, their answer is judged, and not that of the last attempt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from langchain_core.messages import AIMessage
from rewatch.agent import VideoAgent
from rewatch.agent.answer import Draft
from rewatch.evaluation.items import Item
from rewatch.evaluation.judging import judge
from rewatch.training.data.task import Task, Truth
from rewatch.training.gym import build_memory, sample_environments

from ..agent.scripted import in_turn

OPTIONS = ("red", "green", "blue")


def test_what_was_chosen_is_judged(tmp_path: Path):
    made = sample_environments(1, families=("viewing",), seed=0)[0]
    memory, traces = build_memory([made.task], tmp_path / "memory"), tmp_path / "traces"
    answers = []
    for number, (option, text) in enumerate((("B", "green"), ("A", "red")), 1):
        policy = in_turn(AIMessage(Draft(text=text, option=option, confidence=0.5).as_message()))
        agent = VideoAgent(memory, policy=policy, traces=traces, registered=False)
        answers.append(agent.ask("Which colour is it?", options=OPTIONS))
        (traces / f"{answers[-1].run_id}.jsonl").rename(traces / f"vote.{number}.jsonl")
    task = Task(id="t", question="Which colour?", kind="mcq", options=OPTIONS, truth=Truth(answer="B"), videos=("v",))
    chosen = replace(answers[0], run_id="vote")
    (judged,) = judge([Item(task="t", answer=chosen, run_id="vote", trace="traces/vote.jsonl")], {"t": task}, tmp_path)
    assert '"option": "A"' in judged.messages[-2].text
    assert '"option": "B"' in judged.rollout.final
    assert judged.right
    assert len(judged.rollout.looked) == 2 * len({look.uri for look in judged.rollout.looked})  # of both attempts
