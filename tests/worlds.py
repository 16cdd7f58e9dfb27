"""Videos of known truth that are rendered as they are watched, an encoder for them, and a rater that sees only pixels.

A world shows coloured shapes (`Thing`) on plain scenes (`Scene`). No picture is kept, so a world may last hours.
"""

from __future__ import annotations

import hashlib
import random
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rewatch.memory import Frame, Span, VideoInfo, clock
from rewatch.memory.protocol import grid, sorted_times
from rewatch.memory.video.shape import shrink
from rewatch.tools import Reply, VisualQuestion

COLORS = {
    "red": (230, 30, 30),
    "blue": (30, 60, 230),
    "yellow": (240, 220, 30),
    "green": (20, 180, 40),
    "purple": (150, 30, 210),
}
SHAPES = ("circle", "square", "triangle", "ring")
TONES = {
    "grey": (125, 125, 125),
    "sand": (170, 150, 115),
    "slate": (85, 105, 130),
    "moss": (95, 125, 90),
    "rose": (165, 120, 125),
}
"""Colours of scenes: none is vivid enough to be taken for a thing."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A coloured shape that is on screen for a while."""

    color: str
    shape: str
    span: Span
    x: float = 0.5
    """Centre, as fractions of the picture."""
    y: float = 0.5
    size: float = 0.3
    """Height as a fraction of the picture's."""

    @property
    def name(self) -> str:
        return f"{self.color} {self.shape}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A plain background for a while."""

    tone: str
    span: Span


class World:
    """A video source that draws its frames when they are asked for.

    Args:
        seconds: how long it lasts.
        things: what is to be seen, later ones on top.
        scenes: backgrounds; where there is none, random scenes of 20 to 60 s in the tones of `others`.
        seed: for everything random.
        fps: frames a second.
        size: width and height in pixels.
        others: tones of the random scenes.
    """

    def __init__(
        self,
        seconds: float,
        things: Sequence[Thing] = (),
        *,
        scenes: Sequence[Scene] = (),
        seed: int = 0,
        fps: float = 4.0,
        size: tuple[int, int] = (160, 120),
        others: Sequence[str] = ("grey", "sand", "slate"),
    ) -> None:
        self.things = tuple(things)
        rng = random.Random(seed)
        cuts = [0.0]
        while cuts[-1] < seconds:
            cuts.append(cuts[-1] + rng.uniform(20, 60))
        self._cuts = np.array(cuts)
        self._tones = [rng.choice(list(others)) for _ in cuts]
        self._scenes = tuple(scenes)
        self._seed = seed
        self._backgrounds: dict[tuple[str, int], np.ndarray] = {}
        self.info = VideoInfo(
            path=f"world-{seed}",
            size=0,
            start=0.0,
            end=float(seconds),
            width=size[0],
            height=size[1],
            fps=fps,
            frames=int(seconds * fps),
            codec="rawvideo",
            pixel_format="rgb24",
        )

    @property
    def content_id(self) -> str:
        truth = (self.info, self.things, self._scenes, self._tones, self._seed)
        return hashlib.sha256(repr(truth).encode()).hexdigest()

    def tone(self, time: float) -> str:
        """The tone of the scene at a moment (seconds)."""
        for scene in reversed(self._scenes):
            if scene.span.contains(time):
                return scene.tone
        return self._tones[int(np.searchsorted(self._cuts, time, side="right")) - 1]

    def times(self) -> np.ndarray:
        return np.arange(self.info.frames or 0) / self.info.fps

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        last = (self.info.frames or 1) - 1
        for wanted in sorted_times(times):
            number = min(max(int(wanted * self.info.fps + 1e-6), 0), last)
            time = number / self.info.fps
            yield Frame(time, shrink(self._draw(time, number).copy(), size))

    def frames(self, span: Span, fps: float, *, size: int | None = None) -> Iterator[Frame]:
        return self.frames_at(grid(span, fps, self.info.span), size=size)

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        return self.frames(span or self.info.span, 1.0, size=size)

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        return np.zeros(0, dtype=np.float32)

    def _draw(self, time: float, number: int) -> np.ndarray:
        """`[H, W, 3]` uint8: the scene, flickering a little, and what is on screen."""
        flicker = (number * 2654435761 + self._seed) % 7 - 3
        key = (self.tone(time), flicker)
        if key not in self._backgrounds:
            shape = (self.info.height, self.info.width, 3)
            self._backgrounds[key] = np.full(shape, np.array(TONES[key[0]]) + flicker, dtype=np.uint8)
        shown = [thing for thing in self.things if thing.span.contains(time)]
        if not shown:
            return self._backgrounds[key]
        image = self._backgrounds[key].copy()
        for thing in shown:
            image[_mask(thing, image.shape[0], image.shape[1])] = COLORS[thing.color]
        return image


