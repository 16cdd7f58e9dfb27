"""The pictures of the demo video: nine still backdrops, and the things that move in front of them.

All positions are pixels of the 1280x720 picture. Backdrops are drawn twice as large, moving things four times, and
then made smaller: that is what smooths their edges, and lets a slow thing move by less than a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .pen import HEIGHT, WIDTH, Color, Pen, Point, mix

FINE_STILL = 2
FINE_MOVING = 4

# Backdrops ---------------------------------------------------------------------------------------------------------


def _title(pen: Pen, random: np.random.Generator) -> None:
    pen.fade("#14274e", "#3b5b92")
    for x, y, size in zip(
        random.uniform(0, 1280, 90), random.uniform(0, 720, 90), random.uniform(0.8, 2.4, 90), strict=True
    ):
        pen.oval(x, y, size, size, (255, 255, 255, 150))
    pen.oval(160, 590, 92, 92, "#e8a24a")
    pen.oval(130, 560, 92, 92, (255, 255, 255, 26))
    pen.oval(160, 590, 150, 34, (242, 210, 139, 220), line=6)
    pen.oval(1120, 130, 34, 34, "#c9d6ea")
    pen.oval(1110, 122, 8, 8, "#aab9d1")
    pen.oval(1130, 140, 6, 6, "#aab9d1")
    pen.shape([(1080, 540), (1110, 540), (1110, 590), (1160, 680), (1030, 680), (1080, 590)], (223, 232, 247, 90))
    pen.shape([(1064, 620), (1127, 620), (1160, 680), (1030, 680)], "#57c0a5")
    pen.line([(1074, 538), (1116, 538)], "#dfe8f7", 6)
    pen.line([(440, 285), (840, 285)], (242, 210, 139, 150), 2)


def _program(pen: Pen, random: np.random.Generator) -> None:
    pen.fade("#c9b79c", "#b09a7a")
    for row in range(9):
        for column in range(-1, 9):
            shade = mix("#bda88a", "#a98f6d", float(random.uniform(0, 1)))
            pen.box(column * 160 + (row % 2) * 80 + 2, row * 82 + 2, 156, 78, shade, radius=3)
    pen.box(342, 62, 612, 612, (40, 30, 20, 90), radius=6)
    pen.box(330, 50, 620, 612, "#fbf7ec", radius=6)
    pen.box(330, 50, 620, 142, "#2a7f86", radius=6)
    for y in (280, 368, 456):
        pen.line([(400, y), (880, y)], "#d8d0bd", 2)
    pen.oval(354, 74, 9, 9, "#d9534f")
    pen.oval(926, 74, 9, 9, "#d9534f")


def _bench(pen: Pen, random: np.random.Generator) -> None:
    pen.fade("#dfe6e4", "#c3cfcd", end=460)
    for x in range(0, 1280, 64):
        pen.line([(x, 0), (x, 460)], (140, 160, 160, 60), 1.5)
    _planks(pen, random, 500, "#b98a5a", "#94683d")
    pen.box(0, 452, 1280, 54, "#c99b69")
    pen.box(0, 500, 1280, 8, "#7d5733")
    pen.box(520, 90, 240, 170, "#f7f3e6", radius=4)  # a drawing of a slope on the wall
    pen.shape([(545, 235), (545, 140), (735, 235)], "#9fb8c8")
    pen.oval(576, 136, 13, 13, "#8d99a6")
    pen.box(1010, 300, 150, 152, "#6f8a93", radius=8)
    pen.box(1024, 318, 122, 60, "#dfe9ec", radius=4)
    pen.oval(1052, 414, 14, 14, "#40545c")
    pen.oval(1110, 414, 14, 14, "#40545c")
    _card(pen, 60, 70, 220, 80)


def _planks(pen: Pen, random: np.random.Generator, top: float, light: Color, dark: Color) -> None:
    """A wooden floor or table front from `top` to the bottom edge."""
    pen.fade(light, dark, start=top)
    for _ in range(150):
        x, y, length = random.uniform(-100, 1280), random.uniform(top + 8, 716), random.uniform(60, 320)
        pen.line([(x, y), (x + length, y + random.uniform(-2, 2))], (60, 35, 15, int(random.uniform(14, 46))), 2)


def _card(pen: Pen, x: float, y: float, w: float, h: float, fill: Color = "#fffdf5") -> None:
    pen.box(x + 5, y + 6, w, h, (30, 30, 30, 70), radius=8)
    pen.box(x, y, w, h, fill, radius=8)


def _street(pen: Pen, random: np.random.Generator) -> None:
    pen.fade("#1d2350", "#7a5a8c", end=420)
    for x, y in zip(random.uniform(0, 1280, 60), random.uniform(0, 260, 60), strict=True):
        pen.oval(x, y, 1.7, 1.7, (255, 255, 255, 160))
    pen.oval(190, 130, 58, 58, "#f3e9c6")
    pen.oval(172, 114, 13, 13, "#ddd0a6")
    pen.oval(212, 144, 9, 9, "#ddd0a6")
    pen.oval(182, 158, 7, 7, "#ddd0a6")
    for x, width, height in ((330, 130, 150), (470, 170, 220), (660, 110, 120), (790, 190, 180), (1010, 150, 110)):
        pen.box(x, 420 - height, width, height, "#2b2748", radius=3)
        for k in range(3):
            for y in range(440 - height, 400, 50):
                lit = "#f6d27a" if random.uniform(0, 1) < 0.6 else "#3b3660"
                pen.box(x + 16 + k * (width - 30) / 3, y, 18, 24, lit, radius=2)
    pen.fade("#4d4a66", "#3a3750", start=420)
    pen.box(0, 480, 1280, 118, "#3d4150")
    for x in range(20, 1280, 120):
        pen.box(x, 570, 64, 7, "#d9d4c8", radius=2)
    pen.line([(0, 480), (1280, 480)], "#262a36", 4)
    for _ in range(120):
        x, y = random.uniform(0, 1280), random.uniform(606, 716)
        pen.line([(x, y), (x + random.uniform(20, 90), y)], (255, 255, 255, 12), 2)
    _card(pen, 1000, 70, 220, 80)


def _hall(pen: Pen, random: np.random.Generator) -> None:
    pen.fade("#f6efe2", "#e6dac6", end=430)
    for x in (110, 420, 730, 1040):
        pen.box(x, 90, 150, 220, "#8a7a6b", radius=6)
        pen.box(x + 8, 98, 134, 204, "#cfe3f0", radius=4)
        pen.box(x + 71, 98, 8, 204, "#8a7a6b")
        pen.box(x + 8, 194, 134, 8, "#8a7a6b")
    _planks(pen, random, 430, "#d9b98c", "#b8925f")
    for x in range(-600, 1900, 130):
        pen.line([(640 + (x - 640) * 0.45, 432), (x, 720)], (60, 40, 20, 70), 2)
    for row, (y, step, size) in enumerate(((500, 150, 0.8), (620, 200, 1.1))):
        for x in range(120 - row * 40, 1240, step):
            pen.box(x - 30 * size, y - 80 * size, 60 * size, 50 * size, "#4d5b6a", radius=6)
            pen.box(x - 34 * size, y - 22 * size, 68 * size, 14 * size, "#5d6d7e", radius=4)
            for leg in (-28, 22):
                pen.box(x + leg * size, y - 10 * size, 6 * size, 52 * size, "#36414c")


def _counter(pen: Pen, random: np.random.Generator) -> None:
    pen.fade("#6b4a57", "#553a48", end=470)
    for x in range(-720, 1280, 46):
        pen.line([(x, 470), (x + 470, 0)], (255, 230, 220, 22), 3)
    pen.box(140, 120, 300, 14, "#b08968", radius=3)
    for k, (h, shade) in enumerate(
        ((70, "#7b8d8e"), (90, "#a68a64"), (58, "#9e7b9b"), (80, "#6d8a96"), (66, "#b5838d"))
    ):
        pen.box(162 + k * 50, 120 - h, 38, h, shade, radius=2)
    pen.oval(980, 170, 96, 96, "#fbf9f4")
    pen.oval(980, 170, 96, 96, "#6d4c41", line=8)
    pen.line([(980, 170), (980, 104)], "#3e2723", 6)
    pen.line([(980, 170), (1028, 192)], "#3e2723", 6)
    _planks(pen, random, 520, "#8d6e63", "#5d4037")
    pen.box(0, 450, 1280, 74, "#a58d83")
    pen.box(0, 520, 1280, 8, "#4e342e")


def _machine(pen: Pen, random: np.random.Generator) -> None:
    pen.fade("#e9c46a", "#d8ab4e", end=540)
    for x, y in zip(random.uniform(0, 1280, 260), random.uniform(0, 530, 260), strict=True):
        pen.oval(x, y, 1.8, 1.8, (120, 80, 20, 40))
    _planks(pen, random, 540, "#8a6240", "#5f4127")
    pen.line([(820, 190), (960, 40)], "#6b7078", 6)
    pen.oval(962, 38, 8, 8, "#4b4f56")
    pen.oval(640, 566, 350, 22, (20, 12, 6, 120))
    pen.box(310, 180, 660, 380, "#7a3f2a", radius=26)
    pen.box(326, 196, 628, 348, "#8f4d34", radius=20)
    pen.box(352, 226, 300, 292, "#d9c49a", radius=12)
    for y in range(242, 512, 18):
        pen.line([(366, y), (638, y)], "#a88d5f", 6)
    pen.oval(790, 318, 92, 92, "#f4ead2")
    pen.oval(790, 318, 92, 92, "#3b2a20", line=7)
    for k in range(11):
        angle = math.radians(150 + k * 24)
        c, s = math.cos(angle), math.sin(angle)
        pen.line([(790 + 66 * c, 318 + 66 * s), (790 + 80 * c, 318 + 80 * s)], "#3b2a20", 4)
    pen.line([(790, 318), (838, 270)], "#b3392b", 6)
    pen.oval(790, 318, 10, 10, "#3b2a20")
    for x in (704, 764):
        pen.oval(x, 470, 24, 24, "#3b2a20")
        pen.oval(x, 470, 17, 17, "#c7a86b")
        pen.line([(x, 470), (x + 9, 457)], "#3b2a20", 4)
    pen.box(838, 478, 66, 18, "#d8d3c4", radius=3)


def _stall(pen: Pen, random: np.random.Generator) -> None:
    pen.fade("#cfe6ee", "#e6f1ec", end=520)
    _planks(pen, random, 430, "#c39a6b", "#a37748")
    pen.box(0, 418, 1280, 22, "#8b5e34")
    for k in range(16):
        fill = "#e76f51" if k % 2 else "#fdf6ec"
        pen.box(k * 80, 0, 80, 64, fill)
        pen.oval(k * 80 + 40, 64, 40, 26, fill)
    _card(pen, 70, 126, 370, 104, "#fff3b8")
    _card(pen, 820, 546, 380, 108, "#ffe0d2")
    for x, level in ((556, 0.7), (648, 0.5)):  # two glasses of lemonade
        pen.shape([(x, 310), (x + 72, 310), (x + 62, 420), (x + 10, 420)], (255, 255, 255, 150))
        top, lean = 420 - 110 * level, 10 * (1 - level)
        pen.shape([(x + lean, top), (x + 72 - lean, top), (x + 61, 418), (x + 11, 418)], "#f7d94c")
        pen.oval(x + 36, top, 36 - lean, 5, "#fbe98a")
        pen.line([(x + 40, 410), (x + 62, 278)], "#d1495b", 5)
    pen.oval(960, 416, 130, 16, "#ffffff")
    pen.box(862, 330, 196, 80, "#b9713a", radius=10)
    pen.box(862, 318, 196, 30, "#f6e7cf", radius=12)
    for x in (900, 960, 1020):
        pen.oval(x, 314, 12, 12, "#c8332b")


def _stage(pen: Pen, random: np.random.Generator) -> None:
    pen.fade("#4a1f4f", "#2b1233", end=600)
    for k in range(27):
        x = k * 48 + float(random.uniform(-4, 4))
        pen.line([(x, 0), (x, 600)], (255, 255, 255, 12), 14)
        pen.line([(x + 22, 0), (x + 22, 600)], (0, 0, 0, 40), 14)
    _planks(pen, random, 600, "#8a5a3c", "#5f3a24")
    for x, h, fill in ((540, 60, "#9aa3ad"), (640, 96, "#d9b24c"), (740, 42, "#a9714b")):
        pen.box(x - 48, 620 - h, 96, h, fill, radius=4)
    pen.oval(150, 130, 60, 60, (255, 233, 168, 40))
    pen.oval(1130, 130, 60, 60, (255, 233, 168, 40))
    for x, y in zip(random.uniform(0, 1280, 70), random.uniform(0, 90, 70), strict=True):
        pen.box(x, y, 9, 5, mix("#ffd166", "#ef476f", float(random.uniform(0, 1))))


BACKDROPS: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "title": _title,
    "program": _program,
    "ball": _bench,
    "car": _street,
    "hall": _hall,
    "crossing": _counter,
    "machine": _machine,
    "stall": _stall,
    "winners": _stage,
}


def backdrop(name: str, seed: int) -> np.ndarray:
    """The still picture of a scene, [720, 1280, 3] uint8 RGB, with a fixed grain so that no area is quite flat."""
    random = np.random.default_rng([seed, list(BACKDROPS).index(name)])
    image = Image.new("RGB", (WIDTH * FINE_STILL, HEIGHT * FINE_STILL))
    BACKDROPS[name](Pen(image, FINE_STILL), random)
    small = np.asarray(image.reduce(FINE_STILL), dtype=np.float32)
    coarse = cv2.resize(
        random.normal(0, 1, (90, 160)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    grain = 1.6 * coarse + random.normal(0, 1.1, (HEIGHT, WIDTH)).astype(np.float32)
    return (small + grain[..., None]).round().clip(0, 255).astype(np.uint8)


# Text --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A line on the screen, from `at` (seconds from the start of its scene) to the end of the scene."""

    id: str
    text: str
    x: float
    y: float
    size: int
    ink: str
    anchor: str
    bold: bool = False
    at: float = 0.0

    def draw(self, picture: np.ndarray) -> tuple[np.ndarray, tuple[float, float, float, float]]:
        """The picture with this text on it, and the box of its ink: left, top, right, bottom as fractions."""
        image = Image.fromarray(picture)
        draw = ImageDraw.Draw(image)
        font = ImageFont.load_default(self.size)  # the typeface in Pillow itself: the same on every machine
        stroke = 1 if self.bold else 0
        draw.text((self.x, self.y), self.text, self.ink, font, self.anchor, stroke_width=stroke)
        left, top, right, bottom = draw.textbbox((self.x, self.y), self.text, font, self.anchor, stroke_width=stroke)
        return np.asarray(image), (left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT)


