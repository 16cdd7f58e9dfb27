"""The thread that records: it follows a file, or reaches a stream again where it was lost."""

from __future__ import annotations

import errno
import hashlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from av.error import FFmpegError
from av.packet import Packet

from ..errors import MemoryFolderError, VideoError
from ..span import clock
from ..store.folder import disk_full, told_plainly
from .recorder import SegmentWriter
from .segments import APART, Manifest
from .sources import FollowedFile, Kind, is_finished, open_followed, open_stream

_BACKOFF = (0.5, 1.0, 1.0, 2.0, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0)  # seconds between tries to reach a source again
KEPT = 630.0
"""Seconds of a growing file's segments that stay behind what is known: pictures are compared with the first one of
their chapter."""
_KEPT_KEYS = 128  # keyframes of a playlist that are remembered: players begin three segments before its end
_AHEAD, _PAUSE = KEPT + 330.0, 0.5
"""Seconds of a growing file that lie on the disk twice at most, and between two looks at how far the indexing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """The options of watching."""

    idle: float = 10.0
    """Seconds without growth after which a file is held for finished."""
    patience: float = 120.0
    """Seconds for which a stream that does not answer any more is tried again."""
    behind: float = 60.0
    """Seconds of a stream that may wait to be looked at before some are left out."""
    keep: int = 20 << 30
    """Bytes of recorded media that are kept; the oldest are deleted."""
    timeline: str | None = None
    """The timeline of the video; None: the usual one."""
    segment: float = 5.0
    """Least seconds of a segment."""


class Repeats:
    """Knows what a playlist gives again after a lost connection: the segments that it still lists."""

    def __init__(self) -> None:
        self._seen: dict[bytes, None] = {}
        self._new = True

    def begin(self) -> None:
        """A connection begins."""
        self._new = not self._seen

    def had(self, packet: Packet) -> bool:
        """Return whether a packet was there in an earlier connection: until the first keyframe that is not known."""
        if packet.stream.type == "video" and packet.is_keyframe and packet.size:
            key = hashlib.sha256(f"{packet.pts} ".encode() + bytes(packet)).digest()
            self._new = self._new or key not in self._seen
            self._seen[key] = None
            while len(self._seen) > _KEPT_KEYS:
                del self._seen[next(iter(self._seen))]
        return not self._new


class Recorder(threading.Thread):
    """Records a source into segments, and reaches it again where it was lost."""

    def __init__(
        self,
        source: str,
        kind: Kind,
        path: Path | None,
        manifest: Manifest,
        options: WatchOptions,
        stop: threading.Event,
    ) -> None:
        super().__init__(name="rewatch-recorder", daemon=True)
        self._source, self._kind, self._path = source, kind, path
        self._manifest, self._options, self._stop_event = manifest, options, stop
        self._events: list[tuple[str, str]] = []
        self._connected = False
        self._repeats = Repeats()
        self.changed = threading.Event()
        """Set when there is something new."""
        self.error: VideoError | MemoryFolderError | None = None
        self.finished = False
        """Whether a file has stopped growing."""
        self.stopped = False
        """Whether somebody stopped it."""
        self.began: float | None = None if manifest.finished else manifest.began or None
        """POSIX seconds of the first picture; None while nobody knows."""

    @property
    def all_there(self) -> bool:
        """Whether what an address leads to was a finished recording from the beginning: all of it can be had."""
        return self._manifest.finished

    def take_events(self) -> list[tuple[str, str]]:
        """Return what has happened since the last call."""
        events, self._events = self._events, []
        return events

    def run(self) -> None:
        """Record to the end."""
        try:
            if self._path is not None:
                self._record_file(self._path)
            else:
                self._record_stream()
        except (VideoError, MemoryFolderError) as error:
            self.error = error
        except OSError as error:
            folder = self._manifest.folder
            message = told_plainly(error, folder, folder)
            self.error = MemoryFolderError(message or f"{folder} cannot be written ({error.strerror or error}).")
        finally:
            self.stopped = self._stop_event.is_set()
            self.changed.set()

    def _record_file(self, path: Path) -> None:
        if not self._manifest.segments:
            self._manifest.begin(0.0)
        file = FollowedFile(path, self._options.idle, self._stop_event.is_set, self._stop_event.wait)
        since = self._manifest.segments[-1].end if self._manifest.segments else None
        try:
            container = open_followed(file, path)
            writer = SegmentWriter(container, self._manifest, self._options.segment, lambda time: time, since=since)
            count = len(self._manifest.segments)
            try:
                for packet in container.demux():
                    writer.take(packet)
                    if file.grew and self.began is None and writer.received:
                        # What comes now is being recorded at this moment.
                        self.began = time.time() - (writer.received - writer.first)
                    if len(self._manifest.segments) != count:
                        count = len(self._manifest.segments)
                        self.changed.set()
                        while self._waiting > _AHEAD and not self._stop_event.wait(_PAUSE):
                            pass
            except FFmpegError as error:
                self._require_room(error)
                raise VideoError(f"{path} cannot be read on ({error.strerror}).") from None
            self.finished = file.finished
            if not self._stop_event.is_set():
                writer.finish()
        finally:
            file.close()

    def _record_stream(self) -> None:
        tries, lost = 0, time.monotonic()
        while not self._stop_event.is_set():
            before = self._received
            try:
                self._connect()
                if self.all_there:
                    return
                reason = "it ended"
            except VideoError as error:
                reason = str(error)
            except FFmpegError as error:
                self._require_room(error)
                reason = error.strerror or "it cannot be read"
            if self._stop_event.is_set():
                return
            if self._received > before:
                tries, lost = 0, time.monotonic()
            gone = time.monotonic() - lost
            if gone > self._options.patience:
                if not self._manifest.segments:
                    raise VideoError(f"{reason} Tried for {gone:.0f} s.")
                self._tell("lost", f"no signal for {gone:.0f} s: {reason}; given up")
                return
            pause = _BACKOFF[min(tries, len(_BACKOFF) - 1)]
            tries += 1
            self._tell("lost", f"no signal: {reason}; trying again in {pause:g} s")
            self._stop_event.wait(pause)

    @property
    def _waiting(self) -> float:
        """Seconds of a file that lie on the disk twice, since they are not worked off yet."""
        return sum(one.span.duration for one in self._manifest.segments if not one.dropped)

    @property
    def _received(self) -> float:
        return self._manifest.segments[-1].end if self._manifest.segments else 0.0

    def _connect(self) -> None:
        container = open_stream(self._source)
        try:
            finished = is_finished(container)
            if finished and not self._manifest.began:
                self._manifest.begin(time.time(), finished=True)
            if finished and not self.all_there:  # it was live: what it holds has been recorded, or missed
                raise VideoError("the source has ended.")
            if self.all_there:  # times are those of the recording there, and what is here already is passed over
                shift, since = lambda first: 0.0, self._received or None
            else:
                shift, since = self._now, None
            writer = SegmentWriter(container, self._manifest, self._options.segment, shift, since=since)
            count = len(self._manifest.segments)
            self._repeats.begin()
            listed = container.format.name == "hls" and not self.all_there
            try:
                for packet in container.demux():
                    if not listed or not self._repeats.had(packet):
                        writer.take(packet)
                    if len(self._manifest.segments) != count:
                        count = len(self._manifest.segments)
                        self.changed.set()
                    if self._stop_event.is_set():
                        break
            finally:
                writer.finish()
                self.changed.set()
        finally:
            container.close()

    def _now(self, first: float) -> float:
        """Return the second of the recording at which a connection's first picture lies: that of the wall clock."""
        if self._manifest.began == 0.0:
            self._manifest.begin(time.time())
            self.began, self._connected = self._manifest.began, True
            return 0.0
        last = self._received
        apart = 0.0 if self._connected else 2 * APART  # what an earlier watch has closed stays closed
        self._connected = True
        at = max(time.time() - self._manifest.began, last + apart)
        if last:
            gap = f"; a gap of {at - last:.1f} s at {clock(last)}" if at - last > APART else ""
            self._tell("back", f"the signal is back{gap}")
        return at

    def _require_room(self, error: FFmpegError) -> None:
        """Raise where it was not the source that failed, but the disk.

        Raises:
            MemoryFolderError: if there is no room.
        """
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise MemoryFolderError(disk_full(self._manifest.folder)) from error

    def _tell(self, kind: str, text: str) -> None:
        self._events.append((kind, text))
        self.changed.set()
