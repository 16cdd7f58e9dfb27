"""From the sound or the subtitles of a video to rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import VideoError
from ..files.regular import read_bytes
from ..protocol import VideoInfo, VideoSource
from ..span import clock
from ..store.units import NewText
from .stream_choice import Streams, describe_stream, find_stream, rank_subtitles

if TYPE_CHECKING:
    from ..span import Span
    from ..speech.subtitles import Cue
    from ..speech.transcriber import Transcriber
    from ..speech.transcript import Utterance


@dataclass(frozen=True, slots=True)
class Subtitles:
    """The place where the words of a video are already written: a file, or the n-th text stream inside the video."""

    path: str
    embedded: int | None
    stamp: str
    shift: float = 0.0
    """Seconds to add to the times of a file for the video's own (see `docs/clock.md`)."""


def find_subtitles(
    info: VideoInfo,
    named_file: Path | None,
    request: Streams | None = None,
    *,
    language: str | None = None,
    can_listen: Callable[[], bool] = lambda: False,
) -> tuple[Subtitles | None, tuple[str, ...]]:
    """Return the subtitles to take (None for the sound), and notes on why, or on what was passed over.

    They are the named file, the stream asked for, a file beside the video, or a stream inside it. What cannot be read,
    or does not belong to the video, is passed over. What holds only some of the words (forced ones), or another
    language than the sound, is taken only where the sound cannot be listened to, which `can_listen` tells.
    """
    request = request or Streams()
    path = Path(info.path) if info.path else None
    if named_file is not None:
        return _from_file(named_file, info, named=True)
    if path is None or not path.exists():
        if request.subtitles is not None:
            raise VideoError("--subtitle-stream needs a video file: this video is none.")
        return None, ()
    if request.subtitles is not None:
        return _requested_stream(info, path, request.subtitles)
    notes: list[str] = []
    weak: list[tuple[Subtitles, Sequence[str], str]] = []
    for subtitles, own, against in _candidates(info, path, request.language or language, notes):
        if not against:
            return subtitles, (*notes, *own)
        weak.append((subtitles, own, against))
    if not weak:
        return None, tuple(notes)
    subtitles, own, against = weak[0]
    if can_listen():
        return None, (*notes, f"{against}: the sound was listened to instead")
    return subtitles, (*notes, *own, against)


def _candidates(
    info: VideoInfo, path: Path, language: str | None, notes: list[str]
) -> Iterable[tuple[Subtitles, Sequence[str], str]]:
    """Subtitles that can be read, best first, each with what to say of it and what speaks against it."""
    from ..speech.languages import same_language
    from ..speech.subtitles import embedded_subtitles, sidecars

    # Weak files come after the streams inside the video.
    later = []
    beside = []
    for place, one in enumerate(sidecars(path)):
        matches = same_language(one.language, language)
        foreign = language is not None and one.language is not None and not matches
        beside.append((one.forced, foreign, language is not None and not matches, place, one))
    for forced, foreign, _, _, one in sorted(beside, key=lambda each: each[:-1]):
        try:
            subtitles, own = _from_file(one.file, info)
        except VideoError as error:
            notes.append(f"passed over: {error}")
            continue
        if forced:
            later.append((subtitles, own, f"{one.file.name} holds only some of what is said (forced)"))
        elif foreign:
            later.append((subtitles, own, f"{one.file.name} is in {one.language}, and the sound in {language}"))
        else:
            yield subtitles, own, ""
    if info.subtitle_streams:
        tracks = embedded_subtitles(path)
        places = {track.stream: place for place, track in enumerate(tracks)}
        lines = {track.stream: sum(_inside(cue, info, 0.0) for cue in track) for track in tracks}
        guesses = {track.stream: track.guessed for track in tracks if track.guessed}
        several = len(info.subtitle_streams)
        for ranked in rank_subtitles(info.subtitle_streams, lines, language):
            index = ranked.stream.index
            which = f"subtitle stream {describe_stream(ranked.stream)} of {several}"
            other = f" in another language than the sound ({language})" if ranked.foreign else ""
            against = " holds only some of what is said" if ranked.partial else other and f" is{other}"
            taken = [f"{which} was taken (--subtitle-stream takes another)"] if several > 1 or against else []
            if guess := guesses.get(index):
                taken.append(f"{which} does not say how its letters are written; read as {guess}")
            yield _stream(path, places[index]), taken, which + against if against else ""
        unread = [one for one in info.subtitle_streams if not lines.get(one.index)]
        if len(unread) == several:
            pictures = all(one.pictures for one in unread)
            why = "pictures of words, which are not read" if pictures else "without words in the video"
            notes.append(f"its subtitles ({'; '.join(describe_stream(one) for one in unread)}) are {why}")
    yield from later


