"""The videos of requests: from the parts of a message to videos of the memory, each indexed once."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ...memory import ClipMemory, MemoryFolderError, VideoError, VideoRecord
from ...memory.background import index_file
from ...memory.files.sources import Sources
from .bringing import Bringing, found
from .once import Once, Stopped
from .parts import Frames, Named, read_parts
from .scratch import KEPT, Held, Scratch

_READERS = 4  # threads that decode and copy, and as many that wait for the web or for room
_REMEMBERED = 4096  # files that are known to be indexed, without asking
_PAUSE = 0.1  # seconds
_REPLACED = "The memory was removed or replaced since the server began: start the server again."
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
        # What others brought lies in the memory's folder.
        self._sources = replace(sources, leave_out=(Path(os.path.realpath(memory.folder)),))
        self._scratch = Scratch(memory, kept)
        self._bringing = Bringing(self._sources, self._scratch)
        self._once = Once()
        self._reading = ThreadPoolExecutor(_READERS, thread_name_prefix="videos")
        self._loading = ThreadPoolExecutor(_READERS, thread_name_prefix="downloads")  # others need not wait for the web
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="indexing")  # a memory has one writer
        self._indexed: OrderedDict[Path, tuple[_State, str]] = OrderedDict()

    async def close(self) -> None:
        """End what is being done; what was indexed so far is kept."""
        self._once.close()
        for executor in (self._reading, self._loading, self._writing):
            await asyncio.to_thread(executor.shutdown)

    @asynccontextmanager
    async def use(self, parts: Sequence[Mapping[str, Any]]) -> AsyncIterator[list[str]]:
        """Hold the videos that parts of a message name, indexed; gives their ids in the memory, each once, in order.

        Nothing removes them before the end of the block. No parts that name any: no ids.

        Args:
            parts: as OpenAI's messages have them; see `read_parts`.

        Raises:
            VideoError: if one is not allowed, is no video or cannot be read; the text says which, and why.
            TooLargeError: if a part, or their number, is too large.
            MemoryFolderError: if the memory cannot be written, there is no room, or this was closed.
            CapabilityError: if a page of the web is named and yt-dlp is not installed.
        """
        named = read_parts(parts)
        with ExitStack() as held:
            ids = [await self._video(one, held) for one in named]
            yield list(dict.fromkeys(ids))

    def own(self) -> list[str] | None:
        """Return the ids of the videos of the memory that no request brought; None where that is all of them.

        A request that names no video is about these: what others sent is not for it.
        """
        records = self._memory.videos()
        brought = {
            record.id for record in records if self._scratch.has(Path(record.path)) and not self._has_own_file(record)
        }
        return [record.id for record in records if record.id not in brought] if brought else None

    def _has_own_file(self, record: VideoRecord) -> bool:
        """Whether a video also lies, or once lay, where a person put it."""
        return any(not self._scratch.has(path) for path, *_ in self._memory.store.paths(record.id))

    async def _video(self, named: Named | Frames, held: ExitStack) -> str:
        if isinstance(named, Named) and named.path:
            path = await self._read(("path", named.path), lambda stopped: found(self._sources.file, named.path))
        else:
            file = await self._brought(named)
            held.callback(file.close)
            path = file.path
            if self._scratch.grown:
                await self._once.run("room", self._scratch.make_room, self._loading)
        known = await self._read(("known", path), lambda stopped: self._known(path))
        if known is not None:
            return known
        return await self._once.run(("index", path), lambda stopped: self._index(path, stopped), self._writing)

    async def _brought(self, named: Named | Frames) -> Held:
        """What a message brings, or an address leads to, as a file of the scratch folder."""
        while True:
            if not isinstance(named, Named):
                executor = self._loading if any(frame.url for frame in named) else self._reading
                name = await self._once.run(object(), lambda stopped: self._bringing.frames(named, stopped), executor)
            elif named.url:
                self._sources.address(named.url)
                name = await self._once.run(
                    ("load", named.url), lambda stopped: self._bringing.download(named.url, stopped), self._loading
                )
            else:
                name = await self._read(object(), lambda stopped: self._bringing.upload(named))
            held = self._scratch.hold(name)
            if held is not None:
                return held
            await asyncio.sleep(_PAUSE)  # it is being removed, to make room

    async def _read(self, key: Hashable, work: Callable[[Stopped], T]) -> T:
        return await self._once.run(key, work, self._reading)

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
                same = self._memory.store.find_content(hashlib.file_digest(content, "sha256").hexdigest())
            if same is not None and self._is_indexed(same) and self._is_there(same):
                self._remember(path, state, same)
                return same
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
        state = _state(path)
        end = index_file(self._memory, path, None, stopped)
        if end is None:
            raise MemoryFolderError(f"{path.name} is not indexed to its end, as the server is ending: send it again.")
        if end.failure:
            why = end.failure.replace(str(path), path.name)  # where it lies on this machine is no client's business
            raise VideoError(why) if end.unreadable else MemoryFolderError(why)
        if not self._memory.store.records(end.video):  # it was written, and not into the database that is open here
            raise MemoryFolderError(_REPLACED)
        self._remember(path, state, end.video)
        return end.video


def _state(path: Path) -> _State:
    try:
        state = path.stat()
    except OSError as error:
        raise VideoError(f"{path.name} cannot be read ({error.strerror}): give another file.") from error
    return state.st_ino, state.st_size, state.st_mtime_ns
