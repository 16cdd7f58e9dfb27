"""Replay: derive a run's answer again from what its trace recorded, with no model and no video.

The policy's words and the tools' observations are taken from the trace; reading the draft, checking it, and adding up
the spend are done anew. What then differs from the record is listed, so that a trace which was edited, or written by
a rewatch that checks differently, is noticed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from .answer import Answer, Draft
from .evidence import unseen
from .parsing.reply import draft_of
from .prompts import SPENT, TIME_UP, TOKENS_SPENT
from .questions.question import Question
from .test_time_scaling.attempts import ScaledState, replay_scaling
from .test_time_scaling.calibration import Calibration
from .trace import TraceError, read_trace
from .verifier import SENT_BACK, Verdict, after_looking, check

_SPENT = re.compile(re.escape(SPENT).replace(re.escape("{limit}"), "(?P<limit>[a-z]+)"))
_COUNTED = ("frames", "calls", "tokens")
"""What a spend holds that can be added up again; seconds cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A run as its trace tells it."""

    events: list[dict[str, Any]]
    """The trace's events, as recorded."""
    answer: Answer | None
    """The answer derived again from the recorded messages; None where the run was cut off before its answer."""
    differences: list[str]
    """How the record departs from what its own messages give, one line each; empty for a sound trace."""


