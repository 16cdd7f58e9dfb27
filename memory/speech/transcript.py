"""A transcript: words with their times, utterances made of them, and files written of these."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..registry import UnknownNameError, unknown_name
from ..sanitize import as_json, one_line
from ..types import Text, VideoRecord

_OFF = 0.1  # seconds by which words that follow one another may seem to overlap
_PAUSE, _LONGEST = 0.6, 15.0  # seconds between two utterances, and of one
UNCERTAIN = 0.5
"""Utterances of a lower `probability` are to be taken for a guess."""
FORMATS = ("srt", "vtt", "txt", "json")
"""Files that a transcript can be written as."""
# Thai and Lao, Burmese, Khmer, Chinese and Japanese, their wide forms.
_UNSPACED = ("\u0e00\u0eff", "\u1000\u109f", "\u1780\u17ff", "\u2e80\ua4cf", "\uff00\uffef")


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word; times are seconds on the video's clock, `probability` lies in [0, 1].

    `sound_until` is the second up to which the recognizer had the sound; None where it does not say.
    """

    start: float
    end: float
    text: str
    probability: float
    sound_until: float | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words said without a pause, in order.

    `exact` is False where the times of the single words were not measured but spread over the utterance, as for
    subtitles that have not been aligned with the sound.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    exact: bool = True
    language: str = ""
    """Code of the language that it was recognized as (`en`, `de`); empty where nobody told."""
    assumed: bool = False
    """Whether the recognizer knows no other language, so that `language` is what it takes everything for."""

    @property
    def sound_until(self) -> float | None:
        """The second up to which the recognizer had the sound when it made out all its words; None where unknown."""
        moments = [word.sound_until for word in self.words if word.sound_until is not None]
        return max(moments) if moments and len(moments) == len(self.words) else None

    @property
    def probability(self) -> float:
        """Return how sure the recognizer is of it, in [0, 1]: the mean of its words, the weaker half counting alone.

        A word that was misheard does not vanish among many that are easy.
        """
        weakest = sorted(word.probability for word in self.words)[: (len(self.words) + 1) // 2]
        return sum(weakest) / len(weakest) if weakest else 0.0


def in_order(words: Iterable[Word], start: float, end: float) -> list[Word]:
    """Return the words that lie in [start, end], none beginning before the last one ended.

    A word may last for no time at all: recognizers say so of short ones. One that lies inside the last one, or outside
    the bounds, by more than rounding explains is left out.
    """
    kept: list[Word] = []
    for word in words:
        if not (math.isfinite(word.start) and math.isfinite(word.end)) or not word.text:
            continue
        earliest = kept[-1].end if kept else start
        last = max(word.start, word.end)
        if last < earliest - _OFF or word.start > end + _OFF:
            continue
        begin = min(max(word.start, earliest), end)
        certain = min(max(word.probability, 0.0), 1.0)
        kept.append(replace(word, start=begin, end=min(max(last, begin), end), probability=certain))
    return kept


def utterances(words: list[Word]) -> list[Utterance]:
    """Group words (in time order) into utterances, cut where nobody speaks for 0.6 s.

    One that would last more than 15 s is cut at its widest gap, so that a text names a short span.
    """
    groups: list[list[Word]] = []
    for word in words:
        if groups and word.start - groups[-1][-1].end < _PAUSE:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [_utterance(part) for group in groups for part in _split(group)]


def _split(group: list[Word]) -> list[list[Word]]:
    parts = []
    pending = [group]
    while pending:
        part = pending.pop()
        if len(part) < 2 or part[-1].end - part[0].start <= _LONGEST:
            parts.append(part)
            continue
        # Of equal gaps the middle one, so that fluent speech is halved and not shaved off word by word.
        middle = (part[0].start + part[-1].end) / 2
        cut = max(
            range(1, len(part)), key=lambda i: (round(part[i].start - part[i - 1].end, 2), -abs(part[i].start - middle))
        )
        pending += [part[cut:], part[:cut]]
    return parts


def _utterance(words: list[Word]) -> Utterance:
    text = words[0].text
    for word in words[1:]:
        text += word.text if unspaced(text[-1:]) and unspaced(word.text[:1]) else f" {word.text}"
    return Utterance(words[0].start, words[-1].end, text, tuple(words))


def unspaced(text: str) -> bool:
    """Return whether a character of `text` is of a script without spaces between words, such as Chinese or Thai."""
    return any(block[0] <= character <= block[1] for character in text for block in _UNSPACED)


def transcript(record: VideoRecord, utterances: Sequence[Text], form: str) -> str:
    """Write the speech of a video in one of `FORMATS`; `txt` has one utterance a line, without times.

    Args:
        record: the video.
        utterances: its texts of the channel speech, in time order (`ClipMemory.texts(..., channel="speech")`).
        form: one of `FORMATS`.

    Raises:
        ValueError: if there is no such format.
    """
    if form == "srt":
        return "\n".join(
            f"{number}\n{_time(text.start, ',')} --> {_time(text.end, ',')}\n{_one_line(text)}\n"
            for number, text in enumerate(utterances, 1)
        )
    if form == "vtt":
        cues = [
            f"{_time(text.start)} --> {_time(text.end)}\n{_voice(text)}{html.escape(_one_line(text), quote=False)}\n"
            for text in utterances
        ]
        return "\n".join(["WEBVTT\n", *cues])
    if form == "txt":
        return "".join(f"{_one_line(text)}\n" for text in utterances)
    if form == "json":
        video = {"id": record.id, "name": record.name, "start": record.start, "end": record.end}
        rows = [
            {"start": round(text.start, 3), "end": round(text.end, 3), "text": text.text, **text.data}
            for text in utterances
        ]
        return as_json({"schema": 1, "video": video, "utterances": rows}) + "\n"
    raise UnknownNameError(unknown_name("format", form, FORMATS))


def _time(seconds: float, point: str = ".") -> str:
    milliseconds = round(1000 * max(seconds, 0.0))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def _one_line(text: Text) -> str:
    return one_line(text.text).replace("-->", "→")


def _voice(text: Text) -> str:
    speaker = text.data.get("speaker")
    return f"<v {one_line(str(speaker).replace('>', ' ').replace('<', ' '))}>" if speaker else ""
