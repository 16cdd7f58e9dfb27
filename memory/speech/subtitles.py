"""Subtitles as people find them: files beside a video or given (read by pysubs2), and text streams inside a video."""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pysubs2
from av.error import FFmpegError
from pysubs2.formats import get_format_class
from pysubs2.formats.subrip import SubripFormat

from ..errors import VideoError
from ..files.regular import read_side_file
from ..files.text_encodings import decode
from ..video.probe import language_of, open_container
from .languages import known_language, same_language
from .transcript import Utterance, Word

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
_BESIDE = ("srt", "vtt", "ass", "ssa")  # endings of the files that are looked for; a .sub is mostly one of pictures
_USES = {"sdh", "cc", "forced", "foreign", "auto", "default", "hi", "full"}

_FORMATS = ("vtt", "ass", "ssa", "srt", "microdvd", "mpl2")
"""The formats of pysubs2 that are read; its JSON and XML ones are not taken from strangers."""
_WORD_TIME = re.compile(r"<\d[\d:.,]{0,20}>")
_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,200}|\d[\d:.,]{0,20})>")
_OVERRIDE = re.compile(r"\{\\[^{}]{0,200}\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle: seconds, and its text on one line without tags."""

    start: float
    end: float
    text: str


class SubtitleCues(list[Cue]):
    """The cues of a subtitle file, or of one stream of a video, with its number there and its language (`eng`).

    `guessed` is the encoding where the letters had to tell it, else None.
    """

    def __init__(
        self,
        cues: Iterable[Cue],
        *,
        guessed: str | None,
        digest: str = "",
        stream: int = 0,
        language: str | None = None,
    ) -> None:
        super().__init__(cues)
        self.guessed, self.digest, self.stream, self.language = guessed, digest, stream, language


def read_subtitles(path: str | Path, *, fps: float | None = None) -> SubtitleCues:
    """Read a subtitle file: cues in time order, each phrase once, on the file's own clock (see `docs/clock.md`).

    Reads SubRip, WebVTT, SubStation, MicroDVD and MPL2 in any encoding that `text_encodings.decode` tells, with any
    line ends, and with blank lines or numbers missing. Cues whose times cannot be read are passed over; reversed times
    are swapped.
    """
    path = Path(path)
    data = read_side_file(path, _LARGEST, "subtitles")
    decoded = decode(data, "-->")
    lines = decoded.text.splitlines()
    if len(lines) > 5 * _MOST_CUES:
        raise VideoError(f"{path}: more subtitles than any video has ({_MOST_CUES}). Divide the file.")
    cues = _parse(lines, fps)
    if not cues and decoded.text.strip() and not decoded.text.lstrip().startswith("WEBVTT"):
        raise VideoError(
            f"{path}: no subtitles in it. Give a .srt, .vtt or .ass file (in .srt: 00:00:01,000 --> 00:00:02,500)."
        )
    if len(cues) > _MOST_CUES:
        raise VideoError(f"{path}: {len(cues)} subtitles, more than any video has ({_MOST_CUES}). Divide the file.")
    guessed = decoded.encoding if decoded.guessed else None
    return SubtitleCues(tidy(cues), guessed=guessed, digest=hashlib.sha256(data).hexdigest()[:12])


class _SubRip(SubripFormat):
    """SubRip with hours of any length: the pattern of pysubs2 takes the last two digits of them."""

    TIMESTAMP = re.compile(r"(\d{1,6}):(\d{1,2}):(\d{1,2})[.,](\d{1,3})")


def _parse(lines: Sequence[str], fps: float | None) -> list[Cue]:
    """Return the cues of a file, by the first format that finds some."""
    numbered: list[str] = []
    for line in lines:
        # pysubs2 takes a number before the times for the cue's, also where it is the last line of the text before.
        if "-->" in line and not (numbered and numbered[-1].strip().isdigit()):
            numbered.append("0")
        if "-->" not in line:  # two times of words in one line would be taken for those of a cue
            line = _WORD_TIME.sub("", line)
        if line or (numbered and numbered[-1]):  # one blank line is as good as many
            numbered.append(line)
    text = "\n".join([*numbered, "", "0"])
    guesses = [kind for kind in _FORMATS if get_format_class(kind).guess_format(text) == kind]
    # Files without a header, or with the other's decimal sign, are read too.
    for kind in dict.fromkeys([*guesses, "srt", "vtt"]):
        try:
            subtitles = pysubs2.SSAFile()
            parser = _SubRip if kind == "srt" else get_format_class(kind)
            parser.from_file(subtitles, io.StringIO(text), kind, fps=fps, keep_html_tags=True)
            events = subtitles.get_text_events()
        # What its parsers raise on a file that is not what it seems, or that has no frame rate, is not documented.
        except (pysubs2.Pysubs2Error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            continue
        if events:
            texts = [event.text for event in events]
            if kind == "vtt":  # a blank line ends a cue: names of cues, notes and styles may follow it
                texts = [text.partition(r"\N\N")[0] for text in texts]
            return [Cue(e.start / 1000, e.end / 1000, _lines(text)) for e, text in zip(events, texts, strict=True)]
    return []


def _lines(text: str) -> str:
    r"""Return a text of SubStation with its line breaks (`\N`) and spaces (`\h`) as such."""
    return re.sub(r"\\[Nn]", "\n", text).replace(r"\h", " ")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A subtitle file beside a video: `language` and `forced` by its name (`talk.de.forced.srt`)."""

    file: Path
    language: str | None
    forced: bool


def sidecars(video_path: str | Path) -> list[Sidecar]:
    """Return the subtitle files beside a video, the one to take first.

    The same name with nothing but an ending comes before one with a language (`talk.de.srt`), English before other
    languages, and forced ones, which hold only what is said in another language, last.
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
        if kind not in _BESIDE or not dot or not (name == stem or name.startswith(stem + ".")):
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
    """Return language and uses that a name says (`en.sdh`); None where it says something else."""
    first, *rest = label.split(".")
    spoken = re.fullmatch(r"[a-z]{2,3}([-_][a-z0-9]{2,8})*", first) or known_language(first)
    # Alone, `hi` is Hindi.
    if not spoken or (first in _USES and first != "hi"):
        first, rest = "", [first, *rest]
    return (first, frozenset(rest)) if _USES.issuperset(rest) else None


def embedded_subtitles(path: str | Path) -> list[SubtitleCues]:
    """Read every subtitle stream of a video, in the file's order; those that are pictures (DVD, Blu-ray) have no cues.

    Times are those of the container. Reading ends where there are more cues than any video has.
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
                track = SubtitleCues(tidy(cues), stream=stream.index, language=language_of(stream), guessed=guessed)
                tracks.append(track)
            return tracks
    except (FFmpegError, OSError) as error:
        raise VideoError(f"{path}: cannot be opened ({error}). Check the path.") from error


def as_utterances(cues: Iterable[Cue]) -> list[Utterance]:
    """Turn cues into utterances; the times of words are spread over the cue by their length (`exact` is False)."""
    return [
        Utterance(cue.start, cue.end, cue.text, tuple(spread(cue.text, cue.start, cue.end)), exact=False)
        for cue in cues
        if cue.text
    ]


def spread(text: str, start: float, end: float) -> list[Word]:
    """Spread the words of `text` over [start, end) seconds in proportion to their letters."""
    parts = text.split()
    total = sum(len(part) + 1 for part in parts)
    words, done = [], 0
    for part in parts:
        begin = start + (end - start) * done / total
        done += len(part) + 1
        words.append(Word(begin, start + (end - start) * done / total, part, 1.0))
    return words


def tidy(cues: Iterable[Cue]) -> list[Cue]:
    """Return cues in time order on one line each, without tags, empty ones and repeats.

    Roll-up captions show a line again beneath the next one, or the same text in several cues in a row: what the cue
    just before already showed is taken away, so that each phrase stands once, from when it first appeared. Of more
    than `_DENSEST` that begin within a second, which nobody can read, the rest is left out.
    """
    kept: list[Cue] = []
    previous: list[str] = []
    previous_end = float("-inf")
    began: deque[float] = deque(maxlen=_DENSEST)
    for cue in sorted(cues, key=lambda cue: (min(cue.start, cue.end), max(cue.start, cue.end))):
        if len(began) == _DENSEST and min(cue.start, cue.end) - began[0] < 1.0:
            continue
        began.append(min(cue.start, cue.end))
        start, end = min(cue.start, cue.end), max(cue.start, cue.end)
        lines = [line for line in map(plain, cue.text[:_LONGEST_CUE].splitlines()) if line]
        if not lines:
            continue
        fresh = _fresh(previous, lines) if start - previous_end < 0.2 else lines
        if fresh:
            kept.append(Cue(start, end, " ".join(fresh)))
        elif kept:
            kept[-1] = Cue(kept[-1].start, max(kept[-1].end, end), kept[-1].text)
        previous, previous_end = lines, end
    return kept


def plain(text: str) -> str:
    """Return one line of a subtitle without tags, entities and control characters."""
    text = _OVERRIDE.sub("", _TAG.sub("", text))
    return " ".join(_CONTROL.sub(" ", html.unescape(text)).split())


def _fresh(previous: list[str], lines: list[str]) -> list[str]:
    """Return the part of `lines` that was not in `previous`, the cue just before."""
    for count in range(min(len(previous), len(lines)), 0, -1):
        if previous[-count:] == lines[:count]:
            return lines[count:]
    before, now = " ".join(previous).split(), " ".join(lines).split()
    # A text that grows word by word, or the same words broken into other lines. Fewer words may repeat by chance.
    for count in range(min(len(before), len(now)), 0, -1):
        if before[-count:] == now[:count] and (count >= 4 or count == len(before) < len(now)):
            return [" ".join(now[count:])] if count < len(now) else []
    return lines


@dataclass(slots=True)
class _Raw:
    start: float
    end: float
    text: str | bytes


def _decoded(raw: Sequence[_Raw]) -> tuple[list[Cue], str | None]:
    """Return cues, and their encoding where it had to be told by all their letters; streams should be UTF-8."""
    whole = b"\n".join(one.text for one in raw if isinstance(one.text, bytes))
    decoded = decode(whole, "-->")
    name = decoded.encoding if decoded.guessed else "utf-8"
    cues = [
        Cue(one.start, one.end, one.text if isinstance(one.text, str) else one.text.decode(name, errors="replace"))
        for one in raw
    ]
    return cues, decoded.encoding if decoded.guessed else None


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
    texts = [_lines(event.split(",", 8)[-1]) for event in events]  # eight fields of style stand before the text
    return "\n".join(text for text in texts if text.strip())