def replay(trace: str | Path) -> Replayed:
    """Derive the answer of a recorded run again.

    Args:
        trace: the JSONL file that the run wrote.

    Raises:
        TraceError: if the file is missing, is no trace, was written by a newer version, or lacks a field that every
            trace has.
    """
    events = read_trace(trace)
    run = _Run(Question(text=""))
    try:
        run.question, run.head = Question.from_dict(events[0]["question"]), events[0]
        if "scale" in events[0]:
            return _replay_scaled(events)
        for event in without_repeats(events[1:]):
            run.take(event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise TraceError(f"{trace}: an event lacks what every trace has ({problem}); was the file edited?") from None
    return Replayed(events=events, answer=run.answer, differences=run.differences)


def _replay_scaled(events: list[dict[str, Any]]) -> Replayed:
    """The answer that the scaling makes of the recorded attempts."""
    told = without_repeats(events[1:])
    rows = [event for event in told if event["event"] == "attempt"]
    steps = [
        [row for row in rows if row["step"] == step] for step in range(max((r["step"] for r in rows), default=-1) + 1)
    ]
    head: ScaledState = {key: events[0][key] for key in ("question", "budget", "scale", "width")}  # type: ignore[assignment]
    end = next((event for event in told if event["event"] == "answer"), None)
    if end is None:
        return Replayed(events=events, answer=None, differences=[])
    recorded = Answer.from_dict(end["answer"])
    if recorded.stopped_by == "bug":
        return Replayed(events=events, answer=recorded, differences=[])
    _, answer = replay_scaling({**head, "results": steps})
    if answer is None:
        return Replayed(events=events, answer=None, differences=["answer: the recorded attempts lead to no answer yet"])
    kept = ("question", "spend", "budget", "run_id", "trace")
    answer = replace(answer, **{name: getattr(recorded, name) for name in kept})
    differences = _differences(end["answer"], _calibrated(events[0], answer).as_dict(), "answer")
    return Replayed(events=events, answer=answer, differences=differences)


def _calibrated(head: Mapping[str, Any], answer: Answer) -> Answer:
    """The answer with its confidence mapped as the run's own was."""
    if not head.get("calibration") or answer.abstained:
        return answer
    return replace(answer, confidence=Calibration(**head["calibration"])(answer.confidence))


@dataclass(slots=True)
class _Run:
    """The conversation so far, rebuilt from events."""

    question: Question
    head: Mapping[str, Any] = field(default_factory=dict)
    messages: list[AnyMessage] = field(default_factory=list)
    spend: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    differences: list[str] = field(default_factory=list)
    answer: Answer | None = None

    def take(self, event: Mapping[str, Any]) -> None:
        """Go on by one event."""
        kind = event["event"]
        if kind == "plan":
            self.messages += [_message(row) for row in event["prompt"]]
            self.spend["tokens"] += event["plan"].get("tokens", 0)
        elif kind == "policy":
            self.messages.append(_message(event))
            self.spend["tokens"] += (event.get("usage") or {}).get("total_tokens", 0)
        elif kind == "observation":
            self._observe(event)
        elif kind == "check":
            self._send_back(event)
        elif kind == "answer":
            self._end(event)

    def _observe(self, event: Mapping[str, Any]) -> None:
        said = self._said()
        calls = {call["id"] or "" for call in [*said.tool_calls, *said.invalid_tool_calls]} if said else set()
        if event["call_id"] not in calls:
            self.differences.append(f"observation {event['call_id']} ({event['tool']}) answers no call of the policy")
        head = {"event", "t", "spend", "call_id", "tool", "text", "error"}
        self.messages.append(
            ToolMessage(
                event["text"],
                name=event["tool"],
                tool_call_id=event["call_id"],
                artifact={key: value for key, value in event.items() if key not in head},
                status="error" if event["error"] else "success",
            )
        )
        self._add(event.get("cost", {}))

    def _add(self, cost: Mapping[str, Any]) -> None:
        for name in _COUNTED:
            self.spend[name] += cost.get(name, 0)

    def _send_back(self, event: Mapping[str, Any]) -> None:
        self._add(event.get("cost", {}))
        derived = [SENT_BACK + " ".join(self._verdict(event.get("looked", ())).missing)]
        if derived != event["missing"]:
            self.differences.append(f"check: recorded {event['missing']!r}, the messages give {derived!r}")
        self.messages += [HumanMessage(text) for text in event["missing"]]

    def _end(self, event: Mapping[str, Any]) -> None:
        self._add(event.get("cost", {}))
        recorded = Answer.from_dict(event["answer"])
        if recorded.stopped_by == "bug":  # follows from no message
            self.answer = recorded
            return
        draft = self._verdict([item.verified for item in recorded.evidence]).draft
        self.answer = Answer(
            question=self.question.text,
            text=draft.text,
            option=draft.option,
            evidence=draft.evidence,
            confidence=draft.confidence,
            abstained=draft.abstained,
            stopped_by=self._stopped_by(draft),
            spend={**recorded.spend, **self.spend},
            budget=recorded.budget,
            run_id=recorded.run_id,
            trace=recorded.trace,
        )
        self.answer = _calibrated(self.head, self.answer)
        self.differences += _differences(event["answer"], self.answer.as_dict(), "answer")

    def _said(self) -> AIMessage | None:
        return next((m for m in reversed(self.messages) if isinstance(m, AIMessage)), None)

    def _verdict(self, looked: Sequence[float | None]) -> Verdict:
        said = self._said()
        verdict = check(draft_of(said or AIMessage(""), self.messages), self.question, self.messages)
        return after_looking(verdict, looked) if len(looked) == len(verdict.draft.evidence) else verdict

    def _stopped_by(self, draft: Draft) -> str:
        """Why the run ended, by the messages: the policy failed, was told that the budget is spent, or answered."""
        if draft.abstained and draft.confidence == 0 and draft.text.startswith("The policy failed ("):
            return "policy_error"
        for text, limit in ((TIME_UP, "seconds"), (TOKENS_SPENT, "tokens")):
            if draft.abstained and draft.confidence == 0 and draft.text == text:
                return limit
        before = self.messages[-2] if len(self.messages) > 1 else None
        told = _SPENT.fullmatch(before.text) if isinstance(before, HumanMessage) else None
        said = self._said()
        cut = said is not None and said.response_metadata.get("finish_reason") == "tokens"
        if told or cut:
            return told["limit"] if told else "tokens"
        return "viewer_error" if draft.abstained and unseen(self.messages) else "answer"


def without_repeats(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events, without those that a resumed run told again: a kill can fall between telling and storing a step."""
    kept: list[dict[str, Any]] = []
    for position, event in enumerate(events):
        if event["event"] != "resume":
            kept.append(event)
            continue
        later = [_told(e) for e in events[position + 1 :]]
        before = [_told(e) for e in kept]
        most = min(len(before), len(later))
        again = next((k for k in range(most, 0, -1) if before[-k:] == later[:k]), 0)
        kept[len(kept) - again :] = [event]
    return kept


def _told(event: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says, without when."""
    return {key: value for key, value in event.items() if key not in ("t", "spend", "cost")}


def _message(row: Mapping[str, Any]) -> AnyMessage:
    """The message that a row of the trace was made from."""
    role, content = row["role"], row["content"]
    if role == "ai":
        calls = [{**call, "type": "tool_call"} for call in row.get("tool_calls", ())]
        invalid = [{**call, "type": "invalid_tool_call"} for call in row.get("invalid_tool_calls", ())]
        extra = {key: row[key] for key in ("by", "draft") if key in row}
        metadata = row.get("metadata", {})
        return AIMessage(
            content,
            tool_calls=calls,
            invalid_tool_calls=invalid,
            response_metadata=metadata,
            additional_kwargs=extra,
        )
    if role == "system":
        return SystemMessage(content)
    return HumanMessage(content, additional_kwargs=row.get("metadata", {}))


def _differences(recorded: Any, derived: Any, name: str) -> list[str]:
    """Where two JSON values differ, one line a leaf; numbers may differ by rounding."""
    if isinstance(recorded, Mapping) and isinstance(derived, Mapping):
        keys = dict.fromkeys([*recorded, *derived])
        return [line for key in keys for line in _differences(recorded.get(key), derived.get(key), f"{name}.{key}")]
    if isinstance(recorded, list) and isinstance(derived, list) and len(recorded) == len(derived):
        pairs = enumerate(zip(recorded, derived, strict=True))
        return [line for i, (one, other) in pairs for line in _differences(one, other, f"{name}[{i}]")]
    if _is_number(recorded) and _is_number(derived):
        same = math.isclose(recorded, derived, rel_tol=0, abs_tol=1e-3)
    else:
        same = recorded == derived
    return [] if same else [f"{name}: recorded {recorded!r}, the messages give {derived!r}"]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
