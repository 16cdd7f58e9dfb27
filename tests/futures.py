"""A life of several days, cameras, zones and people, with a word of its own at every moment of every channel.

Whatever a view, a tool or an answer tells is searched for words of later: see `World.later`.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import lives
import numpy as np
from rewatch.memory import ClipMemory
from rewatch.memory.store.schema import PEOPLE

MINUTES = 40
"""Minutes of each recording; something is said and shown in each fourth of them."""
STAMP = "planted voices"
ACTS = ("feeding the cat again", "where are the keys, I put the keys here", "the violin is in the cellar")
HABIT = "watering the tomatoes"
RECORDINGS = (
    # name, recorded, timeline; summer time begins in Berlin on 2026-03-29 at 02:00.
    ("evening", "2026-03-29T18:00+02:00", "main"),
    ("first", "2026-03-28T09:00+01:00", "main"),
    ("night", "2026-03-28T23:40+01:00", "main"),
    ("left", "2026-03-29T09:00:00+02:00", "main"),
    ("right", "2026-03-29T09:00:10+02:00", "main"),
    ("front", "2026-03-29T09:13:00+02:00", "main"),
    ("abroad", "2026-03-30T03:00-04:00", "main"),
    ("third", "2026-03-30T09:30+02:00", "main"),
    ("fourth", "2026-04-06T09:02", "main"),
    ("elsewhere", "2026-03-29T09:00+02:00", "kitchen"),
    ("undated", "none", "main"),
)
"""In the order of adding, which is not that of time."""
_MARKER = re.compile(r"z[a-z]{7}q")


@dataclass(slots=True)
class World:
    """A memory, and each word that must not be told before its moment: seconds of the clock of `timeline`."""

    memory: ClipMemory
    words: dict[str, tuple[str | None, float]] = field(default_factory=dict)
    """By word: the timeline (None: of no clock) and the seconds from which on it may be known."""
    lengths: dict[float, tuple[str | None, float]] = field(default_factory=dict)
    """Likewise by the seconds that a video lasts: until its end nobody knows them."""

    def later(self, told: Any, timeline: str, now: float) -> list[str]:
        """Words that stand in `told` and are of `now` or later, of another timeline, or of no clock."""
        text = told if isinstance(told, str) else json.dumps(told, default=str)
        found = []
        for word in sorted(set(_MARKER.findall(text.lower()))):
            of, since = self.words[word]
            if of != timeline or since >= now:
                found.append(word)
        for length, (of, since) in self.lengths.items():
            clock = rf"(?:00:00 to|of) {length // 60:.0f}:{length % 60:02.0f}(?!\d)"
            told_early = of != timeline or since > now + 1e-3
            if told_early and re.search(rf"(?<!\d)(?:{length:.2f}(?!\d)|{begun(length)}\d*)|{clock}", text):
                found.append(f"a length of {length:g} s")
        return found

    def moments(self) -> list[float]:
        return [since for of, since in self.words.values() if of == "main"]


def begun(length: float) -> str:
    """The first digits of a length, as they stand wherever it is not rounded."""
    return repr(length)[: repr(length).index(".") + 3]


def marker(rng: random.Random, taken: dict[str, Any]) -> str:
    while (word := "z" + "".join(rng.choice("bcdfgaeiou") for _ in range(7)) + "q") in taken:
        pass
    return word


def build(folder: Path, seed: int = 0) -> World:
    """Build the memory: spoken words as subtitles, all else written as the indexing would have."""
    rng = random.Random(seed)
    world = World(ClipMemory(folder / "memory", text_encoder="hashed"))
    for number, (name, recorded, timeline) in enumerate(RECORDINGS):
        of = None if recorded == "none" else timeline
        begin = 0.0 if of is None else _seconds(recorded)
        title = marker(rng, world.words)
        world.words[title] = of, begin
        length = MINUTES * 60.0 + 7.37 * (1 + number)
        lines = []
        for minute in range(1, MINUTES, 4):
            word = marker(rng, world.words)
            world.words[word] = of, begin + minute * 60
            act = HABIT if minute == 1 else ACTS[minute % len(ACTS)]
            lines.append((minute * 60.0, f"{act} {word}"))
        id_ = lives.add(world.memory, folder, f"{name}-{title}", recorded, length, lines)
        end = world.memory.video(id_).end  # frames do not come at any time
        world.lengths[end] = of, begin + end
        if timeline != "main":
            world.memory.set_recording(id_, timeline=timeline)
        _show(world, rng, id_, of, begin)
    _people(world, rng)
    world.memory.summarize()
    return world


def _seconds(recorded: str) -> float:
    moment = datetime.fromisoformat(recorded)
    return (moment if moment.tzinfo else datetime.fromisoformat(f"{recorded}+00:00")).timestamp()


def _show(world: World, rng: random.Random, id_: str, of: str | None, begin: float) -> None:
    """Texts on the screen, objects and looks, minute by minute."""
    with world.memory.store.transaction() as db:
        for channel, stamp in (("screen_text", "planted"), ("objects", "planted"), ("visual", "planted")):
            db.execute("INSERT INTO channels VALUES (?, ?, ?)", (id_, channel, stamp))
            for minute in range(MINUTES):
                unit = db.execute(
                    "INSERT INTO units (video, channel, start_s, end_s, status, finished_at) "
                    "VALUES (?, ?, ?, ?, 'done', 1)",
                    (id_, channel, minute * 60.0, minute * 60.0 + 60),
                ).lastrowid
                if minute % 4 != 2:
                    continue
                word = marker(rng, world.words)
                world.words[word] = of, begin + minute * 60 + (5 if channel == "screen_text" else 0)
                data: dict[str, Any] = {"counts": {word: 1}} if channel == "objects" else {}
                if channel == "screen_text":
                    data = {"box": [0.1, 0.1, 0.5, 0.2], "height": 0.1}
                start, end = minute * 60.0 + (5 if channel == "screen_text" else 0), minute * 60.0 + 30
                text = f"keys {word}" if channel != "objects" else f"1 {word}"
                row = db.execute(
                    "INSERT INTO texts (unit, video, channel, start_s, end_s, text, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (unit, id_, channel, start, end, text, json.dumps(data)),
                ).lastrowid
                db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row, text))


def _people(world: World, rng: random.Random) -> None:
    """Two voices in each video, the same in all; in a late one, and in one of another timeline, they have names."""
    vectors = _voices(2)
    named = {record.id for record in world.memory.videos() if record.name.startswith(("third", "elsewhere"))}
    with world.memory.store.transaction() as db:
        for statement in PEOPLE:
            db.execute(statement)
        db.execute("INSERT INTO people_models VALUES (?, 'voice', 0.8)", (STAMP,))
        for record in world.memory.videos():
            of = record.timeline if record.recorded is not None else None
            for voice, vector in enumerate(vectors):
                name = marker(rng, world.words) if record.id in named else None
                if name is not None:
                    world.words[name] = of, (record.recorded or 0.0) + 69 + voice * 60
                identity = db.execute("INSERT INTO identities (kind, name) VALUES ('voice', ?)", (name,)).lastrowid
                for minute in range(1 + voice, MINUTES, 2):
                    start = minute * 60.0
                    db.execute(
                        "INSERT INTO appearances (video, kind, stamp, start_s, end_s, known_s, linked_s, vector, "
                        "identity, confirmed) VALUES (?, 'voice', ?, ?, ?, ?, ?, ?, ?, ?)",
                        (record.id, STAMP, start, start + 9, start + 10, start + 10, _near(rng, vector), identity,
                         name is not None),
                    )  # fmt: skip


def _voices(count: int) -> list[np.ndarray]:
    rows = np.random.default_rng(5).normal(size=(count, 64))
    return [row / np.linalg.norm(row) for row in rows]


def _near(rng: random.Random, vector: np.ndarray) -> bytes:
    own = vector + 0.02 * np.random.default_rng(rng.randrange(10**6)).normal(size=vector.shape)
    return (own / np.linalg.norm(own)).astype(np.float16).tobytes()
