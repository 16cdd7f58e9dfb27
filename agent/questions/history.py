"""What was asked and answered before: in this process, in runs that left a trace, or as plain pairs.

A run that went on from another names it (`question.continues`), so that a chain of runs is read back from its last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...memory import Moment
from ..answer import Answer, moment_of
from ..trace import TraceError, read_trace
from .followups import complete
from .question import RunError

_TOLD = 6  # exchanges that a language model is told of
_LONGEST = 400  # characters of one answer in that
_CHAIN = 50  # runs that are read back
_THAT_IS = re.compile(r"(?P<asked>.*) \(that is: (?P<understood>.+)\)", re.DOTALL)

Now = float | str | Moment | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question as it was written and as it was understood, with its answer."""

    question: str
    understood: str
    answer: Answer
    now: Now = None
    """Up to when the answer could see (see `question_about`); None for all of the videos."""
    videos: tuple[str, ...] = ()
    """Ids of the videos that it was asked about, where that is known."""


Before = Exchange | Answer | tuple[str, str] | str | Path
"""One thing that came before: an exchange, an answer, a question with its answer's text, a run's id or its trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A question of a conversation as it is put."""

    text: str
    """With what it leaves out; `and after that?` as `What is said first after 00:49?`."""
    prompt: str
    """As the policy is asked it: a model is given the person's own words too."""
    video: str | None
    """The video of the place that it points to, where it points to one."""
    earlier: tuple[tuple[str, str], ...]
    """What a model is told of the conversation: questions and answers."""


def read_history(items: Iterable[Before], runs: Path | None, now: Now) -> list[Exchange]:
    """Return what came before, oldest first; a run brings those that it went on from.

    Args:
        items: oldest first.
        runs: the folder of traces.
        now: of the question to come; what is given without a run is taken to have seen no more.

    Raises:
        RunError: if there is no such run, or it has no answer.
    """
    exchanges: list[Exchange] = []
    for item in items:
        if isinstance(item, Exchange):
            exchanges.append(item)
        elif isinstance(item, Answer):
            found = _THAT_IS.fullmatch(item.question)
            asked, meant = (found["asked"], found["understood"]) if found else (item.question, item.question)
            exchanges.append(Exchange(asked, meant, item, item.now if item.run_id else now))
        elif isinstance(item, Path):
            exchanges += _chain(item.stem, item.parent)
        elif isinstance(item, str):
            exchanges += _chain(item, runs)
        else:
            question, text = item
            exchanges.append(Exchange(question, question, Answer(question=question, text=text), now))
    return exchanges


def understand(text: str, exchanges: Sequence[Exchange], now: Now, *, tells: bool) -> Understood:
    """Return a question as it can be asked after these.

    Of what came before only that counts whose answers saw no more than this one may see.

    Args:
        text: as the person wrote it.
        exchanges: those before, oldest first.
        now: up to when its answer may see.
        tells: whether the policy is a language model, which is told of the conversation.
    """
    before = [e for e in exchanges if now is None or _saw_no_more(e.now, now)]
    follow_up = complete(text, [e.understood for e in before], [e.answer for e in before])
    prompt, earlier = follow_up.text, []
    if tells:
        prompt = text if follow_up.text == text else f"{text} (that is: {follow_up.text})"
        earlier = [(e.question, _short(e.answer.text)) for e in before[-_TOLD:]]
    return Understood(text=follow_up.text, prompt=prompt, video=follow_up.video, earlier=tuple(earlier))


def _chain(run_id: str, runs: Path | None) -> list[Exchange]:
    """The exchanges of a run and of those that it went on from, oldest first."""
    if runs is None:
        raise RunError(f"Run {run_id} cannot be continued: this agent keeps no traces; make it with traces=FOLDER.")
    found: list[Exchange] = []
    seen: set[str] = set()
    while run_id and run_id not in seen and len(found) < _CHAIN:
        seen.add(run_id)
        exchange, run_id = _run(run_id, runs, first=not found)
        found += [exchange] if exchange else []
    return found[::-1]


def _run(run_id: str, runs: Path, *, first: bool) -> tuple[Exchange | None, str]:
    """The exchange of one run, and the run that it went on from; a part of the chain that was removed ends it."""
    path = runs / f"{Path(run_id).name}.jsonl"
    if not path.is_file():
        if first:
            raise RunError(f"There is no run {run_id} in {runs}; `rewatch runs` lists them.")
        return None, ""
    events = read_trace(path)
    end = next((event for event in reversed(events) if event["event"] == "answer"), None)
    try:
        row: dict[str, Any] = events[0]["question"]
        if end is None:
            if first:
                raise RunError(f"Run {run_id} has no answer yet: finish it with `rewatch ask --resume {run_id}`.")
            return None, ""
        answer = Answer.from_dict(end["answer"])
        now = moment_of(row["now"])
        if answer.waited is not None:
            wait = events[0]["wait"]
            now = Moment(answer.waited.end, wait["timeline"]) if wait["dated"] else answer.waited.end
        asked = row.get("asked") or row["text"]
        meant = row.get("understood") or row["text"]
        videos = tuple(video["id"] for video in row["videos"])
    except (KeyError, TypeError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise TraceError(f"{path}: an event lacks what every trace has ({problem}); was the file edited?") from None
    return Exchange(asked, meant, replace(answer, question=meant), now, videos), str(row.get("continues") or "")


def _saw_no_more(earlier: Now, now: float | str | Moment) -> bool:
    """Return whether what could be seen at one time could be at another; not where that cannot be told."""
    if isinstance(earlier, Moment) and isinstance(now, Moment):
        return earlier.timeline == now.timeline and earlier.seconds <= now.seconds
    if isinstance(earlier, int | float) and isinstance(now, int | float):
        return earlier <= now
    return earlier == now


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
