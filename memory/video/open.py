"""Opening videos: from what a caller names to a source of frames, from a record to its file, and what stays open."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import VideoError, VideoGoneError
from ..files.names import printable
from ..protocol import VideoSource
from ..types import VideoRecord
from .file import Video
from .growing_video import GrowingVideo

if TYPE_CHECKING:
    from ..memory_view import MemoryView

GONE = "gone, so its pictures and sound cannot be read"
"""The words of `open_file` for a file that is not there any more; they reach policies through what tools say."""

_MOST_IDLE = 8  # opened videos that are kept; a decoder of a large picture holds tens of megabytes


def as_source(source: str | Path | VideoSource) -> str | VideoSource:
    """Files by their absolute path, so that they can be read in other processes; anything else as it is."""
    if isinstance(source, Video):
        source = source.info.path
    if not isinstance(source, str | Path):
        if not callable(getattr(source, "frames_at", None)):
            raise ValueError(f"A video is a file's name or a VideoSource, not {type(source).__name__}.")
        return source
    path = Path(source).expanduser().absolute()
    if not path.exists():
        raise VideoError(f"There is no file {path}: check the name.")
    return str(path)


def one_or_many(videos: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    """Videos as they are named in a call: a single name or path is one video, not its letters."""
    if isinstance(videos, str | Path):
        return (videos,)
    if not isinstance(videos, Iterable):
        raise ValueError(f"videos is {videos!r}: give names, ids or paths, or one of these.")
    return tuple(videos)


def open_file(record: VideoRecord, paths: Sequence[tuple[Path, int, int]]) -> VideoSource:
    """Return the file of a record, from wherever it still lies (paths with the size and time that they had)."""
    there = [(path, size, mtime) for path, size, mtime in paths if path.is_file()]
    for path, size, mtime in there:
        state = path.stat()
        video = Video(path, audio=record.audio) if state.st_size == size else None
        # Behind a point stand the subtitles beside it, where these make it a video of its own.
        content = record.content_id.partition(".")[0]
        if video is not None and (state.st_mtime_ns == mtime or video.content_id == content):
            return video
    if there:
        raise VideoGoneError(
            f"{there[0][0]} is not the video {record.id} any more, which is {GONE} (what was found in it can): put it "
            "back, or add it again to remember the new one."
        )
    where = str(paths[0][0]) if paths else f"{record.name}, which was not a file,"
    raise VideoGoneError(
        f"{where} is {GONE} (what was found in it can): put it back, or add it again from where it is now."
    )


def find_video(records: Sequence[VideoRecord], query: str | Path, folder: Path) -> VideoRecord:
    """Return the record of an id, name or path; see `ClipMemory.video`."""
    text = str(query)
    name = printable(text)
    for record in records:
        if record.id == text:
            return record
    path = os.path.abspath(text)
    for record in reversed(records):
        if record.path == path or record.name == name:
            return record
    there = ", ".join(f"{record.id} ({record.name})" for record in records[:5]) or "no video yet"
    more = f" and {len(records) - 5} more" if len(records) > 5 else ""
    raise VideoError(f"There is no video {text[:200]!r} in the memory at {folder}: it holds {there}{more}.")


class VideoPool:
    """Hands out opened videos, one reader each, and takes them back. Safe between threads."""

    def __init__(self) -> None:
        self._idle: list[tuple[tuple[str, float, str, str], VideoSource]] = []  # the last used at the end
        self._lock = threading.Lock()

    def take(self, memory: MemoryView, video_id: str) -> VideoSource:
        """Return an opened video of the memory, for the caller alone.

        Raises:
            VideoError: if its file is gone.
        """
        key = video_key(memory, video_id)
        with self._lock:
            for n in reversed(range(len(self._idle))):
                if self._idle[n][0] == key:
                    return self._idle.pop(n)[1]
        return memory.open(video_id)

    def put_back(self, memory: MemoryView, video_id: str, source: VideoSource | None) -> None:
        """Give back what `take` gave, once nothing reads from it any more; the one unused for longest makes room."""
        if isinstance(source, GrowingVideo):
            source.close()
        elif source is not None:
            with self._lock:
                self._idle.append((video_key(memory, video_id), source))
                del self._idle[:-_MOST_IDLE]


def video_key(memory: MemoryView, video_id: str) -> tuple[str, float, str, str]:
    """Return what tells apart the same video in two memories, before two moments, or as two detectors see it."""
    folder = f"{memory.folder}{getattr(memory, 'restriction', '')}"
    return folder, memory.now_of(video_id), video_id, getattr(memory, "detector_stamp", "")
