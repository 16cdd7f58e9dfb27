"""The looking of the heuristic policy: tool calls as steps of a generator, and the passages that the tools bring back.

A strategy is a generator: it yields a `Call`, is sent the `CallResult` that came of it, and returns a `Draft`. The
policy replays it over what the run has observed so far, so that a strategy keeps nothing between turns. A call that
was not run (budget) or failed comes back empty: a strategy goes on with what it has.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ....memory import Box, MediaURI, Span
from ...answer import Draft, Evidence
from ...steps import Call, CallResult
from .question_parser import ParsedQuestion

Strategy = Generator[Call, CallResult, Draft]


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says something, as a tool claims it."""

    name: str
    label: str
    """The name, with `probably` and the score where it is a guess."""
    confirmed: bool
    exemplar: str
    """Media URI of what the claim rests on."""

    @classmethod
    def of(cls, row: dict[str, Any]) -> Speaker | None:
        """Return the speaker of a row of `transcribe`; None where nobody can tell."""
        claim = row.get("speaker")
        if not claim:
            return None
        return cls(str(claim["name"]), str(row["label"]), bool(claim["confirmed"]), str(claim["exemplar"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """An utterance, or a block of on-screen text; of a block also a single row of it."""

    video: str
    span: Span
    text: str
    channel: str
    tool: str
    similarity: float = 0.0
    """Cosine between question and passage by the memory's text encoder; 0 where the search did not return it."""
    sure: float = 1.0
    """How sure the recogniser or reader is of the words, in [0, 1]."""
    box: tuple[float, ...] | None = None
    place: str = ""
    height: float = 0.0
    """Height of the letters as a share of the picture (on-screen text)."""
    rows: tuple[str, ...] = ()
    """The rows of a block, top to bottom; the sentences of an utterance."""
    words: tuple[tuple[float, float], ...] = ()
    """When each word of an utterance is spoken, in seconds."""
    parts: tuple[Passage, ...] = ()
    """The utterances that make up a sentence which runs across them."""
    language: str = ""
    assumed_language: str = ""
    """The language of a recognizer that knows no other."""
    speaker: Speaker | None = None
    """Who says it, where that was learned."""

    @property
    def weight(self) -> float:
        """Return how much a block stands out: tall letters, surely read, shown for a while."""
        return self.height * min(self.sure, 1.0) * min(self.span.duration, 2.0)

    def span_of(self, piece: str) -> Span:
        """Return when a sentence of an utterance is spoken, by its words' times, else by its share of the letters."""
        at = self.text.find(piece)
        if self.channel != "speech" or at < 0 or len(piece) >= 0.9 * len(self.text):
            return self.span
        first, count = len(self.text[:at].split()), len(piece.split())
        if len(self.words) == len(self.text.split()):
            return Span(self.words[first][0], max(self.words[first + count - 1][1], self.words[first][0]))
        scale = self.span.duration / max(len(self.text), 1)
        return Span(self.span.start + at * scale, self.span.start + (at + len(piece)) * scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeuristicContext:
    """One question about one video."""

    question: ParsedQuestion
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
        at = self.question.at
        return self.whole if at is None or at.duration == 0 else at.within(self.whole)

    def unknown(self, channel: str | None = None) -> bool:
        """Return whether something of the window is not covered yet: by a channel, or by any."""
        found = self.video.get("coverage")
        if not found:
            return False
        channels = found["channels"] if channel is None else {channel: found["channels"].get(channel, [])}
        at, last = self.question.at, self.window.end
        goes_on = bool(found["growing"]) and (at is None or at.end >= last)
        covered = ([Span(*span) for span in spans] for spans in channels.values())
        seconds = (sum(span.overlap(self.window) for span in spans) for spans in covered)
        return goes_on or any(one < self.window.duration - 1.0 for one in seconds)

    def call(self, tool: str, **arguments: Any) -> Call:
        """A call on this video; arguments that are None are left out."""
        kept = {k: round(v, 3) if isinstance(v, float) else v for k, v in arguments.items() if v is not None}
        return Call(tool, {**kept, "video": self.video["id"]} if self.many else kept)

    def over(self, tool: str, span: Span, **arguments: Any) -> Call:
        """A call on a span of this video."""
        return self.call(tool, start=span.start, end=span.end, **arguments)

    def evidence(self, claim: str, span: Span, tool: str, quote: str | None = None) -> Evidence:
        """A piece of evidence in this video."""
        return Evidence(claim=claim, uri=str(MediaURI(self.video["id"], span)), tool=tool, quote=quote)

    def abstain(self, why: str) -> Draft:
        """No answer, and what was tried."""
        return Draft(text=why, abstained=True, confidence=0.0)


def from_to(span: Span) -> str:
    """A span in words."""
    return f"at {span.start:.1f} s" if span.duration == 0 else f"from {span.start:.1f} s to {span.end:.1f} s"


def on_one_line(text: str) -> str:
    """Rows of a block with slashes between them."""
    return " / ".join(text.split("\n"))


def cite(passage: Passage, piece: str | None = None) -> list[Evidence]:
    """The passage, or a sentence or row of it, as evidence: quoted, utterance by utterance."""
    if passage.parts:
        text = piece or passage.text
        meant = [part for part in passage.parts if part.text in text or text in part.text] or list(passage.parts)
        return [one for part in meant for one in cite(part)]
    box = Box(*passage.box) if passage.box else None
    uri = str(MediaURI(passage.video, passage.span_of(piece or passage.text), box))
    return [Evidence(claim=piece or passage.text, uri=uri, tool=passage.tool, quote=piece or passage.text)]


def quoting(text: str, passages: Iterable[Passage], confidence: float, piece: str | None = None) -> Draft:
    """An answer whose evidence are passages, or a piece of them."""
    return Draft(text=text, evidence=tuple(e for p in passages for e in cite(p, piece)), confidence=confidence)


def utterances(result: CallResult, video: str) -> list[Passage]:
    """The utterances that `transcribe` brought back."""
    return [_utterance(row, video, "transcribe") for row in result.data.get("utterances", ())]


def readings(result: CallResult, video: str) -> list[Passage]:
    """The blocks that `read_text` brought back."""
    return [_block(row, video, "read_text") for row in result.data.get("readings", ())]


def hits(result: CallResult, video: str) -> list[Passage]:
    """The texts that `search_clips` brought back, best first, summaries left out."""
    found = []
    for hit in result.data.get("hits", ()):
        for row in hit["texts"]:
            make = {"speech": _utterance, "screen_text": _block}.get(row["channel"])
            if make is not None:
                passage = make(row, hit.get("video", video), "search_clips")
                found.append(replace(passage, similarity=float(row.get("similarity") or 0.0)))
    return found


def _sentences(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"(?<=[.!?…])\s+(?=\W?[A-ZÄÖÜ¿¡0-9])", text.strip()) if part)


def _utterance(row: dict[str, Any], video: str, tool: str) -> Passage:
    return Passage(
        video=video, span=Span(*row["span"]), text=str(row["text"]).strip(), channel="speech", tool=tool,
        sure=float(row.get("probability", 1.0)), language=str(row.get("language", "")),
        assumed_language=str(row.get("assumed_language", "")),
        words=tuple((float(w[0]), float(w[1])) for w in row.get("words", ())), rows=_sentences(str(row["text"])),
        speaker=Speaker.of(row),
    )  # fmt: skip


def _block(row: dict[str, Any], video: str, tool: str) -> Passage:
    box = tuple(row["box"]) if row.get("box") else None
    return Passage(
        video=video, span=Span(*row["span"]), text=str(row["text"]), channel="screen_text", tool=tool,
        sure=min(float(row.get("score", 1.0)), 1.0), box=box,
        place=str(row.get("place", "")), height=float(row.get("height") or (box[3] - box[1] if box else 0.0)),
        rows=_rows(row.get("lines") or ()) or tuple(str(row["text"]).split("\n")),
    )  # fmt: skip


def _rows(lines: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Lines that stand side by side read as one row: an item and its price, a team and its score."""
    rows: list[tuple[list[float], list[str]]] = []
    for line in lines:
        top, bottom = float(line["box"][1]), float(line["box"][3])
        if rows and min(bottom, rows[-1][0][1]) - max(top, rows[-1][0][0]) > 0.5 * (bottom - top):
            rows[-1][1].append(str(line["text"]))
        else:
            rows.append(([top, bottom], [str(line["text"])]))
    return tuple(" ".join(texts) for _, texts in rows)
