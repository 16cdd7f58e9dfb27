"""Worlds of the gym for tests of routes, an encoder for them, and a rater that sees only pixels."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Sequence

import numpy as np
from rewatch.memory import Frame, Span, clock
from rewatch.tools import Reply, VisualQuestion
from rewatch.training.gym import World
from rewatch.training.gym.oracle import things as things_of
from rewatch.training.gym.render import COLORS, TONES
from rewatch.training.gym.world import Thing, WorldScene


def thing(name: str, span: Span, *, at: tuple[float, float] = (0.5, 0.5), size: float = 0.3) -> Thing:
    """A still thing (`red circle`); `at` is its centre and `size` its height, as fractions of the picture."""
    color, shape = name.split()
    return Thing(color=color, shape=shape, span=span, at=at, size=size)


def scene(tone: str, span: Span) -> WorldScene:
    """A background for a while."""
    return WorldScene(tone=tone, span=span)


def make_world(
    seconds: float, things: Sequence[Thing] = (), *, scenes: Sequence[WorldScene] = (), seed: int = 0, side: int = 96
) -> World:
    """A world of four frames a second.

    Args:
        seconds: its length.
        things: later ones lie on top.
        scenes: backgrounds; where there is none, random ones of 20 to 60 s.
        seed: of the random scenes.
        side: pixels.
    """
    rng = random.Random(seed)
    cuts = [0.0]
    while cuts[-1] < seconds:
        cuts.append(cuts[-1] + rng.uniform(20, 60))
    others = [scene(rng.choice(("grey", "sand", "slate")), Span(*ends)) for ends in zip(cuts, cuts[1:], strict=False)]
    return World(
        name=f"world-{seed}", span=Span(0.0, float(seconds)), things=tuple(things), scenes=(*others, *scenes), side=side
    )


def look(image: np.ndarray) -> tuple[str, list[str]]:
    """The tone of a picture's scene and its things (`red circle`), told from the pixels alone."""
    rows = image[::4, ::4].reshape(-1, 3).astype(np.int16)
    plain = rows[rows.max(1) - rows.min(1) <= 90]
    middle = np.median(plain, axis=0) if len(plain) else np.zeros(3)
    return nearest_tone(middle), [f"{one.color} {one.shape}" for one in things_of(image)]


def nearest_tone(color: np.ndarray) -> str:
    """The tone that is most like a colour `[3]`."""
    return min(TONES, key=lambda name: float(np.abs(np.array(TONES[name]) - color).sum()))


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
            row[len(COLORS) + list(TONES).index(nearest_tone(middle))] = 1
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


View = tuple[float, str, list[str]]
"""Time, tone and things of a picture."""


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

    def _rate(self, seen: list[View], _: str) -> str:
        ((_, tone, things),) = seen
        color = self.target.split()[0]
        near = 3 if tone in self.cues else 2 if any(color in thing for thing in things) else 1
        score = 5 if self.target in things else near
        if self._random.random() < self._noise:
            score = self._random.randint(1, 5)
        return f"Rating: {score}. It shows {_words(tone, things)}."

    def _ground(self, seen: list[View], _: str) -> str:
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

    def _search(self, seen: list[View], prompt: str) -> str:
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

    def _reason(self, seen: list[View], prompt: str) -> str:
        found = any(self.target in things for _, _, things in seen) or self.target in prompt.split("Question:")[0]
        return f"Let me think.\nAnswer: A {self.target}\nConfidence: {3 if found else 1}"

    def _map(self, seen: list[View], _: str) -> str:
        first: dict[str, float] = {}
        for time, _, things in seen:
            for thing in things:
                first.setdefault(thing, time)
        lines = [f"- {thing} | {self._time(time)}" for thing, time in first.items()]
        found = self.target in first
        return "\n".join([*lines, f"Finding: {self.target if found else 'none'}", f"Relevant: {3 if found else 1}"])

    def _compare(self, seen: list[View], prompt: str) -> str:
        groups: dict[tuple[str, ...], list[str]] = {}
        for number, time in re.findall(r"^(\d+): ([\d:.]+) ", prompt, re.M):
            _, _, things = min(seen, key=lambda one: abs(one[0] - _seconds(time)))
            groups.setdefault(tuple(sorted(things)), []).append(number)
        return "\n".join("=".join(group) for group in groups.values() if len(group) > 1) or "none"


def _words(tone: str, things: Sequence[str]) -> str:
    return ", ".join([f"{tone} scene", *things])


def _seconds(written: str) -> float:
    total = 0.0
    for part in written.split(":"):
        total = total * 60 + float(part)
    return total
