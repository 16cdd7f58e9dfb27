"""Who speaks, in what `transcribe` and `search_clips` say: labels, turns of somebody, and lines that show why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...memory import MediaURI, Span, Text, TimelineSpan
from ...memory.people.types import VOICE, Claim, Turn
from ...memory.people.view import UnknownPersonError
from ..context import VideoContext
from ..errors import ToolError
from ..observation import Line, Observation
from ..sanitize import named, quote
from .evidence_lines import LONGEST, line, moment

IDENTITY = "identity"
"""Channel of lines about who somebody is."""


def label(claims: Sequence[Claim]) -> str:
    """Return speakers as a line names them: `Anna`, `voice 2`, `probably Anna (0.83), not confirmed`."""
    return " / ".join(named(str(claim)) for claim in claims)


def turns_of(video: VideoContext, who: str, videos: Iterable[str], between: Span | TimelineSpan | None) -> list[Turn]:
    """Return the turns of somebody, guesses included, video by video; `between` keeps what overlaps it.

    Raises:
        ToolError: if nobody goes by that name, or nobody was learned here.
    """
    people = video.memory.people
    if not people.on:
        raise ToolError("Nobody is told apart in this memory (rewatch people learn does that): leave `who` out.")
    if not people.knows(who):  # perhaps by the form in which it was told, without what a model would obey
        who = next((name for name in people.names() if named(name).casefold() == who.strip().casefold()), who)
    try:
        if not isinstance(between, TimelineSpan):
            return people.turns_of(who, videos, between=between)
        spans = {one: between.in_video(video.memory.video(one)) for one in videos}
        return [turn for one, span in spans.items() if span for turn in people.turns_of(who, [one], between=span)]
    except UnknownPersonError:
        known = list(dict.fromkeys(named(name) for one in videos for name in people.names(one)))
        listed = f"there are {', '.join(known[:20])}" if known else "there is nobody who was told apart"
        raise ToolError(f"Nobody goes by {named(who, 60)!r} here; {listed}.") from None


def of_turns(video_id: str, span: Span, turns: Iterable[Turn]) -> bool:
    """Return whether somebody's turns lie in a span for half a second, or for half of it where it is shorter."""
    least = min(0.5, span.duration / 2)
    return any(turn.video == video_id and turn.span.overlap(span) > least for turn in turns)


def told(video: VideoContext, texts: Iterable[Text]) -> dict[int, list[Turn]]:
    """Return, by the id of a text of speech, the turns in which it is said."""
    people = video.memory.people
    if not people.on:
        return {}
    spoken: dict[int, list[Turn]] = {}
    for text in texts:
        if text.channel == "speech":
            turns = people.turns(text.video, between=text.span)
            spoken[text.id] = [turn for turn in turns if turn.span.overlap(text.span) >= 0.25 * text.duration]
    return spoken


def label_of(turns: Iterable[Turn]) -> str:
    """Return who speaks in some turns, as a line names them."""
    return label(list(dict.fromkeys(turn.claim for turn in turns if turn.claim is not None)))


def scenes(video: VideoContext, who: str, turns: Sequence[Turn], k: int) -> Observation:
    """Return where somebody speaks or is seen, in the order of time: scenes that a person links."""
    lines = []
    for turn in turns[:k]:
        texts = video.memory.texts(turn.video, channel="speech", between=turn.span) if turn.kind == VOICE else []
        words = " ".join(text.text for text in texts if of_turns(text.video, text.span, [turn]))
        name = video.memory.video(turn.video).name if len(video.videos) > 1 else ""
        kind = "speech" if turn.kind == VOICE else "visual"
        lines.append(line(turn.uri, kind, words[:LONGEST], video=name, speaker=named(turn.label)))
    more = f"({len(turns) - k} more)" if len(turns) > k else ""
    names = identity_lines(video, turns[:k])
    text = "\n".join([one.text for one in (*lines, *names)] + ([more] if more else []))
    return Observation(
        text=text or f"{quote(who)} is neither heard nor seen there.",
        uris=tuple(dict.fromkeys(one.uri for one in (*lines, *names))),
        data={"hits": [], "turns": rows(turns)},
        lines=(*lines, *names),
    )


def by_speaker(utterance: dict[str, Any], turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return an utterance cut where another speaks, each part with its `speaker`; whole where words have no times."""
    told = [turn for turn in turns if turn.claim is not None]
    words = utterance["words"] if utterance["exact"] else []
    runs: list[tuple[Claim | None, list[Any]]] = []
    for word in words:
        claim = _at((word[0] + word[1]) / 2, told)
        if runs and (claim is None or runs[-1][0] in (claim, None)):
            runs[-1] = (runs[-1][0] or claim, [*runs[-1][1], word])
        else:
            runs.append((claim, [word]))
    if len(runs) < 2:
        first = runs[0][0] if runs else _at(sum(utterance["span"]) / 2, told)
        return [utterance if first is None else {**utterance, "speaker": first.as_dict(), "label": label([first])}]
    parts = []
    for claim, run in runs:
        text = " ".join(" ".join(str(word[2]) for word in run).split())
        row = {**utterance, "span": [run[0][0], max(run[-1][1], run[0][0])], "text": text, "words": run}
        parts.append(row if claim is None else {**row, "speaker": claim.as_dict(), "label": label([claim])})
    return parts


def identity_lines(video: VideoContext, turns: Iterable[Turn]) -> list[Line]:
    """Return one line for each name that is claimed: what shows it, as evidence; none for voices without a name."""
    lines: dict[Claim, Line] = {}
    known = video.question_videos or video.videos or (video.video_id,)
    for turn in turns:
        claim = turn.claim
        if claim is None or not claim.named or claim in lines:
            continue
        place = MediaURI.parse(claim.exemplar)
        # Of a video that the run is not about nothing can be cited: there the turn itself stands for the claim.
        shown = place if place.video in known else MediaURI.parse(turn.uri)
        other = len(video.videos) > 1 or place.video != video.video_id
        of = f" of {named(video.memory.video(place.video).name)}" if other else ""
        at = f"the {turn.kind} at {moment(place.span)}{of}" if place.span is not None else f"a {turn.kind}{of}"
        why = f"named by a person: {at}" if claim.confirmed else f"like {at}, which a person named"
        lines[claim] = Line(text=f"{named(str(claim))}, {why}", uri=str(shown), channel=IDENTITY)
    return list(lines.values())


def rows(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    """Return turns as plain values."""
    return [
        {
            "video": turn.video, "span": [turn.start, turn.end], "kind": turn.kind, "uri": turn.uri,
            "speaker": None if turn.claim is None else turn.claim.as_dict(), "label": named(turn.label),
        }
        for turn in turns
    ]  # fmt: skip


def _at(time: float, turns: Sequence[Turn]) -> Claim | None:
    """Return who speaks at a time; of a word between two turns, the nearer one within half a second."""
    near = min(turns, key=lambda turn: max(turn.start - time, time - turn.end, 0.0), default=None)
    return near.claim if near is not None and max(near.start - time, time - near.end) <= 0.5 else None
