"""Choose among a file's sound tracks and subtitle streams, and name the choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..errors import VideoError
from ..protocol import SoundTrack, Stream, SubtitleStream, VideoInfo
from ..span import Span
from ..speech.languages import known_language, same_language
from ..speech.vad import RATE, voiced
from ..video.audio import read_audio

if TYPE_CHECKING:
    from pathlib import Path

AnyStream = TypeVar("AnyStream", bound=Stream)

_ASIDE = frozenset({
    "comment", "visual_impaired", "descriptions", "karaoke", "clean_effects", "non_diegetic", "metadata", "lyrics",
})  # fmt: skip
"""Dispositions of what is not said in the video itself, or without the voices."""
_ASIDE_TITLE = re.compile(
    r"\b(comment(ary|aries|s)?|kommentar|commentaire|comentarios?|commento|audio ?descri\w*|"
    r"descri(bed|ptive|ption)\b.*|h[öo]rfilm|"
    r"music (and|&|only)|m ?& ?e|effects only|isolated|karaoke|instrumental|score only|signs|songs)\b",
    re.I,
)
_FORCED_TITLE = re.compile(r"\b(forced|foreign parts?|erzwungen|forc[ée]s?|signs|songs)\b", re.I)
_SOUNDS_TITLE = re.compile(r"\b(sdh|cc|hoh|closed captions?|hearing|h[öo]rgesch[äa]digte|malentendants?)\b", re.I)
_PARTIAL = 0.25
"""Share of the lines of another stream in the same language below which one holds only some of what is said."""
_WHOLE, _PROBES, _PROBE = 240.0, 24, 5.0
"""Seconds that are listened to from end to end; how many places of a longer track, and seconds of each."""
_MOST_TRACKS = 16  # tracks that are listened to, unless one is asked for
_LOUD = 1e-4  # samples that never pass this (-80 dB) are silence
_FAINT = 0.002  # below this (-54 dB), recognizers begin to miss words
_QUIET = 0.03  # sound that never passes this (-30 dB) is amplified before it is asked for voices
_SPOKEN = 1.0  # seconds of speech with which a track counts as spoken


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams a person asks for: numbers count from 1 among streams of a kind; a language is a code or its name."""

    audio: int | str | None = None
    subtitles: int | str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class SoundSample:
    """A sound track as far as it was sampled: the loudest sample in [0, 1], and seconds of speech."""

    loudest: float
    speech: float

    @property
    def silent(self) -> bool:
        """True where nothing can be heard."""
        return self.loudest <= _LOUD


def find_stream(streams: Sequence[AnyStream], request: int | str, what: str, path: str) -> AnyStream:
    """Return the stream that a person means: by its number, else its language, else words of its title."""
    text = str(request).strip()
    if re.fullmatch(r"[0-9]{1,6}", text):
        found = [one for one in streams if one.number == int(text)]
    else:
        found = [one for one in streams if same_language(one.language, text)]
        found = sorted(found, key=_is_aside) or [one for one in streams if text and text.lower() in one.title.lower()]
    if found:
        return found[0]
    there = "; ".join(map(describe_stream, streams)) or "none"
    raise VideoError(f"{path} has no {what} {text!r}. There are: {there}. Name one by its number or language.")


def describe_stream(stream: Stream) -> str:
    """Return a stream in a few words: `2 (eng, “Commentary”, comment)`."""
    flags = sorted(stream.flags - {"default", "captions"})
    title = f"“{stream.title}”" if stream.title and "handler" not in stream.title.lower() else ""
    facts = ", ".join(fact for fact in (stream.language, title, *flags) if fact)
    return f"{stream.number} ({facts})" if facts else str(stream.number)


def choose_sound(
    info: VideoInfo,
    path: Path,
    request: Streams,
    knows_only: str | None = None,
    alive: Callable[[], None] = lambda: None,
) -> tuple[SoundTrack | None, str | None]:
    """Return the sound track to take, and a line that says which, where there were several.

    What was asked for comes first. Else one in which nothing can be heard is last, then commentaries, descriptions for
    the blind and the like; then the language decides, then whether anybody speaks in it, then what the file says is
    its default, then the order.

    Args:
        info: of the video.
        path: its file.
        request: what was asked for.
        knows_only: the one language that the recognizer knows; None where it knows many.
        alive: called before each piece that is listened to.
    """
    tracks = info.sound_tracks
    if request.audio is not None:
        chosen = find_stream(tracks, request.audio, "sound track", info.path)
        return chosen, f"sound track {describe_stream(chosen)} of {len(tracks)} was taken, as asked for"
    if len(tracks) < 2:
        return (tracks[0] if tracks else None), None
    every, tracks = len(tracks), tracks[:_MOST_TRACKS]
    samples = {track.index: sample_sound(path, info.span, track, alive=alive) for track in tracks}
    if all(one.silent for one in samples.values()):
        samples = {track.index: sample_sound(path, info.span, track, whole=True, alive=alive) for track in tracks}
    someone = any(one.speech >= _SPOKEN for one in samples.values())
    language = request.language or knows_only

    def rank(track: SoundTrack) -> tuple[bool, bool, bool, bool, bool, bool, bool, int]:
        here = samples[track.index]
        foreign = language is not None and track.language is not None and not same_language(track.language, language)
        return (
            here.silent,
            _is_aside(track),
            foreign,
            someone and here.speech < _SPOKEN,
            "hearing_impaired" in track.flags,
            "default" not in track.flags,
            "dub" in track.flags and "original" not in track.flags,
            track.number,
        )

    chosen = min(tracks, key=rank)
    others = []
    for track in tracks:
        if track is not chosen:
            silent = samples[track.index].silent
            speechless = someone and samples[track.index].speech < _SPOKEN
            others.append(describe_stream(track) + (" silent" if silent else " without speech" if speechless else ""))
    state = ", which is silent" if samples[chosen.index].silent else ""
    return chosen, (
        f"sound track {describe_stream(chosen)} of {every} was taken{state}; there are also {'; '.join(others)} "
        "(--audio takes another)"
    )


