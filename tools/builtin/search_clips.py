"""`search_clips`: temporal retrieval over every channel of the memory, in one video or in all that are asked about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ...memory import Hit, MediaURI, Span, Text, TimelineSpan, within_view
from ...memory.ocr import layout
from ...memory.people.types import Turn
from ...memory.speech.transcript import UNCERTAIN
from ..context import VideoContext
from ..errors import ToolError
from ..observation import Line, Observation
from ..tool import tool
from . import speakers
from .evidence_lines import LONGEST, box_of, excerpt, line, probability_of
from .level_lines import asked, level_lines
from .unknown import coverages, searched

MOST_LINES = 10
"""Lines of one observation: about 500 tokens."""
_TEXTS = 3  # lines of one clip
_FULL = 3  # clips of which everything that is said and shown is told, as far as there is room


@tool(many=True)
def search_clips(
    query: str,
    video: VideoContext,
    start: float | None = None,
    end: float | None = None,
    k: int = 5,
    image: str | None = None,
    who: str | None = None,
    level: Literal["clip", "chapter", "hour", "day", "week"] = "clip",
) -> Observation:
    """Find the clips that match words or a description: speech, on-screen text, summaries and pictures are searched.

    Args:
        query: what to look for, in words that might be said, shown or seen.
        start: only clips after this time, in seconds.
        end: only clips before this time, in seconds.
        k: how many clips at most.
        image: media URI of a frame or crop that the clips should look like; it is searched for instead of the words.
        who: only where this person speaks or is seen: a name or a label (voice 2); with an empty query, all of that.
        level: what to find: clips, or the chapters, hours, days or weeks that hold them.
    """
    target = _picture(image, video) if image else query
    videos = asked(video)
    between: Span | TimelineSpan | None = video.between
    if start is not None or end is not None:
        whole = video.whole
        last = max(video.memory.video(one).end for one in videos)
        between = Span(min(whole.start, 0.0) if start is None else start, last if end is None else end)
    unknown = searched(coverages(video, videos), len(videos) > 1)
    turns = speakers.turns_of(video, who, videos, between) if who else []
    if who and not (query.strip() or image):
        scenes = speakers.scenes(video, who, turns, max(1, min(k, 50)))
        return replace(scenes, text="\n".join([scenes.text, *unknown]))
    hits = video.memory.search(
        target, videos=list(videos), between=between, level=level, k=50 if who else max(1, min(k, 50))
    )
    if who:
        hits = [hit for hit in hits if speakers.of_turns(hit.video, hit.span, turns)][: max(1, min(k, 50))]
    if not hits:
        where = f" between {between}" if isinstance(between, Span) else " then" if between else ""
        text = f"No {level} matches{where}{' so far' if unknown else ''}. Try other words, or browse."
        return Observation(text="\n".join([text, *unknown]), data={"hits": []})
    full = _FULL if level == "clip" else 0
    texts = [[*hit.texts, *(_beside(hit, video) if place < full else ())] for place, hit in enumerate(hits)]
    if who:
        texts = [[text for text in own if speakers.of_turns(text.video, text.span, turns)] for own in texts]
    spoken = speakers.told(video, [text for own in texts for text in own])
    met = {hit.video for hit in hits} | {text.video for own in texts for text in own}
    names = {one: video.memory.video(one).name for one in met} if len(videos) > 1 else {}
    lines = level_lines([hit.node for hit in hits if hit.node is not None], video, query)
    lines += _lines(hits, texts, query, names, spoken)
    lines += speakers.identity_lines(video, [turn for turn_list in spoken.values() for turn in turn_list])
    rows = [_row(hit, own, spoken) for hit, own in zip(hits, texts, strict=True)]
    uris = [str(MediaURI(hit.video, hit.span)) for hit in hits]
    uris += [str(_place(text)) for own in texts for text in own[:_TEXTS]]
    uris += [one.uri for one in lines]
    return Observation(
        text="\n".join([*(one.text for one in lines), *unknown]),
        uris=tuple(dict.fromkeys(uris)),
        data={"hits": rows},
        lines=tuple(lines),
    )


def _beside(hit: Hit, video: VideoContext) -> Iterator[Text]:
    """The other utterances and screen texts of a clip: an answer often stands beside what matches."""
    matches = {text.id for text in hit.texts}
    for text in video.memory.texts(hit.video, between=hit.span):
        if text.channel in ("speech", "screen_text") and text.id not in matches:
            yield text


def _lines(
    hits: Sequence[Hit],
    texts: Sequence[Sequence[Text]],
    query: str,
    names: dict[str, str],
    spoken: Mapping[int, Sequence[Turn]],
) -> list[Line]:
    """Lines of the texts that match and, where there is room, of those beside them, in order of time, none twice."""
    found: dict[tuple[str, str, str], tuple[int, Text]] = {}
    rest: list[tuple[int, Text]] = []
    for place, (hit, own) in enumerate(zip(hits, texts, strict=True)):
        matched = {text.id for text in hit.texts}
        first = [text for text in own if text.id in matched and text.channel != "visual"][:_TEXTS]
        for text in first:
            _add(found, place, text)
        rest += [(place, text) for text in own if text.channel != "visual" and text not in first]
    for place, text in rest:
        _add(found, place, text)
    if not found:  # only pictures match
        pictures = [line(MediaURI(hit.video, hit.span), "visual", "", video=names.get(hit.video, "")) for hit in hits]
        return pictures[:MOST_LINES]
    texts_found = [text for _, text in sorted(found.values(), key=lambda row: row[0])]
    order = list(dict.fromkeys(text.video for text in texts_found))
    longest = _share([len(text.text) for text in texts_found])
    # As it happened, the video with the best clip first: "first", "last" and "after" are read off the order.
    in_order = sorted(texts_found, key=lambda text: (order.index(text.video), text.start, text.end))
    return [_line(text, query, longest, names, speakers.label_of(spoken.get(text.id, ()))) for text in in_order]


def _share(lengths: Sequence[int]) -> int:
    """Characters that one line may have: long ones use the room that short ones leave."""
    room, count = MOST_LINES * LONGEST, len(lengths)
    for length in sorted(lengths):
        if length * count > room:
            return max(room // count, LONGEST)
        room, count = room - length, count - 1
    return max([LONGEST, *lengths])


def _add(found: dict[tuple[str, str, str], tuple[int, Text]], place: int, text: Text) -> None:
    key = (text.video, text.channel, "".join(c for c in text.text.lower() if c.isalnum()))
    if len(found) < MOST_LINES and key[2]:
        found.setdefault(key, (place, text))


def _line(text: Text, query: str, longest: int, names: dict[str, str], speaker: str) -> Line:
    sure = probability_of(text.data) if text.channel == "speech" else None
    where = str(text.data.get("place") or "") if text.channel == "screen_text" else ""
    if text.channel == "screen_text" and not where and (box := box_of(text.data)) is not None:
        where = layout.place(box)
    return line(
        _place(text),
        text.channel,
        excerpt(text.text, query, longest),
        place=where,
        video=names.get(text.video, ""),
        unsure=sure is not None and sure < UNCERTAIN,
        speaker=speaker,
    )


def _place(text: Text) -> MediaURI:
    box = box_of(text.data) if text.channel == "screen_text" else None
    return MediaURI(text.video, Span(text.start, max(text.start, text.end)), box)


def _row(hit: Hit, texts: Sequence[Text], spoken: Mapping[int, Sequence[Turn]]) -> dict[str, Any]:
    node = hit.node
    return {
        **({} if node is None else {"node": {"level": node.level, "start": node.start, "end": node.end}}),
        "video": hit.video,
        "span": hit.span,
        **({} if hit.recorded is None else {"recorded": hit.recorded}),
        "score": hit.score,
        "channels": dict(hit.channels),
        "texts": [
            {
                "channel": text.channel,
                "span": text.span,
                "text": text.text,
                "similarity": hit.similarity.get(text.id),
                **_more(text),
                **({"label": label} if (label := speakers.label_of(spoken.get(text.id, ()))) else {}),
            }
            for text in texts
        ],
    }


def _more(text: Text) -> dict[str, Any]:
    """Further facts of a text: where and how large it stood, its probability as speech."""
    if text.channel == "speech":
        sure = probability_of(text.data)
        return {} if sure is None else {"probability": sure}
    return {key: text.data[key] for key in ("place", "size", "box", "height") if key in text.data}


def _picture(image: str, video: VideoContext) -> MediaURI:
    """A place in one of the videos asked about; tools read no other files, whatever a text in a video asks for."""
    place = within_view(image, video.question_videos or video.videos or (video.video_id,), video.memory.now_of)
    if isinstance(place, str):
        raise ToolError(f"image cannot be searched for: {place}. Take one that a tool gave.")
    if place.span is None:
        raise ToolError("image names no moment: a picture's media URI ends in #t=SECONDS.")
    end = video.memory.video(place.video).end
    if place.span.start >= end:
        raise ToolError(f"image lies outside the video, which ends at {end:g} s.")
    video.charge(1)
    return place
