"""Where several attempts answered together, their answer is judged, and not that of the last attempt."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from rewatch.agent import VideoAgent
from rewatch.agent.answer import Draft
from rewatch.evaluation.items import Item
from rewatch.evaluation.judging import judge
from rewatch.training.data.task import Task, Truth
from rewatch.training.gym import build_memory, sample_environments

from ..agent.scripted import Scripted


@pytest.mark.parametrize("order", ["BA", "AB"])  # in one of them the last attempt says the other
def test_the_vote_is_judged(tmp_path: Path, order: str):
    made = sample_environments(1, families=("viewing",), seed=0)[0]
    memory = build_memory([made.task], tmp_path / "memory")
    drafts = {
        "A": Draft(text="red", option="A", confidence=0.2),
        "B": Draft(text="green", option="B", confidence=0.9),
    }
    votes = iter(order)

    def step(messages: list[BaseMessage], bound: bool) -> AIMessage:
        said = [m.text for m in messages if isinstance(m, AIMessage) and m.text.startswith("{")]
        return AIMessage(said[-1] if said else drafts[next(votes)].as_message())  # says it again where it is sent back

    agent = VideoAgent(memory, policy=Scripted(step=step), traces=tmp_path / "traces", registered=False)
    options = ("red", "green", "blue")
    answer = agent.ask("Which colour is it?", options=options, scale="vote", width=2)
    assert answer.option == "B"
    task = Task(id="t", question="Which colour?", kind="mcq", options=options, truth=Truth(answer="B"), videos=("v",))
    item = Item(task="t", answer=answer, run_id=answer.run_id, trace=f"traces/{answer.run_id}.jsonl")
    (judged,) = judge([item], {"t": task}, tmp_path)
    assert any('"option": "A"' in message.text for message in judged.messages)
    assert '"option": "B"' in judged.rollout.final  # whichever attempt came last
    assert judged.right