# Moving things -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Something that moves; `path` holds (seconds from the start of the scene, x, y) of its centre, in time order."""

    id: str
    kind: str
    color: str
    width: float
    height: float
    path: tuple[tuple[float, float, float], ...]
    group: str | None = None

    def center(self, time: float) -> Point | None:
        """Return where its centre is, or None before the path begins and after it ends."""
        times, xs, ys = zip(*self.path, strict=True)
        if not times[0] <= time <= times[-1]:
            return None
        return float(np.interp(time, times, xs)), float(np.interp(time, times, ys))

    def box(self, time: float) -> tuple[float, float, float, float] | None:
        """Its box inside the picture, as fractions, or None where nothing of it is to be seen."""
        center = self.center(time)
        if center is None:
            return None
        x, y = center
        left, right = max(0.0, x - self.width / 2), min(float(WIDTH), x + self.width / 2)
        top, bottom = max(0.0, y - self.height / 2), min(float(HEIGHT), y + self.height / 2)
        return (left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT) if left < right and top < bottom else None

    def draw(self, picture: np.ndarray, time: float) -> None:
        """Draw it into `picture` [720, 1280, 3] in place."""
        center = self.center(time)
        if center is None or self.box(time) is None:
            return
        margin = 16  # room for the shadow on the ground
        left, top = math.floor(center[0] - self.width / 2) - margin, math.floor(center[1] - self.height / 2) - margin
        right, bottom = left + math.ceil(self.width) + 2 * margin, top + math.ceil(self.height) + 2 * margin
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, WIDTH), min(bottom, HEIGHT)
        if left >= right or top >= bottom:
            return
        part = picture[top:bottom, left:right]
        patch = Image.fromarray(part.repeat(FINE_MOVING, axis=0).repeat(FINE_MOVING, axis=1))
        PAINTERS[self.kind](Pen(patch, FINE_MOVING, (left, top)), self, *center)
        picture[top:bottom, left:right] = np.asarray(patch.reduce(FINE_MOVING))


