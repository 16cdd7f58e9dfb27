"""What the parts of a message name: videos, and pictures that are the frames of one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ...memory import VideoError
from ...memory.files.names import printable

VIDEO, PICTURE = "video_url", "image_url"
MOST = 2048
"""Pictures and videos in one message."""
_JPEGS = "video/jpeg"  # vLLM's media type for frames, as JPEGs between commas
_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|subfile,")
_DATA = re.compile(r"data:([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)?((?:;[A-Za-z0-9_.+=\"-]+)*),", re.IGNORECASE)
_LEAST = 0.001  # seconds between pictures
_LATEST = 7 * 86400.0  # seconds: clips are planned up to there
_SHOWN = 100  # characters of an address in a refusal


class TooLargeError(VideoError):
    """A message brings more than is taken of it."""


@dataclass(frozen=True, slots=True)
class Named:
    """A file or an address that a part names, or what it brings itself.

    Exactly one of `path`, `url` and `data` is given.
    """

    path: str = ""
    url: str = ""
    data: str = ""
    """Base64, as it came."""
    kind: str = ""
    """Media type that stands before the data."""
    time: float | None = None
    """Of a picture: seconds of the video, where the part says so."""


Frames = tuple[Named, ...]
"""Pictures that follow each other: the frames of one video."""


def read_parts(parts: Sequence[Mapping[str, Any]]) -> list[Named | Frames]:
    """Return the videos that parts of a message name, in order; parts of other types are passed over.

    `video_url` and `image_url` hold `{"url": …}` or the text itself: a path, `file://…`, `http(s)://…` or
    `data:…;base64,…`. Pictures in a row are the frames of one video, also where text stands between them, each at the
    `time` (seconds) beside its address, else one a second. `data:video/jpeg;base64,FRAME,FRAME` is frames too.

    Raises:
        VideoError: if a part is no such thing; the text says which, and why.
        TooLargeError: if there are more than `MOST`.
    """
    named: list[Named | list[Named]] = []
    count = 0
    for number, part in enumerate(parts, 1):
        kind = part.get("type")
        if kind not in (VIDEO, PICTURE):
            continue
        at, value = f"Part {number} ({kind})", part.get(kind)
        word = value.get("url") if isinstance(value, Mapping) else value
        if not isinstance(word, str) or not word.strip():
            raise VideoError(
                f'Part {number} ({kind}) names nothing: give {{"type": "{kind}", "{kind}": {{"url": "…"}}}}.'
            )
        at = f"Part {number} ({kind})"
        one = _named(word.strip(), at)
        if kind == VIDEO and one.kind == _JPEGS:
            frames = [Named(data=data, kind="image/jpeg") for data in one.data.split(",")]
            named.append(frames)
            count += len(frames)
        elif kind == VIDEO:
            named.append(one)
            count += 1
        else:
            time = value.get("time") if isinstance(value, Mapping) else None
            one = Named(one.path, one.url, one.data, one.kind, _time(time, at))
            last = named[-1] if named else None
            if isinstance(last, list):
                last.append(one)
            else:
                named.append([one])
            count += 1
        if count > MOST:
            raise TooLargeError(f"The message holds more than {MOST} pictures and videos: send fewer.")
    return [one if isinstance(one, Named) else _in_time(one) for one in named]


def decoded(named: Named, most: int) -> bytes:
    """Return the bytes that a part brings.

    Raises:
        VideoError: if they are no base64.
        TooLargeError: if they are more than `most`.
    """
    text = "".join((unquote(named.data) if "%" in named.data else named.data).split())
    if len(text) // 4 * 3 > most + 2:
        raise TooLargeError(f"{_data_of(named)} are more than {most / 1e6:.0f} MB: send less, or name a file.")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise VideoError(f"{_data_of(named)} are no base64 ({error}): encode the file's bytes.") from None
    if not data:
        raise VideoError(f"{_data_of(named)} are empty: encode the file's bytes.")
    return data


def _data_of(named: Named) -> str:
    return f"The data of {named.kind or 'a part'}"


def _named(word: str, part: str) -> Named:
    if word[:5].lower() == "data:":
        found = _DATA.match(word)
        if found is None or not found[2].lower().endswith(";base64"):
            raise VideoError(
                f"{part}: {printable(word[:40])!r} is no data that can be read: give data:video/mp4;base64,…."
            )
        return Named(data=word[found.end() :], kind=(found[1] or "").lower())
    if word[:5].lower() == "file:":
        return Named(path=_path(word, part))
    if word[:7].lower() == "http://" or word[:8].lower() == "https://":
        return Named(url=word)
    if _PROTOCOL.match(word):
        raise VideoError(
            f"{part}: {printable(word[:_SHOWN])!r} is of a kind that is not opened: give file:///PATH, a path, "
            "http(s)://… or data:…;base64,…."
        )
    return Named(path=word)


def _path(word: str, part: str) -> str:
    """The path of a file URI, still percent-encoded: some write plain paths behind `file://`."""
    rest = word[5:]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host.lower() not in ("", "localhost") or not slash:
            raise VideoError(
                f"{part}: {printable(word[:_SHOWN])!r} names a file of another machine: give file:///PATH."
            )
        rest = f"/{path}"
    return rest


def _time(value: object, part: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise VideoError(f"{part}: its time is {str(value)[:40]!r}: give seconds, from 0 to {_LATEST:.0f}.")
    return float(value)


def _in_time(frames: Sequence[Named]) -> Frames:
    """Frames whose times go up, or which have none."""
    times = [frame.time for frame in frames if frame.time is not None]
    if times and (len(times) < len(frames) or any(b - a < _LEAST for a, b in zip(times, times[1:], strict=False))):
        raise VideoError("Of pictures in a row all have a time, each later than the one before, or none has.")
    return tuple(frames)
