"""Look up the video that a word means: an id, a name with or without its extension, its beginning, a file."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import typer

from ...memory import ClipMemory, VideoError, VideoRecord
from ...memory.registry import closest_name, did_you_mean
from ...memory.video_names import listed, match, plain_name

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_MEDIA = frozenset(
    ".3gp .asf .avi .flv .m2ts .m4a .m4v .mkv .mov .mp3 .mp4 .mpeg .mpg .mts .mxf .ogg .ogv .opus .ts .wav .webm "
    ".wmv".split()
)


def is_address(word: str) -> bool:
    """Return whether a word is the address of something elsewhere (`https://…`, `rtsp://…`), not a file."""
    return _ADDRESS.match(word) is not None and not os.path.exists(word)


def refuse_address(word: str) -> None:
    """Raise `VideoError` for the address of something elsewhere, with what to do with it."""
    typed = re.sub(r"^([a-z][a-z0-9+.-]+):/(?!/)", r"\1://", word, flags=re.IGNORECASE)  # a path has lost a slash
    if not is_address(word):
        return
    if typed.lower().startswith("file://"):
        raise VideoError(f"{typed} is an address; name the file itself: {typed[7:] or '/path/to/video.mp4'}")
    fetch = "yt-dlp -o video.mp4" if typed.lower().startswith("http") else "ffmpeg -c copy video.mp4 -i"
    raise VideoError(
        f"{typed} is an address, not a file, and nothing is downloaded unasked: fetch it first, for example with "
        f"{fetch} {shlex.quote(typed)}, then name video.mp4."
    )


def is_path(word: str) -> bool:
    """Return whether a word rather names a file than a video of the memory."""
    return os.sep in word or os.path.exists(word) or Path(word).suffix != "" or beside(word) is not None


def beside(word: str) -> Path | None:
    """The one media file in the current folder that has this name but for its extension; None for none or several."""
    if os.sep in word or not word.strip() or len(word) > 200:
        return None
    try:
        found = [Path(one.name) for one in os.scandir() if one.name.startswith(word) and Path(one.name).stem == word]
    except OSError:
        return None
    media = [path for path in found if path.suffix.lower() in _MEDIA and path.is_file()]
    return media[0] if len(media) == 1 else None


def named(memory: ClipMemory, word: str) -> VideoRecord:
    """Return the video of the memory that a word means; `VideoError` for none or several."""
    found = match(memory.videos(), word)
    if found is None:
        raise no_such(memory, word)
    return found


def no_such(memory: ClipMemory, word: str) -> VideoError:
    """That there is no video of that name, and which comes near."""
    records = memory.videos()
    names = [record.name for record in records]
    near = closest_name(names, word) or closest_name([Path(name).stem for name in names], word)
    hint = f" Did you mean {near}?" if near else ""
    holds = f"holds {listed(records)}" if records else "is empty"
    there = f"the memory at {memory.folder} {holds}."
    return VideoError(f"There is no video {word!r}, and no file of that name; {there}{hint}")


def parted(words: Sequence[str], records: Sequence[VideoRecord]) -> tuple[list[str], str]:
    """Split the words behind `ask` into videos and a question in quotation marks."""
    *videos, question = words
    if "?" not in question and is_exactly(question, records):
        whole = " ".join(["rewatch ask", *map(shlex.quote, words)])
        raise typer.BadParameter(f'{question!r} names a video, and a question must come last: {whole} "What is said?"')
    first_word = next((k for k, word in enumerate(videos) if not _is_video(word, records)), None)
    if first_word is None or len(question.split()) > 1:  # a question of several words was quoted
        return videos, question
    question_text = " ".join(words[first_word:])
    whole = " ".join(["rewatch ask", *map(shlex.quote, words[:first_word]), f'"{question_text}"'])
    near = did_you_mean([name for r in records for name in (r.name, Path(r.name).stem)], words[first_word])
    raise typer.BadParameter(f"{words[first_word]!r} is no video; a question goes in quotation marks: {whole}{near}")


def is_exactly(word: str, records: Sequence[VideoRecord]) -> bool:
    """Return whether a word is the id or the name of a video, with or without extension; a beginning is not enough."""
    name = plain_name(word)
    if not name:
        return False
    return beside(word) is not None or any(
        word == r.id or name in (plain_name(r.name), plain_name(Path(r.name).stem)) for r in records
    )


def _is_video(word: str, records: Sequence[VideoRecord]) -> bool:
    if os.path.exists(word) or is_address(word) or os.sep in word or beside(word) is not None:
        return True
    if Path(word).suffix.lower() in _MEDIA:
        return True
    name = plain_name(word)
    return is_exactly(word, records) or (len(name) > 3 and any(plain_name(r.name).startswith(name) for r in records))