def _ball(pen: Pen, thing: Thing, x: float, y: float) -> None:
    radius = thing.width / 2
    turn = x / radius  # it rolls: one turn for each 2 pi radii of way
    pen.oval(x, y + radius - 2, radius * 0.7, 6, (20, 15, 10, 90))
    pen.oval(x, y, radius, radius, mix(thing.color, "#000000", 0.18))
    pen.oval(x - radius * 0.06, y - radius * 0.08, radius * 0.9, radius * 0.88, thing.color)
    for k in range(3):
        angle = turn + k * 2 * math.pi / 3
        dot = (x + 0.5 * radius * math.cos(angle), y + 0.5 * radius * math.sin(angle))
        pen.oval(*dot, radius * 0.16, radius * 0.16, mix(thing.color, "#000000", 0.3))
    pen.oval(x - radius * 0.36, y - radius * 0.44, radius * 0.2, radius * 0.14, (255, 255, 255, 120))


def _box(pen: Pen, thing: Thing, x: float, y: float) -> None:
    left, top = x - thing.width / 2, y - thing.height / 2
    pen.box(left - 6, top + thing.height - 5, thing.width + 12, 9, (20, 15, 10, 90), radius=4)
    pen.box(left, top, thing.width, thing.height, mix(thing.color, "#000000", 0.25), radius=6)
    pen.box(left + 6, top + 6, thing.width - 12, thing.height - 12, thing.color, radius=4)
    pen.box(left + 6, y - 9, thing.width - 12, 18, mix(thing.color, "#ffffff", 0.25))
    pen.box(x - 9, top + 6, 18, thing.height - 12, mix(thing.color, "#ffffff", 0.25))