def _requested_stream(info: VideoInfo, path: Path, request: int | str) -> tuple[Subtitles, tuple[str, ...]]:
    from ..speech.subtitles import embedded_subtitles

    stream = find_stream(info.subtitle_streams, request, "subtitle stream", info.path)
    tracks = embedded_subtitles(path)
    place = next((place for place, track in enumerate(tracks) if track.stream == stream.index), None)
    which = f"subtitle stream {describe_stream(stream)}"
    if place is None or not tracks[place]:
        why = "is made of pictures of words, which are not read" if stream.pictures else "holds no words"
        raise VideoError(f"{info.path}: {which} {why}. Take another, or listen to the sound.")
    return _stream(path, place), (f"{which} of {len(info.subtitle_streams)} was taken, as asked for",)


def _stream(path: Path, place: int) -> Subtitles:
    return Subtitles(str(path), place, f"subtitles:stream {place}")


def _from_file(file: Path, info: VideoInfo, *, named: bool = False) -> tuple[Subtitles, tuple[str, ...]]:
    """A subtitle file and what should be said of it; one that was named may be empty, where nothing is said."""
    from ..speech.subtitles import read_subtitles

    cues = read_subtitles(file, fps=info.fps)
    if not cues and (not named or read_bytes(file).strip()):
        raise VideoError(f"{file}: there are no lines in it.")
    if not cues:
        return Subtitles(str(file), None, f"subtitles:{cues.digest}"), (f"{file.name} is empty: nothing is said",)
    notes = []
    shift = shift_of(cues, info)
    inside = sum(_inside(cue, info, shift) for cue in cues)
    if not inside:
        raise VideoError(
            f"{file}: none of its {len(cues)} lines lies in the video (it lasts {clock(info.duration)}, they go from "
            f"{clock(cues[0].start)} to {clock(max(cue.end for cue in cues))}). Is it another video's?"
        )
    if cues.guessed:
        notes.append(
            f"{file.name} does not say how its letters are written; read as {cues.guessed}: if they are wrong, save it "
            "as UTF-8"
        )
    zero = info.start if info.zero is None else info.zero
    if abs(zero) >= 0.5:
        where = f"count from the beginning of the video ({clock(zero)})" if shift else "are on the video's own clock"
        notes.append(f"the times in {file.name} {where}")
    if inside < len(cues):
        notes.append(
            f"{len(cues) - inside} of {len(cues)} lines of {file.name} lie outside the video, and were left out"
        )
    stamp = f"subtitles:{cues.digest}"
    stamp += f" at {shift:.3f}" if abs(shift) >= 1e-3 else ""
    stamp += f" {cues.guessed}" if cues.guessed else ""
    return Subtitles(str(file), None, stamp, shift), tuple(notes)


def shift_of(cues: Sequence[Cue], info: VideoInfo) -> float:
    """Return the seconds to add to the times in a file beside a video, for the video's own clock.

    They count from where players begin, the first picture or sound, wherever that lies on the container's clock. Only
    where more of the lines lie in the video when they are taken for times on that clock itself, they are.
    """
    zero = info.start if info.zero is None else info.zero
    if abs(zero) < 1e-3:
        return 0.0
    own, shifted = (sum(_inside(cue, info, shift) for cue in cues) for shift in (0.0, zero))
    return 0.0 if own > shifted else zero


def _inside(cue: Cue, info: VideoInfo, shift: float) -> bool:
    return cue.start + shift < info.end and cue.end + shift > info.start


def from_subtitles(video: VideoSource, subtitles: Subtitles) -> list[NewText]:
    """Every line of the subtitles that lies in the video."""
    from ..speech.subtitles import as_utterances, embedded_subtitles, read_subtitles

    path, shift = Path(subtitles.path), subtitles.shift
    cues: Sequence[Cue] = (
        read_subtitles(path, fps=video.info.fps)
        if subtitles.embedded is None
        else embedded_subtitles(path)[subtitles.embedded]
    )
    info = video.info
    inside = [cue for cue in cues if _inside(cue, info, shift)]
    moved = [replace(cue, start=cue.start + shift, end=cue.end + shift) for cue in inside] if shift else inside
    return _texts(as_utterances(moved))


def from_sound(video: VideoSource, span: Span, transcriber: Transcriber) -> list[NewText]:
    """Return the recognized speech of a span."""
    from ..speech.transcriber import transcribe

    return _texts(transcribe(video, span, transcriber))


def _texts(utterances: Iterable[Utterance]) -> list[NewText]:
    return [
        NewText(
            each.start,
            each.end,
            each.text,
            {
                "words": [[round(w.start, 3), round(w.end, 3), w.text, round(w.probability, 3)] for w in each.words],
                "exact": each.exact,
                "probability": round(each.probability, 3),
                **({"assumed_language" if each.assumed else "language": each.language} if each.language else {}),
                # A word may have been made out by what follows it: before that it is not known.
                **({"heard": round(each.sound_until, 3)} if each.sound_until is not None else {}),
            },
        )
        for each in utterances
        if each.text.strip()
    ]
