"""Download a video or a picture from the web in a process of its own, which can connect only to where it may.

The process refuses every connection to another address than allowed, at the moment that it is made: a name that
resolves to something else the second time, a redirect or a page that leads to a private address gain nothing. It
starts no program. Pages of video sites are read with yt-dlp, where that is installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import ipaddress
import re
import shutil
import socket
import string
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ..errors import CapabilityError, MemoryFolderError, VideoError
from ..processes.child_process import Child, connection_to_parent
from ..sanitize import one_line
from .names import printable
from .video_files import looks_like_video

LARGEST = 4 << 30
"""Bytes of a video that is downloaded."""
PUBLIC = "public"
"""Among the hosts: every address that the whole internet can reach."""
_SPARE = 1 << 30  # bytes of the disk that stay free
_PIECE = 1 << 18
_HEAD = 189
_WHOLE = "whole"  # name of a file that is downloaded to its end
_PATIENCE = 20.0  # seconds for a server to say something
_SILENCE = 120.0  # seconds after which a download that says nothing is given up
_FORMAT = "b[protocol^=http][height<=720]/b[protocol^=http]/w[protocol^=http]"
_PROGRAMS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "os.forkpty", "pty.spawn")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class WebVideo:
    """What lies at an address, before it is downloaded."""

    url: str
    name: str
    """A name for its file, made of letters that no file system and no reader minds."""
    kind: str
    """Media type (`video/mp4`), or the site that the page belongs to."""
    size: int | None
    """Bytes; None where the server does not say."""
    page: bool = False
    """Whether the address is that of a page, which yt-dlp reads."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the process is to do: look at an address, or with a `target` download what lies there.

    Its folder is for this download alone: parts lie in it too, which whoever began the process removes.
    """

    url: str
    hosts: tuple[str, ...]
    target: str | None = None
    page: bool = False
    most: int = 0
    """Where no 0: load at most so many bytes, and hand them over."""


def look(url: str, hosts: tuple[str, ...], stopped: Callable[[], bool] = lambda: False) -> WebVideo:
    """Return what lies at an address; nothing but its first bytes is loaded.

    Args:
        url: `http` or `https`.
        hosts: where connections may lead: `HOST`, `HOST:PORT`, or `public`.
        stopped: is asked meanwhile whether to give up.

    Raises:
        VideoError: if it cannot be reached, is no video, or was stopped.
        CapabilityError: if it is a page, and yt-dlp is not installed.
    """
    answer = _run(Request(url, hosts), lambda done: None, stopped)
    assert isinstance(answer, WebVideo)
    return answer


def load(url: str, hosts: tuple[str, ...], most: int, stopped: Callable[[], bool] = lambda: False) -> bytes:
    """Return what lies at an address, such as a picture; the other arguments are those of `look`.

    Args:
        url: `http` or `https`.
        hosts: where connections may lead.
        most: bytes that are loaded.
        stopped: is asked meanwhile whether to give up.

    Raises:
        VideoError: if it cannot be loaded, is larger, or was stopped.
    """
    answer = _run(Request(url, hosts, most=most), lambda done: None, stopped)
    assert isinstance(answer, bytes)
    return answer


def fetch(
    video: WebVideo,
    target: Path,
    hosts: tuple[str, ...],
    progress: Callable[[int], None],
    stopped: Callable[[], bool],
) -> None:
    """Download a video into a file.

    Args:
        video: as `look` found it.
        target: the file; it is there only when it is whole.
        hosts: as for `look`.
        progress: is told the bytes so far, about once a second.
        stopped: is asked meanwhile whether to give up.

    Raises:
        VideoError: if it cannot be loaded, is too large, is no video, or was stopped.
        MemoryFolderError: if the folder of the target cannot be written.
    """
    free = _free(target.parent)
    wanted = LARGEST if video.size is None else video.size
    if (video.size or 0) > LARGEST or free < min(wanted, LARGEST):
        raise VideoError(
            f"{video.name} has {wanted / 1e6:.0f} MB, and at most {min(LARGEST, max(free, 0)) / 1e6:.0f} MB are "
            "taken: download it yourself, and add the file."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as folder:  # the process may be killed
            whole = Path(folder, _WHOLE)
            _run(Request(video.url, hosts, str(whole), video.page), progress, stopped)
            whole.replace(target)
    except OSError as error:
        raise MemoryFolderError(f"{target.parent} cannot be written ({error.strerror}): check its rights.") from error


def _run(request: Request, progress: Callable[[int], None], stopped: Callable[[], bool]) -> WebVideo | bytes | None:
    child = Child(__name__)
    heard = time.monotonic()
    try:
        child.send(request)
        while True:
            if not child.connection.poll(0.5):
                if stopped():
                    raise VideoError("The download was stopped: add it again.")
                if time.monotonic() - heard > _SILENCE:
                    raise VideoError(f"{request.url} says nothing for {_SILENCE:.0f} s: try again later.")
                continue
            heard = time.monotonic()
            answer = child.connection.recv()
            if isinstance(answer, Exception):
                raise answer
            if not isinstance(answer, int):
                return answer if isinstance(answer, WebVideo | bytes) else None
            progress(answer)
    except (EOFError, ConnectionError):
        raise VideoError(f"{request.url} could not be loaded: {child.exit_reason()}. Try again later.") from None
    finally:
        child.kill()


def main() -> None:
    """Run the process: one request in, what came of it out; the bytes so far meanwhile."""
    connection = connection_to_parent()
    request: Request = connection.recv()
    sys.modules["curl_cffi"] = None  # type: ignore[assignment]  # its connections are not Python's to refuse
    try:
        guard_connections(request.hosts)
        loaded = _Told(connection.send)
        if request.most:
            connection.send(_load(request.url, request.most, loaded))
        elif request.target is None:
            connection.send(_look(request.url))
        else:
            _download(request, Path(request.target), loaded)
            connection.send(None)
    except (VideoError, CapabilityError) as error:
        connection.send(error)
    except (OSError, HTTPException, UnicodeError) as error:  # a host's name may be none that DNS can hold
        why = one_line(_reason(error), 200)
        connection.send(VideoError(f"{request.url} could not be loaded ({why}): check it."))


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error  # urllib wraps the one that says it
    if isinstance(inner, HTTPException):
        return f"what answers there speaks no HTTP: {type(inner).__name__}"
    return str(getattr(inner, "strerror", None) or inner)


def guard_connections(hosts: tuple[str, ...]) -> None:
    """Refuse from now on, for as long as this process lives, other connections than to these hosts, and programs."""
    named: set[tuple[str, int | None]] = set()
    for host in hosts:
        if host != PUBLIC:
            parts = urlsplit(f"//{host}")
            with suppress(OSError, UnicodeError):  # one that has no address now leads nowhere, and bars no other
                for found in socket.getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM):
                    named.add((str(found[4][0]), parts.port))
    public = PUBLIC in hosts

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _PROGRAMS:
            raise PermissionError(1, "no program may be started here")
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            address = arguments[1]
            place = address[:2] if isinstance(address, tuple) and len(address) > 1 else (str(address), None)
            if not ({place, (place[0], None)} & named or (public and is_public(str(place[0])))):
                raise PermissionError(13, f"{place[0]} is not an address that was allowed")

    sys.addaudithook(hook)


def is_public(text: str) -> bool:
    """Return whether an IP address is one that the whole internet can reach; a name is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if address.sixtofour is not None or address.teredo is not None or address in _NAT64:
            return False  # they hold an IPv4 address, which may be any
    return address.is_global and not address.is_multicast