def sample_sound(
    path: Path, span: Span, track: SoundTrack, *, whole: bool = False, alive: Callable[[], None] = lambda: None
) -> SoundSample:
    """Listen to a sound track here and there, all of it if it is short; `whole` goes on until something is heard."""
    loudest = speech = 0.0
    for samples, peak in _pieces(path, span, track.index, whole, alive):
        loudest = max(loudest, peak)
        if peak > _LOUD:
            gain = 0.3 / peak if peak < _QUIET else 1.0
            speech += sum(end - start for start, end in voiced(samples * np.float32(gain)))
            if whole or speech >= 10 * _SPOKEN:
                break
    return SoundSample(loudest, speech)


def faint_note(path: Path, span: Span, track: int | None, alive: Callable[[], None] = lambda: None) -> str | None:
    """Return a line where a sound track is silent or hardly to be heard, as far as it is sampled here and there."""
    loudest = _loudest(path, span, track, alive)
    if loudest > _FAINT:
        return None
    if loudest <= _LOUD:
        return "its sound is silent, as far as it was listened to"
    return f"its sound is very faint (at most {20 * np.log10(loudest):.0f} dB): speech in it may not be made out"


def is_silent(path: Path, span: Span, track: int | None, alive: Callable[[], None] = lambda: None) -> bool:
    """Tell whether nothing can be heard in a sound track, as far as it is sampled here and there."""
    return _loudest(path, span, track, alive) <= _LOUD


def _loudest(path: Path, span: Span, track: int | None, alive: Callable[[], None]) -> float:
    loudest = 0.0
    for _, peak in _pieces(path, span, track, False, alive):
        loudest = max(loudest, peak)
        if loudest > _FAINT:
            break
    return loudest


def _pieces(
    path: Path, span: Span, track: int | None, whole: bool, alive: Callable[[], None]
) -> Iterator[tuple[np.ndarray, float]]:
    """Read pieces of a sound track, each with its loudest sample."""
    for piece in _places(span, whole):
        alive()
        samples = read_audio(path, piece, RATE, track)
        yield samples, float(np.abs(samples).max()) if len(samples) else 0.0


def _places(span: Span, whole: bool) -> list[Span]:
    if whole or span.duration <= _WHOLE:
        length = 60.0
        count = min(int(np.ceil(span.duration / length)), 600)
        return [Span(span.start + n * length, min(span.end, span.start + (n + 1) * length)) for n in range(count)]
    step = (span.duration - _PROBE) / (_PROBES - 1)
    return [Span(span.start + n * step, span.start + n * step + _PROBE) for n in range(_PROBES)]


@dataclass(frozen=True, slots=True)
class RankedSubtitles:
    """A subtitle stream with words: how many lines, and what speaks against it."""

    stream: SubtitleStream
    lines: int
    partial: bool
    """True if it holds only some of what is said, or something else."""
    foreign: bool


def rank_subtitles(
    streams: Sequence[SubtitleStream], lines: dict[int, int], language: str | None
) -> list[RankedSubtitles]:
    """Return the subtitle streams that hold words, by the number of `lines` of each index; the one to take first.

    `language` is that of the sound, where it is known.
    """
    fullest: dict[str | None, int] = {}
    for one in streams:
        key = known_language(one.language or "")
        fullest[key] = max(fullest.get(key, 0), lines.get(one.index, 0))
    found = []
    for one in streams:
        count = lines.get(one.index, 0)
        if not count:
            continue
        few = count < _PARTIAL * fullest[known_language(one.language or "")]
        forced = "forced" in one.flags or _FORCED_TITLE.search(one.title) is not None
        foreign = language is not None and one.language is not None and not same_language(one.language, language)
        found.append(RankedSubtitles(one, count, forced or few or _is_aside(one), foreign))

    def rank(one: RankedSubtitles) -> tuple[bool, bool, bool, bool, bool, int]:
        flags = one.stream.flags
        matches = language is None or same_language(one.stream.language, language)
        # Those for the hard of hearing also tell of sounds.
        sounds = bool(flags & {"hearing_impaired", "captions"}) or _SOUNDS_TITLE.search(one.stream.title) is not None
        return one.partial, one.foreign, not matches, sounds, "default" not in flags, one.stream.number

    return sorted(found, key=rank)


def _is_aside(stream: Stream) -> bool:
    return bool(stream.flags & _ASIDE) or _ASIDE_TITLE.search(stream.title) is not None
