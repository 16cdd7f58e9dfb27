"""Turn what tools of others return into an observation: content blocks, pictures, artifacts."""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from ...memory.video.pictures import NotAPicture, check_picture, decode_picture, to_rgb
from ..bounded import MOST_CHARACTERS, Room, bounded, cut
from ..observation import Observation

MOST_PICTURES = 4
"""Pictures of one observation; a tool may return many, and each costs a policy hundreds of tokens."""
SIZE = 768
"""Longest side in pixels of a picture that a tool made."""
_BYTES = 24_000_000  # of one encoded picture
_PIXELS = 40_000_000  # of one decoded picture
_MANY = 20_000  # media URIs, lines or blocks of one observation
_SHOWN = 64  # pictures that an observation of a tool's own making names
_ALL_PICTURES = 40_000_000  # characters of the pictures of one observation, where a tool has written them out
_LINE = 1000  # characters of a media URI


def as_picture(image: Any, *, size: int = SIZE) -> str:
    """A picture that a tool made (drawn on, plotted, stitched), for `Observation.pictures`.

    Frames and crops of a video are better named by their media URI, which can be cited; this is for the others.

    Args:
        image: [H, W, 3] or [H, W] uint8 array (RGB), a PIL image, or the bytes of a JPEG, PNG or WebP.
        size: longest side in pixels; larger ones are made smaller.

    Returns:
        A `data:image/jpeg;base64,` URI.

    Raises:
        NotAPicture: if it is none of these, or too large to be opened safely.
    """
    from PIL import Image

    try:
        if isinstance(image, (bytes, bytearray)):
            small = decode_picture(bytes(image), most=_PIXELS)
        elif isinstance(image, np.ndarray) and image.dtype == np.uint8:
            small = to_rgb(Image.fromarray(np.ascontiguousarray(image)))
        elif isinstance(image, Image.Image):
            check_picture(image, _PIXELS)
            small = to_rgb(image)
        else:
            raise NotAPicture(f"{type(image).__name__} is no picture")
        if small.width * small.height > _PIXELS:
            raise NotAPicture(f"{small.width}x{small.height} pixels are too many")
    except (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError) as error:
        raise error if isinstance(error, NotAPicture) else NotAPicture("not a picture that can be read") from None
    small.thumbnail((size, size))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def called_with(item: BaseTool, arguments: dict[str, Any]) -> Any:
    """Return the input to invoke a foreign tool with: only a whole tool call makes it hand over its artifact."""
    if getattr(item, "response_format", "content") != "content_and_artifact":
        return arguments
    return {"type": "tool_call", "name": item.name, "args": arguments, "id": "call"}


def observation_of(content: Any, artifact: Any = None, *, error: bool = False) -> Observation:
    """Make an observation of a tool's result (a string, content blocks, anything JSON can hold) and its artifact.

    Blocks of text become the text, pictures that are in a block become pictures. What a block only points to (an
    address, a file) is named and not opened: nothing that a tool returned makes this process fetch it.
    """
    if isinstance(content, ToolMessage):
        return observation_of(content.content, content.artifact, error=content.status == "error")
    if isinstance(content, Observation):
        return _bounded(content)
    if _is_picture(content):
        return Observation(text="[1 picture]", pictures=(as_picture(content),), data=_mapping(artifact), error=error)
    data = _mapping(artifact)
    if isinstance(content, str):
        return Observation(text=cut(content) or "(nothing)", data=data, error=error)
    if _is_blocks(content):
        return _of_blocks(content, data, error)
    value = bounded(content)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return Observation(text=text, data=data or _mapping(value), error=error)


def _is_picture(content: Any) -> bool:
    """Return whether a result is a picture, not an array of figures."""
    if not isinstance(content, np.ndarray):
        return type(content).__module__.startswith("PIL.") and hasattr(content, "getbands")
    return content.dtype == np.uint8 and content.ndim == 3 and content.shape[2] in (3, 4) and min(content.shape[:2]) > 7


