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

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from .answer import Answer, Draft
from .parsing.draft import draft_of
from .prompts import SPENT, TIME_UP, TOKENS_SPENT
from .questions.question import Question
from .test_time_scaling.attempts import ScaledState, replay_scaling
from .test_time_scaling.calibration import Calibration
from .trace import TraceError, message_of, read_trace
from .verifier import SENT_BACK, Verdict, after_looking, answer_of, check
from .waiting import conclusion

_SPENT = re.compile(re.escape(SPENT).replace(re.escape("{limit}"), "(?P<limit>[a-z]+)"))
_LIMIT_OF = {TIME_UP: "seconds", TOKENS_SPENT: "tokens"}
_OLDER = {"mode": "backward", "coverage": []}
"""Fields of an answer that traces of earlier versions lack."""
_COUNTED = ("frames", "calls", "tokens")
"""What a spend holds that can be added up again; seconds cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A run as its trace tells it."""

    events: list[dict[str, Any]]
    """The trace's events, as recorded."""
    answer: Answer | None
    """The answer derived again from the recorded messages; None where the run was cut off before its answer."""
    messages: tuple[AnyMessage, ...] = ()
    """The run's conversation; of several runs that answered together, none: each has a trace of its own."""
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
    try:
        run = _Run(Question.from_dict(events[0]["question"]), events[0])
        if "scale" in events[0] or "wait" in events[0]:
            return _replay_attempts(events)
        for event in without_repeats(events[1:]):
            run.take(event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise TraceError(f"{trace}: an event lacks what every trace has ({problem}); was the file edited?") from None
    return Replayed(events=events, answer=run.answer, messages=tuple(run.messages), differences=run.differences)


def _replay_attempts(events: list[dict[str, Any]]) -> Replayed:
    """Derive again the answer that several runs gave together: those of a scaling, or those of a waiting one."""
    head, events_once = events[0], without_repeats(events[1:])
    rows = [event for event in events_once if event["event"] == "attempt"]
    end = next((event for event in events_once if event["event"] == "answer"), None)
    if end is None:
        return Replayed(events=events, answer=None, differences=[])
    recorded = Answer.from_dict(end["answer"])
    if recorded.stopped_by == "bug":
        return Replayed(events=events, answer=recorded, differences=[])
    derived = _scaled(head, rows) if "scale" in head else _waited(head, rows)
    if derived is None:
        text = "answer: what was recorded of its parts leads to no answer yet"
        return Replayed(events=events, answer=None, differences=[text])
    # What the parts do not tell is taken as it was recorded.
    names = ("question", "spend", "budget", "run_id", "trace") if "scale" in head else ("spend", "run_id", "trace")
    derived = replace(derived, **{name: getattr(recorded, name) for name in names})
    differences = _compared(end["answer"], _calibrated(head, derived))
    return Replayed(events=events, answer=derived, differences=differences)


def _scaled(head: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> Answer | None:
    steps = [
        [row for row in rows if row["step"] == step] for step in range(max((r["step"] for r in rows), default=-1) + 1)
    ]
    state: ScaledState = {key: head[key] for key in ("question", "budget", "scale", "width")}  # type: ignore[assignment]
    return replay_scaling({**state, "results": steps})[1]


def _waited(head: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> Answer | None:
    return conclusion({**{key: head[key] for key in ("question", "budget", "wait")}, "results": [list(rows)]})


def _compared(row: Mapping[str, Any], answer: Answer) -> list[str]:
    """The differences between an answer as it was recorded and as it is derived; older ones did not tell their now."""
    derived = answer.as_dict()
    return _differences({**_OLDER, "now": derived["now"], **row}, derived, "answer")


def _calibrated(head: Mapping[str, Any], answer: Answer) -> Answer:
    if not head.get("calibration") or answer.abstained:
        return answer
    return replace(answer, confidence=Calibration(**head["calibration"])(answer.confidence))


@dataclass(slots=True)
class _Run:
    """The conversation so far, rebuilt from events."""

    question: Question
    head: Mapping[str, Any]
    messages: list[AnyMessage] = field(default_factory=list)
    spend: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    stopped_by: str | None = None
    """As the last event of the policy records it; None in a trace of a version that did not."""
    differences: list[str] = field(default_factory=list)
    answer: Answer | None = None

    def take(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        self._add(event.get("cost", {}) if kind in ("observation", "check", "answer") else {})
        if kind == "plan":
            self.messages += [message_of(row) for row in event["prompt"]]
            self._add({"tokens": event["plan"].get("tokens", 0)})
        elif kind == "policy":
            self.messages.append(message_of(event))
            self.stopped_by = event.get("stopped_by", self.stopped_by)
            self._add({"tokens": (event.get("usage") or {}).get("total_tokens", 0)})
        elif kind == "observation":
            reply = self._reply()
            if event["call_id"] not in {call["id"] or "" for call in [*reply.tool_calls, *reply.invalid_tool_calls]}:
                which = f"observation {event['call_id']} ({event['tool']})"
                self.differences.append(f"{which} answers no call of the policy")
            self.messages.append(message_of(event))
        elif kind == "check":
            derived = [SENT_BACK + " ".join(self._verdict(event.get("looked", ())).missing)]
            if derived != event["missing"]:
                self.differences.append(f"check: recorded {event['missing']!r}, the messages give {derived!r}")
            self.messages += [HumanMessage(text) for text in event["missing"]]
        elif kind == "answer":
            self._end(event["answer"])

    def _add(self, cost: Mapping[str, Any]) -> None:
        for name in _COUNTED:
            self.spend[name] += cost.get(name, 0)

    def _end(self, row: Mapping[str, Any]) -> None:
        recorded = Answer.from_dict(row)
        if recorded.stopped_by == "bug":  # follows from no message
            self.answer = recorded
            return
        draft = self._verdict([item.verified for item in recorded.evidence]).draft
        stopped_by = _stopped_by_words(draft, self.messages) if self.stopped_by is None else self.stopped_by
        spend = {**recorded.spend, **self.spend}
        answer = answer_of(
            draft, self.question, self.messages, stopped_by=stopped_by, spend=spend, budget=recorded.budget
        )
        self.answer = _calibrated(self.head, replace(answer, run_id=recorded.run_id, trace=recorded.trace))
        self.differences += _compared(row, self.answer)

    def _reply(self) -> AIMessage:
        return next((m for m in reversed(self.messages) if isinstance(m, AIMessage)), AIMessage(""))

    def _verdict(self, probabilities: Sequence[float | None]) -> Verdict:
        verdict = check(draft_of(self._reply(), self.messages), self.question, self.messages)
        return after_looking(verdict, probabilities) if len(probabilities) == len(verdict.draft.evidence) else verdict


def _stopped_by_words(draft: Draft, messages: Sequence[AnyMessage]) -> str:
    """Return what ended a run whose trace does not record it, by the words of its last messages."""
    if draft.abstained and draft.confidence == 0:
        if draft.text.startswith("The policy failed ("):
            return "policy_error"
        if draft.text in _LIMIT_OF:
            return _LIMIT_OF[draft.text]
    before, last = ([None, None, *messages])[-2:]
    spent = _SPENT.fullmatch(before.text) if isinstance(before, HumanMessage) else None
    if spent:
        return spent["limit"]
    return "tokens" if last is not None and last.response_metadata.get("finish_reason") == "tokens" else ""


def without_repeats(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events without those that a resumed run wrote again: a kill can fall before a step is stored."""
    events_once: list[dict[str, Any]] = []
    for position, event in enumerate(events):
        if event["event"] != "resume":
            events_once.append(event)
            continue
        later = [_without_clock(e) for e in events[position + 1 :]]
        before = [_without_clock(e) for e in events_once]
        most = min(len(before), len(later))
        again = next((k for k in range(most, 0, -1) if before[-k:] == later[:k]), 0)
        events_once[len(events_once) - again :] = [event]
    return events_once


def _without_clock(event: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in ("t", "spend", "cost")}


def _differences(recorded: Any, derived: Any, name: str) -> list[str]:
    """Return where two JSON values differ, one line a leaf; numbers may differ by rounding."""
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
