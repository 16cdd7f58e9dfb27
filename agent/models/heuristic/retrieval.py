"""Gathering passages: one search over all videos, then what is said and shown where it points; and a closer look."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ....memory import Span
from ....memory.span import merge_spans
from ....memory.timeline.moment import local_clock
from ...steps import Call, CallResult
from ...text_matching import alphanumeric, tokens
from .passages import HeuristicContext, Passage, hits, readings, utterances
from .question_parser import ParsedQuestion
from .ranking import values

WHOLE = 3600.0
"""Seconds up to which all that was said and shown in a video is read; of a longer one, what lies near the best hits."""
VIDEOS = 4
"""So many videos are read closely; of more, those that the search prefers."""
_NEAR = 45.0
_UNLIKED = 2  # videos that are read where the search prefers none
_BESIDE = 2  # videos that are read where the levels of a timeline were searched: what matches is there already


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """A question with all that was gathered for it."""

    question: ParsedQuestion
    contexts: dict[str, HeuristicContext]
    """By video id, in the order of asking."""
    passages: tuple[Passage, ...] = ()
    left_out: int = 0
    """Videos that nothing sets apart from those that were read, and that were not read."""

    @property
    def many(self) -> bool:
        """Return whether there are several videos, so that every line names its own."""
        return len(self.contexts) > 1

    @property
    def first(self) -> HeuristicContext:
        """The first, or only, video."""
        return next(iter(self.contexts.values()))

    def name(self, passage: Passage) -> str:
        """The video's name before a line about it, where there are several."""
        return f"{self.contexts[passage.video].video['name']}: " if self.many else ""

    def recorded(self, video: str, span: Span) -> str:
        """The beginning of a span by the clock of the recording, in brackets; empty if nobody knows."""
        facts = self.contexts[video].video
        if facts.get("recorded") is None:
            return ""
        return f" ({local_clock(facts['recorded'] + span.start - facts['start'], facts['zone'])})"

    def moment(self, passage: Passage) -> tuple[float, float]:
        """A key by which passages are in the order of time: by the clock where all videos are dated, else as asked."""
        videos = [context.video for context in self.contexts.values()]
        place, video = next((n, v) for n, v in enumerate(videos) if v["id"] == passage.video)
        if any(one.get("recorded") is None for one in videos):
            return float(place), passage.span.start
        return 0.0, video["recorded"] + passage.span.start - video["start"]

    def of(self, channel: str | None = None) -> list[Passage]:
        """The passages of a channel, in time order, video by video."""
        order = list(self.contexts)
        kept = [p for p in self.passages if channel in (None, p.channel)]
        return sorted(kept, key=lambda p: (order.index(p.video), p.span.start, p.span.end))


def search(question: ParsedQuestion, many: bool, bounds: Mapping[str, str]) -> Call:
    """The search over every video asked about, in the question's own words: the loop's first look has made it.

    Where all that somebody says is asked for there are no words to search: then every turn of the person is listed.
    """
    if question.who:
        query, k = ("", 50) if _all_words(question) else (question.text, 10 if many else 5)
        return Call("search_clips", {"query": query, "k": k, "who": question.who, **bounds})
    return Call("search_clips", {"query": question.text, "k": 10 if many else 5, **bounds})


def _all_words(question: ParsedQuestion) -> bool:
    """Return whether all that a person says is asked for, or the first or last of it."""
    return question.who is not None and not question.topic and not question.phrase and question.anchor is None