def _is_blocks(content: Any) -> bool:
    if not isinstance(content, (list, tuple)) or not content:
        return False
    return all(isinstance(b, str) or (isinstance(b, Mapping) and isinstance(b.get("type"), str)) for b in content)


def _bounded(observation: Observation) -> Observation:
    """Cut an observation that a tool made itself, and may have filled with anything."""
    room, all_pictures = Room(), Room(_ALL_PICTURES)
    lines = []
    for one in observation.lines[:_MANY]:
        if room.characters:
            lines.append(replace(one, text=room.text(str(one.text)), quote=room.text(str(one.quote))))
    pictures = [str(uri) for uri in (observation.pictures or ())[:_SHOWN] if len(str(uri)) < _BYTES * 4 // 3]
    return replace(
        observation,
        text=cut(str(observation.text)),
        uris=tuple(str(uri) for uri in (observation.uris or ())[:_MANY] if len(str(uri)) < _LINE),
        pictures=tuple(uri for uri in pictures if all_pictures.text(uri) == uri),
        data=_mapping(observation.data),
        lines=tuple(lines),
    )


def _mapping(value: Any) -> dict[str, Any]:
    """Return `value` as plain data that survives a trip through JSON; objects of the tool's own become their text."""
    plain = {} if value is None else bounded(value)
    return plain if isinstance(plain, dict) else {"result": plain}


def _of_blocks(content: Sequence[Any], data: dict[str, Any], error: bool) -> Observation:
    lines: list[str] = []
    pictures: list[str] = []
    dropped = 0
    room = MOST_CHARACTERS
    for block in content[:_MANY]:
        encoded = None if isinstance(block, str) else _picture_bytes(block)
        if encoded is None:
            text = cut(block if isinstance(block, str) else _text_of(block), room) if room else ""
            lines.append(text)
            room = max(0, room - len(text))
        elif len(pictures) == MOST_PICTURES:
            dropped += 1
        else:
            try:
                pictures.append(as_picture(encoded))
            except NotAPicture as problem:
                lines.append(f"[a picture was left out: {problem}]")
    if len(content) > _MANY:
        lines.append(f"[{len(content) - _MANY} more blocks were left out]")
    if dropped:
        lines.append(f"[{dropped} more pictures were left out]")
    if pictures:
        lines.append(f"[{len(pictures)} picture{'s' if len(pictures) > 1 else ''}]")
    text = "\n".join(line for line in lines if line) or "(nothing)"
    return Observation(text=text, pictures=tuple(pictures), data=data, error=error)


def _picture_bytes(block: Mapping[str, Any]) -> bytes | None:
    """The encoded picture that a block holds, in any of the forms in use; None if it holds none."""
    if block["type"] not in ("image", "image_url"):
        return None
    source = block.get("source")
    holder = source if isinstance(source, Mapping) else block
    url = _address(block)
    encoded = holder.get("base64") or holder.get("data") or (url.partition(",")[2] if url.startswith("data:") else "")
    if not isinstance(encoded, str) or not encoded:
        return None
    if len(encoded) > _BYTES * 4 // 3:
        return b""
    try:
        return base64.b64decode(encoded, validate=False)
    except (binascii.Error, ValueError):
        return b""


def _address(block: Mapping[str, Any]) -> str:
    url = block.get("url") or block.get("image_url") or block.get("uri") or ""
    if isinstance(url, Mapping):
        url = url.get("url") or ""
    return str(url)


def _text_of(block: Mapping[str, Any]) -> str:
    if isinstance(block.get("text"), str):
        return str(block["text"])
    resource = block.get("resource")
    if isinstance(resource, Mapping) and isinstance(resource.get("text"), str):
        return str(resource["text"])
    if block["type"] == "json" or "json" in block:
        return json.dumps(bounded(block.get("json", block)), ensure_ascii=False, default=str)
    address = _address(resource if isinstance(resource, Mapping) else block)
    where = f" at {address[:200]}, not opened" if address and not address.startswith("data:") else ""
    return f"[{block['type']}{where}]"
