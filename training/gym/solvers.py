"""Solvers of the task families: generators that yield tool calls, are sent their results, and return a solution."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...agent.steps import Call, CallResult
from ...memory import FrameReader, MediaURI, Span
from ..data.task import Task
from . import oracle


@dataclass(frozen=True, slots=True)
class Problem:
    """The input of a solver: the task, and the video it is about."""

    task: Task
    video: str
    """The video's id in the memory."""
    pixels: FrameReader | None = None

    @property
    def about(self) -> Mapping[str, Any]:
        """The facts that the question names."""
        about: Mapping[str, Any] = self.task.meta["about"]
        return about

    @property
    def at(self) -> Span:
        """The time that the question names, where it does."""
        return Span(*self.about["at"])

    def uri(self, span: Span) -> str:
        """A span of the video as a media URI."""
        return str(MediaURI(self.video, span))

    def read_pictures(self, result: CallResult) -> list[np.ndarray]:
        """The pictures of a call's result, `[H, W, 3]` uint8 each."""
        return self.pixels.read(list(result.pictures)) if self.pixels and result.pictures else []


@dataclass(frozen=True, slots=True)
class Solution:
    """An answer and where it was found."""

    text: str
    uris: tuple[str, ...] = ()
    tool: str = ""
    quote: str | None = None
    abstained: bool = False

    @classmethod
    def of_span(cls, problem: Problem, span: Span, tool: str = "", quote: str | None = None) -> Solution:
        """A span of the video as the answer."""
        return cls(f"{span.start:g}-{span.end:g} s", (problem.uri(span),), tool, quote)


Solving = Generator[Call, CallResult, Solution]
Solver = Callable[[Problem], Solving]
NOT_FOUND = Solution("I could not find it.", abstained=True)


def retrieval(problem: Problem) -> Solving:
    """Search, and take the text that mentions it."""
    search = yield Call("search_clips", {"query": problem.about["query"]})
    for span, text in _utterances(search):
        if problem.about["query"] in text:
            return Solution.of_span(problem, span, "search_clips", text)
    return NOT_FOUND


def spotting(problem: Problem) -> Solving:
    """Search by the color, and look at the hits until it is there."""
    search = yield Call("search_clips", {"query": problem.about["query"]})
    for hit in search.data.get("hits", []):
        start, end = hit["span"]
        view = yield Call("view_clip", {"start": start, "end": end})
        pictures = problem.read_pictures(view)
        if any(one.color == problem.about["colour"] for image in pictures for one in oracle.things(image)):
            return Solution(f"{start:g}-{end:g} s", view.uris[:1], "view_clip")
    return NOT_FOUND


def viewing(problem: Problem, span: Span | None = None) -> Solving:
    """Look at the time that the question names, or at `span`."""
    place = span or problem.at
    view = yield Call("view_clip", {"start": place.start, "end": place.end})
    answer = described(problem, problem.read_pictures(view))
    return Solution(answer, view.uris[:1], "view_clip") if answer else NOT_FOUND


def cropping(problem: Problem) -> Solving:
    """Look where the plate is, zoom in, and tell its pattern."""
    at = problem.at
    view = yield Call("view_clip", {"start": at.start, "end": at.end})
    box = next((found for image in problem.read_pictures(view) if (found := oracle.plate_box(image))), None)
    if box is None:
        return NOT_FOUND
    wider = [max(box.left - 0.02, 0), max(box.top - 0.02, 0), min(box.right + 0.02, 1), min(box.bottom + 0.02, 1)]
    crop = yield Call("crop", {"time": round(at.middle, 3), "box": [round(edge, 3) for edge in wider]})
    pictures = problem.read_pictures(crop)
    return Solution(oracle.pattern(pictures[0]), crop.uris[:1], "crop") if pictures else NOT_FOUND


