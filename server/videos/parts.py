"""What the parts of a message name: videos, and pictures that are the frames of one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from ...memory import VideoError
from ...memory.files.names import printable
from .times import LATEST, LEAST, in_order, listed, stamp

VIDEO, PICTURE = "video_url", "image_url"
MOST = 2048
"""Pictures and videos in one message."""
_JPEGS = "video/jpeg"  # vLLM's media type for frames, as JPEGs between commas
_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|subfile,")
_DATA = re.compile(r"data:([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)?((?:;[A-Za-z0-9_.+=\"-]+)*),", re.IGNORECASE)
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
    """Return the videos that parts of a message name, in order.

    `video_url` and `image_url` hold `{"url": …}` or the text itself: a path, `file://…`, `http(s)://…` or
    `data:…;base64,…`. Pictures in a row are the frames of one video, also where text stands between them: each at the
    `time` (seconds) beside its address, else at that of the text before it (see `stamp`), else as the only pictures of
    a message at those that a text lists (see `listed`), else one a second. `data:video/jpeg;base64,FRAME,FRAME` is
    frames too. Parts of other types are passed over.

    Raises:
        VideoError: if a part is no such thing; the text says which, and why.
        TooLargeError: if there are more than `MOST`.
    """
    named: list[Named | _Run] = []
    texts: list[str] = []
    before = None
    for number, part in enumerate(parts, 1):
        kind = part.get("type")
        if kind not in (VIDEO, PICTURE):
            text = str(part.get("text", "")) if kind == "text" else ""
            texts.append(text)
            before = stamp(text)
            continue
        at, value = f"Part {number} ({kind})", part.get(kind)
        word = value.get("url") if isinstance(value, Mapping) else value
        if not isinstance(word, str) or not word.strip():
            raise VideoError(f'{at} names nothing: give {{"type": "{kind}", "{kind}": {{"url": "…"}}}}.')
        one = _named(word.strip(), at)
        if kind == VIDEO and one.kind == _JPEGS:
            frames = [Named(data=data, kind="image/jpeg") for data in one.data.split(",")]
            named.append(_Run(frames, [None] * len(frames)))
        elif kind == VIDEO:
            named.append(one)
        else:
            last = named[-1] if named else None
            if not isinstance(last, _Run):
                last = _Run([], [])
                named.append(last)
            time = value.get("time") if isinstance(value, Mapping) else None
            last.add(replace(one, time=_time(time, at)), before)
        before = None
        if sum(len(each.frames) if isinstance(each, _Run) else 1 for each in named) > MOST:
            raise TooLargeError(f"The message holds more than {MOST} pictures and videos: send fewer.")
    runs = [one for one in named if isinstance(one, _Run)]
    told = listed("\n".join(texts), len(runs[0].frames)) if len(runs) == 1 and len(runs[0].frames) > 1 else None
    return [one.in_time(told) if isinstance(one, _Run) else one for one in named]


@dataclass(slots=True)
class _Run:
    """Pictures in a row."""

    frames: list[Named]
    stamps: list[float | None]
    """The time that stands before each, where one does."""

    def add(self, frame: Named, before: float | None) -> None:
        self.frames.append(frame)
        self.stamps.append(before)

    def in_time(self, told: Sequence[float] | None) -> Frames:
        """The frames with their times, or without any."""
        times = [frame.time for frame in self.frames if frame.time is not None]
        if times:
            if len(times) < len(self.frames) or any(b - a < LEAST for a, b in zip(times, times[1:], strict=False)):
                raise VideoError("Of pictures in a row all have a time, each later than the one before, or none has.")
            return tuple(self.frames)
        stamps = [time for time in self.stamps if time is not None]
        found = stamps if len(stamps) == len(self.frames) else told
        ordered = in_order(found) if found is not None else None
        if ordered is None:
            return tuple(self.frames)
        return tuple(replace(frame, time=time) for frame, time in zip(self.frames, ordered, strict=True))


def is_picture(part: object) -> bool:
    """Return whether something is a part that holds a picture."""
    return isinstance(part, Mapping) and part.get("type") == PICTURE


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
        if host.lower() not in ("", "localhost"):
            raise VideoError(
                f"{part}: {printable(word[:_SHOWN])!r} names a file of another machine: give file:///PATH."
            )
        rest = f"{slash}{path}"
    if not rest:
        raise VideoError(f"{part}: {printable(word)!r} names no file: give file:///PATH.")
    return rest


def _time(value: object, part: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        raise VideoError(f"{part}: its time is {str(value)[:40]!r}: give seconds, from 0 to {LATEST:.0f}.")
    return float(value)
