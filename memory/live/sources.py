"""What can be watched: growing files, folders, streams by address, and cameras; and how each is opened."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import av
from av.error import FFmpegError

from ..errors import VideoError
from ..video.probe import open_container

if TYPE_CHECKING:
    from av.container import InputContainer

Kind = Literal["file", "folder", "stream", "camera"]

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_CAMERA = re.compile(r"(avfoundation|dshow|v4l2):(.+)", re.IGNORECASE)
# What a protocol may lead on to: never to a file, so that no playlist and no redirect reaches what lies on this disk.
_PROTOCOLS = {
    "http": "http,https,tcp,tls,crypto", "https": "http,https,tcp,tls,crypto",
    "rtsp": "rtsp,rtsps,rtp,tcp,udp,tls", "rtsps": "rtsp,rtsps,rtp,tcp,udp,tls",
    "tcp": "tcp", "udp": "udp", "rtp": "rtp,udp", "srt": "srt,udp", "rtmp": "rtmp,tcp", "rtmps": "rtmps,tcp,tls",
}  # fmt: skip
# What they may bring: kinds of media, no lists of other places but HLS playlists.
_FORMATS = "hls,mpegts,mpjpeg,mjpeg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,flv,rtsp,sdp,rtp,live_flv,aac,mp3,webvtt"
_WAIT = (15.0, 10.0)  # seconds to wait for a source to open, and for its next packet
_MOST_BOXES = 64  # boxes of an MP4 file that are looked at
_LOOK = 0.25  # seconds between two looks at a file that has not grown


def kind_of(source: str) -> Kind:
    """Return what a source is.

    Raises:
        VideoError: if nothing can be watched there.
    """
    address = _ADDRESS.match(source)
    if address is not None and not os.path.exists(source):
        if address[1].lower() not in _PROTOCOLS:
            raise VideoError(f"{source} cannot be watched: give an address of {', '.join(_PROTOCOLS)}, or a file.")
        return "stream"
    if _CAMERA.match(source) or source.startswith("/dev/video"):
        return "camera"
    if os.path.isdir(source):
        return "folder"
    if not os.path.exists(source):
        raise VideoError(f"There is no file, folder or camera {source}: check the name; of a stream give its address.")
    return "file"


def open_stream(source: str) -> InputContainer:
    """Open a stream or a camera.

    Raises:
        VideoError: if it cannot be had now.
    """
    camera = _CAMERA.match(source)
    try:
        if camera is not None or source.startswith("/dev/video"):
            form = camera[1].lower() if camera is not None else "v4l2"
            return av.open(camera[2] if camera is not None else source, format=form, timeout=_WAIT)
        protocol, separator, rest = source.partition("://")
        protocol = protocol.lower()
        source = protocol + separator + rest  # FFmpeg knows no others
        options = {"protocol_whitelist": _PROTOCOLS[protocol], "format_whitelist": _FORMATS}
        if protocol.startswith("rtsp"):
            options["rtsp_transport"] = "tcp"
        container = av.open(source, timeout=_WAIT, options=options, metadata_errors="replace")
        if container.format.name in ("mpjpeg", "mjpeg"):  # which carry no times: they count as they come
            container.close()
            container = av.open(source, timeout=_WAIT, options={**options, "use_wallclock_as_timestamps": "1"})
        return container
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(f"{plain_address(source)} cannot be opened ({reason}).") from None


def is_finished(container: InputContainer) -> bool:
    """Return whether an address leads to a finished recording: its playlist, or its header, says how long it is."""
    names = set(container.format.name.split(","))
    return container.duration is not None and bool(names & {"hls", "mp4", "matroska"})


def plain_address(source: str) -> str:
    """Return an address without a password in it."""
    return re.sub(r"(://[^/:@\s]*):[^/@\s]*@", r"\1:…@", source)


class FollowedFile:
    """A file that is being written, read to its growing end: reading waits there, until nothing has come for long.

    Args:
        path: the file.
        idle: seconds without growth after which it is held for finished.
        stopped: says that nobody wants more.
        wait: waits some seconds; returns early where nobody wants more.
    """

    def __init__(
        self, path: Path, idle: float, stopped: Callable[[], bool], wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._file = path.open("rb")
        self._idle = idle
        self._stopped = stopped
        self._wait = wait
        self.name = str(path)
        self.grew = False
        """Whether something was waited for, and came: what is read from then on is new."""
        self.finished = False
        """Whether it has not grown for `idle` seconds."""

    def read(self, size: int) -> bytes:
        """Return the next bytes; none once the file is finished, or nobody wants more."""
        waited = 0.0
        while not self._stopped():
            found = self._file.read(size)
            if found:
                self.grew = self.grew or waited > 0
                return found
            if waited >= self._idle:
                self.finished = True
                break
            self._wait(_LOOK)
            waited += _LOOK
        return b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_followed(file: FollowedFile, path: Path) -> InputContainer:
    """Open a file that is being written.

    Raises:
        VideoError: if it cannot be read before it is finished (a plain MP4 file), or is no video.
    """
    with path.open("rb") as head:
        first = head.read(1 << 16)
    kinds = _boxes(path) if first[4:8] == b"ftyp" else []
    if kinds and not _fragmented(kinds):
        if b"moov" in kinds:
            raise VideoError(f"{path} is an MP4 file that is finished, and nothing to watch: rewatch index {path}")
        raise VideoError(
            f"{path} is an MP4 file without an index yet (no moov), which can be read only once it is finished: record "
            "as MKV, MPEG-TS or fragmented MP4, or index it then."
        )
    open_container(path).close()  # refuses what is no video, or may not be opened
    container: InputContainer = av.open(file, "r", metadata_errors="replace", options={"protocol_whitelist": ""})
    return container


def _boxes(path: Path) -> list[bytes]:
    """Return the kinds of the boxes that an MP4 file is made of, as far as they are whole."""
    size, at, kinds = path.stat().st_size, 0, list[bytes]()
    with path.open("rb") as file:
        while at + 8 <= size and len(kinds) < _MOST_BOXES:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            length = int.from_bytes(head[8:16], "big") if length == 1 else length
            kinds.append(head[4:8])
            if length < 8:
                break
            at += length
    return kinds


def _fragmented(kinds: Sequence[bytes]) -> bool:
    """Return whether the boxes of an MP4 file begin with its index, so that it can be read as it is written."""
    return next((kind == b"moov" for kind in kinds if kind in (b"moov", b"mdat", b"moof")), False)
