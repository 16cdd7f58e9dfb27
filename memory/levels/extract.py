"""The words of a summary: what tells most of what was said, shown and seen in a stretch; nothing is made up.

An hour chooses among its texts, a day among what its hours chose, a week among what its days chose: however long a
timeline is, no more than an hour of texts is read at once. `lines` hold the choice, as JSON:

* `speech`: `[time, video, text]` of utterances, in order of time (seconds of the timeline's clock);
* `screen_text`: `[time, text, weight]`, what stood largest and longest;
* `objects`: how often each kind was seen, in clips;
* `looks`: how often each look was seen, in clips;
* `videos`: names of the videos.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..ingest.summary_channel import rarity, telling
from ..types import OBJECTS, Summary, Text
from .calendar import Calendar, Footage

EXTRACTIVE = "extractive 1"
"""Name of this way to make summaries, as `Summary.maker`."""
_UTTERANCES = {"day": 12, "week": 16}
_HEADLINES, _KINDS, _VIDEOS = 6, 8, 6
_LONGEST = 200  # characters of one utterance

Row = tuple[Footage, Text]
"""A text, with its video on the timeline; its times are seconds of the video."""


def lines_of_hour(rows: Sequence[Row], footage: Iterable[Footage], most: int = 8) -> dict[str, Any]:
    """Choose from the texts of an hour (or of the part of it that is known), `most` of what was said."""
    speech = []
    for one, text in rows:
        if text.channel == "speech":
            at = _moment(one, text.start)
            speech.append(replace(text, start=at, end=at + text.duration))
    chosen = telling(sorted(speech, key=lambda text: text.start), rarity(speech), most)
    objects: Counter[str] = Counter()
    looks: Counter[str] = Counter()
    for _, text in rows:
        if text.channel == OBJECTS:
            objects.update(text.data.get("counts", {}).keys())
        elif text.channel == "visual":
            looks[text.text] += 1
    return {
        "speech": [[text.start, text.video, _short(text.text)] for text in chosen],
        "screen_text": _headlines([[_moment(one, t.start), _short(t.text), _weight(t)] for one, t in rows
                                   if t.channel == "screen_text"]),
        "objects": dict(objects.most_common(_KINDS)),
        "looks": dict(looks.most_common(_KINDS)),
        "videos": list(dict.fromkeys(one.record.name for one in footage))[:_VIDEOS],
    }  # fmt: skip


def lines_of_parts(level: str, parts: Sequence[Summary]) -> dict[str, Any]:
    """Choose, for a day or a week, among what its hours or days chose."""
    spoken = [row for part in parts for row in part.lines.get("speech", ())]
    texts = [Text(place, row[1], "speech", row[0], row[0], row[2], {}) for place, row in enumerate(spoken)]
    chosen = telling(texts, rarity(texts), _UTTERANCES[level])
    objects: Counter[str] = Counter()
    looks: Counter[str] = Counter()
    for part in parts:
        objects.update(part.lines.get("objects", {}))
        looks.update(part.lines.get("looks", {}))
    names = (name for part in parts for name in part.lines.get("videos", ()))
    return {
        "speech": [spoken[text.id] for text in chosen],
        "screen_text": _headlines([row for part in parts for row in part.lines.get("screen_text", ())]),
        "objects": dict(objects.most_common(_KINDS)),
        "looks": dict(looks.most_common(_KINDS)),
        "videos": list(dict.fromkeys(names))[:_VIDEOS],
    }


def written(calendar: Calendar, level: str, lines: dict[str, Any]) -> str:
    """Write the choice as the text of a summary; empty where there is nothing to tell."""
    quotes = [f"[{_when(calendar, level, at)}] {text}" for at, _, text in lines["speech"]]
    shown = [text for _, text, _ in lines["screen_text"]]
    look = next(iter(lines["looks"]), "")
    parts = [
        f"Said: {' … '.join(quotes)}" if quotes else "",
        f"On screen: {' | '.join(shown)}" if shown else "",
        f"Seen: {', '.join(lines['objects'])}" if lines["objects"] else "",
        f"Looks: {look}" if look else "",
    ]
    told = [part for part in parts if part]
    return "\n".join([*told, f"From: {', '.join(lines['videos'])}"] if told else [])


def digest_of_rows(rows: Iterable[Row], footage: Iterable[Footage]) -> str:
    """Return the digest of an hour: of which videos it is, and which words they say and show when."""
    facts = sorted(
        (one.record.id, text.channel, round(_moment(one, text.start), 3), round(text.duration, 3), text.text)
        for one, text in rows
    )
    return digest([sorted(one.record.id for one in footage), facts])


def digest(facts: Any) -> str:
    """Return a short digest of plain values."""
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()[:32]


def _when(calendar: Calendar, level: str, moment: float) -> str:
    time = calendar.time_of_day(moment)
    return f"{calendar.day_name(moment).partition(' ')[0]} {time}" if level == "week" else time


def _moment(one: Footage, time: float) -> float:
    return round(time - one.record.start + one.span.start, 3)


def _weight(text: Text) -> float:
    return round(float(text.data.get("height", 0.03)) * math.sqrt(max(text.duration, 0.5)), 4)


def _headlines(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """The texts that were largest and stayed longest, each once, in the order in which they came."""
    weights: Counter[str] = Counter()
    first: dict[str, Sequence[Any]] = {}
    for row in sorted(rows, key=lambda row: float(row[0])):
        key = re.sub(r"\W+", " ", row[1].casefold()).strip()
        if len(key) >= 2:
            weights[key] += row[2]
            first.setdefault(key, row)
    best = sorted(weights, key=lambda key: (-weights[key], key))[:_HEADLINES]
    return [[first[key][0], first[key][1], round(weights[key], 4)] for key in sorted(best, key=lambda k: first[k][0])]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
