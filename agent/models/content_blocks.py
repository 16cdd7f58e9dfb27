"""The content of a message as text and picture blocks in reading order, for every policy that sees."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.messages import BaseMessage, ToolMessage

from ...memory import FrameReader, MediaURI, VideoError
from ...memory.video.pictures import NotAPicture, check_picture, decode_picture

if TYPE_CHECKING:
    from PIL.Image import Image

Block = dict[str, Any]
"""`{"type": "text", "text": ...}` or a picture that `picture` reads."""


def blocks(message: BaseMessage) -> list[Block]:
    """The message as text and picture blocks: the text first, then each picture of a tool after its time as text.

    A tool's pictures are `{"type": "image", "url": "<media URI>"}`, or a data URI where it made them. Blocks that a
    caller put into the message are passed on as they are; bare strings among them become text blocks.
    """
    content = message.content
    parts: Sequence[str | dict[str, Any]] = [content] if isinstance(content, str) else content
    shown = [{"type": "text", "text": part} if isinstance(part, str) else dict(part) for part in parts if part]
    if isinstance(message, ToolMessage):
        for uri in (message.artifact or {}).get("pictures", ()):
            stamp = moment(uri)
            shown += [{"type": "text", "text": stamp}] if stamp else []
            shown.append({"type": "image", "url": uri})
    return shown


def moment(uri: str) -> str:
    """The time of a picture as models read it: `<12.5 seconds>`; the middle of a span; none of one a tool made."""
    if uri.startswith("data:"):
        return ""
    span = MediaURI.parse(uri).span
    return time_text(span.middle if span else 0.0)


def time_text(seconds: float) -> str:
    """A time as models read it: `<12.0 seconds>`, to the millisecond where there are any."""
    digits = f"{seconds:.3f}".rstrip("0")
    return f"<{digits + '0' if digits.endswith('.') else digits} seconds>"


def is_picture(block: Block) -> bool:
    """Return whether `picture` is to read the block."""
    return block.get("type") in ("image", "image_url")


def picture(block: Block, pixels: FrameReader | None) -> Image:
    """The picture of one block, RGB.

    Raises:
        VideoError: if the block holds no picture that can be read here. Addresses on the network and file names are
            not followed: what a message says must not make this process open them.
    """
    return pictures([block], pixels)[0]


def pictures(shown: Sequence[Block], pixels: FrameReader | None) -> list[Image]:
    """The pictures of picture blocks, in their order; those of one video are decoded in one go.

    Raises:
        VideoError: as `picture`.
    """
    from PIL import Image

    uris = [_address(block) for block in shown if _is_place(block)]
    if uris and pixels is None:
        raise VideoError(f"{uris[0]} cannot be shown: this call has no memory to read pictures from.")
    read = iter(pixels.read(uris) if pixels else ())
    return [Image.fromarray(next(read)) if _is_place(block) else _inline_picture(block) for block in shown]


def _is_place(block: Block) -> bool:
    return _address(block).startswith("video:")


def _address(block: Block) -> str:
    """The URL of a block, wherever it has it; empty without one."""
    url = block.get("url") or block.get("image_url") or ""
    if isinstance(url, dict):
        url = url.get("url") or ""
    return str(url)


def _inline_picture(block: Block) -> Image:
    """A picture that is in the block itself."""
    from PIL import Image

    held = block.get("image")
    if isinstance(held, np.ndarray):
        return Image.fromarray(np.ascontiguousarray(held)).convert("RGB")
    if isinstance(held, Image.Image):
        try:
            check_picture(held)
        except NotAPicture as error:
            raise VideoError(f"A picture block cannot be read ({error}); give JPEG or PNG.") from None
        return held.convert("RGB")
    url = _address(block)
    encoded = block.get("base64") or (url.partition(",")[2] if url.startswith("data:") else "")
    if not encoded:
        kind = url.partition(":")[0][:20] or "nothing"
        raise VideoError(f"A picture block holds {kind}; give an array, a PIL image, base64 data or a media URI.")
    try:
        return decode_picture(base64.b64decode(encoded))
    except NotAPicture as error:
        raise VideoError(f"A picture block cannot be read ({error}); give JPEG or PNG as base64.") from error
    except (binascii.Error, ValueError) as error:
        raise VideoError("A picture block holds data that is no picture; give JPEG or PNG as base64.") from error


def data_url(image: Image, *, size: int | None = None, quality: int = 85) -> str:
    """The picture as a JPEG data URL; its longest side is at most `size` pixels."""
    if size is not None and max(image.size) > size:
        image = image.copy()
        image.thumbnail((size, size))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