def gather(
    question: ParsedQuestion,
    contexts: dict[str, HeuristicContext],
    bounds: Mapping[str, str],
    before: Sequence[CallResult] = (),
) -> Generator[Call, CallResult, Retrieval]:
    """Search, then read what was said and shown.

    Args:
        question: taken apart.
        contexts: by video id.
        bounds: `start` and `end` by the wall clock, where there are.
        before: searches of the hours that a timeline's levels led to.
    """
    first = next(iter(contexts.values()))
    many = first.many if bounds else len(contexts) > 1
    result = yield search(question, many, bounds)
    if _all_words(question):
        return (yield from _listened(question, contexts, result.data.get("turns", ())))
    found = hits(result, first.video["id"])
    found = [passage for result in before for passage in hits(result, first.video["id"])] + found
    if question.options:
        words = f"{question.text} {' '.join(question.options)}"[:500]
        found += hits((yield Call("search_clips", {"query": words, **bounds})), first.video["id"])
    found = [p for p in found if p.video in contexts and (not bounds or p.span.overlap(contexts[p.video].whole) > 0)]
    liked = list(dict.fromkeys(p.video for p in sorted(found, key=lambda p: -p.similarity)))
    chosen = liked[:VIDEOS] if len(contexts) > VIDEOS or before else list(contexts)
    chosen = chosen[:_BESIDE] if before else chosen
    most, left_out = 0.0 if before else WHOLE, 0
    if not chosen:  # no word of the question is in any of them: what is said and shown in the first or last ones
        rest, most = _by_the_clock(contexts, list(contexts)), WHOLE
        count = VIDEOS if question.channel in ("speech", "screen_text") else _UNLIKED
        chosen = rest[-count:] if question.order == -1 else rest[:count]
        left_out = len(rest) - len(chosen)
    passages = list(found)
    for video in chosen:
        context = contexts[video]
        channels = set(context.video.get("channels", ()))
        if not found and question.channel in channels:
            channels = {question.channel}
        for span in _where(context, [p for p in found if p.video == video], most):
            if "speech" in channels:
                passages += sentences(utterances((yield context.over("transcribe", span, who=question.who)), video))
            if "screen_text" in channels and question.who is None:
                passages += readings((yield context.over("read_text", span)), video)
    if question.who is not None:  # a text that was found may be of several speakers; what was listened to is of one
        passages = [p for p in passages if p.speaker is not None]
    retrieval = Retrieval(question=question, contexts=contexts, passages=_unique(passages, found), left_out=left_out)
    return _as_topic(_time_of_day(retrieval))


def _by_the_clock(contexts: Mapping[str, HeuristicContext], videos: list[str]) -> list[str]:
    """Videos in the order in which they were recorded, where that is known of all; else as they are."""
    begun = {video: contexts[video].video.get("recorded") for video in videos}
    return videos if None in begun.values() else sorted(videos, key=lambda video: begun[video] or 0.0)


def _listened(
    question: ParsedQuestion, contexts: dict[str, HeuristicContext], turns: Sequence[Mapping[str, Any]]
) -> Generator[Call, CallResult, Retrieval]:
    """What a person says in the first videos of these turns; in the last ones where the last is asked for."""
    spans: dict[str, list[Span]] = {}
    for turn in turns:
        context = contexts.get(turn["video"])
        if context is not None and turn["kind"] == "voice" and Span(*turn["span"]).overlap(context.window) > 0:
            spans.setdefault(turn["video"], []).append(Span(*turn["span"]).within(context.window))
    heard = _by_the_clock(contexts, list(spans))
    chosen = heard[-VIDEOS:] if question.order == -1 else heard[:VIDEOS]
    passages: list[Passage] = []
    for video in chosen:
        whole = Span(min(span.start for span in spans[video]), max(span.end for span in spans[video]))
        result = yield contexts[video].over("transcribe", whole, who=question.who)
        passages += sentences([p for p in utterances(result, video) if p.speaker is not None])
    left_out = len(spans) - len(chosen)
    return Retrieval(question=question, contexts=contexts, passages=tuple(passages), left_out=left_out)


def _where(context: HeuristicContext, found: Sequence[Passage], most: float) -> list[Span]:
    """The spans to read: the one that is named, all of a short video, or around the best hits of a long one."""
    question, whole = context.question, context.whole
    if question.at is not None:
        return [Span(question.at.start - 10, question.at.end + 10).within(whole)]
    if whole.duration <= most:
        return [whole]
    spans = [Span(p.span.start - _NEAR, p.span.end + _NEAR).within(whole) for p in found[:3]]
    if question.order is not None or not spans:
        spans.append(Span(whole.start, whole.start + 300) if question.order != -1 else Span(whole.end - 300, whole.end))
    return merge_spans(spans)


def _unique(passages: Iterable[Passage], found: Sequence[Passage]) -> tuple[Passage, ...]:
    """Each passage once, with the similarity that the search gave to its text; what was read wins over a hit."""
    similarities: dict[tuple[str, str, str], float] = {}
    for p in found:
        key = (p.video, p.channel, alphanumeric(p.text))
        similarities[key] = max(similarities.get(key, 0.0), p.similarity)
    kept: dict[tuple[str, str, str, int], Passage] = {}
    for p in passages:
        texts = [alphanumeric(p.text), *(alphanumeric(part.text) for part in p.parts)]
        similarity = max(similarities.get((p.video, p.channel, text), 0.0) for text in texts)
        kept[p.video, p.channel, alphanumeric(p.text), round(p.span.start)] = replace(
            p, similarity=max(similarity, p.similarity)
        )
    inside = {(p.video, p.channel, alphanumeric(part.text)) for p in kept.values() for part in p.parts}
    return tuple(p for p in kept.values() if p.parts or (p.video, p.channel, alphanumeric(p.text)) not in inside)