class _Told:
    """Passes on how many bytes are there, once a second."""

    def __init__(self, send: Callable[[int], None]) -> None:
        self._send, self._last = send, 0.0

    def __call__(self, size: int) -> None:
        if time.monotonic() - self._last > 1.0:
            self._last = time.monotonic()
            self._send(size)


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    """The answer of a server; only http and https are spoken, by no proxy."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        *(urllib.request.HTTPHandler, urllib.request.HTTPSHandler, urllib.request.HTTPRedirectHandler),
        *(urllib.request.HTTPErrorProcessor, urllib.request.HTTPDefaultErrorHandler, urllib.request.UnknownHandler),
    ):
        opener.add_handler(handler())
    request = urllib.request.Request(_ascii(url), headers={"User-Agent": "rewatch", "Accept-Encoding": "identity"})
    with opener.open(request, timeout=_PATIENCE) as response:
        yield response


def _ascii(url: str) -> str:
    """An address with its letters beyond ASCII encoded, as browsers send what a person types."""
    parts = urlsplit(url)
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    return quote(urlunsplit(parts._replace(netloc=host)), safe=string.punctuation)


def _look(url: str) -> WebVideo:
    with _opened(url) as response:
        head = response.read(_HEAD)
        kind = response.headers.get_content_type()
        length = response.headers.get("Content-Length", "")
    if looks_like_video(head):
        last = unquote(urlsplit(response.url).path).rpartition("/")[2]
        return WebVideo(url, _name(last, url), kind, int(length) if length.isdecimal() else None)
    if kind not in ("text/html", "application/xhtml+xml"):
        raise VideoError(f"{url} is no video ({printable(kind)}): give the address of a file or a page with one.")
    if importlib.util.find_spec("yt_dlp") is None:
        raise CapabilityError(f"{url} is a page: the video in it takes yt-dlp: pip install 'rewatch[url]'.")
    found = _with_yt_dlp(url, None, None)
    size = found.get("filesize") or found.get("filesize_approx")
    name = _name(f"{found.get('title') or 'video'}.{found.get('ext') or 'mp4'}", url)
    site = printable(str(found.get("extractor_key") or "page"))[:40]
    return WebVideo(url, name, f"{found.get('ext') or 'video'} by {site}", int(size) if size else None, page=True)


def _load(url: str, most: int, loaded: Callable[[int], None]) -> bytes:
    pieces: list[bytes] = []
    with _opened(url) as response:
        while piece := response.read(_PIECE):
            pieces.append(piece)
            size = sum(map(len, pieces))
            if size > most:
                raise VideoError(f"{url} is larger than {most / 1e6:.0f} MB, more than is taken of it: give another.")
            loaded(size)
        length = response.headers.get("Content-Length", "")
    if length.isdecimal() and sum(map(len, pieces)) != int(length):
        raise VideoError(f"{url} broke off after {sum(map(len, pieces))} of {length} bytes: try again.")
    return b"".join(pieces)


def _download(request: Request, target: Path, loaded: Callable[[int], None]) -> None:
    if request.page:
        downloads = _with_yt_dlp(request.url, target.parent, loaded).get("requested_downloads") or [{}]
        part = Path(downloads[0].get("filepath") or target.with_name("nothing"))
    else:
        part = target.with_name("video")
        with _opened(request.url) as response, part.open("xb") as file:
            while piece := response.read(_PIECE):
                file.write(piece)
                _require_room(file.tell(), part.parent)
                loaded(file.tell())
            length = response.headers.get("Content-Length", "")
            if length.isdecimal() and file.tell() != int(length):
                raise VideoError(f"{request.url} broke off after {file.tell()} of {length} bytes: add it again.")
    with part.open("rb") as file:
        if not looks_like_video(file.read(_HEAD)):
            raise VideoError(f"{request.url} is no video, by its first bytes: give another address.")
    part.replace(target)


def _require_room(size: int, folder: Path) -> None:
    if size > LARGEST or _free(folder) < 0:
        raise VideoError(f"It is larger than {size / 1e6:.0f} MB, more than is taken: download it yourself.")


def _with_yt_dlp(url: str, folder: Path | None, loaded: Callable[[int], None] | None) -> dict[str, Any]:
    """What a page holds, and with a folder its download into that: one file of pictures and sound, over HTTP."""
    import yt_dlp

    def hook(state: dict[str, Any]) -> None:
        size = int(state.get("downloaded_bytes") or 0)
        if folder is not None and loaded is not None:
            _require_room(size, folder)
            loaded(size)

    options: dict[str, Any] = {
        "format": _FORMAT, "noplaylist": True, "quiet": True, "no_warnings": True, "noprogress": True, "proxy": "",
        "cachedir": False, "max_filesize": LARGEST, "socket_timeout": _PATIENCE, "fixup": "never", "retries": 2,
        "logger": _Silent(), "progress_hooks": [hook], "nopart": True, "updatetime": False, "hls_prefer_native": True,
        "outtmpl": {"default": "video.%(ext)s"}, "paths": {"home": str(folder or "")}, "js_runtimes": {},
    }  # fmt: skip
    try:
        with yt_dlp.YoutubeDL(options) as loader:
            found = loader.extract_info(url, download=folder is not None)
    except yt_dlp.utils.YoutubeDLError as error:
        raise VideoError(f"{url} could not be read: {printable(_plain(str(error)))[:300]}. Try another.") from None
    if not isinstance(found, dict) or found.get("entries") is not None:
        raise VideoError(f"{url} holds no video, or a list of them: give the page of one.")
    return found


class _Silent:
    """Swallows what yt-dlp would print."""

    def debug(self, text: str) -> None:
        """Nothing."""

    info = warning = error = debug


def _plain(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).removeprefix("ERROR: ")
    return " ".join(text.partition("; please report")[0].split()).rstrip(".")


def _name(text: str, url: str) -> str:
    """A file's name of letters, digits, dots and hyphens, that no other address has."""
    stem, dot, ending = text.rpartition(".")
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem if dot else ending).strip(".-_")[:60] or "video"
    ending = re.sub(r"[^A-Za-z0-9]", "", ending)[:5] if dot else ""
    return f"{stem}-{hashlib.sha256(url.encode()).hexdigest()[:6]}.{ending.lower() or 'mp4'}"


def _free(folder: Path) -> int:
    """Bytes of the disk that may be filled."""
    place = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(place).free - _SPARE
