"""Pictures as queries: an array, an image file, or a place in a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import VideoError
from .spans import MediaURI

if TYPE_CHECKING:
    from .view import MemoryView

Picture = np.ndarray | Path | MediaURI
"""[H, W, 3] uint8 RGB, an image file, or a frame or crop of a video in the memory."""
_PIXELS = 64_000_000


def read_picture(picture: Picture, memory: MemoryView) -> np.ndarray:
    """The pixels: [H, W, 3] uint8 RGB, upright.

    Raises:
        VideoError: if the file is no image that can be read, or the URI's video is gone.
        ValueError: if an array is not [H, W, 3] uint8.
    """
    if isinstance(picture, MediaURI):
        from .pixels import Pixels

        return Pixels(memory, keep=0).read([str(picture)])[0]
    if isinstance(picture, Path):
        return _opened(picture)
    if not isinstance(picture, np.ndarray):
        raise ValueError(
            f"A query is words, or a picture (an array, a Path or a MediaURI), not {type(picture).__name__}."
        )
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ValueError(f"A picture is [H, W, 3] uint8 RGB, got {picture.shape} {picture.dtype}.")
    return picture


def _opened(path: Path) -> np.ndarray:
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            if image.width * image.height > _PIXELS:
                raise VideoError(f"{path} has {image.width}x{image.height} pixels: make it smaller.")
            upright = ImageOps.exif_transpose(image) or image
            return np.asarray(upright.convert("RGB"))
    except FileNotFoundError:
        raise VideoError(f"There is no file {path}: check the name.") from None
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises each of them for damaged files
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise VideoError(f"{path} is not an image that can be read ({reason}): give a JPEG or PNG.") from None
