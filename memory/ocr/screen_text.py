"""On-screen text over time: what stands there, where, and from when to when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..span import Box, Span
from .border import in_full, touches
from .lines import Line, Reading, TextReader, better, chosen, merge_readings, overlap, same_place, same_text
from .reader import stands_alone, text_reader
from .sweep import Sweep
from .text_log import Looked, TextLog
from .times import refine

if TYPE_CHECKING:
    from ..protocol import VideoSource

__all__ = [
    "Line",
    "Reading",
    "Sweep",
    "TextLog",
    "TextReader",
    "merge_readings",
    "read_span",
    "readings_of",
    "refine",
    "text_reader",
]

_LOOKS = 4
_SMALL = 120_000
_TINY = 1e-6
_CUT = 0.2
"""Weight of a line that touches the border of the picture, in the vote on the text."""
_RETURNS = 2
"""Texts for which frames around are read, in each span."""
_VARIANTS = 4
"""Ways of reading one text that are handed on, for the vote over several clips."""


@dataclass(slots=True, eq=False)
class _Track:
    """One text while it is followed: its variants with the votes of all samples, and since when it is missing."""

    start: float
    line: Line
    first: Box
    votes: dict[str, float] = field(default_factory=dict)
    best: dict[str, Line] = field(default_factory=dict)
    missing: float | None = None
    samples: int = 0
    inside: bool = False
    """Whether it was ever seen away from the borders of the picture, where nothing is cut off."""

    def see(self, line: Line) -> None:
        self.line, self.missing = line, None
        self.samples += 1
        self.inside = self.inside or not touches(line.box)
        self.vote(line)
        if line.text not in self.best or better(line, self.best[line.text]):
            self.best[line.text] = line

    def vote(self, line: Line) -> None:
        # Half a text at the border of the picture says less than all of it further in.
        weight = _CUT if touches(line.box) else 1.0
        self.votes[line.text] = self.votes.get(line.text, 0.0) + weight * line.score

    def reading(self, end: float) -> Reading:
        variants = tuple((text, votes, self.best[text].score) for text, votes in self.votes.items())
        text, score = chosen(variants)
        box = self.best[text].box
        height = box.bottom - box.top
        moving = _distance(self.first, self.line.box) > max(1.5 * height, 0.03) and not _grew(self.first, self.line.box)
        kept = tuple(sorted(variants, key=lambda each: -each[1])[:_VARIANTS]) if len(variants) > 1 else ()
        return Reading(self.start, end, text, self.first if moving else box, score, height, moving, kept)


def read_span(
    video: VideoSource,
    span: Span,
    reader: TextReader,
    *,
    fps: float = 1.0,
    sweep: Sweep | None = None,
    log: TextLog | None = None,
) -> list[Reading]:
    """Read what stands on screen during `span`.

    The picture is looked at four times as often as `fps`; only the parts that changed are read: at least `fps` times
    a second while they move (at every look in small pictures where much moves), and as soon as they come to rest.

    Args:
        video: where the frames come from.
        span: seconds.
        reader: reads one picture.
        fps: how often moving pictures are read, per second.
        sweep: the state of an earlier call on this video, so that what still stands there is not read again. Without
            it, the result depends on the span alone.
        log: an empty one, which is filled: `readings_of` makes the readings of it again, or those of an earlier moment.

    Returns:
        Readings sorted by start. A reading ends with the first look at which it was gone, or with the span.
    """
    sweep = sweep or Sweep(reader)
    sweep.begin()
    log = TextLog() if log is None else log
    log.fps = fps
    due = span.start
    first = True
    last: float | None = None
    # Small pictures cost little.
    small = video.info.width * video.info.height <= _SMALL
    for frame in video.frames(span, fps * _LOOKS):
        if frame.time == last:
            continue
        last = frame.time
        time = max(frame.time, span.start)
        on_time = time >= due - _TINY
        change = sweep.look(frame.image, due=on_time)
        if on_time or change.whole:
            pace = fps * (_LOOKS if small and sweep.lively else 1)
            due = time + 1.0 / pace - 0.5 / (fps * _LOOKS)
        found = tuple(sweep.lines) if first else change.found
        log.looks.append(Looked(time, found, () if first else change.gone, on_time))
        first = False

    def in_whole(number: int, cut: Reading) -> Reading:
        found = in_full(video, span, cut, reader)
        if found is not cut:
            log.whole[number] = found
        return found

    return _readings(log, span.end, in_whole)


def readings_of(log: TextLog, end: float) -> list[Reading]:
    """The readings of a span, from what was seen at each look.

    Args:
        log: what `read_span` has filled, or an earlier moment of it.
        end: where the span ends (seconds), or what was seen of it.
    """
    return _readings(log, end, lambda number, cut: log.whole.get(number, cut))


def _readings(log: TextLog, end: float, in_whole: Callable[[int, Reading], Reading]) -> list[Reading]:
    followed = _Followed(grace=1.5 / log.fps)
    for look in log.looks:
        followed.update(look)
    found = merge_readings(followed.readings(end, in_whole), gap=_TINY)
    company = [reading.span for reading in found if stands_alone(reading.text)]
    return [
        reading
        for reading in found
        if stands_alone(reading.text) or any(reading.span.overlap(span) > 0 for span in company)
    ]


class _Followed:
    """The tracks of one span."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._tracks: list[_Track] = []
        self._lines: dict[Line, _Track] = {}

    def update(self, look: Looked) -> None:
        time = look.time
        for line in look.gone:
            track = self._lines.pop(line, None)
            if track is not None:
                track.missing = time
        for line in look.found:
            track = self._match(line, time)
            if track is None:
                track = _Track(start=time, line=line, first=line.box)
                self._tracks.append(track)
            track.see(line)
            self._lines[line] = track
        if look.votes:
            self._vote(look.found)

    def _vote(self, found: Sequence[Line]) -> None:
        """Lines that stay unchanged count again at every sample; those just `found` have counted."""
        for line, track in self._lines.items():
            if line in found:
                continue
            track.vote(line)
            track.samples += 1

    def readings(self, end: float, in_whole: Callable[[int, Reading], Reading]) -> list[Reading]:
        """The readings of all tracks; the surest of those that were only seen at the border are made whole."""
        cut = sorted((track for track in self._tracks if not track.inside), key=lambda track: -track.line.score)
        found = []
        for number, track in enumerate(self._tracks):
            reading = track.reading(end if track.missing is None else track.missing)
            found.append(in_whole(number, reading) if track in cut[:_RETURNS] else reading)
        return found

    def _match(self, line: Line, time: float) -> _Track | None:
        taken = set(map(id, self._lines.values()))
        free = [
            track
            for track in self._tracks
            if id(track) not in taken and track.missing is not None and time - track.missing <= self._grace
        ]
        free = [
            track for track in free if same_text(track.line.text, line.text, min(track.line.score, line.score))
            and _near(track.line.box, line.box)
        ]  # fmt: skip
        return min(free, key=lambda track: _distance(track.line.box, line.box), default=None)


def _near(first: Box, second: Box) -> bool:
    """Close enough to be one text that moved between two looks: a fifth of the picture, or touching."""
    return _distance(first, second) < 0.2 or same_place(first, second)


def _grew(first: Box, last: Box) -> bool:
    """Whether one of two boxes lies in the other: the text was cut off, or became longer, in its place."""
    return overlap(first, last) > 0.7


def _distance(first: Box, second: Box) -> float:
    across = (first.left + first.right - second.left - second.right) / 2
    down = (first.top + first.bottom - second.top - second.bottom) / 2
    return float((across**2 + down**2) ** 0.5)
