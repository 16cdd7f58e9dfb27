"""From the sound or the subtitles of a video to rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import VideoError
from .media import VideoInfo, VideoSource
from .spans import Span
from .units import NewText

if TYPE_CHECKING:
    from .speech import Transcriber, Utterance


@dataclass(frozen=True, slots=True)
class Subtitles:
    """Where the words of a video are already written: a file, or the n-th text stream inside the video."""

    path: str
    embedded: int | None
    stamp: str


def find_subtitles(info: VideoInfo, given: Path | None) -> Subtitles | None:
    """The subtitles to take: the given file, one beside the video, or a stream inside it.

    Raises:
        VideoError: if the given file is missing.
    """
    from .subtitles import embedded_subtitles, sidecar_subtitles

    path = Path(info.path) if info.path else None
    file = given
    if file is None and path is not None and path.exists():
        file = sidecar_subtitles(path)
    if file is not None:
        try:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        except OSError as error:
            raise VideoError(f"The subtitles {file} cannot be read ({error.strerror}): check the path.") from error
        return Subtitles(str(file), None, f"subtitles:{digest}")
    if info.subtitle_streams and path is not None:
        for number, cues in enumerate(embedded_subtitles(path)):
            if cues:
                return Subtitles(str(path), number, f"subtitles:stream {number}")
    return None


def from_subtitles(video: VideoSource, subtitles: Subtitles) -> list[NewText]:
    """Every line of the subtitles that lies in the video."""
    from .subtitles import as_utterances, embedded_subtitles, read_subtitles

    path = Path(subtitles.path)
    cues = read_subtitles(path) if subtitles.embedded is None else embedded_subtitles(path)[subtitles.embedded]
    bounds = Span(video.info.start, video.info.end)
    return _texts(each for each in as_utterances(cues) if each.start < bounds.end and each.end > bounds.start)


def from_sound(video: VideoSource, span: Span, transcriber: Transcriber) -> list[NewText]:
    """What is said in a span."""
    from .speech import transcribe

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
                **({"language": each.language} if each.language else {}),
                # A word may have been made out by what follows it: before that it is not known.
                **({"heard": round(each.heard, 3)} if each.heard is not None else {}),
            },
        )
        for each in utterances
        if each.text.strip()
    ]
