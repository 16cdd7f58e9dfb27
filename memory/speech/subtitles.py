"""Subtitles as people find them: .srt and .vtt files, beside a video or given, and text streams inside a video."""

from __future__ import annotations

import hashlib
import html
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.error import FFmpegError

from ..errors import VideoError
from ..files.regular import read_side_file
from ..files.text_encodings import decode
from ..video.probe import language_of, open_container
from .languages import known_language, same_language
from .words import Utterance, Word

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.subtitles.stream import SubtitleStream

# A day of speech is about 1 MB; whatever is much larger than this is no subtitle file.
_LARGEST = 16 * 2**20
# Bytes of a packet with words in it, and characters that all streams of a video may have together.
_LARGEST_PACKET = 2**20
_MOST_TEXT = 32 * 2**20
# Cues of one file or stream (a whole day with one in each second has fewer), and those that begin within a second.
_MOST_CUES = 100_000
_DENSEST = 200
# Characters of one cue; what people can read while it stands is a few hundred.
_LONGEST_CUE = 5000
_USES = {"sdh", "cc", "forced", "foreign", "auto", "default", "hi", "full"}

_TIME = r"(?:(\d{1,5})\s*:\s*)?(\d{1,3})\s*:\s*(\d{1,2})(?:\s*[.,:]\s*(\d{1,3}))?"
_TIMING = re.compile(rf"^\s*{_TIME}\s*--?>\s*{_TIME}(?:\s.*)?$")
_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,200}|\d[\d:.,]{0,20})>")
_OVERRIDE = re.compile(r"\{\\[^{}]{0,200}\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle: seconds, and its text on one line without tags."""

    start: float
    end: float
    text: str


class SubtitleFile(list[Cue]):
    """The cues of a subtitle file; `guessed` is its encoding where its letters had to tell it, else None."""

    def __init__(self, cues: Iterable[Cue], *, guessed: str | None, digest: str) -> None:
        super().__init__(cues)
        self.guessed = guessed
        self.digest = digest


class SubtitleTrack(list[Cue]):
    """The cues of one subtitle stream of a video; `stream` is its number there, `language` what it says (`eng`)."""

    def __init__(self, cues: Iterable[Cue], *, stream: int, language: str | None, guessed: str | None = None) -> None:
        super().__init__(cues)
        self.guessed = guessed
        self.stream = stream
        self.language = language


def read_subtitles(path: str | Path) -> SubtitleFile:
    """Cues of a .srt or .vtt file in time order, each phrase once, on the file's own clock (see `docs/clock.md`).

    Reads any encoding that `encodings.decode` tells, any line ends, and files with blank lines or numbers missing. Cues
    whose times cannot be read are passed over; reversed times are swapped.

    Raises:
        VideoError: if the file cannot be read, is too large, or is not subtitles.
    """
    path = Path(path)
    data = read_side_file(path, _LARGEST, "subtitles")
    decoded = decode(data, "-->")
    cues = _parse(decoded.text)
    if not cues and decoded.text.strip() and not decoded.text.lstrip().startswith("WEBVTT"):
        raise VideoError(
            f"{path}: no subtitles in it. Give a .srt or .vtt file (lines like 00:00:01,000 --> 00:00:02,500)."
        )
    if len(cues) > _MOST_CUES:
        raise VideoError(f"{path}: {len(cues)} subtitles, more than any video has ({_MOST_CUES}). Divide the file.")
    guessed = decoded.encoding if decoded.guessed else None
    return SubtitleFile(tidy(cues), guessed=guessed, digest=hashlib.sha256(data).hexdigest()[:12])


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A subtitle file beside a video: `language` and `forced` by its name (`talk.de.forced.srt`)."""

    file: Path
    language: str | None
    forced: bool


def sidecars(video_path: str | Path) -> list[Sidecar]:
    """The subtitle files beside a video, the one to take first.

    The same name with .srt or .vtt comes before one with a language (`talk.de.srt`), English before other languages,
    and forced ones, which hold only what is said in another language, last.
    """
    video = Path(video_path)
    stem = video.stem.casefold()
    ranked = []
    try:
        beside = sorted(video.parent.iterdir())
    except OSError:
        return []
    for file in beside:
        name, dot, kind = file.name.casefold().rpartition(".")
        if kind not in ("srt", "vtt") or not dot or not (name == stem or name.startswith(stem + ".")):
            continue
        label = name[len(stem) + 1 :]
        # `talk.part2.srt` belongs to another video, unless its label is a language, a use, or both.
        read = ("", frozenset()) if not label or f".{label}" == video.suffix.casefold() else _read_label(label)
        if read is None:
            continue
        language, uses = read
        forced = bool(uses & {"forced", "foreign"})
        rank = 0 if not language else 1 if same_language(language, "en") else 2
        if not file.is_dir():
            ranked.append((forced, rank, "sdh" in uses, name, kind, Sidecar(file, language or None, forced)))
    return [each[-1] for each in sorted(ranked, key=lambda each: each[:-1])]


def _read_label(label: str) -> tuple[str, frozenset[str]] | None:
    """Language and uses that a name says (`en.sdh`); None where it says something else."""
    first, *rest = label.split(".")
    spoken = re.fullmatch(r"[a-z]{2,3}([-_][a-z0-9]{2,8})*", first) or known_language(first)
    # Alone, `hi` is Hindi.
    if not spoken or (first in _USES and first != "hi"):
        first, rest = "", [first, *rest]
    return (first, frozenset(rest)) if _USES.issuperset(rest) else None


def embedded_subtitles(path: str | Path) -> list[SubtitleTrack]:
    """Every subtitle stream of a video in the file's order; those that are pictures (DVD, Blu-ray) have no cues.

    Times are those of the container. Reading ends where there are more cues than any video has.

    Raises:
        VideoError: if the file cannot be opened.
    """
    try:
        with open_container(Path(path)) as container:
            streams = list(container.streams.subtitles)
            found: dict[int, list[_Raw]] = {stream.index: [] for stream in streams}
            if streams:
                for stream in container.streams:
                    if stream.index not in found:
                        stream.discard = av.stream.Discard.all
                _read_streams(container, streams, found)
            tracks = []
            for stream in streams:
                cues, guessed = _decoded(found[stream.index])
                track = SubtitleTrack(tidy(cues), stream=stream.index, language=language_of(stream), guessed=guessed)
                tracks.append(track)
            return tracks
    except (FFmpegError, OSError) as error:
        raise VideoError(f"{path}: cannot be opened ({error}). Check the path.") from error


def as_utterances(cues: Iterable[Cue]) -> list[Utterance]:
    """Cues as utterances; the times of words are spread over the cue by their length (`exact` is False)."""
    return [
        Utterance(cue.start, cue.end, cue.text, tuple(spread(cue.text, cue.start, cue.end)), exact=False)
        for cue in cues
        if cue.text
    ]


def spread(text: str, start: float, end: float) -> list[Word]:
    """The words of `text` over [start, end) seconds in proportion to their letters."""
    parts = text.split()
    total = sum(len(part) + 1 for part in parts)
    words, done = [], 0
    for part in parts:
        begin = start + (end - start) * done / total
        done += len(part) + 1
        words.append(Word(begin, start + (end - start) * done / total, part, 1.0))
    return words


def tidy(cues: Iterable[Cue]) -> list[Cue]:
    """Cues in time order on one line each, without tags, empty ones and repeats.

    Roll-up captions show a line again beneath the next one, or the same text in several cues in a row: what the cue
    just before already showed is taken away, so that each phrase stands once, from when it first appeared. Of more
    than `_DENSEST` that begin within a second, which nobody can read, the rest is left out.
    """
    kept: list[Cue] = []
    shown: list[str] = []
    shown_end = float("-inf")
    began: deque[float] = deque(maxlen=_DENSEST)
    for cue in sorted(cues, key=lambda cue: (min(cue.start, cue.end), max(cue.start, cue.end))):
        if len(began) == _DENSEST and min(cue.start, cue.end) - began[0] < 1.0:
            continue
        began.append(min(cue.start, cue.end))
        start, end = min(cue.start, cue.end), max(cue.start, cue.end)
        lines = [line for line in map(plain, cue.text[:_LONGEST_CUE].splitlines()) if line]
        if not lines:
            continue
        fresh = _fresh(shown, lines) if start - shown_end < 0.2 else lines
        if fresh:
            kept.append(Cue(start, end, " ".join(fresh)))
        elif kept:
            kept[-1] = Cue(kept[-1].start, max(kept[-1].end, end), kept[-1].text)
        shown, shown_end = lines, end
    return kept


def plain(text: str) -> str:
    """One line of a subtitle without tags, entities and control characters."""
    text = _OVERRIDE.sub("", _TAG.sub("", text))
    return " ".join(_CONTROL.sub(" ", html.unescape(text)).split())


def _fresh(shown: list[str], lines: list[str]) -> list[str]:
    """The part of `lines` that was not in `shown`, the cue just before."""
    for count in range(min(len(shown), len(lines)), 0, -1):
        if shown[-count:] == lines[:count]:
            return lines[count:]
    before, now = " ".join(shown).split(), " ".join(lines).split()
    # A text that grows word by word, or the same words broken into other lines. Fewer words may repeat by chance.
    for count in range(min(len(before), len(now)), 0, -1):
        if before[-count:] == now[:count] and (count >= 4 or count == len(before) < len(now)):
            return [" ".join(now[count:])] if count < len(now) else []
    return lines


def _parse(text: str) -> list[Cue]:
    webvtt = text.lstrip().startswith("WEBVTT")
    lines = text.splitlines()
    timings = [(number, match) for number, line in enumerate(lines) if (match := _TIMING.match(line[:200]))]
    cues = []
    for position, (number, match) in enumerate(timings):
        last = position + 1 == len(timings)
        body = lines[number + 1 :] if last else _without_number(lines[number + 1 : timings[position + 1][0]])
        if webvtt and "" in body:
            # An empty line (one of spaces is text) ends a cue: names of cues, notes and styles may follow it.
            body = body[: body.index("")]
        cues.append(Cue(_seconds(match.groups()[:4]), _seconds(match.groups()[4:]), "\n".join(body)))
    return cues


def _without_number(body: list[str]) -> list[str]:
    """`body` without the number of the cue that follows it."""
    return body[:-1] if body and body[-1].strip().isdigit() else body


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)


@dataclass(slots=True)
class _Raw:
    start: float
    end: float
    text: str | bytes


def _decoded(raw: Sequence[_Raw]) -> tuple[list[Cue], str | None]:
    """Cues, and their encoding where it had to be told by all their letters; streams should be UTF-8."""
    whole = b"\n".join(one.text for one in raw if isinstance(one.text, bytes))
    known = decode(whole, "-->")
    name = known.encoding if known.guessed else "utf-8"
    cues = [
        Cue(one.start, one.end, one.text if isinstance(one.text, str) else one.text.decode(name, errors="replace"))
        for one in raw
    ]
    return cues, known.encoding if known.guessed else None


def _read_streams(container: InputContainer, streams: list[SubtitleStream], found: dict[int, list[_Raw]]) -> None:
    room = _MOST_TEXT
    for packet in container.demux(streams):
        if packet.pts is None or not packet.size or packet.time_base is None or packet.size > _LARGEST_PACKET:
            continue
        start = float(packet.pts * packet.time_base)
        end = start + float((packet.duration or 0) * packet.time_base)
        stream = packet.stream
        cues = found[stream.index]
        context = stream.codec_context
        text: str | bytes = _packet_text(packet, context.name) if context is not None else ""
        if cues and cues[-1].end <= cues[-1].start:
            # No duration in the file: it stays until the next one comes, but not for ever.
            cues[-1].end = max(cues[-1].start, min(start, cues[-1].start + 6.0))
        if text.strip() and len(cues) < _MOST_CUES:
            cues.append(_Raw(start, end, text))
            room -= len(text) + 50
            if room < 0:
                break
    for cues in found.values():
        if cues and cues[-1].end <= cues[-1].start:
            cues[-1].end = cues[-1].start + 6.0


def _packet_text(packet: Packet, codec: str) -> str | bytes:
    if codec in ("subrip", "srt", "webvtt", "text"):
        return bytes(packet)
    try:
        events = [event.ass.decode("utf-8", errors="replace") for event in packet.decode() if hasattr(event, "ass")]
    except (FFmpegError, NotImplementedError):
        return ""
    # Eight fields of style stand before the text; \N breaks a line, \h is a space.
    texts = [re.sub(r"\\[Nn]", "\n", event.split(",", 8)[-1]).replace(r"\h", " ") for event in events]
    return "\n".join(text for text in texts if text.strip())
