"""The loop with a policy that sees: turns, the zoomed second look, routes, and text-only policies with a viewer."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatResult
from rewatch.agent import Calibration, VideoAgent, read_trace
from rewatch.agent.answer import Draft, Evidence
from rewatch.agent.models.turn import Turn
from rewatch.agent.replay import replay
from rewatch.agent.report import write_report
from rewatch.agent.verifier import Verdict, after_looking, second_looks
from rewatch.cli.terminal.console import show_event
from rewatch.cli.terminal.output import Console
from rewatch.memory import CapabilityError, ClipMemory
from rewatch.memory.registry import UnknownNameError
from rewatch.tools import Budget, Reply, VisualQuestion

from .scripted import Scripted, calling, in_turn


class Seeing(Scripted):
    """A scripted policy that is given its turn, and keeps it."""

    takes_turn: bool = True
    turns: list[Turn] = []

    def _generate(self, messages: list[BaseMessage], *args: Any, turn: Turn | None = None, **kwargs: Any) -> ChatResult:
        if turn is not None:
            self.turns.append(turn)
        return super()._generate(messages, *args, **kwargs)


class Judge:
    """Gives the next of its verdicts on every yes-or-no question."""

    def __init__(self, *verdicts: float) -> None:
        self.verdicts = list(verdicts)
        self.asked: list[VisualQuestion] = []

    def ask(self, questions: Sequence[VisualQuestion], **_: Any) -> list[Reply]:
        self.asked += questions
        return [Reply(text="", tokens=5, yes=self.verdicts.pop(0)) for _ in questions]


def cites(memory: ClipMemory, claim: str = "a card", confidence: float = 0.81, span: str = "9,11") -> AIMessage:
    uri = f"video:{memory.videos()[0].id}#t={span}"
    draft = Draft(text=claim, confidence=confidence, evidence=(Evidence(claim=claim, uri=uri, tool="view_clip"),))
    return AIMessage(draft.as_message())


def agent_with(memory: ClipMemory, judge: Judge, *said: AIMessage, **how: Any) -> VideoAgent:
    seeing = Seeing(step=in_turn(*said).step)
    return VideoAgent(memory, policy=seeing, viewer=judge, **how)


def test_a_policy_that_takes_its_turn_is_told_what_it_may_use(notices: ClipMemory):
    policy = Seeing(step=in_turn(calling("view_clip", start=1, end=3), cites(notices, span="1,3")).step, turns=[])
    VideoAgent(notices, policy=policy, second_look=False).ask("What?", budget=Budget(tokens=900, seconds=50))
    assert [turn.tokens for turn in policy.turns] == [900, 900] and 45 < (policy.turns[1].seconds or 0) < 50
    picture = f"video:{notices.videos()[0].id}#t=2"
    assert policy.turns[0].pixels.read([picture])[0].shape[2] == 3


def test_what_the_second_look_confirms_stands(notices: ClipMemory, tmp_path: Path):
    judge = Judge(0.64)
    agent = agent_with(notices, judge, calling("view_clip", start=9, end=11), cites(notices), traces=tmp_path)
    answer = agent.ask("What?")
    assert answer.evidence[0].verified == pytest.approx(0.64)
    assert answer.confidence == pytest.approx(0.72)  # sqrt(0.81 x 0.64)
    assert answer.spend["calls"] == 3 and answer.spend["tokens"] == 5 and "a card" in judge.asked[0].text
    assert answer.spend["frames"] == 2 + 8
    assert replay(answer.trace or "").differences == []
    (look,) = [e for e in read_trace(answer.trace or "") if e["event"] == "second_look"]
    assert look["tool"] == "verify_clip" and look["data"]["yes"] == pytest.approx(0.64) and look["cost"]["frames"] == 8
    assert look["arguments"]["claim"] == "a card" and not look["error"]
    page = write_report(answer.trace or "", tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Second look" in page and "does it show “a card”?" in page
    shown = io.StringIO()
    show_event(Console(file=shown, width=100), look)
    assert shown.getvalue().startswith("2nd look 00:09-00:11 “a card” Looked at 00:08-00:12 again: yes")


def test_what_it_denies_goes_back_once_and_then_loses_confidence(notices: ClipMemory, tmp_path: Path):
    view = calling("view_clip", start=9, end=11)
    agent = agent_with(notices, Judge(0.25, 0.04), view, cites(notices), cites(notices, "a sign"), traces=tmp_path)
    answer = agent.ask("What?")
    events = read_trace(answer.trace or "")
    (check,) = [e for e in events if e["event"] == "check"]
    assert "does not seem to show" in check["missing"][0] and check["looked"] == [0.25]
    assert answer.confidence == pytest.approx(0.18) and answer.evidence[0].verified == pytest.approx(0.04)
    assert replay(answer.trace or "").differences == []


def test_quotes_and_abstentions_are_not_looked_at_again():
    quoted = Evidence(claim="c", uri="video:aa#t=1,2", quote="words")
    seen = Evidence(claim="c", uri="video:aa#t=1,2")
    missing = Evidence(claim="c", uri="video:aa#t=1,2", supported=False)
    draft = Draft(text="t", evidence=(quoted, seen, missing))
    calls = second_looks(Verdict(draft, ()), many=True)
    assert [c is not None for c in calls] == [False, True, False]
    assert calls[1] is not None and calls[1].arguments["video"] == "aa"
    assert second_looks(Verdict(Draft(text="t", evidence=(seen,), abstained=True), ()), many=False) == [None]
    after = after_looking(Verdict(draft, ()), [None, 0.5, None])
    assert not after.missing and after.draft.confidence == pytest.approx((0.5 * 0.5) ** 0.5)


def test_without_frames_left_nobody_looks_again(notices: ClipMemory):
    agent = agent_with(notices, Judge(), calling("view_clip", start=9, end=11), cites(notices))
    answer = agent.ask("What?", budget=Budget(frames=2))
    assert answer.evidence[0].verified is None and answer.confidence == pytest.approx(0.81)


def test_a_route_looks_first_and_the_policy_answers_without_tools(notices: ClipMemory):
    told: list[list[BaseMessage]] = []

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        assert not may_call
        told.append(messages)
        return cites(notices, span="1,23")

    policy = Seeing(step=step)
    answer = VideoAgent(notices, policy=policy, second_look=False).ask("What?", route="direct", budget=Budget(frames=8))
    first, *looked = [m for m in told[0] if isinstance(m, ToolMessage)]
    assert first.name == "search_clips"
    assert [m.name for m in looked] == ["view_frames"] and 4 <= len(looked[0].artifact["pictures"]) <= 8
    assert isinstance(told[0][-1], HumanMessage) and answer.spend["frames"] == len(looked[0].artifact["pictures"])


def test_what_a_route_or_a_scaling_lacks_is_said_at_once(notices: ClipMemory):
    agent = VideoAgent(notices)
    with pytest.raises(CapabilityError, match="asks a model that sees"):
        agent.ask("What?", route="adaptive")
    with pytest.raises(CapabilityError, match="samples a language model"):
        agent.ask("What?", scale="vote")
    with pytest.raises(UnknownNameError, match="There is no route 'north'; there are direct, search"):
        agent.ask("What?", route="north")
    with pytest.raises(UnknownNameError, match="There is no scaling"):
        agent.ask("What?", scale="up")


def test_a_text_only_policy_drives_a_viewer(notices: ClipMemory):
    """VideoDeepResearch: the driver reads, another model sees."""
    shown: list[Any] = []

    def look(messages: list[BaseMessage], _: bool) -> AIMessage:
        shown.append(messages[-1].content)
        return AIMessage("a white card", usage_metadata={"input_tokens": 9, "output_tokens": 1, "total_tokens": 10})

    driver = in_turn(calling("ask_clip", start=1, end=3, question="What is there?"), cites(notices, span="1.3,2.7"))
    agent = VideoAgent(notices, policy=driver, viewer=Seeing(step=look), second_look=False)
    assert "ask_clip" in agent.toolbox and "ask_clip" not in VideoAgent(notices, policy=driver).toolbox
    answer = agent.ask("What?")
    assert answer.spend["tokens"] == 10 and answer.spend["frames"] == 8 and len(shown) == 1


def test_the_confidence_of_an_answer_is_calibrated(notices: ClipMemory, tmp_path: Path):
    halves = Calibration.fit([0.9] * 40, [True, False] * 20)
    agent = agent_with(notices, Judge(), calling("view_clip", start=9, end=11), cites(notices, confidence=0.9))
    agent.calibration, agent.traces = halves, tmp_path
    answer = agent.ask("What?", budget=Budget(frames=2))
    assert answer.confidence == pytest.approx(halves(0.9), abs=1e-3) and 0.4 < answer.confidence < 0.7
    assert replay(answer.trace or "").differences == []


def test_the_likelihood_stands_for_a_confidence_that_is_not_stated(notices: ClipMemory):
    plain = AIMessage(f"A card, video:{notices.videos()[0].id}#t=10", response_metadata={"likelihood": 0.7})
    agent = agent_with(notices, Judge(1.0), calling("view_clip", start=9, end=11), plain)
    assert agent.ask("What?", budget=Budget(frames=2)).confidence == pytest.approx(0.7)


def test_a_prompt_can_be_chosen_or_given_as_a_file(notices: ClipMemory, tmp_path: Path):
    told: list[str] = []

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        told.append(str(messages[0].content))
        return AIMessage("no")

    (tmp_path / "p.txt").write_text("Answer like a pirate.", encoding="utf-8")
    for prompt in (None, "video_of_thought", tmp_path / "p.txt"):
        VideoAgent(notices, policy=Scripted(step=step), prompt=prompt).ask("What?", budget=Budget(calls=0))
    plain, thought, pirate = told
    assert thought.startswith(plain) and "step" in thought[len(plain) :] and pirate == "Answer like a pirate."
    with pytest.raises(CapabilityError, match="cannot be read"):
        VideoAgent(notices, prompt=tmp_path / "none.txt")
