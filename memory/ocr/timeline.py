"""Timeline of on-screen text: follow the lines of single pictures over a span, and log what was read when."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..span import Box, Span
from .changes import ChangedTextReader
from .lines import (
    Line,
    Reading,
    TextReader,
    better,
    chosen,
    fuller,
    merge_readings,
    overlap,
    same_place,
    same_text,
)
from .reader import read_region, stands_alone

if TYPE_CHECKING:
    from ..protocol import VideoSource

PICTURES_PER_READ = 4
"""Pictures that are compared for each one that is due to be read."""
_SMALL = 120_000  # pixels of a picture that costs so little that it may be read at every comparison while much moves
_TINY = 1e-6
_AT_BORDER = 0.2  # weight of a line that touches the border of the picture, in the vote on the text
_COMPLETED = 2  # texts of a span, cut by the border of the picture, for which frames around are read
_VARIANTS = 4  # ways of reading one text that are handed on, for the vote over several clips

# Texts that the border cuts.
_TOUCHING = 0.02  # distance from a border, as a fraction of the picture, from which a line may go on beyond it
_FPS, _AROUND, _FRAMES = 8.0, 0.5, 12
"""Rate and seconds around in which the rest of a text is looked for, and frames that are read at most."""
_PASSING = 2.0  # seconds up to which a text counts as passing; what stays longer is written at the border
_REACH = 2.5  # reach into the picture in which the text is looked for, in widths of what was read of it
_SURE = 0.9


@dataclass(frozen=True, slots=True)
class TextSample:
    """The changes that one picture brought: lines that came, lines that went, and whether the rest counts again."""

    time: float
    found: tuple[Line, ...] = ()
    gone: tuple[Line, ...] = ()
    votes: bool = False


@dataclass(slots=True)
class TextLog:
    """The samples of one span in time order; each holds only what its own picture and earlier ones showed.

    `fps` is the rate of the samples that vote; `completed` has the readings, by the number of the text, that were
    completed from frames around, once the span was through.
    """

    fps: float = 1.0
    samples: list[TextSample] = field(default_factory=list)
    completed: dict[int, Reading] = field(default_factory=dict)

    def until(self, now: float) -> TextLog:
        """Return the log as it was at `now` seconds, in the middle of its span: later samples are not in it."""
        return TextLog(self.fps, [sample for sample in self.samples if sample.time < now])

    def as_json(self) -> str:
        """Return the log as text; each line is written once."""
        numbers: dict[Line, int] = {}
        for sample in self.samples:
            for line in (*sample.found, *sample.gone):
                numbers.setdefault(line, len(numbers))
        made: dict[str, Any] = {
            "fps": self.fps,
            "lines": [[line.text, *_sides(line.box), round(float(line.score), 5)] for line in numbers],
            "looks": [
                [
                    round(each.time, 6),
                    [numbers[n] for n in each.found],
                    [numbers[n] for n in each.gone],
                    int(each.votes),
                ]
                for each in self.samples
                if each.found or each.gone or each.votes
            ],
        }
        if self.completed:
            made["whole"] = {
                number: [r.start, r.end, r.text, _sides(r.box), round(float(r.score), 5), round(float(r.height), 5)]
                for number, r in self.completed.items()
            }
        return json.dumps(made, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> TextLog:
        """Return the log that `as_json` wrote."""
        made = json.loads(text)
        lines = [Line(row[0], Box(*row[1:5]), row[5]) for row in made["lines"]]
        samples = [
            TextSample(time, tuple(lines[n] for n in found), tuple(lines[n] for n in gone), bool(votes))
            for time, found, gone, votes in made["looks"]
        ]
        completed = {
            int(number): Reading(start, end, text, Box(*box), score, height)
            for number, (start, end, text, box, score, height) in made.get("whole", {}).items()
        }
        return cls(float(made["fps"]), samples, completed)


def _sides(box: Box) -> list[float]:
    return [round(float(side), 5) for side in box]


def read_span(
    video: VideoSource,
    span: Span,
    reader: TextReader,
    *,
    fps: float = 1.0,
    screen: ChangedTextReader | None = None,
    log: TextLog | None = None,
) -> list[Reading]:
    """Read what stands on screen during `span`.

    The picture is compared four times as often as `fps`; only the parts that changed are read: at least `fps` times
    a second while they move (at every comparison in small pictures where much moves), and as soon as they come to rest.

    Args:
        video: where the frames come from.
        span: seconds.
        reader: reads one picture.
        fps: how often moving pictures are read, per second.
        screen: the state of an earlier call on this video, so that what still stands there is not read again. Without
            it, the result depends on the span alone.
        log: an empty one, which is filled: `readings_of` makes the readings of it again, or those of an earlier moment.

    Returns:
        Readings sorted by start. A reading ends with the first picture in which it was gone, or with the span.
    """
    screen = screen or ChangedTextReader(reader)
    screen.begin()
    log = TextLog() if log is None else log
    log.fps = fps
    due = span.start
    last: float | None = None
    small = video.info.width * video.info.height <= _SMALL
    for frame in video.frames(span, fps * PICTURES_PER_READ):
        if frame.time == last:
            continue
        time = max(frame.time, span.start)
        on_time = time >= due - _TINY
        change = screen.update(frame.image, due=on_time)
        if on_time or change.whole:
            rate = fps * (PICTURES_PER_READ if small and screen.lively else 1)
            due = time + 1.0 / rate - 0.5 / (fps * PICTURES_PER_READ)
        first = last is None
        found, gone = (tuple(screen.lines), ()) if first else (change.found, change.gone)
        log.samples.append(TextSample(time, found, gone, on_time))
        last = frame.time

    def completed(number: int, cut: Reading) -> Reading:
        found = complete_at_border(video, span, cut, reader)
        if found is not cut:
            log.completed[number] = found
        return found

    return _readings(log, span.end, completed)


def readings_of(log: TextLog, end: float) -> list[Reading]:
    """Return the readings of a span, from what each sample brought."""
    return _readings(log, end, lambda number, cut: log.completed.get(number, cut))


def _readings(log: TextLog, end: float, complete: Callable[[int, Reading], Reading]) -> list[Reading]:
    tracks = _tracks(log)
    # The surest of those that were only seen at the border are completed.
    cut = sorted((track for track in tracks if not track.inside), key=lambda track: -track.line.score)[:_COMPLETED]
    found = []
    for number, track in enumerate(tracks):
        reading = track.reading(end if track.missing is None else track.missing)
        found.append(complete(number, reading) if track in cut else reading)
    found = merge_readings(found, gap=_TINY)
    company = [reading.span for reading in found if stands_alone(reading.text)]
    return [
        reading
        for reading in found
        if stands_alone(reading.text) or any(reading.span.overlap(span) > 0 for span in company)
    ]


@dataclass(slots=True, eq=False)
class _TextTrack:
    """One text while it is followed: its variants with the votes of all samples, and since when it is missing."""

    start: float
    line: Line
    first: Box
    votes: dict[str, float] = field(default_factory=dict)
    best: dict[str, Line] = field(default_factory=dict)
    missing: float | None = None
    inside: bool = False
    """Whether it was ever seen away from the borders of the picture, where nothing is cut off."""

    def add(self, line: Line) -> None:
        self.line, self.missing = line, None
        self.inside = self.inside or not touches_border(line.box)
        self.vote(line)
        if line.text not in self.best or better(line, self.best[line.text]):
            self.best[line.text] = line

    def vote(self, line: Line) -> None:
        # Half a text at the border of the picture says less than all of it further in.
        weight = _AT_BORDER if touches_border(line.box) else 1.0
        self.votes[line.text] = self.votes.get(line.text, 0.0) + weight * line.score

    def reading(self, end: float) -> Reading:
        variants = tuple((text, votes, self.best[text].score) for text, votes in self.votes.items())
        text, score = chosen(variants)
        box, last = self.best[text].box, self.line.box
        height = box.bottom - box.top
        # What lies in the box that it had at first was cut off, or became longer, in its place.
        moving = _distance(self.first, last) > max(1.5 * height, 0.03) and overlap(self.first, last) <= 0.7
        kept = tuple(sorted(variants, key=lambda each: -each[1])[:_VARIANTS]) if len(variants) > 1 else ()
        return Reading(self.start, end, text, self.first if moving else box, score, height, moving, kept)


def _tracks(log: TextLog) -> list[_TextTrack]:
    """Return the tracks of one span, each line of a picture joined to the text that it continues."""
    tracks: list[_TextTrack] = []
    standing: dict[Line, _TextTrack] = {}
    for sample in log.samples:
        for line in sample.gone:
            if (gone := standing.pop(line, None)) is not None:
                gone.missing = sample.time
        for line in sample.found:
            followed = set(map(id, standing.values()))
            free = [
                track
                for track in tracks
                if id(track) not in followed
                and track.missing is not None
                and sample.time - track.missing <= 1.5 / log.fps
                and same_text(track.line.text, line.text, min(track.line.score, line.score))
                # Close enough to be one text that moved between two samples.
                and (_distance(track.line.box, line.box) < 0.2 or same_place(track.line.box, line.box))
            ]
            if free:
                track = min(free, key=lambda each: _distance(each.line.box, line.box))
            else:
                track = _TextTrack(sample.time, line, line.box)
                tracks.append(track)
            track.add(line)
            standing[line] = track
        if sample.votes:  # lines that stay unchanged count again; those just found have counted
            for line, track in standing.items():
                if line not in sample.found:
                    track.vote(line)
    return tracks


def _distance(first: Box, second: Box) -> float:
    across = (first.left + first.right - second.left - second.right) / 2
    down = (first.top + first.bottom - second.top - second.bottom) / 2
    return float((across**2 + down**2) ** 0.5)


def touches_border(box: Box) -> bool:
    """Return whether a box ends at the left or right border of the picture, so that its line may be cut there."""
    return box.left < _TOUCHING or box.right > 1 - _TOUCHING


def complete_at_border(video: VideoSource, span: Span, reading: Reading, reader: TextReader) -> Reading:
    """Return the same reading in full, where more of a text that passes the border can be read in frames around it.

    Returns:
        The reading with the fuller text, its box and score, over all the seconds in which it was seen; the reading as
        it was, where it does not touch the border, stays for long, or no frame has more of it.
    """
    if not touches_border(reading.box) or reading.end - reading.start > _PASSING:
        return reading
    box = reading.box
    reach, height = _REACH * (box.right - box.left), box.bottom - box.top
    left, right = (0.0, box.right + reach) if box.left < _TOUCHING else (box.left - reach, 1.0)
    top, bottom = box.top - 0.75 * height, box.bottom + 0.75 * height
    region = Box(max(0.0, left), max(0.0, top), min(1.0, right), min(1.0, bottom))
    around = Span(reading.start - _AROUND, reading.end + _AROUND).within(span)
    frames = sorted(video.frames(around, _FPS), key=lambda frame: abs(frame.time - reading.start))
    start, end = reading.start, reading.end
    fullest: dict[str, list[Line]] = {}
    for frame in frames[:_FRAMES]:
        for line in read_region(reader, frame.image, region, scale=1.5):
            # Letters about as large: what is turned a little has a higher box.
            alike = 0.5 < (line.box.bottom - line.box.top) / max(height, 1e-6) < 2.0
            if line.score >= _SURE and alike and fuller(line.text, reading.text):
                start, end = min(start, frame.time), max(end, frame.time)
                fullest.setdefault(line.text, []).append(line)
    if not fullest:
        return reading

    def support(text: str) -> tuple[int, float]:
        """Return how often a text was read, whole or with an end cut off, and its best score."""
        parts = sum(len(lines) for other, lines in fullest.items() if fuller(text, other))
        return len(fullest[text]) + parts, max(line.score for line in fullest[text])

    best = max(fullest[max(fullest, key=support)], key=lambda line: (not touches_border(line.box), line.score))
    height = best.box.bottom - best.box.top
    return replace(
        reading, start=start, end=end, text=best.text, box=best.box, score=best.score, height=height, variants=()
    )
