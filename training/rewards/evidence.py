"""Evidence rewards: was what is cited observed, is it where the truth is, do quotes hold, did a second look agree?

Everything is checked anew against the conversation; the marks that the loop's check left are not relied on.
"""

from __future__ import annotations

from langchain_core.messages import ToolMessage

from ...agent.answer import Evidence
from ...agent.text_matching import alphanumeric, content, texts_in, tokens
from ...memory import MediaURI, Span
from ..rollouts.rollout import Rollout, places
from . import extraction
from .answers import meets
from .reward import simple_reward, too_long
from .spans import merged
from .text import word_error_rate

SLACK = 0.5
"""Seconds by which a cited span may stick out of what was observed: times in text are rounded."""
MOST_SHARE = 0.8
"""Share of a video from which a cited span says no more than that it is in the video."""
LISTENS = ("transcribe",)


def cited(rollout: Rollout) -> tuple[Evidence, ...]:
    """The pieces of evidence, each place with its quote once; none for an abstention or an answer that is too long."""
    if rollout.answer.abstained or too_long(rollout):
        return ()
    return tuple({(e.uri, e.quote): e for e in rollout.answer.evidence}.values())


def is_observed(place: MediaURI, rollout: Rollout) -> bool:
    """Return whether a place lies in what this run observed, taken together."""
    if place.span is None:
        return False
    observed = [look.uri.span for look in rollout.looked if look.uri.video == place.video and look.uri.span]
    wide = merged(Span(max(s.start - SLACK, 0.0), s.end + SLACK) for s in observed)
    return any(s.start <= place.span.start and place.span.end <= s.end for s in wide)


def is_whole(place: MediaURI, rollout: Rollout) -> bool:
    """Return whether a cited span is most of its video, and the truth is not."""
    length = extraction.duration(rollout, place.video)
    if place.span is None:
        return True
    if not length or place.span.duration < MOST_SHARE * length:
        return False
    return not any(place.span.iou(true) >= 0.5 for true in rollout.task.truth.spans)


def holds_quote(item: Evidence, rollout: Rollout) -> bool:
    """Return whether the words that are quoted stand in what a tool returned about the cited place.

    What the model itself put into the call (a query that comes back in the text) is no observation. A quote without a
    word that carries meaning is none.
    """
    if not item.quote or not content(item.quote):
        return False
    place, quote = MediaURI.parse(item.uri), alphanumeric(item.quote)
    for message in rollout.messages:
        if isinstance(message, ToolMessage) and message.status != "error" and _is_about(message, place):
            if any(quote in alphanumeric(text) for text in returned(message)):
                return True
    return False


def returned(message: ToolMessage) -> list[str]:
    """Return the words of a tool: the texts of its data, one by one and (sentences only) in a row, else its text.

    From its text the arguments that it repeats are taken out.
    """
    artifact = message.artifact or {}
    texts = [text.strip() for text in texts_in(artifact.get("data")) if text.strip()]
    if texts:
        return [*texts, " ".join(text for text in texts if " " in text)]
    text = str(message.content)
    for argument in texts_in(artifact.get("arguments")):
        text = text.replace(argument, " ")
    return [text]


def _is_about(message: ToolMessage, place: MediaURI) -> bool:
    if place.span is None:
        return False
    wide = Span(max(place.span.start - SLACK, 0.0), place.span.end + SLACK)
    return any(
        look.video == place.video and look.span and (wide.overlap(look.span) > 0 or wide.contains(look.span.start))
        for look in places(message)
    )


@simple_reward("faithful")
def faithful(rollout: Rollout) -> float:
    """Share of the cited pieces that were observed, are not just the whole video, and whose quote, if any, holds."""
    pieces = cited(rollout)
    held = [e for e in pieces if is_faithful(e, rollout)]
    return len(held) / len(pieces) if pieces else 0.0


def is_faithful(item: Evidence, rollout: Rollout) -> bool:
    """Return whether a cited piece was observed, is not just the whole video, and its quote, if any, holds."""
    place = MediaURI.parse(item.uri)
    observed = is_observed(place, rollout) and not is_whole(place, rollout)
    return observed and (not item.quote or holds_quote(item, rollout))


@simple_reward("quotes")
def quotes(rollout: Rollout) -> float:
    """Share of the quotes that hold; 0 without quotes."""
    quoting = [e for e in cited(rollout) if e.quote]
    return sum(holds_quote(e, rollout) for e in quoting) / len(quoting) if quoting else 0.0


@simple_reward("hit")
def hit(rollout: Rollout) -> float:
    """F1 of the cited places: how many meet a true span (precision), how many true spans are met (recall).

    A place that was not observed meets nothing.
    """
    true = rollout.task.truth.spans
    found = [MediaURI.parse(e.uri) for e in cited(rollout)]
    spans = list(dict.fromkeys(p.span for p in found if p.span and extraction.concerns(rollout, p)))
    observed = {p.span for p in found if is_observed(p, rollout)}
    good = [span for span in spans if span in observed and meets(span, true)]
    met = [t for t in true if any(meets(span, (t,)) for span in good)]
    if not good:
        return 0.0
    precision, recall = len(good) / len(spans), len(met) / len(true)
    return 2 * precision * recall / (precision + recall)


@simple_reward("verified")
def verified(rollout: Rollout) -> float:
    """Mean P(yes) of the second looks at the evidence; pieces that nobody looked at again count 0, held quotes 1."""
    values = [
        e.verified if e.verified is not None else float(bool(e.quote) and is_faithful(e, rollout))
        for e in cited(rollout)
    ]
    return sum(values) / len(values) if values else 0.0


@simple_reward("audio")
def audio_consistency(rollout: Rollout) -> float:
    """Score how well quotes agree with what was heard where they are said to be spoken, as one minus word error rate.

    Counts only quotes of places that a listening tool observed; the passage is the run of heard words nearest to the
    quote, and agreement below one half is chance and counts 0. 0 where nothing was heard or quoted: that the sound was
    not used earns nothing.
    """
    results = [m for m in rollout.messages if isinstance(m, ToolMessage) and m.name in LISTENS]
    results = [m for m in results if m.status != "error"]
    values = []
    for item in cited(rollout):
        place = MediaURI.parse(item.uri)
        about = [m for m in results if _is_about(m, place)]
        if item.quote and about and content(item.quote):
            passages = [tokens(returned(m)[-1]) for m in about]
            values.append(max(_alignment(tokens(item.quote), passage) for passage in passages))
    return sum(values) / len(values) if values else 0.0


def _alignment(quote: list[str], transcript: list[str]) -> float:
    """One minus the error rate of the nearest run of as many words against `quote`; 0 below one half."""
    runs = [transcript[k : k + len(quote)] for k in range(max(len(transcript) - len(quote), 0) + 1)]
    best = max(1 - word_error_rate(run, quote) for run in runs)
    return best if best >= 0.5 else 0.0
