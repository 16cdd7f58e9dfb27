"""Solutions of the families through the tools: calls, the reading of their results, and answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...agent.steps import Call, CallResult
from ...memory import Box, Span
from ..data.task import Task
from . import pixel_oracle as eyes


@dataclass(frozen=True, slots=True)
class Shown:
    """The result of a call, with its pictures."""

    result: CallResult
    uris: tuple[str, ...] = ()
    look: Callable[[], list[np.ndarray]] = list
    """Reads the pictures, `[H, W, 3]` uint8 each."""


@dataclass(frozen=True, slots=True)
class Say:
    """An answer and where it was found."""

    text: str
    uris: tuple[str, ...] = ()
    tool: str = ""
    quote: str | None = None
    abstained: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """The input of a strategy: the task's question, and the video it is about."""

    task: Task
    video: str
    """The video's id in the memory."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """`Task.meta["about"]`: what the question names, taken apart."""

    @property
    def at(self) -> Span:
        """The time that the question names, where it does."""
        return Span(*self.about["at"])

    def uri(self, span: Span) -> str:
        """A span of the video as a media URI."""
        from ...memory import MediaURI

        return str(MediaURI(self.video, span))


Strategy = Callable[[Case], Generator[Call, Shown, Say]]
NOT_FOUND = Say("I could not find it.", abstained=True)


def retrieval(case: Case) -> Generator[Call, Shown, Say]:
    """Search, and take the text that says it."""
    found = yield Call("search_clips", {"query": case.about["query"]})
    for span, text in _said(found):
        if case.about["query"] in text:
            return Say(f"{span.start:g}-{span.end:g} s", (case.uri(span),), "search_clips", text)
    return NOT_FOUND


def spotting(case: Case) -> Generator[Call, Shown, Say]:
    """Search by the colour, and look at what was found until it is there."""
    found = yield Call("search_clips", {"query": case.about["query"]})
    for hit in found.result.data.get("hits", []):
        start, end = hit["span"]
        view = yield Call("view_clip", {"start": start, "end": end})
        if any(one.color == case.about["colour"] for image in view.look() for one in eyes.things(image)):
            return Say(f"{start:g}-{end:g} s", view.uris[:1], "view_clip")
    return NOT_FOUND


def viewing(case: Case) -> Generator[Call, Shown, Say]:
    """Look at the time that the question names."""
    return (yield from _view(case, case.at))


def cropping(case: Case) -> Generator[Call, Shown, Say]:
    """Look where the plate is, zoom in, and tell its pattern."""
    view = yield Call("view_clip", {"start": case.at.start, "end": case.at.end})
    box = next((found for image in view.look() if (found := eyes.plate_box(image))), None)
    if box is None:
        return NOT_FOUND
    edges = [round(edge, 3) for edge in _widened(box)]
    close = yield Call("crop", {"time": round(case.at.middle, 3), "box": edges})
    pictures = close.look()
    return Say(eyes.pattern(pictures[0]), close.uris[:1], "crop") if pictures else NOT_FOUND


def listening(case: Case) -> Generator[Call, Shown, Say]:
    """Listen at the time that the question names."""
    transcript = yield Call("transcribe", {"start": case.at.start, "end": case.at.end})
    for row in transcript.result.data.get("utterances", []):
        if case.at.contains(sum(row["span"]) / 2):
            return Say(str(row["text"]).split()[-1], (case.uri(Span(*row["span"])),), "transcribe", row["text"])
    return NOT_FOUND


def reading(case: Case) -> Generator[Call, Shown, Say]:
    """Read the board at the time that the question names."""
    read = yield Call("read_text", {"start": round(case.at.middle, 3)})
    text = " ".join(str(row["text"]) for row in read.result.data.get("readings", []))
    number = re.search(r"\d{3}", text)
    return Say(number[0], read.uris[:1], "read_text", number[0]) if number else NOT_FOUND


def tracking(case: Case) -> Generator[Call, Shown, Say]:
    """Follow what moves, and count."""
    followed = yield Call("track_objects", {"start": case.at.start, "end": case.at.end})
    return Say(str(len(followed.result.data.get("tracks", []))), followed.uris[:1], "track_objects")


def crossing(case: Case) -> Generator[Call, Shown, Say]:
    """Follow what moves, and take the one of the asked colour."""
    followed = yield Call("track_objects", {"start": case.at.start, "end": case.at.end})
    for track in followed.result.data.get("tracks", []):
        if track["colour"] == case.about["colour"]:
            span = Span(*track["span"])
            return Say(f"{span.start:g}-{span.end:g} s", (case.uri(span),), "track_objects")
    return NOT_FOUND


def two_hops(case: Case) -> Generator[Call, Shown, Say]:
    """Search for the words, then look at what is on screen meanwhile."""
    found = yield Call("search_clips", {"query": case.about["query"]})
    for span, text in _said(found):
        if case.about["query"] in text:
            return (yield from _view(case, span))
    return NOT_FOUND


def day(case: Case) -> Generator[Call, Shown, Say]:
    """Search for where it was put, and take the last time."""
    found = yield Call("search_clips", {"query": case.about["query"], "k": 12})
    puts = sorted((span, text) for span, text in _said(found) if text.startswith(f"I put the {case.about['word']} "))
    if not puts:
        return NOT_FOUND
    span, text = puts[-1]
    return Say(text.split()[-1], (case.uri(span),), "search_clips", text)


def nothing(case: Case) -> Generator[Call, Shown, Say]:
    """Say what everybody knows."""
    return Say(case.task.truth.answer or "")
    yield


STRATEGIES: dict[str, Strategy] = {
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
    "nothing": nothing,
}
"""By family, with the tools that every agent has."""


def wasted(case: Case, pick: Callable[[int], int]) -> Call:
    """A call that helps with nothing; `pick(n)` draws a number below n."""
    values = list(case.task.meta["values"]) or ["nothing"]
    seconds = float(case.task.meta["clip_seconds"])
    place = Span(*case.about["at"]) if "at" in case.about else Span(0, seconds)
    start = max(0.0, place.start - (1 + pick(3)) * seconds)
    calls = (
        Call("search_clips", {"query": values[pick(len(values))]}),
        Call("view_clip", {"start": start, "end": start + seconds}),
        Call("transcribe", {"start": start, "end": start + seconds}),
    )
    return calls[pick(len(calls))]


def described(case: Case, pictures: list[np.ndarray]) -> str | None:
    """The shape of the thing in the asked colour, or the colour of the one in the asked shape; None if unseen."""
    for image in pictures:
        for one in eyes.things(image):
            if one.color == case.about.get("colour"):
                return one.shape
            if one.shape == case.about.get("shape"):
                return one.color
    return None


def _view(case: Case, span: Span) -> Generator[Call, Shown, Say]:
    view = yield Call("view_clip", {"start": span.start, "end": span.end})
    answer = described(case, view.look())
    return Say(answer, view.uris[:1], "view_clip") if answer else NOT_FOUND


def _said(found: Shown) -> list[tuple[Span, str]]:
    """The spoken texts of a search, best first."""
    hits = found.result.data.get("hits", [])
    return [(Span(*t["span"]), str(t["text"])) for hit in hits for t in hit["texts"] if t["channel"] == "speech"]


def _widened(box: Box, by: float = 0.02) -> Box:
    return Box(max(box.left - by, 0), max(box.top - by, 0), min(box.right + by, 1), min(box.bottom + by, 1))
