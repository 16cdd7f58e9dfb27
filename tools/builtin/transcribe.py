"""`transcribe`: the speech of a span, with word times."""

from __future__ import annotations

import contextlib

from ...memory import CapabilityError, Span, clock
from ...memory.speech.transcript import UNCERTAIN
from ..context import VideoContext
from ..observation import Line, Observation
from ..sanitize import quote
from ..tool import tool
from . import speakers
from .evidence_lines import line, probability_of
from .unknown import listed


@tool(timeout=120.0)
def transcribe(
    start: float, end: float, video: VideoContext, find: str | None = None, who: str | None = None
) -> Observation:
    """Listen to a span: what is said in it, each sentence with its time.

    Args:
        start: first moment, in seconds.
        end: last moment, in seconds.
        find: words whose exact times are wanted, spotted in the sound even where the transcript misses them.
        who: only what this speaker says: a name, or a label such as voice 2.
    """
    span = Span(start, end)
    unknown = _unknown(video, span)
    turns = speakers.turns_of(video, who, [video.video_id], span) if who else []
    utterances = _known(video, span) or _recognize(video, span)
    told = video.memory.people.turns(video.video_id, between=span)
    if told:
        utterances = [part for utterance in utterances for part in speakers.by_speaker(utterance, told)]
    if who:
        heard = {turn.claim for turn in turns}
        claims = [claim.as_dict() for claim in heard if claim is not None]
        utterances = [utterance for utterance in utterances if utterance.get("speaker") in claims]
        told = turns
    if not video.info.has_audio and not utterances:
        return Observation(text="The video has no sound and no subtitles.", data={"utterances": [], "found": []})
    found = _spot(video, span, find, utterances) if find else []
    quotes = [_line(video, utterance) for utterance in utterances]
    lines = [one.text for one in quotes] or [f"{quote(who)} is not heard." if who else "No speech was made out."]
    nothing = sum(one.duration for one in unknown) >= max(span.within(video.whole).duration - 1, 1e-6)
    if nothing and not quotes:
        lines = ["Nothing of this was listened to yet."]
    names = speakers.identity_lines(video, told)
    quotes += names
    lines += [one.text for one in names]
    if unknown and not (nothing and not utterances):
        lines.append(f"({_not_heard(video, span, unknown)} was not listened to yet.)")
    for moment, confidence in found:
        text = f"{quote(find or '')} at {moment.start:.2f}-{moment.end:.2f} s (confidence {confidence:.2f})"
        quotes.append(Line(text=text, uri=video.uri(moment), quote=find or "", channel="speech"))
        lines.append(text)
    if find and not found:
        lines.append(f"{quote(find)} was not heard{' in what was listened to' if unknown else ''}.")
    spans = [Span(*u["span"]) for u in utterances] + [moment for moment, _ in found] + [turn.span for turn in turns]
    return Observation(
        text="\n".join(lines),
        uris=tuple(dict.fromkeys((video.uri(span), *(video.uri(s) for s in spans), *(one.uri for one in names)))),
        data={
            "utterances": utterances,
            "found": [{"span": moment, "text": find, "confidence": confidence} for moment, confidence in found],
            **({"turns": speakers.rows(told)} if told else {}),
        },
        lines=tuple(quotes),
    )


def _line(video: VideoContext, utterance: dict) -> Line:
    sure = probability_of(utterance)
    return line(
        video.uri(Span(*utterance["span"])),
        "speech",
        utterance["text"],
        unsure=sure is not None and sure < UNCERTAIN,
        speaker=utterance.get("label", ""),
    )


def _known(video: VideoContext, span: Span) -> list[dict]:
    rows = video.memory.texts(video.video_id, channel="speech", between=span)
    return [
        {"span": [t.start, t.end], "text": t.text, "words": t.data.get("words", []), "exact": t.data.get("exact", True)}
        | {key: t.data[key] for key in ("language", "assumed_language", "probability") if key in t.data}
        for t in rows
    ]


def _unknown(video: VideoContext, span: Span) -> list[Span]:
    """Return the parts of the span that were not listened to by now; ask before what is known is read."""
    record = video.memory.video(video.video_id)
    if "speech" not in record.channels or not video.info.has_audio:
        return []
    return video.memory.unknown_spans(video.video_id, "speech", span)


def _not_heard(video: VideoContext, span: Span, unknown: list[Span]) -> str:
    """Return what was not listened to, as the beginning of a sentence."""
    if len(unknown) == 1 and unknown[0].end >= min(span.end, video.whole.end) - 1e-6:
        return f"What is said after {clock(unknown[0].start)}"
    return f"What is said in {listed(unknown)}"


def _recognize(video: VideoContext, span: Span) -> list[dict]:
    """Listen now, where the memory was made without the speech channel; where the words are written, read them."""
    from ...memory.ingest.speech_channel import find_subtitles, from_sound, from_subtitles
    from ...memory.speech.transcriber import loaded_transcriber

    if "speech" in video.memory.video(video.video_id).channels:
        return []  # it was listened to at ingest, and nothing was said; or it is being indexed, and soon will be
    source = video.video
    subtitles, _ = find_subtitles(source.info, None, can_listen=lambda: source.info.has_audio)
    if subtitles is not None:
        texts = from_subtitles(source, subtitles)
    else:
        texts = from_sound(source, span, loaded_transcriber(video.memory.transcriber))
    end = max(span.end, span.start + 1e-3)
    return [
        {"span": [text.start, text.end], "text": text.text, **text.data}
        for text in texts
        if text.start < end and text.end > span.start
    ]


def _spot(video: VideoContext, span: Span, phrase: str, utterances: list[dict]) -> list[tuple[Span, float]]:
    """Find the times of `phrase`: by the transcript's words first, then by spotting it in the sound."""
    query = [_bare(word) for word in phrase.split() if _bare(word)]
    hits = [hit for utterance in utterances for hit in _in_words(query, _timed(video, query, utterance))]
    if hits or not video.info.has_audio:
        return hits
    from ...memory.speech.transcriber import find_phrase

    with contextlib.suppress(CapabilityError):  # no recognizer: the transcript is all there is
        return list(find_phrase(video.video, span, phrase))
    return []


def _timed(video: VideoContext, query: list[str], utterance: dict) -> list[list]:
    """Return the words of an utterance; where a subtitle does not tell their times, laid over the sound."""
    words: list[list] = utterance["words"]
    if utterance["exact"] or not video.info.has_audio or not _in_words(query, words):
        return words
    from ...memory.speech.transcriber import align

    with contextlib.suppress(CapabilityError):
        aligned = align(video.video, Span(*utterance["span"]), utterance["text"])
        return [[w.start, w.end, w.text, w.probability] for w in aligned] or words
    return words


def _in_words(query: list[str], words: list[list]) -> list[tuple[Span, float]]:
    """Find `query` among timed words, with the least of their probabilities."""
    bare = [_bare(str(word[2])) for word in words]
    hits = []
    for i in range(len(words) - len(query) + 1):
        if query and bare[i : i + len(query)] == query:
            run = words[i : i + len(query)]
            hits.append((Span(run[0][0], max(run[-1][1], run[0][0])), min(float(word[3]) for word in run)))
    return hits


def _bare(word: str) -> str:
    return "".join(c for c in word.lower() if c.isalnum() or c == "'").strip("'")