def _car(pen: Pen, thing: Thing, x: float, y: float) -> None:
    left, top = x - thing.width / 2, y - thing.height / 2
    body = thing.height * 0.5
    pen.box(left + 8, top + thing.height - 5, thing.width - 16, 9, (20, 15, 10, 90), radius=4)
    pen.box(left + 22, top, thing.width * 0.5, body * 0.7, mix(thing.color, "#ffffff", 0.18), radius=8)
    pen.box(left + 34, top + 9, thing.width * 0.5 - 24, body * 0.36, "#cfe6d6", radius=4)
    pen.box(left, top + body * 0.6, thing.width, body, thing.color, radius=12)
    pen.box(left, top + body * 1.22, thing.width, body * 0.38, mix(thing.color, "#000000", 0.22), radius=8)
    wheel = thing.height * 0.22
    for hub in (left + thing.width * 0.24, left + thing.width * 0.76):
        low = top + thing.height - wheel
        pen.oval(hub, low, wheel, wheel, "#26352b")
        pen.oval(hub, low, wheel * 0.5, wheel * 0.5, "#b9c7bd")
        c, s = math.cos(x / wheel), math.sin(x / wheel)
        pen.line(
            [(hub - wheel * 0.45 * c, low - wheel * 0.45 * s), (hub + wheel * 0.45 * c, low + wheel * 0.45 * s)],
            "#26352b",
            3,
        )


PAINTERS: dict[str, Callable[[Pen, Thing, float, float], None]] = {"ball": _ball, "box": _box, "car": _car}
