"""Tasks that a policy is trained on: a question about videos, and its truth."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ...agent.questions.question import letter
from ...memory import Box, Span, parse_moment
from ...memory.errors import RewatchError

Kind = Literal["mcq", "open", "numeric", "temporal", "grounded_qa", "spatial", "track", "count", "ocr", "caption"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every kind of task."""
MOST_OPTIONS = 26


class TaskError(RewatchError):
    """A task that cannot be used; the text is `field: what is wrong, what to do`."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The truth, as far as a reward can check it."""

    answer: str | None = None
    """The right option's letter (`"B"`; `"A,C"` where several are right), the words, or the number."""
    video: str | None = None
    """Which video spans, boxes and track lie in (its id, name or path), where several are asked about."""
    spans: tuple[Span, ...] = ()
    """Times of the answer, in seconds on the video's clock."""
    boxes: tuple[Box, ...] = ()
    """Places in the picture."""
    track: tuple[tuple[float, Box], ...] = ()
    """Places in the picture over time: (seconds, box), in order of time."""
    words: tuple[str, ...] = ()
    """A rubric: what a good answer names."""
    tolerance: float = 0.0
    """By how much a number, or either end of a span, may be off and still be right."""
    absent: bool = False
    """True if the videos do not show what is asked, so that abstaining is right."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise TaskError("truth.tolerance", f"is {self.tolerance}, give a number of at least 0")
        for n, box in enumerate([*self.boxes, *(box for _, box in self.track)]):
            if not (0 <= box.left < box.right <= 1 and 0 <= box.top < box.bottom <= 1):
                where = f"truth.boxes[{n}]" if n < len(self.boxes) else f"truth.track[{n - len(self.boxes)}]"
                raise TaskError(where, f"{list(box)} is no box, give left, top, right, bottom as fractions in [0, 1]")
        times = [time for time, _ in self.track]
        if any(not math.isfinite(time) for time in times) or any(
            b <= a for a, b in zip(times, times[1:], strict=False)
        ):
            raise TaskError("truth.track", "times do not grow, give (seconds, box) pairs in order of time")

    @property
    def letters(self) -> frozenset[str]:
        """The letters of the right options; empty where the answer is none."""
        parts = [part.strip() for part in re.split(r"[,;\s]+", (self.answer or "").strip()) if part.strip()]
        return frozenset(parts) if parts and all(re.fullmatch(r"[A-Z]", part) for part in parts) else frozenset()

    @property
    def number(self) -> float | None:
        """The answer as a number (`"1,200"`, `"3.5"`, `"45%"`); None where it is none."""
        return as_number(self.answer or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One question with its truth.

    Raises:
        TaskError: naming the field that is wrong.
    """

    id: str
    question: str
    kind: Kind
    truth: Truth
    videos: tuple[str, ...] = ()
    """Paths, or ids of a memory; none for every video of it."""
    options: tuple[str, ...] = ()
    """The texts of the options without letters; option i has the letter chr(65 + i)."""
    now: float | str | None = None
    """Nothing after this time may be seen: seconds of the video, or a moment of its timeline (`DAY2 08:30`)."""
    weight: float = 1.0
    """Frequency of drawing, against other tasks."""
    source: str = ""
    """The data set it comes from."""
    difficulty: float | None = None
    """0 is easy, 1 is hard; None where nobody knows."""
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Whatever else belongs to it, as JSON values."""

    def __post_init__(self) -> None:
        for name in ("id", "question"):
            if not getattr(self, name).strip():
                raise TaskError(name, "is empty, give a text")
        if self.kind not in KINDS:
            raise TaskError("kind", f"is {self.kind!r}, give one of {', '.join(KINDS)}")
        if any(not video.strip() for video in self.videos):
            raise TaskError("videos", "names an empty path, give paths or ids")
        self._check_now()
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise TaskError("weight", f"is {self.weight}, give a number above 0")
        if self.difficulty is not None and not 0 <= self.difficulty <= 1:
            raise TaskError("difficulty", f"is {self.difficulty}, give a number in [0, 1], or null")
        self._check_options()
        if not self.truth.absent:
            self._check_truth()

    def _check_now(self) -> None:
        if isinstance(self.now, str):
            try:
                parse_moment(self.now)
            except ValueError as error:
                raise TaskError("now", f"is no time: {error}") from None
        elif self.now is not None and not (math.isfinite(self.now) and self.now >= 0):
            raise TaskError("now", f"is {self.now}, give seconds of at least 0, a moment of the timeline, or null")

    def _check_options(self) -> None:
        if len(self.options) == 1 or len(self.options) > MOST_OPTIONS:
            raise TaskError("options", f"are {len(self.options)}, give 2 to {MOST_OPTIONS}, or none")
        if any(not option.strip() for option in self.options):
            raise TaskError("options", "hold an empty text, give a text for each")
        if self.kind == "mcq" and not self.options:
            raise TaskError("options", "are missing, and an mcq task needs at least two")

    def _check_truth(self) -> None:
        truth, kind = self.truth, self.kind
        if kind not in ("temporal", "spatial", "track") and not (truth.answer or "").strip():
            if not (kind == "caption" and truth.words):
                raise TaskError("truth.answer", f"is missing, and a task of kind {kind} needs it (or truth.absent)")
        if self.options and (kind in ("mcq", "grounded_qa")):
            letters = {letter(i) for i in range(len(self.options))}
            if not truth.letters or not truth.letters <= letters:
                raise TaskError("truth.answer", f"is {truth.answer!r}, give letters of {letter(0)} to {max(letters)}")
        if kind in ("numeric", "count") and truth.number is None:
            raise TaskError("truth.answer", f"is {truth.answer!r}, give a number")
        if kind in ("temporal", "grounded_qa"):
            if not truth.spans:
                raise TaskError("truth.spans", f"are missing, and a task of kind {kind} needs [start, end] in seconds")
            if any(span.duration <= 0 for span in truth.spans):
                raise TaskError("truth.spans", "hold one without length, give an end after its start")
        if kind == "spatial" and not truth.boxes:
            raise TaskError("truth.boxes", "are missing, and a spatial task needs [left, top, right, bottom]")
        if kind == "track" and not truth.track:
            raise TaskError("truth.track", "is missing, and a track task needs [[seconds, [box]], …]")
        if isinstance(self.now, int | float) and any(span.start > self.now for span in truth.spans):
            raise TaskError("truth.spans", f"begin after now ({self.now:g} s), so that they cannot be seen")


_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?")


def as_number(text: str) -> float | None:
    """A text that is a number, perhaps with thousands commas, a currency sign before or `%` behind it."""
    bare = text.strip().lstrip("$€£").rstrip("%").strip()
    if not bare or not _NUMBER.fullmatch(bare) or not any(c.isdigit() for c in bare):
        return None
    return float(bare.replace(",", ""))
