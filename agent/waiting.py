"""Mode `wait`: the question is asked again of each new part of the videos, until one shows that it has come true.

OVO-Bench's forward active responding (Li et al., CVPR 2025, arXiv 2501.05510). A recording is stepped through by the
clock; of a video that another process is still indexing each part is asked as soon as it is covered. What lies before
the question's time never counts. A graph of its own, as for scalings: `decide` says from the parts so far whether the
run is over, `attempt` asks of the next part.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import add as concatenate
from typing import Annotated, Any, Literal, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from ..memory import ClipMemory, Moment, RestrictedView, Span, VideoRecord, clock, resolve_now, wall_clock
from ..tools import Spend
from ..tools.budget import rounded
from .answer import Answer, Waited
from .questions.question import Question, QuestionError
from .questions.window import from_position
from .runner import RunRecord
from .state import add

STEP = 10.0
"""Seconds of one part: a clip of the usual length."""
_POLL, _SLOWEST = 0.2, 2.0
"""Seconds between looks at whether the memory has grown: at first, and at most."""
_BACK = 60.0
"""Seconds before a part of which what was not known in full by its beginning is asked again."""
_CUT = 0.5
"""Seconds before a cut in which an utterance may still have gone on."""
_TEXTS = ("speech", "screen_text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What is waited for: from when, until when, in which steps. Positions are seconds, see `dated`."""

    start: float
    until: float
    dated: bool
    """Whether positions are seconds of the videos' timeline, and not of each video."""
    timeline: str = ""
    videos: tuple[str, ...] = ()
    """Ids of the videos asked about, those too that begin later; all of the memory's where there are none."""
    step: float = STEP
    patience: int | None = None
    """Parts that are asked about at most; None without a limit."""
    seconds: float | None = None
    """Seconds by the wall clock in which a memory that does not grow is waited for; None without a limit."""

    def now(self, position: float) -> float | Moment:
        """A position as a question's `now`."""
        return Moment(position, self.timeline) if self.dated else position


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The next part: where it ends, whether nothing comes after it, and the question about it."""

    end: float
    last: bool
    question: dict[str, Any] | None
    """None where nothing was said or shown in it, so that there is nothing to ask."""


class WaitState(TypedDict, total=False):
    """One question that waits."""

    question: dict[str, Any]
    budget: dict[str, float | None]
    """Of each part."""
    route: str
    wait: dict[str, Any]
    """`Wait` as plain values."""
    results: Annotated[list[list[dict[str, Any]]], concatenate]
    spend: Annotated[dict[str, float], add]
    answer: dict[str, Any]


RunLoop = Callable[[str, dict[str, Any]], Awaitable[RunRecord]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitLoop:
    """What the nodes need: the runner of attempts, and the memory that grows or is stepped through."""

    run: RunLoop
    memory: ClipMemory | RestrictedView
    ask: Callable[[Mapping[str, Any], Sequence[str], float | Moment], Question]
    """Makes the question of the state, about some videos, as it is at some moment."""
    reads_only: bool
    """Whether parts in which nothing was said or shown need not be asked about."""

    async def decide(self, state: WaitState) -> Command[Literal["attempt", "__end__"]]:
        """End with an answer, or ask of the next part."""
        answer = conclusion(state)
        if answer is None:
            return Command(goto="attempt")
        spent = Spend.from_dict({**Spend().as_dict(), **state.get("spend", {})})
        return Command(update={"answer": {**answer.as_dict(), "spend": rounded(spent.as_dict())}}, goto="__end__")

    async def attempt(self, state: WaitState) -> dict[str, Any]:
        """Ask of the next part, once it is there."""
        began = time.monotonic()
        rows = _rows(state)
        begin = rows[-1]["part"][1] if rows else state["wait"]["start"]
        part = await self.next_part(state, begin)
        row: dict[str, Any] = {
            "step": len(rows),
            "part": [begin, part.end],
            "when": f"{_words(begin, state)} to {_words(part.end, state)}",
            "last": part.last,
            "question": state["question"]["text"],
            "answer": None,
            "text": "",
            "likelihood": None,
            "left": state["budget"],
        }
        cost = Spend()
        if part.question is not None:
            first: dict[str, Any] = {"question": part.question, "budget": state["budget"]}
            first |= {"route": state["route"]} if state.get("route") else {}
            record = await self.run(str(len(rows) + 1), first)
            cost = Spend.from_dict(record.answer["spend"])
            row |= {"answer": record.answer, "text": str(record.reply.text)}
        cost = replace(cost, seconds=time.monotonic() - began)
        return {"results": [[row]], "spend": cost.as_dict()}

    async def next_part(self, state: WaitState, position: float) -> Part:
        """Return the next part in which there is something to ask about, or the last one."""
        wait = Wait(**state["wait"])
        begin = end = position
        while True:
            reached, grows = await self._covered(end, wait)
            end = min(self._recorded_from(end, wait) + wait.step, wait.until, max(reached, end))
            last = end >= wait.until - 1e-6 or (not grows and end >= reached - 1e-6)
            question = self._question(state, begin, end, wait) if end > begin else None
            if question is not None or last:
                return Part(end=end, last=last, question=question)

    def _question(self, state: WaitState, begin: float, end: float, wait: Wait) -> dict[str, Any] | None:
        question = self.ask(state["question"], wait.videos, wait.now(end))
        known = self._known(question, begin, wait)
        question = replace(question, videos=from_position(question.videos, known, dated=wait.dated))
        if self.reads_only and not any(self._texts(question, video) for video in question.videos):
            return None
        return question.as_dict()

    def _known(self, question: Question, begin: float, wait: Wait) -> float:
        """Where the part begins: speech that was cut there was not known before, and counts with it."""
        view, known = self.memory.until(wait.now(begin)), begin
        for video in view.videos():
            if not any(video.id == one["id"] and "speech" in one["channels"] for one in question.videos):
                continue
            spoken = view.texts(video.id, channel="speech", between=Span(video.end - _CUT, video.end))
            times = [view.known_until(video.id, "speech"), *(text.start for text in spoken)]
            moments = [video.timeline_time(time) if wait.dated else time for time in times]
            known = min([known, *(moment for moment in moments if moment is not None)])
        return max(known, begin - _BACK, wait.start)

    def _texts(self, question: Question, video: Mapping[str, Any]) -> bool:
        since, end = question.begin_of(video), question.end_of(video)
        if end <= since:
            return False
        # Whether to ask at all: nothing of what stands there is read, so the memory of now will do, and is quick.
        return any(text.channel in _TEXTS for text in self.memory.texts(video["id"], between=Span(since, end)))

    def _recorded_from(self, position: float, wait: Wait) -> float:
        """Return a position, moved on to where a video begins if none runs there: nights are not stepped through."""
        if not wait.dated:
            return position
        spans = [
            (record.timeline_time(record.start) or 0.0, record.timeline_time(record.end) or 0.0)
            for record in _records(self.memory, wait.videos)
            if record.recorded is not None and record.timeline == wait.timeline
        ]
        return max(position, min((start for start, end in spans if end > position), default=position))

    async def _covered(self, position: float, wait: Wait) -> tuple[float, bool]:
        """Return up to which position the videos are covered, and whether more is to come; waits until it is further.

        It looks at the memory's version, so that nothing is read while nothing was written.
        """
        began, pause = time.monotonic(), _POLL
        version = self.memory.version()
        while True:
            reached, grows = self._reached(wait)
            if reached > position + 1e-6 or not grows or position >= wait.until:
                return reached, grows
            while self.memory.version() == version:
                if wait.seconds is not None and time.monotonic() - began >= wait.seconds:
                    return reached, False
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _SLOWEST)
            version, pause = self.memory.version(), _POLL

    def _reached(self, wait: Wait) -> tuple[float, bool]:
        reached: list[float] = []
        grows = False
        for record in _records(self.memory, wait.videos):
            end = record.end
            if not record.complete:
                grows = True
                coverage = self.memory.coverage(record.id)
                end = min([coverage.until(channel) for channel in _TEXTS if channel in coverage.channels] or [end])
            at = record.timeline_time(end) if wait.dated else end
            reached += [] if at is None else [at]
        return max(reached, default=wait.until), grows


def conclusion(state: Mapping[str, Any]) -> Answer | None:
    """Return the answer that the parts so far lead to; None where more is to be asked."""
    rows, wait = _rows(state), Wait(**state["wait"])
    if not rows:
        return None
    waited = Waited(start=wait.start, end=rows[-1]["part"][1], parts=len(rows))
    last = None if rows[-1]["answer"] is None else Answer.from_dict(rows[-1]["answer"])
    if last is not None and (not last.abstained or last.failed):
        question = state["question"]["text"]
        return replace(last, question=question, mode="wait", waited=waited, budget=dict(state["budget"]))
    impatient = wait.patience is not None and len(rows) >= wait.patience
    if not rows[-1]["last"] and not impatient:
        return None
    text = f"Not yet: nothing from {_words(waited.start, state)} to {_words(waited.end, state)} tells that it has come."
    return Answer(
        question=state["question"]["text"],
        text=text,
        abstained=True,
        now=wait.now(waited.end),
        mode="wait",
        waited=waited,
        coverage=() if last is None else last.coverage,
        spend=Spend().as_dict(),
        budget=dict(state["budget"]),
    )


def begin_waiting(
    memory: ClipMemory | RestrictedView,
    question: Question,
    *,
    videos: Sequence[str],
    until: float | str | Moment | None,
    patience: int | None,
    seconds: float | None,
) -> dict[str, Any]:
    """Return `Wait` as plain values for a question as it is at its time.

    Without a `now` the time is the end of a video that is still coming in, else the beginning of the videos.

    Raises:
        QuestionError: if `until` is no moment of the videos, or does not lie after the question's time.
    """
    records = _records(memory, videos)
    timelines = {record.timeline for record in records if record.recorded is not None}
    dated = isinstance(question.now, Moment) or (
        question.now is None and len(timelines) == 1 and all(record.recorded is not None for record in records)
    )

    def at(time_of_video: float, number: int) -> float:
        moment = records[number].timeline_time(time_of_video) if dated else time_of_video
        return time_of_video if moment is None else moment

    if question.now is not None:
        start = question.now.seconds if isinstance(question.now, Moment) else question.now
    elif all(record.complete for record in records):
        start = min(at(record.start, number) for number, record in enumerate(records))
    else:
        start = max(at(record.end, number) for number, record in enumerate(records))
    limit = None if until is None else _position(until, records, dated)
    if limit is not None and limit <= start:
        raise QuestionError("What is waited for until then cannot come: give an --until after the question's time.")
    ends = [at(record.end, number) for number, record in enumerate(records)]
    complete = all(record.complete for record in records)
    wait = Wait(
        start=start,
        until=limit if limit is not None else max(ends) if complete else 1e15,
        dated=dated,
        videos=tuple(videos),
        timeline=question.now.timeline if isinstance(question.now, Moment) else next(iter(timelines), ""),
        patience=patience,
        seconds=seconds,
    )
    return {**asdict(wait), "videos": list(videos)}


def _records(memory: ClipMemory | RestrictedView, videos: Sequence[str]) -> list[VideoRecord]:
    return [memory.video(video) for video in videos] if videos else memory.videos()


def _position(until: float | str | Moment, records: Sequence[VideoRecord], dated: bool) -> float:
    try:
        moment = resolve_now(until, records) if dated or isinstance(until, str) else until
    except ValueError as error:
        raise QuestionError(str(error).replace("now is", "until is", 1)) from None
    if isinstance(moment, Moment) != dated:
        raise QuestionError(
            f"until is {until}: give it as the question's time is given, seconds of the video or a moment."
        )
    return moment.seconds if isinstance(moment, Moment) else float(moment)


def build_wait_graph(loop: WaitLoop) -> CompiledStateGraph:
    """Compile the graph of a question that waits."""
    graph = StateGraph(WaitState)
    graph.add_node("decide", loop.decide)
    graph.add_node("attempt", loop.attempt)
    graph.add_edge(START, "decide")
    graph.add_edge("attempt", "decide")
    return graph.compile()


def _rows(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [row for rows in state.get("results", ()) for row in rows]


def _words(position: float, state: Mapping[str, Any]) -> str:
    if not state["wait"]["dated"]:
        return clock(position)
    return wall_clock(position, state["question"]["videos"][-1].get("zone"))
