"""Gists of chapters, hours and days, taken from what was said, shown and seen; nothing is made up."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ..span import Span, clock
from ..store.full_text import words
from ..store.units import NewText
from ..types import Text

_SENTENCES = {"chapter": 4, "hour": 6, "day": 8}
_HEADLINES = 5
_LONGEST = 240  # characters of one sentence


def gists(levels: dict[str, list[Span]], texts: Sequence[Text]) -> list[NewText]:
    """One text for each window that has anything to tell, with `data["level"]`."""
    found = []
    rare = rarity(texts)
    for level, spans in levels.items():
        for span in spans:
            inside = [text for text in texts if span.contains(text.span.middle)]
            best = telling([t for t in inside if t.channel == "speech"], rare, _SENTENCES[level])
            quotes = [f"[{clock(text.start)}] {_short(text.text)}" for text in best]
            headlines = _headlines([t for t in inside if t.channel == "screen_text"])
            look = commonest(t.text for t in inside if t.channel == "visual")
            parts = [
                f"Said: {' … '.join(quotes)}" if quotes else "",
                f"On screen: {' | '.join(headlines)}" if headlines else "",
                f"Looks: {look}" if look else "",
            ]
            text = "\n".join(part for part in parts if part)
            if text:
                found.append(NewText(span.start, span.end, text, {"level": level}))
    return found


def rarity(texts: Sequence[Text]) -> dict[str, float]:
    """Inverse document frequency of each word over the spoken texts of the video."""
    utterances = [set(words(text.text)) for text in texts if text.channel == "speech"]
    counts = Counter(word for one in utterances for word in one)
    return {word: math.log((1 + len(utterances)) / (1 + count)) + 1 for word, count in counts.items()}


def telling(texts: Sequence[Text], rare: dict[str, float], most: int) -> list[Text]:
    """The most telling utterances in time order: words that matter here and are rare elsewhere, none said twice."""
    bags = [Counter(words(text.text)) for text in texts]
    here = Counter(word for bag in bags for word in bag)

    def worth(bag: Counter[str], covered: set[str]) -> float:
        # Length counts by its root, so that neither one word nor a ramble wins.
        total = sum(rare.get(word, 1.0) * math.log1p(here[word]) for word in bag if word not in covered)
        return total / math.sqrt(4 + sum(bag.values()))

    chosen: list[int] = []
    covered: set[str] = set()
    while len(chosen) < min(most, len(texts)):
        rest = [index for index in range(len(texts)) if index not in chosen]
        best = max(rest, key=lambda index: worth(bags[index], covered))
        if worth(bags[best], covered) <= 0:
            break
        chosen.append(best)
        covered |= set(bags[best])
    return [texts[index] for index in sorted(chosen)]


def _headlines(texts: Sequence[Text]) -> list[str]:
    """The texts that were largest and stayed longest, each once, in the order in which they came."""
    weights: dict[str, float] = {}
    first: dict[str, tuple[float, str]] = {}
    for text in texts:
        key = re.sub(r"\W+", " ", text.text.lower()).strip()
        if len(key) < 2:
            continue
        seconds = max(text.end - text.start, 0.5)
        weights[key] = weights.get(key, 0.0) + float(text.data.get("height", 0.03)) * math.sqrt(seconds)
        first.setdefault(key, (text.start, text.text))
    best = sorted(weights, key=lambda key: (-weights[key], key))[:_HEADLINES]
    return [_short(text) for _, text in sorted(first[key] for key in best)]


def commonest(texts: Iterable[str]) -> str:
    """Return the text that occurs most often; empty without any."""
    counts = Counter(texts)
    return min(counts, key=lambda text: (-counts[text], text), default="")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
