"""Frames through decord, for those who need its decoder; `Video` says what it cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import CapabilityError, VideoError
from .packets import PacketIndex
from .shape import resize, scaled_size

_USE_PYAV = "Use backend='pyav'."


def check_decord(path: Path, codec: str) -> None:
    """Make sure that decord is here and can open this codec.

    Raises:
        CapabilityError: if it is not installed.
        VideoError: if the codec is AV1, which decord 0.6 cannot open.
    """
    try:
        import decord  # noqa: F401
    except ImportError:
        raise CapabilityError(
            "The decord backend needs the package decord (Linux on x86-64): pip install 'rewatch[decord]', "
            "or leave backend='pyav'."
        ) from None
    if codec == "av1":
        raise VideoError(f"{path}: decord cannot open AV1. {_USE_PYAV}")


def decord_images(
    path: Path, index: PacketIndex, positions: list[int], full: tuple[int, int], size: int | None
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield `(position, image)` for ascending display positions; images are `[H, W, 3]` uint8 RGB, upright.

    decord knows no pixel aspect: pictures are brought to `full` (width, height), the size that they have with square
    pixels. It counts time from its own zero, so frames are asked for by their place in the container's list.

    Raises:
        VideoError: if decord cannot open the file, or finds another number of frames than the container lists.
    """
    import decord

    try:
        reader = decord.VideoReader(str(path.absolute()), num_threads=1)
    except (decord.DECORDError, RuntimeError, UnicodeEncodeError):
        raise VideoError(f"{path} cannot be opened by decord. {_USE_PYAV}") from None
    if len(reader) != len(index.seconds):
        raise VideoError(
            f"{path}: decord finds {len(reader)} frames where the container lists {len(index.seconds)}. {_USE_PYAV}"
        )
    for position in positions:
        try:
            yield position, resize(reader[position].asnumpy(), scaled_size(*full, size))
        except (decord.DECORDError, RuntimeError):
            raise VideoError(f"{path}: decord cannot decode frame {position}. {_USE_PYAV}") from None
