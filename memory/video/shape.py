"""Bring pictures into shape: another size, upright, and stretched where their pixels are not square.

Size, rotation and pixel aspect belong to each picture, not to a file: streams that were joined change them midway.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    import av
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_NEARLY = 0.01  # pixels that are this nearly square are shown as they are: containers round
_ODDEST = 8  # A pixel aspect beyond this, or its inverse, is a damaged header
_LONGEST = 16_384
"""Pixels of the longest side to which a picture is stretched; beyond it the other side is made smaller."""


def scaled_size(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Return width and height in proportion, at least 1 and at most `longest` pixels, never larger than they are."""
    side = max(width, height)
    if longest is None or longest >= side:
        return width, height
    return max(1, round(width * longest / side)), max(1, round(height * longest / side))


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return `image` `[H, W, ...]` with another `(width, height)`: averaged where it shrinks, bicubic where it grows.

    The same array comes back where it has that size already.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    import cv2

    smaller = size[0] * size[1] < width * height
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))


def shrink(image: np.ndarray, longest: int | None) -> np.ndarray:
    """Return `image` `[H, W, ...]` with its longest side at most `longest` pixels; itself where it is no longer."""
    if longest is not None and longest < 1:
        raise ValueError(f"size must be at least 1 pixel, got {longest}.")
    return resize(image, scaled_size(image.shape[1], image.shape[0], longest))


@dataclass(frozen=True, slots=True)
class Orientation:
    """The turn that brings stored pictures upright: transposed first, then mirrored."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Orientation | None:
        """Read the display matrix that travels with a frame, to the nearest quarter turn; None without one."""
        matrix = frame.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return None
        a, b, _, c, d = np.frombuffer(bytes(cast(Any, matrix))[:20], dtype=np.int32).tolist()
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    @property
    def degrees(self) -> int:
        """Clockwise rotation in degrees (a mirrored picture counts by its rotation alone)."""
        if self.transpose:
            return 90 if self.flip_x else 270
        return 180 if self.flip_y else 0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """`image` `[H, W, 3]` brought upright, contiguous."""
        if self.transpose:
            image = image.transpose(1, 0, 2)
        if self.flip_x:
            image = image[:, ::-1]
        if self.flip_y:
            image = image[::-1]
        return np.ascontiguousarray(image)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A picture as the decoder gave it, and how it is to be shown."""

    frame: av.VideoFrame
    orientation: Orientation
    aspect: Fraction
    """Width of a stored pixel by its height."""

    @property
    def pts(self) -> int | None:
        """Presentation time in ticks of the stream."""
        return self.frame.pts

    @property
    def full(self) -> tuple[int, int]:
        """Width and height in square pixels, upright."""
        width, height = self._square
        return (height, width) if self.orientation.transpose else (width, height)

    @property
    def _square(self) -> tuple[int, int]:
        """Width and height in square pixels as the picture is stored: no stored pixel is thrown away."""
        width, height, aspect = self.frame.width, self.frame.height, self.aspect
        if aspect == 1:
            return width, height
        wide = aspect > 1
        longer = round(width * aspect) if wide else round(height / aspect)
        if longer > _LONGEST:
            return (width, max(1, round(height / aspect))) if wide else (max(1, round(width * aspect)), height)
        return (longer, height) if wide else (width, longer)

    def image(self, size: int | None) -> np.ndarray:
        """`[H, W, 3]` uint8 RGB, upright, with square pixels, its longest side at most `size` pixels.

        At full size, with square pixels, they are those of `frame.to_ndarray(format="rgb24")`.
        """
        width, height = self._square
        width, height = scaled_size(width, height, size)
        if (width, height) == (self.frame.width, self.frame.height):
            return self.orientation.apply(self.frame.to_ndarray(format="rgb24"))
        small = width * height < self.frame.width * self.frame.height
        made = self.frame.to_ndarray(
            format="rgb24", width=width, height=height, interpolation="AREA" if small else "BICUBIC"
        )
        return self.orientation.apply(made)


class Shapes:
    """Tells for each picture of one stream, as it is decoded, how it is to be shown.

    A container that says another pixel aspect than its codec is believed for the whole file; else the codec is, which
    may change its mind. A rotation in the codec's own messages holds until the next keyframe.
    """

    def __init__(self, stream: VideoStream) -> None:
        container, codec = stream.sample_aspect_ratio, stream.codec_context.sample_aspect_ratio
        self._container = _usable(container) or Fraction(1)
        self._fixed = bool(container and codec and container != codec)
        self._aspect: Fraction | None = None
        self._before: Fraction | None = None
        self._since: int | None = None
        self._orientation = Orientation()

    def restart(self) -> None:
        """Return the decoder begins afresh, at a keyframe."""
        self._since = None
        self._orientation = Orientation()

    def of(self, frames: list[av.VideoFrame], codec: VideoCodecContext, packet: Packet | None) -> list[Decoded]:
        """Return the pictures that came out of the decoder when `packet` went in."""
        aspect = None if self._fixed else _usable(codec.sample_aspect_ratio)
        if aspect != self._aspect:
            # Pictures that the decoder held back still belong to what was before this packet.
            self._before, self._aspect, self._since = self._aspect, aspect, packet.pts if packet else None
        return [self._shown(frame) for frame in frames]

    def _shown(self, frame: av.VideoFrame) -> Decoded:
        orientation = Orientation.of_frame(frame)
        if orientation is not None or frame.key_frame:
            self._orientation = orientation or Orientation()
        early = self._since is not None and frame.pts is not None and frame.pts < self._since
        aspect = (self._before if early else self._aspect) or self._container
        return Decoded(frame, self._orientation, Fraction(1) if abs(aspect - 1) < _NEARLY else aspect)


def _usable(aspect: Fraction | None) -> Fraction | None:
    """Return a pixel aspect that can be meant; None where there is none."""
    if not aspect or aspect <= 0:
        return None
    return aspect if Fraction(1, _ODDEST) <= aspect <= _ODDEST else Fraction(1)


def is_blank(image: np.ndarray, faint: int) -> bool:
    """Return whether a picture (`[H, W, 3]`) is of one color, such as black, but for differences of up to `faint`."""
    flat = image.reshape(-1, image.shape[2])
    return bool((flat.max(axis=0) - flat.min(axis=0) <= faint).all())