def listening(problem: Problem) -> Solving:
    """Transcribe the time that the question names."""
    at = problem.at
    transcript = yield Call("transcribe", {"start": at.start, "end": at.end})
    for row in transcript.data.get("utterances", []):
        span = Span(*row["span"])
        if at.contains(span.middle):
            return Solution(str(row["text"]).split()[-1], (problem.uri(span),), "transcribe", row["text"])
    return NOT_FOUND


def reading(problem: Problem) -> Solving:
    """Read the board at the time that the question names."""
    read = yield Call("read_text", {"start": round(problem.at.middle, 3)})
    text = " ".join(str(row["text"]) for row in read.data.get("readings", []))
    number = re.search(r"\d{3}", text)
    return Solution(number[0], read.uris[:1], "read_text", number[0]) if number else NOT_FOUND


def tracking(problem: Problem) -> Solving:
    """Track what moves, and count."""
    tracks = yield Call("track_objects", {"start": problem.at.start, "end": problem.at.end})
    return Solution(str(len(tracks.data.get("tracks", []))), tracks.uris[:1], "track_objects")


def crossing(problem: Problem) -> Solving:
    """Track what moves, and take the thing of the color."""
    tracks = yield Call("track_objects", {"start": problem.at.start, "end": problem.at.end})
    for track in tracks.data.get("tracks", []):
        if track["colour"] == problem.about["colour"]:
            return Solution.of_span(problem, Span(*track["span"]), "track_objects")
    return NOT_FOUND


def two_hops(problem: Problem) -> Solving:
    """Search for the words, then look at what is on screen meanwhile."""
    search = yield Call("search_clips", {"query": problem.about["query"]})
    for span, text in _utterances(search):
        if problem.about["query"] in text:
            return (yield from viewing(problem, span))
    return NOT_FOUND


def day(problem: Problem) -> Solving:
    """Search for where it was put, and take the last time."""
    search = yield Call("search_clips", {"query": problem.about["query"], "k": 12})
    begin = f"I put the {problem.about['word']} "
    puts = sorted((span, text) for span, text in _utterances(search) if text.startswith(begin))
    if not puts:
        return NOT_FOUND
    span, text = puts[-1]
    return Solution(text.split()[-1], (problem.uri(span),), "search_clips", text)


def known_answer(problem: Problem) -> Solving:
    """Answer without a call."""
    return Solution(problem.task.truth.answer or "")
    yield


SOLVERS: dict[str, Solver] = {
    "retrieval": retrieval,
    "spotting": spotting,
    "viewing": viewing,
    "cropping": cropping,
    "listening": listening,
    "reading": reading,
    "tracking": tracking,
    "crossing": crossing,
    "two_hops": two_hops,
    "day": day,
    "nothing": known_answer,
}
"""By family, with the built-in tools."""


def wasted_call(problem: Problem, pick: Callable[[int], int]) -> Call:
    """A call that helps with nothing; `pick(n)` draws a number below n."""
    values = list(problem.task.meta["values"]) or ["nothing"]
    seconds = float(problem.task.meta["clip_seconds"])
    earliest = problem.at.start if "at" in problem.about else 0.0
    start = max(0.0, earliest - (1 + pick(3)) * seconds)
    calls = (
        Call("search_clips", {"query": values[pick(len(values))]}),
        Call("view_clip", {"start": start, "end": start + seconds}),
        Call("transcribe", {"start": start, "end": start + seconds}),
    )
    return calls[pick(len(calls))]


def described(problem: Problem, pictures: Sequence[np.ndarray]) -> str | None:
    """The shape of the thing of the color in question, or the color of the one of the shape; None if not visible."""
    for image in pictures:
        for one in oracle.things(image):
            if one.color == problem.about.get("colour"):
                return one.shape
            if one.shape == problem.about.get("shape"):
                return one.color
    return None


def _utterances(search: CallResult) -> list[tuple[Span, str]]:
    """The transcribed texts of a search, best first."""
    hits = search.data.get("hits", [])
    return [(Span(*t["span"]), str(t["text"])) for hit in hits for t in hit["texts"] if t["channel"] == "speech"]