def sentences(utterances_in_order: Sequence[Passage]) -> list[Passage]:
    """Utterances that one sentence runs across, as subtitles break it, put together; each keeps its parts."""
    runs: list[list[Passage]] = []
    for p in sorted(utterances_in_order, key=lambda p: p.span):
        last = runs[-1][-1] if runs else None
        goes_on = last is not None and not re.search(r"[.!?…][\"'”»)]*$", last.text) and p.text[:1].islower()
        first = runs[-1][0] if runs else p
        near = last is not None and p.span.start - last.span.end <= 2.0 and p.span.end - first.span.start <= 25.0
        one = last is None or last.speaker == p.speaker
        if (
            goes_on and near and one and first.text != first.text.lower()
        ):  # without capitals nothing tells where one begins
            runs[-1].append(p)
        else:
            runs.append([p])
    return [run[0] if len(run) == 1 else _joined(run) for run in runs]


def _joined(run: Sequence[Passage]) -> Passage:
    text = " ".join(p.text for p in run)
    timed = all(len(p.words) == len(p.text.split()) for p in run)
    words = tuple(word for p in run for word in p.words) if timed else ()
    span = Span(run[0].span.start, run[-1].span.end)
    return replace(run[0], span=span, text=text, parts=tuple(run), words=words, rows=(), sure=min(p.sure for p in run))


def _time_of_day(retrieval: Retrieval) -> Retrieval:
    """`at 3:45` is a time of day where that stands in a passage: then it is part of the topic."""
    times = retrieval.question.times
    clock = re.search(r"\d+:\d{2}", times.text) if times else None
    if clock is None or not any(clock[0] in p.text for p in retrieval.passages):
        return retrieval
    question = replace(retrieval.question, times=None, at=None, topic=(*retrieval.question.topic, clock[0]))
    contexts = {video: replace(context, question=question) for video, context in retrieval.contexts.items()}
    return replace(retrieval, question=question, contexts=contexts)


def _as_topic(retrieval: Retrieval) -> Retrieval:
    """`the second prize` is not the prize that comes second, where a passage about prizes says `second`."""
    question = retrieval.question
    if not question.order or not any(
        question.ordinal in (have := set(tokens(p.text))) and have & set(question.topic) for p in retrieval.passages
    ):
        return retrieval
    return replace(retrieval, question=replace(question, topic=(*question.topic, question.ordinal), order=None))


def look_closer(context: HeuristicContext, passages: Sequence[Passage]) -> Generator[Call, CallResult, list[Passage]]:
    """Text that indexing missed: small print enlarged, more frames a second, then the quarters of the picture."""
    question, video = context.question, context.video["id"]
    window = context.window
    if window.duration > 120:
        result = yield context.call("search_clips", query=question.text)
        near = [Span(*hit["span"]) for hit in result.data.get("hits", ()) if hit.get("video", video) == video]
        window = near[0] if near else Span(window.start, window.start + 60)
    for small in sorted((p for p in passages if 0 < p.height < 0.06 and p.box), key=lambda p: p.height)[:2]:
        result = yield context.call("read_text", start=small.span.middle, box=_around(small.box or ()))
        near_by = readings(result, video)
        if question.digits and any(values(question.value, p.text, question.digits) for p in near_by):
            return near_by
    before = {alphanumeric(p.text) for p in passages}
    rate = round(min(4.0, 16 / max(window.duration, 1.0)), 3)
    fresh = readings((yield context.over("read_text", window, fps=rate)), video)
    fresh = [p for p in fresh if alphanumeric(p.text) not in before]
    if question.digits and any(values(question.value, p.text, question.digits) for p in fresh):
        return fresh
    for box in ([0, 0, 0.55, 0.55], [0.45, 0, 1, 0.55], [0, 0.45, 0.55, 1], [0.45, 0.45, 1, 1]):
        result = yield context.over("read_text", window, box=box)
        fresh += [p for p in readings(result, video) if alphanumeric(p.text) not in before and p.sure >= 0.6]
    best: dict[str, Passage] = {}
    for p in fresh:
        if alphanumeric(p.text) and p.sure > getattr(best.get(alphanumeric(p.text)), "sure", 0.0):
            best[alphanumeric(p.text)] = p
    return sorted(best.values(), key=lambda p: p.span)


def _around(box: tuple[float, ...]) -> list[float]:
    """A box with half its size, and at least a twentieth of the picture, added on each side."""
    wide, high = max((box[2] - box[0]) / 2, 0.05), max((box[3] - box[1]) / 2, 0.05)
    sides = (box[0] - wide, box[1] - high, box[2] + wide, box[3] + high)
    return [round(min(max(side, 0.0), 1.0), 3) for side in sides]
