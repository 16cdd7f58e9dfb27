"""Recorded segments of a source that has no file: a folder of short media files on one clock, as one video."""

from __future__ import annotations

import bisect
import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import VideoError, VideoGoneError
from ..files.regular import replacing
from ..protocol import Frame, TimedFrames, VideoInfo, sorted_times
from ..span import Span, merge_spans
from ..video.file import Video
from ..video.open import GONE

MANIFEST = "segments.jsonl"
APART = 0.5
"""Seconds from which on a pause between two segments is a gap; less is the jitter of a container's times."""
_PLACES = 6  # decimals of a second that times are rounded to
_TINY = 1e-4
_OPEN = 3  # files that are kept open


@dataclass(frozen=True, slots=True)
class Segment:
    """One media file of a recording; its span is on the video's clock (seconds)."""

    file: str
    start: float
    end: float
    size: int
    """Bytes."""
    offset: float = 0.0
    """Seconds to add to a time of the video for the file's own."""
    dropped: bool = False
    """Whether the file was deleted: its span is known to have been there."""

    @property
    def span(self) -> Span:
        """The seconds that it holds."""
        return Span(self.start, self.end)


class Manifest:
    """The list of a folder's segments: a line each, appended once the file is whole, so that a kill leaves it sound."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.began = 0.0
        """POSIX seconds at which the clock of the recording was zero."""
        self.segments: list[Segment] = []
        self._size = -1
        self.refresh()

    def refresh(self) -> None:
        """Read what was added since; a last line that is cut off is none."""
        path = self.folder / MANIFEST
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return
        if size == self._size:
            return
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        rows = [json.loads(line) for line in lines]
        self.began = float(rows[0]["began"]) if rows else 0.0
        self.segments = [Segment(**row) for row in rows[1:]]
        self._size = size

    def begin(self, began: float) -> None:
        """Make the folder of a new recording."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.began = began
        self._rewrite()

    def add(self, segment: Segment) -> None:
        """Take a file that was written to its end."""
        with (self.folder / MANIFEST).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(segment)) + "\n")
        self.segments = [*self.segments, segment]

    def drop(self, files: Iterable[str]) -> None:
        """Delete media files; their spans stay listed."""
        gone = set(files)
        if not gone:
            return
        self.segments = [replace(one, dropped=True) if one.file in gone else one for one in self.segments]
        self._rewrite()
        for name in gone:
            (self.folder / name).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Delete files that no line names: those that a killed recorder left half-written."""
        names = {MANIFEST, *(one.file for one in self.segments if not one.dropped)}
        for path in self.folder.iterdir():
            if path.name not in names:
                path.unlink()
        self._rewrite()

    def stretches(self) -> list[Span]:
        """Return the spans without a gap, in order."""
        return merge_spans((one.span for one in self.segments), APART)

    def _rewrite(self) -> None:
        with replacing(self.folder / MANIFEST) as part:
            rows = [json.dumps({"began": self.began}), *(json.dumps(asdict(one)) for one in self.segments)]
            part.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        self._size = -1


class Segments(TimedFrames):
    """The video that a folder of segments is, as far as it goes at each moment. It can be sent to other processes.

    Args:
        folder: holds the segments and their list.

    Raises:
        VideoError: if nothing is recorded there yet.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._manifest = Manifest(self.folder)
        self._videos: OrderedDict[str, Video] = OrderedDict()
        if not self._manifest.segments:
            raise VideoError(f"Nothing is recorded in {self.folder} yet.")

    def __reduce__(self) -> tuple[type[Segments], tuple[str]]:
        return Segments, (str(self.folder),)

    @property
    def info(self) -> VideoInfo:
        """Facts of the first segment that is there, over all that was recorded by now."""
        self._manifest.refresh()
        segments = self._manifest.segments
        first = self._first
        start = min(first.start, segments[0].start)
        return replace(first, start=start, end=segments[-1].end, size=sum(one.size for one in segments))

    @cached_property
    def _first(self) -> VideoInfo:
        there = next((one for one in self._manifest.segments if not one.dropped), None)
        if there is None:
            raise VideoGoneError(f"The recording in {self.folder} is {GONE}.")
        info = self._video(there).info
        start, seen_from = _rounded(info.start - there.offset), _rounded(info.seen_from - there.offset)
        return replace(
            info, path="", start=start, first_picture=seen_from, frames=None, subtitle_streams=(), damage=None,
            zero=None, sound_tracks=(), sound_track=None,
        )  # fmt: skip

    @property
    def content_id(self) -> str:
        """The name of its folder, which no other recording has."""
        return self.folder.name

    def times(self) -> np.ndarray:
        """Return the times of all frames that are still there, float64 `[frames]`."""
        found = [np.zeros(0)]
        for one in self._there():
            times = np.round(self._video(one).times() - one.offset, _PLACES)
            # A file may hold pictures of its neighbors, where those need them.
            found.append(times[(times > one.start - _TINY) & (times < one.end - _TINY)])
        return np.concatenate(found)

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        """One frame for each time: the last one at or before it; in a gap the last one before the gap.

        Raises:
            VideoGoneError: if the segment of a time was deleted.
        """
        self._manifest.refresh()
        segments = self._manifest.segments
        starts = [one.start for one in segments]
        run: list[float] = []
        place = -1
        for time in sorted_times(times).tolist():
            at = max(0, bisect.bisect_right(starts, time + 1e-6) - 1)
            if run and at != place:
                yield from self._frames(segments[place], run, size)
                run = []
            place = at
            run.append(time)
        if run:
            yield from self._frames(segments[place], run, size)

    def _frames(self, segment: Segment, times: list[float], size: int | None) -> Iterator[Frame]:
        for frame in self._video(segment).frames_at([time + segment.offset for time in times], size=size):
            yield replace(frame, time=_rounded(frame.time - segment.offset))

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        """Frames of `span` that decode without any other."""
        span = span or self.info.span
        for one in self._there(span):
            inside = span.within(one.span)
            own = Span(inside.start + one.offset, inside.end + one.offset)
            for frame in self._video(one).keyframes(own, size=size):
                yield replace(frame, time=_rounded(frame.time - one.offset))

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        """Mono float32 `[round(span.duration * rate)]` in [-1, 1]; silence where nothing was recorded."""
        span = span or self.info.span
        if not self.info.has_audio:
            return np.zeros(0, dtype=np.float32)
        samples = np.zeros(round(span.duration * rate), dtype=np.float32)
        for one in self._there(span):
            part = span.within(one.span)
            first = round((part.start - span.start) * rate)
            count = min(round((part.end - span.start) * rate), len(samples)) - first
            # Asked for from the grid of the whole, so that pieces meet without a step.
            at = span.start + one.offset
            exact = Span(at + first / rate, at + (first + count) / rate)
            found = self._video(one).audio(exact, rate=rate)[:count]
            samples[first : first + len(found)] = found
        return samples

    def close(self) -> None:
        """Give open files back."""
        while self._videos:
            self._videos.popitem()[1].close()

    def _there(self, span: Span | None = None) -> list[Segment]:
        self._manifest.refresh()
        return [
            one for one in self._manifest.segments if not one.dropped and (span is None or one.span.overlap(span) > 0)
        ]

    def _video(self, segment: Segment) -> Video:
        if segment.dropped:
            raise VideoGoneError(f"{segment.span} of the recording is {GONE}: it was deleted to keep within its limit.")
        video = self._videos.pop(segment.file, None)
        if video is None:
            with suppress(KeyError):
                while len(self._videos) >= _OPEN:
                    self._videos.popitem(last=False)[1].close()
            video = Video(self.folder / segment.file)
        self._videos[segment.file] = video
        return video


def _rounded(seconds: float) -> float:
    return round(seconds, _PLACES)
