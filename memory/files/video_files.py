"""Which files of a folder are videos, and why the others are none."""

from __future__ import annotations

import fnmatch
import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import VideoError

_VIDEO = frozenset(
    "3g2 3gp asf avi divx dv f4v flv gxf h264 h265 hevc ivf m1v m2t m2ts m2v m4v mjpeg mjpg mkv mov mp4 mpe mpeg mpg "
    "mpv mts mxf nut obu ogm ogv qt rm rmvb ts vob webm wmv y4m".split()
)
_KINDS = {
    "a picture": "avif bmp cr2 dng gif heic heif jpeg jpg jxl nef png svg tif tiff webp",
    "sound only": "aac aif aiff amr flac m4a m4b mka mp3 oga ogg opus wav weba wma",
    "subtitles": "ass idx lrc sbv srt ssa sub sup ttml vtt",
    "text or a document": "csv doc docx htm html ini json jsonl log md nfo pdf ppt pptx rst tex toml txt xls xlsx xml "
    "yaml yml",
    "a program or its data": "bin c cpp css db dll exe h ipynb js npy npz onnx pkl pt py pyc safetensors sh so sqlite",
    "an archive": "7z bz2 gz iso rar tar tgz xz zip zst",
    "not finished downloading": "crdownload part tmp",
}
_NO_VIDEO = {ending: kind for kind, endings in _KINDS.items() for ending in endings.split()}
_STILL_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1", b"M4A ", b"M4B ", b"crx ", b"jxl ")
_HEAD = 16


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file or folder that is not taken."""

    path: Path
    why: str
    """What it is instead, in a few words."""


@dataclass(slots=True)
class FolderScan:
    """What lies below a folder. Each file once, under the name that comes first."""

    videos: list[Path] = field(default_factory=list)
    """In the order of their paths."""
    passed_over: list[PassedOver] = field(default_factory=list)


def find_videos(place: Path, *, only: str | None = None, leave_out: Sequence[Path] = ()) -> FolderScan:
    """The videos of a folder and of all folders in it, by their names and, where these say nothing, their first bytes.

    Hidden files and folders are passed over, and so are folders behind links (a link may lead back up). No file is
    decoded here.

    Args:
        place: a folder; or a pattern such as `trip/**/*.mp4`, whose files are then taken as they are.
        only: a pattern that names of files (or their paths below the folder) have to match; case does not count.
        leave_out: folders that are not entered.

    Raises:
        VideoError: if there is no such folder, it cannot be read, or nothing matches the pattern.
    """
    found = FolderScan()
    if place.is_dir():
        files = _below(place, found, {_identity(folder) for folder in leave_out})
    elif is_pattern(place):
        files = _matching(place, found)
    else:
        raise VideoError(f"There is no folder {place}: check the name.")
    seen: dict[tuple[int, int], Path] = {}
    for path in sorted(files, key=lambda path: (path.is_symlink(), is_maybe(path))):  # the file before links to it
        if only is not None and not _matches(path, place, only):
            continue
        why = _no_video(path, seen)
        if why:
            found.passed_over.append(PassedOver(path, why))
        else:
            found.videos.append(path)
    return found


def is_pattern(place: Path) -> bool:
    """Whether a name that leads nowhere is meant as a pattern (`*.mp4`)."""
    return glob.has_magic(str(place)) and not os.path.lexists(place)


def _below(place: Path, found: FolderScan, leave_out: set[tuple[int, int] | None]) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError as error:
        raise VideoError(f"{place} cannot be read ({error.strerror}): check its rights.") from error
    waiting = [iter(entries)]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        path = Path(entry.path)
        if entry.name.startswith("."):
            found.passed_over.append(PassedOver(path, "hidden"))
        elif not _is_folder(entry):
            yield path
        elif entry.is_symlink():
            found.passed_over.append(PassedOver(path, "a link to a folder, which is not followed"))
        elif _identity(path) in leave_out:
            found.passed_over.append(PassedOver(path, "the memory itself"))
        else:
            try:
                waiting.append(iter(sorted(os.scandir(path), key=lambda entry: entry.name)))
            except OSError as error:
                found.passed_over.append(PassedOver(path, f"cannot be read ({error.strerror})"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _matching(pattern: Path, found: FolderScan) -> Iterator[Path]:
    matches = sorted(set(_glob(pattern)))
    if not matches:
        raise VideoError(f"Nothing matches {pattern}: check the pattern; ** stands for any folders.")
    for path in matches:
        if path.is_dir():
            if "**" not in str(pattern):
                found.passed_over.append(PassedOver(path, "a folder; name it to index what lies in it"))
        else:
            yield path


def _glob(pattern: Path) -> Iterator[Path]:
    """What a pattern matches, as `glob` does it; links to folders are only followed in parts that were written out."""
    plain = next(k for k, part in enumerate(pattern.parts) if glob.has_magic(part))
    waiting: list[tuple[Path, tuple[str, ...]]] = [(Path(*pattern.parts[:plain]), pattern.parts[plain:])]
    while waiting:
        place, (part, *rest) = waiting.pop()
        try:
            entries = list(os.scandir(place))
        except OSError:
            continue
        if part == "**" and rest:  # no folder at all
            waiting.append((place, tuple(rest)))
        for entry in entries:
            if entry.name.startswith(".") and not part.startswith("."):
                continue
            folder = _is_folder(entry) and not entry.is_symlink()
            path = place / entry.name
            if part == "**":
                if folder:
                    waiting.append((path, (part, *rest)))
                if not rest:
                    yield path
            elif fnmatch.fnmatchcase(entry.name, part) if glob.has_magic(part) else entry.name == part:
                if not rest:
                    yield path
                elif folder:
                    waiting.append((path, tuple(rest)))


def _matches(path: Path, place: Path, only: str) -> bool:
    below = os.path.relpath(path, place) if place.is_dir() else str(path)
    return any(fnmatch.fnmatchcase(name.lower(), only.lower()) for name in (path.name, below))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino


def _no_video(path: Path, seen: dict[tuple[int, int], Path]) -> str:
    """Why a file is no video; empty where it is one, or may be."""
    try:
        state = path.stat()
    except OSError as error:
        return "a link that leads nowhere" if path.is_symlink() else f"cannot be read ({error.strerror})"
    if not stat.S_ISREG(state.st_mode):
        return "no plain file"
    if not state.st_size:
        return "empty"
    ending = path.suffix[1:].lower()
    if ending in _NO_VIDEO:
        return _NO_VIDEO[ending]
    if not os.access(path, os.R_OK):
        return "cannot be read (Permission denied)"
    if ending not in _VIDEO or ending in ("ts", "dv", "rm", "qt"):  # these are endings of other things too
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD + 189)
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        if not looks_like_video(head):
            return "no video, by its first bytes"
    first = seen.setdefault((state.st_dev, state.st_ino), path)
    return "" if first is path else f"the same file as {first}"


def is_maybe(path: Path) -> bool:
    """Whether a file was taken for a video by its first bytes alone: it may well hold sound only."""
    return path.suffix[1:].lower() not in _VIDEO


def looks_like_video(head: bytes) -> bool:
    """Whether a file that begins so is of a kind that holds videos (it may hold sound only)."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return head[8:12] not in _STILL_BRANDS
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if head[:1] == b"G" and len(head) > 188:
        return head[188:189] == b"G"
    starts: Iterable[bytes] = (
        *(b"\x1aE\xdf\xa3", b"FLV\x01", b"OggS", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"YUV4MPEG2", b"DKIF"),
        *(b"0&\xb2u\x8ef\xcf\x11", b".RMF", b"\x06\x0e+4\x02\x05\x01\x01", b"nut/multimedia"),
    )
    return head.startswith(tuple(starts))
