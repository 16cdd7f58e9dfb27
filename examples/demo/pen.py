"""A pen that draws in the pixels of the finished picture on a larger one, which is made smaller afterwards."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageColor, ImageDraw

WIDTH, HEIGHT = 1280, 720
Rgb = tuple[int, int, int]
Color = str | Rgb | tuple[int, int, int, int]  # a name or #rrggbb, or numbers, the fourth of which covers (255: fully)
Point = tuple[float, float]


class Pen:
    """Draws on an enlarged picture in pixels of the finished one; `origin` is where its top left corner lies."""

    def __init__(self, image: Image.Image, scale: int, origin: Point = (0, 0)) -> None:
        self.image = image
        self.scale = scale
        self.origin = origin
        self.draw = ImageDraw.Draw(image, "RGBA")

    def _at(self, x: float, y: float) -> Point:
        return ((x - self.origin[0]) * self.scale, (y - self.origin[1]) * self.scale)

    def box(self, x: float, y: float, w: float, h: float, fill: Color, *, radius: float = 0) -> None:
        """A rectangle, its corners rounded by `radius`."""
        left, top = self._at(x, y)
        right, bottom = self._at(x + w, y + h)
        self.draw.rounded_rectangle((left, top, right - 1, bottom - 1), radius * self.scale, fill=fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Color | None, *, line: float = 0) -> None:
        """An ellipse about (x, y); with `line`, only its outline, that wide."""
        left, top = self._at(x - rx, y - ry)
        right, bottom = self._at(x + rx, y + ry)
        if line:
            self.draw.ellipse((left, top, right, bottom), outline=fill, width=round(line * self.scale))
        else:
            self.draw.ellipse((left, top, right, bottom), fill=fill)

    def shape(self, points: list[Point], fill: Color) -> None:
        """A filled polygon."""
        self.draw.polygon([self._at(*point) for point in points], fill=fill)

    def line(self, points: list[Point], fill: Color, width: float) -> None:
        """A line through the points."""
        self.draw.line(
            [self._at(*p) for p in points], fill=fill, width=max(1, round(width * self.scale)), joint="curve"
        )

    def fade(self, top: Color, bottom: Color, *, start: float = 0, end: float = HEIGHT) -> None:
        """Fill the rows from `start` to `end` with a vertical gradient."""
        first, last = (np.array(rgb(c), dtype=np.float32) for c in (top, bottom))
        rows = round((end - start) * self.scale)
        ramp = first + (last - first) * np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        strip = np.broadcast_to(ramp[:, None, :], (rows, self.image.width, 3))
        self.image.paste(Image.fromarray(strip.round().astype(np.uint8)), (0, round(start * self.scale)))


def rgb(color: Color) -> Rgb:
    """Red, green and blue of a colour, each 0 to 255."""
    red, green, blue = (ImageColor.getrgb(color) if isinstance(color, str) else color)[:3]
    return red, green, blue


def mix(one: Color, other: Color, share: float) -> Rgb:
    """`one` with `share` (0 to 1) of `other` in it."""
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(rgb(one), rgb(other), strict=True))
    return red, green, blue
