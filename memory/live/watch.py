"""Watching a source: a thread records, and what is recorded is indexed stretch by stretch until somebody stops it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MemoryInUse, VideoError
from ..ingest.growing import beginning_id
from ..ingest.request import IngestRequest
from ..ingest.stream_choice import Streams
from ..span import Span, clock
from ..store.live import live_state, watched
from ..store.search import channel_names
from ..types import ENDED, OBJECTS, OPEN, STOPPED
from .connection import KEPT, Recorder, WatchOptions
from .growth import Growth
from .segments import Manifest
from .sources import kind_of

if TYPE_CHECKING:
    from ..clip_memory import ClipMemory
    from ..speech.transcriber import Transcriber
    from ..types import VideoRecord

__all__ = ["FOLDER", "Watch", "WatchEvent", "WatchOptions", "watch"]

FOLDER = "live"
"""Folder in a memory that holds recordings."""
_PACE = 1.0  # seconds between two looks at what was recorded
_FILES = 2  # looks at a folder in which a file must not change before it is taken


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """What happened: `kind` is begin, progress, lost, back, dropped, taken (a file of a folder), or end."""

    kind: str
    video: str
    text: str


Listener = Callable[[WatchEvent], None]


def watch(
    memory: ClipMemory,
    source: str | Path,
    *,
    channels: str | Sequence[str] | None = None,
    clip_seconds: float | None = None,
    transcriber: Transcriber | str | None = None,
    language: str | None = None,
    workers: int | None = None,
    options: WatchOptions | None = None,
    stop: threading.Event | None = None,
    listener: Listener | None = None,
) -> VideoRecord | None:
    """Index a source while it is recorded; other threads and processes may ask about it meanwhile.

    Args:
        memory: where it goes.
        source: a file that grows (MKV, MPEG-TS, fragmented MP4), a folder that files arrive in, the address of a stream
            (`rtsp://`, `http://`, an HLS playlist), or a camera (`/dev/video0`, `avfoundation:0`).
        channels: as in `ClipMemory.add`, and so are the next four.
        clip_seconds: length of a clip.
        transcriber: recognizer of speech.
        language: code of the language that is spoken.
        workers: processes that decode and recognize.
        options: limits and waiting times.
        stop: set it to end the watching; the same source goes on with the next call.
        listener: is told what happens, in this thread.

    Returns:
        The video, the last one of a folder; None where nothing came.

    Raises:
        VideoError: if the source cannot be watched.
    """
    request = IngestRequest(
        channels=memory.usual_channels if channels is None else channel_names(channels),
        clip_seconds=clip_seconds,
        streams=Streams(language=language),
        transcriber=transcriber,
        workers=workers,
    )
    if OBJECTS in request.channels:
        memory.models.require_detector()
    stop, listener = stop or threading.Event(), listener or (lambda event: None)
    video = Watch(memory, str(source), request, options or WatchOptions(), stop, listener).run()
    return memory.store.records(video)[0] if video else None


@dataclass
class Watch:
    """One source that is watched. `run` returns when the source has ended or `stop` is set.

    Args:
        memory: where the video goes.
        source: as it was named.
        request: channels, recognizer and so on.
        options: of watching.
        stop: set by whoever wants it to end.
        listener: is told what happens, in the thread that runs.
    """

    memory: ClipMemory
    source: str
    request: IngestRequest
    options: WatchOptions = field(default_factory=WatchOptions)
    stop: threading.Event = field(default_factory=threading.Event)
    listener: Listener = lambda event: None

    def run(self) -> str:
        """Watch until the end; returns the id of the video, empty if there was none."""
        kind = kind_of(self.source)
        if kind == "folder":
            return self._watch_folder()
        path = Path(self.source).expanduser().absolute() if kind == "file" else None
        source = self.source if path is None else str(path)
        content, beginning = self._identity(source, path)
        manifest = Manifest(self.memory.folder / FOLDER / content[:16])
        if manifest.folder.exists():
            manifest.tidy()
        recorder = Recorder(source, kind, path, manifest, self.options, self.stop)
        growth = self.memory.growth(
            self.request,
            manifest=manifest,
            source=source,
            content_id=content,
            name=path.name if path is not None else _name(source),
            beginning=beginning,
            behind=None if path is not None else self.options.behind,
        )
        done = False
        try:
            video = self._follow(recorder, growth, manifest, path)
            done = True
            return video
        finally:
            self.stop.set()
            recorder.join(timeout=3.0)
            growth.close()
            if not done and growth.video:
                with suppress(MemoryInUse), self.memory.writing():
                    growth.mark(STOPPED)

    def _identity(self, source: str, path: Path | None) -> tuple[str, str]:
        """Return the content id of the recording, and of a file how it begins; the same ones where it goes on."""
        video = watched(self.memory.store, source)
        live = live_state(self.memory.store, video) if video is not None else None
        if path is None:
            if video is not None:
                return self.memory.store.records(video)[0].content_id, ""
            return hashlib.sha256(f"{source} {time.time_ns()}".encode()).hexdigest(), ""
        beginning = self._wait_for_beginning(path)
        if live is not None and live.beginning == beginning and live.state == ENDED:
            raise VideoError(f"{path} was watched to its end: rewatch index {path} takes what has come since.")
        if self.memory.knows(path) and live is None:
            raise VideoError(f"{path} is indexed as a finished file: rewatch index {path} takes what has come since.")
        return beginning, beginning

    def _wait_for_beginning(self, path: Path) -> str:
        waited = 0.0
        while True:
            try:
                return beginning_id(path)
            except VideoError:
                # A file that has only just been made holds no picture yet: encoders look ahead by many.
                if waited >= 3 * self.options.idle or path.stat().st_size > 1 << 20 or self.stop.wait(_PACE):
                    raise
                waited += _PACE

    def _follow(self, recorder: Recorder, growth: Growth, manifest: Manifest, path: Path | None) -> str:
        recorder.start()
        told = ""
        while True:
            over = not recorder.is_alive()
            growth_before = growth.video
            self._extend(growth, path)
            for event in recorder.take_events():
                self.listener(WatchEvent(event[0], growth.video, event[1]))
            if growth.video and not growth_before:
                self._put_recording(growth.video, recorder, path)
                self.listener(WatchEvent("begin", growth.video, self.memory.video(growth.video).name))
            if growth.video:
                self._make_room(growth, manifest, path)
                line = self._line(growth)
                if line != told:
                    told = line
                    self.listener(WatchEvent("progress", growth.video, line))
            if over:
                break
            recorder.changed.wait(_PACE)
            recorder.changed.clear()
        if recorder.error is not None and not growth.video:
            raise recorder.error
        self._end(growth, path, recorder)
        return growth.video

    def _extend(self, growth: Growth, path: Path | None, state: str = OPEN) -> None:
        """Index what has come; where another process is writing, it has to wait for the next time."""
        try:
            with self.memory.writing():
                before = growth.video
                growth.extend(state=state)
                if path is not None and growth.video and not before:
                    self.memory.store.put_path(growth.video, path, 0, 0)
        except MemoryInUse:
            if state != OPEN:
                raise

    def _put_recording(self, video: str, recorder: Recorder, path: Path | None) -> None:
        """Take the wall clock of the beginning, where it was not known before."""
        store = self.memory.store
        (record,) = store.records(video)
        began = recorder.began
        if record.recorded is None and began is not None:
            with self.memory.writing():
                zone = time.localtime(began).tm_gmtoff
                store.put_recording(video, self.options.timeline or record.timeline, began, zone, "watched live")

    def _make_room(self, growth: Growth, manifest: Manifest, path: Path | None) -> None:
        (record,) = self.memory.store.records(growth.video)
        there = [one for one in manifest.segments if not one.dropped]
        if path is not None:  # the file itself is the medium: segments have served once they are worked off
            known = min(record.end, growth.live.planned.get("speech", record.end))
            manifest.drop([one.file for one in there[:-1] if one.end <= known - KEPT])
            return
        size = sum(one.size for one in there)
        gone = []
        while size > self.options.keep and len(there) > 1 and there[0].end <= record.end:
            size -= there[0].size
            gone.append(there.pop(0))
        if gone:
            manifest.drop([one.file for one in gone])
            span = Span(gone[0].start, gone[-1].end)
            text = f"the recording of {span} was deleted to keep within {self.options.keep >> 20} MiB"
            self.listener(WatchEvent("dropped", growth.video, text))

    def _line(self, growth: Growth) -> str:
        text = str(self.memory.coverage(growth.video)).removesuffix(", and the recording goes on")
        left_out = growth.live.left_out
        (record,) = self.memory.store.records(growth.video)
        if left_out:
            share = left_out / max(record.duration, 1e-6)
            text += f"; {round(left_out * record.fps)} frames left out ({share:.0%}), being behind"
        return text

    def _end(self, growth: Growth, path: Path | None, recorder: Recorder) -> None:
        """Take the rest where the source has ended; where somebody stopped it, it may go on."""
        if path is not None and recorder.finished:
            self._finish_file(growth, path)
        elif growth.video and path is None:  # whatever comes later begins after a gap
            self._extend(growth, path, STOPPED if recorder.stopped else ENDED)
        elif growth.video:
            with self.memory.writing():
                growth.mark(STOPPED)
        if growth.video:
            self.listener(WatchEvent("end", growth.video, str(self.memory.coverage(growth.video))))

    def _finish_file(self, growth: Growth, path: Path) -> None:
        """A file that has stopped growing is what `add` would make of it; what was done is kept."""
        record = self.memory.add_as(path, self.request)
        growth.video = growth.video or record.id
        growth.remove_segments()

    def _watch_folder(self) -> str:
        """Take files as they are finished; what fails is told, and tried again when it changes."""
        from ..files.video_files import find_videos

        seen: dict[Path, tuple[tuple[int, int], int]] = {}
        done: dict[Path, tuple[int, int]] = {}
        looks = max(_FILES, round(self.options.idle / _PACE))
        last = ""
        while True:
            for path in find_videos(Path(self.source), leave_out=[self.memory.folder]).videos:
                status = path.stat()
                state = (status.st_size, status.st_mtime_ns)
                before, count = seen.get(path, (state, 0))
                seen[path] = (state, count + 1 if before == state else 0)
                still = seen[path][1] >= looks or time.time() - status.st_mtime > 10 * self.options.idle
                if not still or done.get(path) == state or self.stop.is_set():
                    continue
                try:
                    last = self._take(path)
                    done[path] = state
                except MemoryInUse:
                    continue  # the next time
                except VideoError as error:
                    done[path] = state
                    self.listener(WatchEvent("lost", "", str(error)))
            if self.stop.wait(_PACE):
                return last

    def _take(self, path: Path) -> str:
        known = self.memory.knows(path)
        record = self.memory.add_as(path.absolute(), self.request)
        if not known:
            self.listener(WatchEvent("taken", record.id, f"{record.name}  {clock(record.duration)}"))
        return record.id


def _name(source: str) -> str:
    """Return a short name for a stream or a camera, without a user's name or password."""
    place = source.partition("://")[2].partition("?")[0].rpartition("@")[2].rstrip("/")
    return place.replace("/", "_") or source.replace("/", "_").strip("_")
