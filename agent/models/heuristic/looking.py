"""How the extractive policy looks: tool calls as steps of a generator, and passages that the tools brought back.

A strategy is a generator: it yields a `Call`, is sent the `Seen` that came of it, and returns a `Draft`. The policy
replays it over what the run has observed so far, so a strategy keeps nothing between turns and can be read from top
to bottom. A call that was not run (budget) or failed comes back empty: a strategy goes on with what it has.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ....memory import MediaURI, Span
from ...answer import Draft, Evidence
from ...steps import Call, Seen
from ...understand import Ask
from ...words import content, coverage, rarity

Strategy = Generator[Call, Seen, Draft]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of speech or on-screen text, with how well it fits the question."""

    span: Span
    text: str
    channel: str
    tool: str
    similarity: float = 0.0
    """Cosine between question and passage from the memory's text encoder; 0 where the search did not return it."""
    height: float = 0.0
    """Height of the letters as a share of the picture (on-screen text)."""
    box: tuple[float, ...] | None = None
    confidence: float = 1.0
    words: tuple[tuple[float, float, str], ...] = ()

    @property
    def stems(self) -> list[str]:
        """Stems of its content words."""
        return content(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One question about one video: what every strategy is given."""

    ask: Ask
    video: dict[str, Any]
    many: bool = False
    """Whether the question is about several videos, so that calls must name theirs."""

    @property
    def whole(self) -> Span:
        """The whole video, up to `now` if there is one."""
        return Span(self.video["start"], self.video["end"])

    @property
    def window(self) -> Span:
        """The span that the question names, else the whole video."""
        if self.ask.at is None or self.ask.at.duration == 0:
            return self.whole
        return self.ask.at.within(self.whole)

    @property
    def is_short(self) -> bool:
        """Whether the whole of it can be listened to and read in one go."""
        return self.whole.duration <= 1800

    def call(self, tool: str, **arguments: Any) -> Call:
        """A call on this video; arguments that are None are left out."""
        kept = {k: round(v, 3) if isinstance(v, float) else v for k, v in arguments.items() if v is not None}
        return Call(tool, {**kept, "video": self.video["id"]} if self.many else kept)

    def over(self, tool: str, span: Span, **arguments: Any) -> Call:
        """A call on a span of this video."""
        return self.call(tool, start=span.start, end=span.end, **arguments)

    def evidence(self, claim: str, span: Span, tool: str, quote: str | None = None, box: Any = None) -> Evidence:
        """A piece of evidence in this video."""
        return Evidence(claim=claim, uri=str(MediaURI(self.video["id"], span, box)), tool=tool, quote=quote)

    def cite(self, passage: Passage, claim: str | None = None) -> Evidence:
        """The passage as evidence, quoted."""
        return self.evidence(claim or passage.text, passage.span, passage.tool, quote=passage.text)

    def abstain(self, why: str) -> Draft:
        """No answer, and what was tried."""
        return Draft(text=why, abstained=True, confidence=0.0)


def utterances(seen: Seen) -> list[Passage]:
    """The utterances that `transcribe` brought back."""
    return [
        Passage(
            span=Span(*row["span"]),
            text=row["text"],
            channel="speech",
            tool="transcribe",
            words=tuple((float(w[0]), float(w[1]), str(w[2])) for w in row.get("words", ())),
        )
        for row in seen.data.get("utterances", ())
    ]


def readings(seen: Seen) -> list[Passage]:
    """The lines that `read_text` brought back."""
    return [
        Passage(
            span=Span(*row["span"]),
            text=row["text"],
            channel="screen_text",
            tool="read_text",
            height=float(row.get("height") or (row["box"][3] - row["box"][1])),
            box=tuple(row["box"]),
            confidence=float(row["score"]),
        )
        for row in seen.data.get("readings", ())
    ]


def hits(seen: Seen, channel: str | None = None) -> list[Passage]:
    """The texts that `search_clips` brought back, best first, summaries left out."""
    found = []
    for hit in seen.data.get("hits", ()):
        for row in hit["texts"]:
            if row["channel"] in ("speech", "screen_text") and channel in (None, row["channel"]):
                found.append(
                    Passage(
                        span=Span(*row["span"]),
                        text=row["text"],
                        channel=row["channel"],
                        tool="search_clips",
                        similarity=float(row.get("similarity") or 0.0),
                    )
                )
    return found


def with_similarity(passages: Iterable[Passage], searched: Sequence[Passage]) -> list[Passage]:
    """The passages, each with the similarity that the search gave to the same text at the same place."""
    known = {(p.channel, p.text): p.similarity for p in searched}
    return [
        Passage(**{**_fields(p), "similarity": max(p.similarity, known.get((p.channel, p.text), 0.0))})
        for p in passages
    ]


def _fields(passage: Passage) -> dict[str, Any]:
    return {name: getattr(passage, name) for name in passage.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage with its fit to the question."""

    passage: Passage
    covered: float
    """Share of the topic's words that stand in the passage, rare words weighing more."""
    score: float


def rank(passages: Sequence[Passage], topic: Sequence[str]) -> list[Ranked]:
    """Passages by how well they fit `topic`: words first, meaning as the text encoder sees it beside them."""
    weights = rarity([p.stems for p in passages])
    wanted = content(" ".join(topic))
    ranked = []
    for passage in passages:
        covered = coverage(wanted, passage.stems, {w: weights.get(w, 1.0) for w in wanted})
        ranked.append(Ranked(passage, covered, covered + passage.similarity))
    return sorted(ranked, key=lambda r: (-r.score, r.passage.span.start))


def joined(passages: Sequence[Passage]) -> Span:
    """The span from the first to the last of `passages`."""
    return Span(min(p.span.start for p in passages), max(p.span.end for p in passages))
