"""Extract what a rollout answers: letters, a number, words, spans, boxes. The thoughts are never read."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from ...agent.models.eyes import recorded_eyes
from ...agent.parsing.draft import numbers_of
from ...agent.parsing.reply import parse_reply
from ...agent.parsing.thoughts import without_thoughts
from ...agent.questions.question import letter, question_of
from ...agent.text_matching import numbers
from ...memory import Box, MediaURI, Span
from ...tools.boxes import read_box
from ...tools.times import TIME, parse_pair, parse_seconds
from ..data.task import as_number
from ..rollouts.rollout import Rollout
from .reward import too_long

_UNIT = r"\s{0,9}(?:(?:secs?|seconds?|s)\b)?\s{0,9}"
_RANGES = (
    re.compile(rf"[\[(]\s{{0,9}}({TIME}){_UNIT},\s{{0,9}}({TIME}){_UNIT}[\])]", re.IGNORECASE),
    re.compile(
        rf"(?<![\d.:,])({TIME}){_UNIT}(?:-|–|—|→|~|\bto\b|\bthrough\b|\buntil\b|\btill\b)\s{{0,9}}(?:at\s)?({TIME})(?![\d:])",
        re.IGNORECASE,
    ),
    re.compile(rf"\bbetween\s{{1,9}}({TIME}){_UNIT}\band\s{{1,9}}({TIME})(?![\d:])", re.IGNORECASE),
)
_FRAMES = re.compile(r"\bframes?\W{0,3}$", re.IGNORECASE)
_FRACTION = r"\s*(-?\d*\.?\d+)\s*"
_BOX = re.compile(rf"[\[(]{_FRACTION},{_FRACTION},{_FRACTION},{_FRACTION}[\])]")
_TIMED_BOX = re.compile(
    rf"(?<![\d.,:])({TIME})[^\d\[\](){{}}]{{0,16}}(?:2d[\"':=\s]{{0,4}})?(?:\[\s?)?({_BOX.pattern})", re.IGNORECASE
)
"""A box with its time before it: `"4": [...]`, `At 00:04: (...)`, `{"time": 4.0, "bbox_2d": [...]}`."""
_EITHER = re.compile(
    r"(?<![\w.:])([\w.-]{1,40}),?\s{1,9}or\s{1,9}(?:maybe\s|perhaps\s|even\s|possibly\s)?([\w.-]{0,39}\w)",
    re.IGNORECASE,
)
"""Two words between which an answer does not choose."""
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]{0,40}(?:\.\d{1,40})?")


def letters(rollout: Rollout) -> frozenset[str]:
    """The letters of the options that the answer chooses; all that it names, so that naming them all is no choice.

    They are read as the loop reads them. Of options with the same text the first stands for all.
    """
    if rollout.answer.abstained or too_long(rollout):
        return frozenset()
    options = rollout.task.options
    if rollout.final.strip():
        found: Iterable[str] = parse_reply(rollout.final).letters(options, numbers_of(rollout.messages))
    else:
        found = (rollout.answer.option,) if rollout.answer.option else ()
    return same_letters(found, options)


def true_letters(rollout: Rollout) -> frozenset[str]:
    """The letters of the right options, as `letters` has them."""
    return same_letters(rollout.task.truth.letters, rollout.task.options)


def same_letters(found: Iterable[str], options: Sequence[str]) -> frozenset[str]:
    """The letters, each by the first option that has the same text as its own."""
    first: dict[str, str] = {}
    for i, option in enumerate(options):
        first.setdefault(" ".join(option.split()).casefold(), letter(i))
    by_letter = {letter(i): first[" ".join(option.split()).casefold()] for i, option in enumerate(options)}
    return frozenset(by_letter.get(one, one) for one in found)


def number(rollout: Rollout) -> float | None:
    """The first number of the answer; None where there is none, or where it leaves open which of several it is."""
    if rollout.answer.abstained or too_long(rollout):
        return None
    text = rollout.written or rollout.answer.text
    whole = as_number(text)
    if whole is not None:
        return whole
    match = _NUMBER.search(text)
    found = float(match[0].replace(",", "").rstrip(".")) if match else next(iter(numbers(text)), None)
    return None if found in _hedged(text) else found


def _hedged(text: str) -> set[float]:
    """Numbers beside which the text names another, as in "3 or 4" and "two or maybe three"."""
    pairs = [[value for side in match.groups() for value in numbers(side)[:1]] for match in _EITHER.finditer(text)]
    return {value for pair in pairs if len(set(pair)) == 2 for value in pair}


def words(rollout: Rollout) -> str:
    """The answer as text; empty where it abstains or is too long to be one."""
    if rollout.answer.abstained or too_long(rollout):
        return ""
    return rollout.written or ("" if rollout.final else rollout.answer.text)


def spans(rollout: Rollout) -> tuple[Span, ...]:
    """The spans that the answer claims: those of the URIs it cites, else the times it names, else its evidence.

    A span that ends before it starts, or has no length, claims nothing.
    """
    if rollout.answer.abstained or too_long(rollout):
        return ()
    named = [] if cites(rollout) else ranges(rollout.written)
    if named:
        return tuple(Span(start, end) for start, end in named if start < end)
    return tuple(p.span for p in claimed(rollout) if p.span and p.span.duration > 0)


def cites(rollout: Rollout) -> bool:
    """Return whether the model itself wrote media URIs into its answer, well formed or not."""
    text = without_thoughts(rollout.final)
    return "video:" in text and "#t=" in text


def claimed(rollout: Rollout) -> tuple[MediaURI, ...]:
    """The places of the evidence in the video that is meant; where the model cites, only those that it wrote itself.

    (For an answer whose citation is broken, a dialect may put what was last looked at in its place.)
    """
    places = [MediaURI.parse(e.uri) for e in rollout.answer.evidence]
    if cites(rollout):
        wrote = {str(place) for place in MediaURI.find_all(without_thoughts(rollout.final))}
        places = [place for place in places if str(place) in wrote]
    return tuple(place for place in places if concerns(rollout, place))


def ranges(text: str) -> list[tuple[float, float]]:
    """The pairs of times that a text names, in seconds, in order; a pair may be reversed. Frame numbers are none."""
    found: list[tuple[int, float, float]] = []
    rest = _BOX.sub(lambda m: " " * len(m[0]), text)
    for pattern in _RANGES:
        for match in pattern.finditer(rest):
            if not _FRAMES.search(rest, max(0, match.start() - 10), match.start()):
                with contextlib.suppress(ValueError):
                    found.append((match.start(), *parse_pair(match[1], match[2])))
        rest = pattern.sub(lambda m: " " * len(m[0]), rest)
    return [(start, end) for _, start, end in sorted(found)]


def boxes(rollout: Rollout) -> tuple[Box, ...]:
    """The boxes that the answer claims, as fractions; one that is reversed or leaves the picture claims nothing.

    Numbers above 1 are read as tools read them: as pixels of the picture as the policy is shown it, or on its grid;
    they claim nothing in a conversation that does not tell how it sees.
    """
    if rollout.answer.abstained or too_long(rollout):
        return ()
    named = [[float(part) for part in match.groups()] for match in _BOX.finditer(rollout.written)]
    if named and not cites(rollout):
        return tuple(box for numbers in named if (box := _claimed_box(rollout, numbers)))
    return tuple(box for _, box in track(rollout))


def _claimed_box(rollout: Rollout, numbers: list[float]) -> Box | None:
    left, top, right, bottom = numbers
    if not (0 <= left < right and 0 <= top < bottom):
        return None
    if max(right, bottom) <= 1:
        return Box(left, top, right, bottom)
    eyes = recorded_eyes(rollout.messages)
    if eyes is None or any(number % 1 for number in numbers):  # fractions that leave the picture
        return None
    video = video_facts(rollout, rollout.task.truth.video) or video_facts(rollout)
    try:
        return read_box(numbers, (video["width"], video["height"]) if video else (1, 1), eyes)[0]
    except ValueError:
        return None


def track(rollout: Rollout) -> tuple[tuple[float, Box], ...]:
    """The boxes with their times, in order of time; of two at one time the first.

    They are those that the answer names with a time (`"4": [0.1, 0.2, 0.3, 0.4]`), else those of its evidence.
    """
    if rollout.answer.abstained or too_long(rollout):
        return ()
    found: dict[float, Box] = {} if cites(rollout) else _named_track(rollout)
    if not found:
        for place in claimed(rollout):
            if place.box and place.span:
                found.setdefault(place.span.middle, place.box)
    return tuple(sorted(found.items()))


def _named_track(rollout: Rollout) -> dict[float, Box]:
    found: dict[float, Box] = {}
    written = rollout.written
    for match in _TIMED_BOX.finditer(written):
        box = _claimed_box(rollout, [float(part) for part in match.groups()[2:]])
        if box and not _FRAMES.search(written, max(0, match.start() - 10), match.start()):
            with contextlib.suppress(ValueError):
                found.setdefault(parse_seconds(match[1]), box)
    return found


def concerns(rollout: Rollout, place: MediaURI) -> bool:
    """Return whether a place lies in the video that the truth is about; with one video every place does."""
    meant = rollout.task.truth.video
    if meant is None or meant == place.video:
        return True
    video = video_facts(rollout, place.video)
    return video is not None and PurePosixPath(meant).name in (video["name"], PurePosixPath(video["name"]).stem)


def video_facts(rollout: Rollout, video: str | None = None) -> dict[str, Any] | None:
    """The facts of a video that the question gives (of the first, without an id); None where it gives none."""
    question = question_of(rollout.messages)
    videos: Sequence[dict[str, Any]] = question.videos if question else ()
    return next((v for v in videos if video is None or v["id"] == video), None)


def duration(rollout: Rollout, video: str | None = None) -> float | None:
    """Seconds that a video lasts, as the task or the loop tells; None where neither does."""
    length = rollout.task.meta.get("duration")
    if length:
        return float(length)
    row = video_facts(rollout, video)
    return float(row["end"]) - float(row["start"]) if row else None
