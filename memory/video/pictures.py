"""Pictures that others bring: as queries (an array, an image file, a place in a video), or encoded in a few formats."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import VideoError
from ..files.regular import read_bytes
from ..memory_view import MemoryView, Picture
from ..span import MediaURI
from .frame_reader import FrameReader

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""The formats that are decoded: Pillow knows others that start programs (EPS) or read other files."""
_PIXELS = 64_000_000
_BYTES = 256_000_000


class NotAPicture(ValueError):
    """Data that claims to be a picture and is none, or is too large to be opened safely."""


def read_picture(picture: Picture, memory: MemoryView) -> np.ndarray:
    """Return the pixels: [H, W, 3] uint8 RGB, upright."""
    if isinstance(picture, MediaURI):
        return FrameReader(memory, keep=0).read([str(picture)])[0]
    if isinstance(picture, Path):
        return _read_file(picture)
    if not isinstance(picture, np.ndarray):
        raise ValueError(
            f"A query is words, or a picture (an array, a Path or a MediaURI), not {type(picture).__name__}."
        )
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ValueError(f"A picture is [H, W, 3] uint8 RGB, got {picture.shape} {picture.dtype}.")
    return picture


def decode_picture(encoded: bytes, *, most: int = _PIXELS) -> Image:
    """Return an encoded picture as RGB, upright, what is transparent on white; of an animation the first picture."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large and damaged ones
            with Image.open(io.BytesIO(encoded), formats=FORMATS) as opened:
                check_picture(opened, most)
                return to_rgb(ImageOps.exif_transpose(opened) or opened)
    except UnidentifiedImageError:
        raise NotAPicture(f"it is none of {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        raise NotAPicture(f"its pixels are too many, {most / 1e6:.0f} million at most") from None
    except NotAPicture:
        raise
    except (OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, RuntimeError, MemoryError) as e:
        # Pillow's decoders raise each of them for damaged files.
        raise NotAPicture((str(e) or type(e).__name__).splitlines()[0]) from None


def check_picture(image: Image, most: int = _PIXELS) -> None:
    """Make sure that a picture may be decoded; it need not have been yet."""
    if image.format is not None and image.format not in (*FORMATS, "MPO"):  # phones' JPEG of several pictures
        raise NotAPicture(f"it is {image.format}, none of {', '.join(FORMATS)}")
    if image.width * image.height > most:
        raise NotAPicture(f"{image.width}x{image.height} pixels are too many, {most / 1e6:.0f} million at most")


def to_rgb(image: Image) -> Image:
    """Return an RGB copy; what is transparent is white."""
    from PIL import Image as Pillow

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Pillow.new("RGBA", image.size, (255, 255, 255, 255))
        return Pillow.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _read_file(path: Path) -> np.ndarray:
    try:
        return np.asarray(decode_picture(read_bytes(path, _BYTES)))
    except FileNotFoundError:
        raise VideoError(f"There is no file {path}: check the name.") from None
    except NotAPicture as error:
        raise VideoError(f"{path} is not an image that can be read ({error}): give a JPEG or PNG.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(f"{path} is not an image that can be read ({reason}): give a JPEG or PNG.") from None
