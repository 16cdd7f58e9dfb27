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
    from ..speech.transcriber import Transcriber, Utterance


@dataclass(frozen=True, slots=True)
class Subtitles:
    """The place where the words of a video are already written: a file, or the n-th text stream inside the video."""

    path: str
    embedded: int | None
    stamp: str
    shift: float = 0.0
    """Seconds to add to the times of a file for the video's own (see `docs/clock.md`)."""


@dataclass(frozen=True, slots=True)
class Words:
    """The source of the words, None for the sound; `notes` say why it was chosen or others were passed over."""

    subtitles: Subtitles | None
    notes: tuple[str, ...] = ()


def find_subtitles(
    info: VideoInfo,
    given: Path | None,
    wish: Streams | None = None,
    *,
    spoken: str | None = None,
    can_listen: Callable[[], bool] = lambda: False,
) -> Words:
    """The subtitles to take: the given file, the stream asked for, one beside the video, or a stream inside it.

    What cannot be read, or does not belong to the video, is passed over. What holds only some of the words (forced
    ones), or another language than the sound, is taken only where the sound cannot be listened to.

    Args:
        info: of the video.
        given: a file that was named.
        wish: which stream was asked for.
        spoken: the language of the sound, where it is known.
        can_listen: whether the sound can be understood instead; asked only where it matters.

    Raises:
        VideoError: if the given file or the stream asked for cannot be used.
    """
    wish = wish or Streams()
    path = Path(info.path) if info.path else None
    if given is not None:
        return Words(*_from_file(given, info, named=True))
    if path is None or not path.exists():
        if wish.subtitles is not None:
            raise VideoError("--subtitle-stream needs a video file: this video is none.")
        return Words(None)
    if wish.subtitles is not None:
        return _asked_for(info, path, wish.subtitles)
    notes: list[str] = []
    weak: list[tuple[Subtitles, Sequence[str], str]] = []
    spoken = wish.language or spoken
    for subtitles, own, against in _candidates(info, path, spoken, notes):
        if not against:
            return Words(subtitles, (*notes, *own))
        weak.append((subtitles, own, against))
    if not weak:
        return Words(None, tuple(notes))
    subtitles, own, against = weak[0]
    if can_listen():
        return Words(None, (*notes, f"{against}: the sound was listened to instead"))
    return Words(subtitles, (*notes, *own, against))


def _candidates(
    info: VideoInfo, path: Path, spoken: str | None, notes: list[str]
) -> Iterable[tuple[Subtitles, Sequence[str], str]]:
    """Subtitles that can be read, best first, each with what to say of it and what speaks against it."""
    from ..speech.languages import same_language
    from ..speech.subtitles import embedded_subtitles, sidecars

    beside = []
    for place, one in enumerate(sidecars(path)):
        foreign = spoken is not None and one.language is not None and not same_language(one.language, spoken)
        matches = spoken is not None and same_language(one.language, spoken)
        beside.append((one.forced, foreign, not matches and spoken is not None, place, one))
    # Weak files come after the streams inside the video.
    later = []
    for *_, one in sorted(beside, key=lambda each: each[:-1]):
        try:
            subtitles, own = _from_file(one.file, info)
        except VideoError as error:
            notes.append(f"passed over: {error}")
            continue
        foreign = spoken is not None and one.language is not None and not same_language(one.language, spoken)
        if one.forced:
            later.append((subtitles, own, f"{one.file.name} holds only some of what is said (forced)"))
        elif foreign:
            later.append((subtitles, own, f"{one.file.name} is in {one.language}, and the sound in {spoken}"))
        else:
            yield subtitles, own, ""
    if info.subtitle_streams:
        tracks = embedded_subtitles(path)
        places = {track.stream: place for place, track in enumerate(tracks)}
        lines = {track.stream: sum(_inside(cue, info, 0.0) for cue in track) for track in tracks}
        guesses = {track.stream: track.guessed for track in tracks if track.guessed}
        several = len(info.subtitle_streams)
        for written in rank_subtitles(info.subtitle_streams, lines, spoken):
            place = places[written.stream.index]
            which = f"subtitle stream {describe_stream(written.stream)} of {several}"
            other = f" in another language than the sound ({spoken})" if written.foreign else ""
            against = " holds only some of what is said" if written.partial else other and f" is{other}"
            taken = [f"{which} was taken (--subtitle-stream takes another)"] if several > 1 or against else []
            if guess := guesses.get(written.stream.index):
                taken.append(f"{which} does not say how its letters are written; read as {guess}")
            yield _stream(path, place), taken, which + against if against else ""
        unread = [one for one in info.subtitle_streams if not lines.get(one.index)]
        if len(unread) == several:
            why = (
                "pictures of words, which are not read"
                if all(one.pictures for one in unread)
                else "without words in the video"
            )
            notes.append(f"its subtitles ({'; '.join(describe_stream(one) for one in unread)}) are {why}")
    yield from later


def _asked_for(info: VideoInfo, path: Path, wanted: int | str) -> Words:
    from ..speech.subtitles import embedded_subtitles

    stream = find_stream(info.subtitle_streams, wanted, "subtitle stream", info.path)
    tracks = embedded_subtitles(path)
    place = next((place for place, track in enumerate(tracks) if track.stream == stream.index), None)
    if place is None or not tracks[place]:
        why = "is made of pictures of words, which are not read" if stream.pictures else "holds no words"
        raise VideoError(
            f"{info.path}: subtitle stream {describe_stream(stream)} {why}. Take another, or listen to the sound."
        )
    return Words(
        _stream(path, place),
        (f"subtitle stream {describe_stream(stream)} of {len(info.subtitle_streams)} was taken, as asked for",),
    )


def _stream(path: Path, place: int) -> Subtitles:
    return Subtitles(str(path), place, f"subtitles:stream {place}")


def _from_file(file: Path, info: VideoInfo, *, named: bool = False) -> tuple[Subtitles, tuple[str, ...]]:
    """A subtitle file and what should be said of it; one that was named may be empty, where nothing is said.

    Raises:
        VideoError: if it cannot be read, or no line of it lies in the video.
    """
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
    cues: Sequence[Cue]
    cues = (
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
