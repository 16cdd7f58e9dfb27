"""What messages bring themselves, and what lies at addresses, as files of the scratch folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from ...memory import VideoError
from ...memory.files.download import fetch, load, look
from ...memory.files.regular import read_bytes
from ...memory.files.sources import Sources
from ...memory.files.video_files import looks_like_video
from .frames import ENDING, write_frames
from .once import Stopped
from .parts import Frames, Named, TooLargeError, decoded
from .scratch import Scratch

LARGEST = 256 << 20
"""Bytes of a video that a message brings itself."""
LARGEST_PICTURE = 32 << 20
"""Bytes of a picture, encoded."""
LARGEST_PICTURES = 256 << 20
"""Bytes of the pictures in a row, encoded."""
_ENDINGS = {"video/webm": ".webm", "video/x-matroska": ".mkv", "video/quicktime": ".mov", "video/x-msvideo": ".avi"}
_DIGITS = 24  # of a hash, in names
_HEAD = 189  # first bytes that tell a kind of file


class Bringing:
    """Puts what requests bring into the scratch folder, each once, under a name made of what it is.

    Its methods give the name, and block: they are for threads.

    Args:
        sources: folders and hosts that may be named.
        scratch: the folder.
    """

    def __init__(self, sources: Sources, scratch: Scratch) -> None:
        self._sources = sources
        self._scratch = scratch

    def upload(self, named: Named) -> str:
        """Take the video whose bytes a part brings.

        Raises:
            VideoError: if they are none.
            TooLargeError: if they are more than `LARGEST`.
        """
        data = decoded(named, LARGEST)
        if not looks_like_video(data[:_HEAD]):
            raise VideoError(f"The data of {named.kind or 'a part'} are no video, by their first bytes: give another.")
        name = hashlib.sha256(data).hexdigest()[:_DIGITS] + _ENDINGS.get(named.kind, ".mp4")
        if self._scratch.find(name) is not None:
            return name
        with self._scratch.part() as part:
            part.write_bytes(data)
            return self._scratch.put(part, name)

    def download(self, url: str, stopped: Stopped) -> str:
        """Load the video that an address leads to; once, for as long as it is kept.

        Raises:
            VideoError: if there is none, or it may not be loaded.
            CapabilityError: if it is a page, and yt-dlp is not installed.
        """
        beginning = hashlib.sha256(url.encode()).hexdigest()[:_DIGITS]
        name = self._scratch.find(f"{beginning}-*")
        if name is not None:
            return name
        web = look(url, self._sources.hosts, stopped)
        with self._scratch.part() as part:
            fetch(web, part, self._sources.hosts, lambda size: None, stopped)
            return self._scratch.put(part, f"{beginning}-{web.name}")

    def frames(self, frames: Frames, stopped: Stopped) -> str:
        """Make a video of pictures.

        Raises:
            VideoError: if one is none, or may not be loaded.
            TooLargeError: if one, or all together, are too large.
        """
        pictures: list[bytes] = []
        for frame in frames:
            pictures.append(self._picture(frame, stopped))
            if sum(map(len, pictures)) > LARGEST_PICTURES:
                raise TooLargeError(f"The pictures are more than {LARGEST_PICTURES / 1e6:.0f} MB: send fewer.")
        times = [frame.time for frame in frames if frame.time is not None] or None
        content = hashlib.sha256(repr(times).encode())
        for picture in pictures:
            content.update(hashlib.sha256(picture).digest())
        name = f"frames-{content.hexdigest()[:_DIGITS]}{ENDING}"
        if self._scratch.find(name) is not None:
            return name
        with self._scratch.part() as part:
            write_frames(part, pictures, times, stopped)
            return self._scratch.put(part, name)

    def _picture(self, frame: Named, stopped: Stopped) -> bytes:
        if frame.path:
            path = found(self._sources.any_file, frame.path)
            try:
                return read_bytes(path, LARGEST_PICTURE)
            except OSError as error:
                raise VideoError(f"{path.name} cannot be read ({error.strerror}): give another picture.") from error
        if frame.url:
            return load(self._sources.address(frame.url), self._sources.hosts, LARGEST_PICTURE, stopped)
        return decoded(frame, LARGEST_PICTURE)


def found(find: Callable[[str], Path], word: str) -> Path:
    """Return the file of a path, else of the same path with its percent signs decoded, as URIs have them."""
    try:
        return find(word)
    except VideoError:
        plain = unquote(word)
        if plain == word:
            raise
        return find(plain)
