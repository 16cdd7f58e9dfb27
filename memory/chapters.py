"""The course of a video: its chapters, or the parts of a short one, with what is said and shown in each, in order."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .ingest.summary_channel import rarity, telling
from .memory_view import MemoryView
from .span import Span
from .types import Text

_JOINS = 1.0  # seconds between two rows of one text that still stood all the while
_FLICKER = 1.0  # seconds; what is shown for less begins no part
_STAYS = 0.6  # share of the video beyond which a text (a logo, a clock) tells no parts apart
_PARTS = 15  # at most about so many parts of a short video
_SHORTEST = 4.0  # seconds of a part
_PAUSE = 2.0  # seconds without a word between parts, where nothing is written
_SPEECH, _SCREEN_TEXT = 4, 8  # lines of each kind for a part


@dataclass(frozen=True, slots=True)
class ScreenText:
    """A text on the screen, over all the time that it stood there."""

    span: Span
    text: str
    weight: float
    """Height and duration together: how much it catches the eye."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of a video; what it holds is in time order."""

    span: Span
    speech: tuple[Text, ...]
    """The most telling utterances."""
    screen_text: tuple[ScreenText, ...]
    """The texts that catch the eye most."""
    look: str
    """The look of most of its clips; empty where pictures were not indexed."""


def chapters(memory: MemoryView, video: str, *, level: str = "chapter") -> list[Chapter]:
    """The chapters of a video; a video of one chapter is divided where the screen changes, or nobody speaks.

    Raises:
        VideoError: if there is no such video.
    """
    record = memory.video(video)
    texts = memory.texts(record.id)
    on_screen = _joined([text for text in texts if text.channel == "screen_text"])
    speech = [text for text in texts if text.channel == "speech"]
    spans = [clip.span for clip in memory.clips(record.id, level=level)] or [record.span]
    if len(spans) == 1 and level == "chapter":
        spans = _parts(record.span, on_screen, speech)
    rare = rarity(texts)
    return [
        Chapter(
            span,
            tuple(telling([text for text in speech if span.contains(text.start)], rare, _SPEECH)),
            _eye_catching([row for row in on_screen if row.span.start < span.end and row.span.end > span.start]),
            _look(t.text for t in texts if t.channel == "visual" and span.contains(t.span.middle)),
        )
        for span in spans
    ]


def _joined(texts: Sequence[Text]) -> list[ScreenText]:
    """Rows of one text that follow each other as one, in the order in which they came."""
    rows: dict[str, list[ScreenText]] = {}
    for text in texts:
        key = re.sub(r"\W+", " ", text.text.casefold()).strip()
        if not key:
            continue
        same = rows.setdefault(key, [])
        before = same.pop() if same and text.start - same[-1].span.end <= _JOINS else None
        span = text.span if before is None else Span(before.span.start, max(before.span.end, text.end))
        weight = float(text.data.get("height", 0.03)) * math.sqrt(max(span.duration, 0.5))
        same.append(ScreenText(span, text.text if before is None else before.text, weight))
    return sorted((row for same in rows.values() for row in same), key=lambda row: row.span.start)


def _parts(whole: Span, on_screen: Sequence[ScreenText], speech: Sequence[Text]) -> list[Span]:
    """Divide a short video where the text on the screen goes and new text comes, else at pauses."""
    rows = [row.span for row in on_screen if _FLICKER <= row.span.duration <= _STAYS * whole.duration]
    times = sorted({row.start for row in rows} | {row.end for row in rows})
    cuts = [time for time in times if not any(row.start < time - 0.3 and row.end > time + 0.3 for row in rows)]
    least = max(_SHORTEST, whole.duration / _PARTS)
    if not cuts:
        ends = [max(text.end for text in speech[: at + 1]) for at in range(len(speech))]
        pauses = [Span(end, text.start) for end, text in zip(ends, speech[1:], strict=False) if text.start > end]
        cuts = [pause.middle for pause in pauses if pause.duration >= _PAUSE]
        least = max(least, whole.duration / 6)
    bounds = [whole.start]
    for cut in cuts:
        if cut - bounds[-1] >= least and whole.end - cut >= _SHORTEST:
            bounds.append(cut)
    return [Span(start, end) for start, end in zip(bounds, [*bounds[1:], whole.end], strict=True)]


def _eye_catching(rows: Sequence[ScreenText]) -> tuple[ScreenText, ...]:
    best = sorted(rows, key=lambda row: -row.weight)[:_SCREEN_TEXT]
    return tuple(row for row in rows if row in best)


def _look(texts: Iterable[str]) -> str:
    """Return the text that occurs most often, of several the first in time; empty without any."""
    counts = Counter(texts)
    return counts.most_common(1)[0][0] if counts else ""
