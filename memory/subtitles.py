"""Subtitles as people find them: .srt and .vtt files, beside a video or given, and text streams inside a video."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.error import FFmpegError

from .errors import VideoError
from .files import read_bytes
from .words import Utterance, Word

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.subtitles.stream import SubtitleStream

# A day of speech is about 1 MB; whatever is much larger than this is no subtitle file.
_LARGEST = 64 * 2**20

_TIME = r"(?:(\d{1,3})\s*:\s*)?(\d{1,2})\s*:\s*(\d{1,2})(?:\s*[.,:]\s*(\d{1,3}))?"
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


class SubtitleTrack(list[Cue]):
    """The cues of one subtitle stream of a video; `stream` is its number there, `language` what it says (`eng`)."""

    def __init__(self, cues: Iterable[Cue], *, stream: int, language: str | None) -> None:
        super().__init__(cues)
        self.stream = stream
        self.language = language


def read_subtitles(path: str | Path) -> list[Cue]:
    """Cues of a .srt or .vtt file in time order, each phrase once.

    Reads UTF-8, UTF-16 and Latin-1, any line ends, and files with blank lines or numbers missing. Cues whose times
    cannot be read are passed over; reversed times are swapped.

    Raises:
        VideoError: if the file cannot be read, or is not subtitles.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise VideoError(
                f"{path}: too large for subtitles ({path.stat().st_size >> 20} MiB). Give a .srt or .vtt file."
            )
        text = _decode(read_bytes(path, _LARGEST))
    except OSError as error:
        raise VideoError(f"{path}: these subtitles cannot be read ({error.strerror}). Check the path.") from error
    cues = _parse(text)
    if not cues and text.strip() and not text.lstrip().startswith("WEBVTT"):
        raise VideoError(
            f"{path}: no subtitles in it. Give a .srt or .vtt file (lines like 00:00:01,000 --> 00:00:02,500)."
        )
    return tidy(cues)


def sidecar_subtitles(video_path: str | Path) -> Path | None:
    """The subtitle file beside a video, or None.

    For `talk.mp4`: `talk.srt` or `talk.vtt`, then English (`talk.en.srt`), then the first by name (`talk.de.vtt`).
    """
    video = Path(video_path)
    stem = video.stem.casefold()
    ranked = []
    try:
        beside = sorted(video.parent.iterdir())
    except OSError:
        return None
    for file in beside:
        name, dot, kind = file.name.casefold().rpartition(".")
        if kind not in ("srt", "vtt") or not dot or not (name == stem or name.startswith(stem + ".")):
            continue
        label = name[len(stem) + 1 :]
        # `talk.part2.srt` belongs to another video, unless its label is a language.
        if label and not re.fullmatch(r"[a-z]{2,3}([-_][a-z0-9]{2,8})*(\.(sdh|cc|forced|auto|default|hi))?", label):
            continue
        english = re.match(r"en(g)?\b", label) is not None
        rank = 0 if not label else 1 if english else 2
        if file.is_file():
            ranked.append((rank, "forced" in label, name, kind, file))
    return min(ranked)[-1] if ranked else None


def embedded_subtitles(path: str | Path) -> list[SubtitleTrack]:
    """Every subtitle stream of a video in the file's order; those that are pictures (DVD, Blu-ray) have no cues.

    Raises:
        VideoError: if the file cannot be opened.
    """
    try:
        with av.open(str(Path(path).absolute())) as container:
            streams = list(container.streams.subtitles)
            found: dict[int, list[Cue]] = {stream.index: [] for stream in streams}
            if streams:
                for stream in container.streams:
                    if stream.index not in found:
                        stream.discard = av.stream.Discard.all
                _read_streams(container, streams, found)
            return [
                SubtitleTrack(tidy(found[stream.index]), stream=stream.index, language=_language(stream))
                for stream in streams
            ]
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
    just before already showed is taken away, so that each phrase stands once, from when it first appeared.
    """
    kept: list[Cue] = []
    shown: list[str] = []
    shown_end = float("-inf")
    for cue in sorted(cues, key=lambda cue: (min(cue.start, cue.end), max(cue.start, cue.end))):
        start, end = min(cue.start, cue.end), max(cue.start, cue.end)
        lines = [line for line in map(plain, cue.text.splitlines()) if line]
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


def _decode(data: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    head = data[:2000]
    if head and head.count(0) > len(head) / 4:
        # UTF-16 without its mark: the high bytes of Latin letters are zero.
        encoding = "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"
        return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        repaired = data.decode("utf-8", errors="replace")
    broken = repaired.count("\ufffd")
    sound = sum(character > "\x7f" for character in repaired) - broken
    # Mostly good UTF-8 with a torn character, else one byte a letter.
    return repaired if sound > broken else data.decode("cp1252", errors="replace")


def _read_streams(container: InputContainer, streams: list[SubtitleStream], found: dict[int, list[Cue]]) -> None:
    for packet in container.demux(streams):
        if packet.pts is None or not packet.size or packet.time_base is None:
            continue
        start = float(packet.pts * packet.time_base)
        end = start + float((packet.duration or 0) * packet.time_base)
        stream = packet.stream
        cues = found[stream.index]
        text = _packet_text(packet, stream.codec_context.name)
        if cues and cues[-1].end <= cues[-1].start:
            # No duration in the file: it stays until the next one comes, but not for ever.
            cues[-1] = Cue(cues[-1].start, min(start, cues[-1].start + 6.0), cues[-1].text)
        if text.strip():
            cues.append(Cue(start, end, text))


def _packet_text(packet: Packet, codec: str) -> str:
    if codec in ("subrip", "srt", "webvtt", "text"):
        return bytes(packet).decode("utf-8", errors="replace")
    try:
        events = [event.ass.decode("utf-8", errors="replace") for event in packet.decode() if hasattr(event, "ass")]
    except (FFmpegError, NotImplementedError):
        return ""
    # Eight fields of style stand before the text; \N breaks a line, \h is a space.
    texts = [re.sub(r"\\[Nn]", "\n", event.split(",", 8)[-1]).replace(r"\h", " ") for event in events]
    return "\n".join(text for text in texts if text.strip())


def _language(stream: SubtitleStream) -> str | None:
    language = stream.metadata.get("language")
    return language if language and language != "und" else None
