"""Groundedness: is a right answer supported by what its own run cited? No judge; the trace alone tells.

VideoSEAL (arXiv 2605.12571) measures the share of right answers whose evidence does not show them; here every item is
one of three: right and supported, right and unsupported, wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...agent.answer import Evidence
from ...agent.questions.question import LATEST
from ...memory import MediaURI, Span
from ...training.rewards.answers import HIT, meets
from ...training.rewards.evidence import MOST_SHARE, SLACK, cited, is_faithful
from ...training.rewards.extraction import concerns, duration
from ...training.rewards.spans import total
from ..judging import JudgedItem
from .intervals import mean_of
from .measure import Figure

SAME_PLACE = 0.5
"""tIoU from which two cited places are one: to cite a place again supports nothing more."""
ENOUGH = 0.5
"""Share of the cited places that must show a true span: who cites all that was found says nothing."""


def groundedness(judged: Sequence[JudgedItem]) -> Mapping[str, Figure]:
    """Shares of all items that are right and supported, right and unsupported, wrong; and how good the evidence is.

    `supported_of_right` is of the right ones. `evidence_precision` and `evidence_recall` are means over the items whose
    true spans are known: the share of cited places that show one, and of true spans that are shown; 0 for an item that
    failed, abstained or cites nothing.
    """
    if not judged:
        return {}
    n = len(judged)
    held = [one.right and is_supported(one) for one in judged]
    found = {
        "right_supported": mean_of(judged, [float(value) for value in held]),
        "right_unsupported": mean_of(
            judged, [float(one.right and not value) for one, value in zip(judged, held, strict=True)]
        ),
        "wrong": mean_of(judged, [float(not one.right) for one in judged]),
    }
    right = [(one, float(value)) for one, value in zip(judged, held, strict=True) if one.right]
    if right:
        found["supported_of_right"] = mean_of(*zip(*right, strict=True), out_of=n)
    placed = [one for one in judged if one.task.truth.spans and not one.task.truth.absent]
    if placed:
        pairs = [evidence_shares(one) for one in placed]
        found["evidence_precision"] = mean_of(placed, [precision for precision, _ in pairs], out_of=n)
        found["evidence_recall"] = mean_of(placed, [recall for _, recall in pairs], out_of=n)
    return found


def is_supported(one: JudgedItem) -> bool:
    """Return whether the evidence of the run's answer, checked anew against its trace, supports it.

    Where true spans are known, at least half of the cited places must show one of them (`meets`: mostly inside it, or a
    tIoU of at least 0.3), and the rest may be context. Where none is known, or it is most of the video, every cited
    place must have been observed in the run, must not be the whole video, and its quote must stand in what a tool
    returned about it; without a quote a tool must have shown just this place, or something in it: that all of the video
    was browsed shows no place of it.
    An abstention claims no place: it is supported if the run looked at all.
    """
    if one.failed:
        return False
    if one.answer.abstained:
        return bool(one.rollout.looked)
    if one.task.truth.spans and not _is_anywhere(one):
        return evidence_shares(one)[0] >= ENOUGH
    pieces = cited(one.rollout)
    return bool(pieces) and all(_was_shown(piece, one) for piece in pieces)


def _is_anywhere(one: JudgedItem) -> bool:
    """True if the truth is most of the video, so that every place lies in it."""
    length = duration(one.rollout) if len(one.task.videos) == 1 else None
    return length is not None and total(one.task.truth.spans) >= MOST_SHARE * length


def evidence_shares(one: JudgedItem) -> tuple[float, float]:
    """Precision and recall of the cited places against the true spans, each distinct place once; 0 where none holds.

    A place counts as showing a true span only if it was observed and its quote holds.
    """
    true = one.task.truth.spans
    if one.failed or not true:
        return 0.0, 0.0
    showing: list[MediaURI] = []
    missing: list[MediaURI] = []
    for piece in cited(one.rollout):
        (showing if _shows(piece, one) else missing).append(MediaURI.parse(piece.uri))
    hits, misses = _distinct(showing), _distinct(missing)
    met = [span for span in true if any(place.span and meets(place.span, (span,)) for place in hits)]
    return len(hits) / (len(hits) + len(misses)) if hits else 0.0, len(met) / len(true)


def _shows(piece: Evidence, one: JudgedItem) -> bool:
    place = MediaURI.parse(piece.uri)
    there = place.span is not None and concerns(one.rollout, place) and meets(place.span, one.task.truth.spans)
    return there and is_faithful(piece, one.rollout)


def _was_shown(piece: Evidence, one: JudgedItem) -> bool:
    """Whether a piece is faithful, and its quote, or a look at nearly this place or inside it, shows it."""
    if not is_faithful(piece, one.rollout):
        return False
    place = MediaURI.parse(piece.uri)
    wide, looks = _wide(place), [_wide(look.uri) for look in one.rollout.looked if look.uri.video == place.video]
    inside = Span(max(wide.start - SLACK, 0.0), wide.end + SLACK)
    return bool(piece.quote) or any(
        wide.iou(look) >= HIT or (inside.start <= look.start and look.end <= inside.end) for look in looks
    )


def _distinct(places: Sequence[MediaURI]) -> list[MediaURI]:
    """The places without those that are nearly one of the others; a moment is as wide as times in text are rough."""
    kept: list[MediaURI] = []
    for place in places:
        if not any(place.video == other.video and _wide(place).iou(_wide(other)) >= SAME_PLACE for other in kept):
            kept.append(place)
    return kept


def _wide(place: MediaURI) -> Span:
    """The span of a place, wider by the slack; a place without one is the whole video, whatever its length."""
    span = place.span or Span(0, LATEST)
    return Span(max(span.start - SLACK, 0.0), span.end + SLACK)
