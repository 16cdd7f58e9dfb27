"""The videos of requests: from the parts of a message to videos of the memory, each indexed once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from ...memory import ClipMemory, MemoryFolderError, VideoError, VideoRecord
from ...memory.background import index_file
from ...memory.files.download import fetch, load, look
from ...memory.files.regular import read_bytes
from ...memory.files.sources import Sources
from ...memory.files.video_files import looks_like_video
from .frames import ENDING, write_frames
from .once import Once, Stopped
from .parts import Frames, Named, TooLargeError, decoded, read_parts
from .scratch import KEPT, Held, Scratch

LARGEST = 1 << 30
"""Bytes of a video that a message brings itself."""
LARGEST_PICTURE = 32 << 20
"""Bytes of a picture, encoded."""
LARGEST_PICTURES = 256 << 20
"""Bytes of the pictures in a row, encoded."""
_READERS = 4  # threads that decode, copy and download
_REMEMBERED = 4096  # files that are known to be indexed, without asking
_ENDINGS = {"video/webm": ".webm", "video/x-matroska": ".mkv", "video/quicktime": ".mov", "video/x-msvideo": ".avi"}
_DIGITS = 24  # of a hash, in names
_HEAD = 189  # first bytes that tell a kind of file
_PAUSE = 0.1  # seconds
T = TypeVar("T")
_State = tuple[int, int, int]
"""Inode, bytes and mtime of a file, in ns."""


class RequestVideos:
    """Brings the videos that requests name into a memory. Belongs to one event loop; nothing in it blocks that.

    What a message brings itself, and what is downloaded, is kept in the folder `requests` of the memory.

    Args:
        memory: the memory; it may be open for reading only, as other processes write into it.
        sources: folders and hosts that may be named.
        kept: bytes of videos that requests brought and that are kept; those unused for longest go first, with what was
            found in them.
    """

    def __init__(self, memory: ClipMemory, sources: Sources, *, kept: int = KEPT) -> None:
        self._memory = memory
        self._sources = sources
        self._scratch = Scratch(memory, kept)
        self._once = Once()
        self._reading = ThreadPoolExecutor(_READERS, thread_name_prefix="videos")
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="indexing")  # a memory has one writer
        self._indexed: OrderedDict[Path, tuple[_State, str]] = OrderedDict()

    async def close(self) -> None:
        """End what is being done; what was indexed so far is kept."""
        self._once.close()
        for executor in (self._reading, self._writing):
            await asyncio.to_thread(executor.shutdown, cancel_futures=True)

    @asynccontextmanager
    async def use(self, parts: Sequence[Mapping[str, Any]]) -> AsyncIterator[list[str]]:
        """Hold the videos that parts of a message name, indexed; gives their ids in the memory, each once, in order.

        Nothing removes them before the end of the block. No parts that name any: no ids.

        Args:
            parts: as OpenAI's messages have them; see `read_parts`.

        Raises:
            VideoError: if one is not allowed, is no video or cannot be read; the text says which, and why.
            TooLargeError: if a part, or their number, is too large.
            MemoryFolderError: if the memory cannot be written, or there is no room.
            CapabilityError: if a page of the web is named and yt-dlp is not installed.
        """
        named = read_parts(parts)
        with ExitStack() as held:
            ids = [await self._video(one, held) for one in named]
            yield list(dict.fromkeys(ids))

    def lasting(self) -> list[VideoRecord]:
        """Return the videos of the memory that no request brought: everybody may ask about these."""
        return [one for one in self._memory.videos() if not self._scratch.has(Path(one.path))]

    async def _video(self, named: Named | Frames, held: ExitStack) -> str:
        if isinstance(named, Named) and named.path:
            path = await self._read(("path", named.path), lambda stopped: _found(self._sources.file, named.path))
        else:
            file = await self._brought(named)
            held.callback(file.close)
            path = file.path
        known = await self._read(("known", path), lambda stopped: self._known(path))
        return known or await self._once.run(("index", path), lambda stopped: self._index(path, stopped), self._writing)

    async def _read(self, key: Hashable, work: Callable[[Stopped], T]) -> T:
        return await self._once.run(key, work, self._reading)

    async def _brought(self, named: Named | Frames) -> Held:
        """What a message brings, or an address leads to, as a file of the scratch folder."""
        while True:
            if not isinstance(named, Named):
                name = await self._read(object(), lambda stopped: self._frames(named, stopped))
            elif named.url:
                self._sources.address(named.url)
                name = await self._read(("load", named.url), lambda stopped: self._download(named.url, stopped))
            else:
                name = await self._read(object(), lambda stopped: self._upload(named))
            held = self._scratch.hold(name)
            if held is not None:
                return held
            await asyncio.sleep(_PAUSE)  # it is being removed, to make room

    def _upload(self, named: Named) -> str:
        data = decoded(named, LARGEST)
        if not looks_like_video(data[:_HEAD]):
            raise VideoError(f"The data of {named.kind or 'a part'} are no video, by their first bytes: give another.")
        name = hashlib.sha256(data).hexdigest()[:_DIGITS] + _ENDINGS.get(named.kind, ".mp4")
        if self._scratch.find(name) is not None:
            return name
        with self._scratch.part() as part:
            part.write_bytes(data)
            return self._scratch.put(part, name)

    def _download(self, url: str, stopped: Stopped) -> str:
        """An address is loaded once, for as long as what it led to is kept."""
        beginning = hashlib.sha256(url.encode()).hexdigest()[:_DIGITS]
        name = self._scratch.find(beginning)
        if name is not None:
            return name
        web = look(url, self._sources.hosts, stopped)
        with self._scratch.part() as part:
            fetch(web, part, self._sources.hosts, lambda size: None, stopped)
            return self._scratch.put(part, f"{beginning}-{web.name}")

    def _frames(self, frames: Frames, stopped: Stopped) -> str:
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
            path = _found(self._sources.any_file, frame.path)
            try:
                return read_bytes(path, LARGEST_PICTURE)
            except OSError as error:
                raise VideoError(f"{path.name} cannot be read ({error.strerror}): give another picture.") from error
        if frame.url:
            return load(self._sources.address(frame.url), self._sources.hosts, LARGEST_PICTURE, stopped)
        return decoded(frame, LARGEST_PICTURE)

    def _known(self, path: Path) -> str | None:
        """The id of a file that is indexed and has not changed since."""
        state = _state(path)
        at, video = self._indexed.get(path, (None, ""))
        if at == state and self._memory.store.records(video):
            return video
        file = self._memory.store.file(path)
        if file is not None and (file.size, file.mtime_ns) == state[1:]:
            return file.video if self._is_indexed(file.video) else None
        if self._scratch.has(path):  # a copy of a video that has a name gives it no other one
            with path.open("rb") as content:
                found = self._memory.store.find_content(hashlib.file_digest(content, "sha256").hexdigest())
            if found is not None and self._is_indexed(found) and self._is_there(found):
                self._remember(path, state, found)
                return found
        return None

    def _is_indexed(self, video: str) -> bool:
        return any(r.channels and (r.complete or r.growing) for r in self._memory.store.records(video))

    def _is_there(self, video: str) -> bool:
        paths = self._memory.store.paths(video)
        return any(path.is_file() and path.stat().st_size == size for path, size, _ in paths)

    def _remember(self, path: Path, state: _State, video: str) -> None:
        self._indexed[path] = (state, video)
        while len(self._indexed) > _REMEMBERED:
            self._indexed.popitem(last=False)

    def _index(self, path: Path, stopped: Stopped) -> str:
        """Have a file indexed; gives its id. What an earlier call had done is not done again."""
        self._scratch.make_room(stopped)
        state = _state(path)
        end = index_file(self._memory, path, None, stopped)
        if end is None:
            raise VideoError(f"{path.name} is not indexed to its end: the request was given up.")
        if end.failure:
            why = end.failure.replace(str(path), path.name)  # where it lies on this machine is no client's business
            raise VideoError(why) if end.unreadable else MemoryFolderError(why)
        self._remember(path, state, end.video)
        return end.video


def _found(find: Callable[[str], Path], word: str) -> Path:
    """The file of a path, else of the same path with its percent signs decoded, as URIs have them."""
    try:
        return find(word)
    except VideoError:
        plain = unquote(word)
        if plain == word:
            raise
        return find(plain)


def _state(path: Path) -> _State:
    try:
        state = path.stat()
    except OSError as error:
        raise VideoError(f"{path.name} cannot be read ({error.strerror}): give another file.") from error
    return state.st_ino, state.st_size, state.st_mtime_ns