def _mask(thing: Thing, height: int, width: int) -> np.ndarray:
    """Pixels of a thing, bool `[H, W]`."""
    half = thing.size * height / 2
    y, x = np.ogrid[:height, :width]
    dy, dx = (y + 0.5 - thing.y * height) / half, (x + 0.5 - thing.x * width) / half
    if thing.shape == "square":
        return (abs(dy) <= 1) & (abs(dx) <= 1)
    if thing.shape == "triangle":
        return (abs(dy) <= 1) & (abs(dx) <= (dy + 1) / 2)
    radius = dy**2 + dx**2
    return (radius <= 1) if thing.shape == "circle" else (radius <= 1) & (radius >= 0.36)


def look(image: np.ndarray) -> tuple[str, list[str]]:
    """What a picture shows, told from its pixels alone: the tone of its scene and its things (`red circle`)."""
    import cv2

    small = image.astype(np.int16)
    vivid = small.max(2) - small.min(2) > 90
    plain = small[::4, ::4][~vivid[::4, ::4]]
    middle = np.median(plain, axis=0) if len(plain) else np.zeros(3)
    tone = min(TONES, key=lambda name: float(np.abs(np.array(TONES[name]) - middle).sum()))
    found: list[str] = []
    if not vivid.any():
        return tone, found
    distances = np.stack([np.abs(small - np.array(rgb)).sum(2) for rgb in COLORS.values()])
    nearest = np.where(vivid, distances.argmin(0), -1)
    for index, color in enumerate(COLORS):
        count, _, stats, _ = cv2.connectedComponentsWithStats((nearest == index).astype(np.uint8))
        for left, top, wide, high, area in stats[1:count]:
            if area < 12:
                continue
            filled = area / (wide * high)
            hollow = nearest[top + high // 2, left + wide // 2] != index
            shape = "ring" if hollow else "square" if filled > 0.9 else "circle" if filled > 0.65 else "triangle"
            found.append(f"{color} {shape}")
    return tone, found


class WorldEncoder:
    """A small visual encoder for worlds: how large each vivid colour is, with seeded noise; it cannot tell shapes."""

    def __init__(self, noise: float = 0.0, seed: int = 0) -> None:
        self.name = "world colors"
        self.stamp = f"world:{noise}:{seed}"
        self.dim = len(COLORS) + len(TONES)
        self._noise = noise
        self._seed = seed

    def encode_frames(self, frames: Sequence[Frame]) -> np.ndarray:
        rows = np.zeros((len(frames), self.dim), dtype=np.float32)
        for row, frame in zip(rows, frames, strict=True):
            small = frame.image[1::3, 1::3].reshape(-1, 3).astype(np.int16)
            vivid = small.max(1) - small.min(1) > 90
            middle = np.median(small[~vivid], axis=0) if not vivid.all() else np.zeros(3)
            row[len(COLORS) + int(np.argmin([np.abs(np.array(t) - middle).sum() for t in TONES.values()]))] = 1
            for index, rgb in enumerate(COLORS.values()):
                if vivid.any():
                    row[index] = np.sqrt((np.abs(small[vivid] - np.array(rgb)).sum(1) < 90).sum() / len(small))
            noise = np.random.default_rng([self._seed, int(frame.time * 1000)])
            row += self._noise * noise.standard_normal(self.dim)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def encode_query(self, query: str) -> np.ndarray | None:
        vector = np.zeros(self.dim, dtype=np.float32)
        names = [*COLORS, *TONES]
        for word in re.findall(r"[a-z]+", query.lower()):
            if word in names:
                vector[names.index(word)] = 1
        return vector / np.linalg.norm(vector) if vector.any() else None

    def describe(self, frames: Sequence[Frame]) -> str | None:
        return None


class PixelRater:
    """A scripted viewer that knows what it looks for and looks only at pixels, and writes as models do.

    Args:
        target: the thing that answers the question (`red circle`).
        cues: tones of scenes around it, from far to near.
        noise: share of ratings and verdicts that are replaced by chance.
        seed: of the noise.
        clocks: whether it writes times as `01:30` instead of seconds.
    """

    def __init__(
        self, target: str, cues: Sequence[str] = (), *, noise: float = 0.0, seed: int = 0, clocks: bool = False
    ) -> None:
        self.target = target
        self.cues = tuple(cues)
        self.shown = 0
        """Frames it was shown so far."""
        self.asked: list[VisualQuestion] = []
        self._noise = noise
        self._random = random.Random(seed)
        self._clocks = clocks
        self._lock = threading.Lock()

    def ask(
        self, questions: Sequence[VisualQuestion], *, max_tokens: int = 256, beams: int = 1, yes_no: bool = False
    ) -> list[Reply]:
        with self._lock:
            self.shown += sum(len(question.frames) for question in questions)
            self.asked += questions
            return [self._reply(question, yes_no) for question in questions]

    def _reply(self, question: VisualQuestion, yes_no: bool) -> Reply:
        seen = [(frame.time, *look(frame.image)) for frame in question.frames]
        if yes_no:
            near = max(self.nearness(tone, things) for _, tone, things in seen) / (len(self.cues) + 1)
            return Reply(text="", yes=self._random.random() if self._random.random() < self._noise else near)
        for words, write in (
            ("write one digit", self._rate),
            ("as start-end in seconds", self._ground),
            ("closer:", self._search),
            ("think step by step", self._reason),
            ("one line for each person", self._map),
            ("which numbers are one", self._compare),
        ):
            if words in question.text.lower():
                return Reply(text=write(seen, question.text), tokens=10)
        return Reply(text="; ".join(f"{self._time(t)}: {_words(tone, things)}" for t, tone, things in seen))

    def nearness(self, tone: str, things: Sequence[str]) -> int:
        """0 for nothing, 1 and up for the cues, most for the target."""
        if self.target in things:
            return len(self.cues) + 1
        return self.cues.index(tone) + 1 if tone in self.cues else 0

    def _time(self, time: float) -> str:
        return clock(time) if self._clocks else f"{time:.2f} s"

    def _rate(self, seen: list[Seen], _: str) -> str:
        ((_, tone, things),) = seen
        color = self.target.split()[0]
        near = 3 if tone in self.cues else 2 if any(color in thing for thing in things) else 1
        score = 5 if self.target in things else near
        if self._random.random() < self._noise:
            score = self._random.randint(1, 5)
        return f"Rating: {score}. It shows {_words(tone, things)}."

    def _ground(self, seen: list[Seen], _: str) -> str:
        nearest = [self.nearness(tone, things) for _, tone, things in seen]
        lines = []
        first = 0
        for place, near in enumerate(nearest):
            if near < max(nearest) or near == 0:
                first = place + 1
            elif place + 1 == len(nearest) or nearest[place + 1] < near:
                span = f"{self._time(seen[first][0])} - {self._time(seen[place][0])}"
                lines.append(f"{len(lines) + 1}. {span}: it looks like {_words(*seen[place][1:])}")
        return "\n".join(lines) or "I do not see anything of the kind."

    def _search(self, seen: list[Seen], prompt: str) -> str:
        known = {time: self.nearness(tone, things) for time, tone, things in seen}
        for time, words in re.findall(r"«(\d+(?:\.\d+)?) s: ([^»]*)»", prompt):
            tone, _, things = words.partition(" scene")
            known[float(time)] = self.nearness(tone, things.strip(" ,").split(", "))
        ranked = []
        for number, start, end in re.findall(r"^(\d+): ([\d:.]+)-([\d:.]+)$", prompt, re.M):
            near = sum(n for t, n in known.items() if _seconds(start) - 0.1 <= t <= _seconds(end) + 0.1)
            ranked.append((-near, _seconds(start) - _seconds(end), number))
        best = [time for time, near in sorted(known.items()) if near > len(self.cues)]
        lines = [f"{time:.2f} s: {_words(tone, things)}" for time, tone, things in seen]
        return "\n".join(
            [
                *lines,
                f"Answer: {'a ' + self.target if best else 'not seen yet'}",
                f"Confidence: {5 if best else 1}",
                f"Evidence: {', '.join(map(str, best)) or 'none'}",
                f"Closer: {', '.join(number for *_, number in sorted(ranked)[:5])}",
            ]
        )

    def _reason(self, seen: list[Seen], prompt: str) -> str:
        found = any(self.target in things for _, _, things in seen) or self.target in prompt.split("Question:")[0]
        return f"Let me think.\nAnswer: A {self.target}\nConfidence: {3 if found else 1}"

    def _map(self, seen: list[Seen], _: str) -> str:
        first: dict[str, float] = {}
        for time, _, things in seen:
            for thing in things:
                first.setdefault(thing, time)
        lines = [f"- {thing} | {self._time(time)}" for thing, time in first.items()]
        found = self.target in first
        return "\n".join([*lines, f"Finding: {self.target if found else 'none'}", f"Relevant: {3 if found else 1}"])

    def _compare(self, seen: list[Seen], prompt: str) -> str:
        groups: dict[tuple[str, ...], list[str]] = {}
        for number, time in re.findall(r"^(\d+): ([\d:.]+) ", prompt, re.M):
            _, _, things = min(seen, key=lambda one: abs(one[0] - _seconds(time)))
            groups.setdefault(tuple(sorted(things)), []).append(number)
        return "\n".join("=".join(group) for group in groups.values() if len(group) > 1) or "none"


Seen = tuple[float, str, list[str]]
"""Time, tone, things."""


def _words(tone: str, things: Sequence[str]) -> str:
    return ", ".join([f"{tone} scene", *things])


def _seconds(written: str) -> float:
    total = 0.0
    for part in written.split(":"):
        total = total * 60 + float(part)
    return total
