"""Files that were watched while they were written: the identity of their beginning, and what becomes of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from av.error import FFmpegError

from ..store.database import Store
from ..store.live import LiveState, live_state, put_live_state, watched
from ..types import ENDED
from ..video.probe import open_container, video_stream


def beginning_id(path: Path) -> str:
    """Return an id of how a file begins: of its first picture as it is stored, which no writer touches again.

    The header of a file, and so its first bytes, may be written anew when the file is finished.

    Raises:
        VideoError: if there is no picture in it (yet).
    """
    digest = hashlib.sha256(b"beginning of a file that grows")
    with open_container(path) as container:
        stream = video_stream(container, path)
        try:
            packet = next(packet for packet in container.demux(stream) if packet.size)
            digest.update(f"{stream.codec_context.name} {packet.pts}".encode())
            digest.update(bytes(packet))
        except (FFmpegError, StopIteration):
            digest.update(str(path).encode())
    return digest.hexdigest()


def adopt(store: Store, path: Path, content: str) -> None:
    """Let the video that a file was, while it grew, be the one of its content from now on."""
    video = watched(store, str(path))
    live = live_state(store, video) if video is not None else None
    if video is None or live is None or not live.beginning or store.find_content(content) is not None:
        return
    if beginning_id(path) != live.beginning:
        return
    with store.transaction() as db:
        db.execute("UPDATE videos SET content_id = ?, checked = '' WHERE id = ?", (content, video))
        put_live_state(store, video, LiveState(source=live.source, state=ENDED, beginning=live.beginning))
