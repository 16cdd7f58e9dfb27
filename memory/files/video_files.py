"""Find the files of a folder that are videos, and say why the others are none."""

from __future__ import annotations

import fnmatch
import glob
import os
import stat
from collections.abc import Iterator, Sequence
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
_AMBIGUOUS = frozenset({"ts", "dv", "rm", "qt"})  # endings of other things too
_STARTS = (
    *(b"\x1aE\xdf\xa3", b"FLV\x01", b"OggS", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"YUV4MPEG2", b"DKIF"),
    *(b"0&\xb2u\x8ef\xcf\x11", b".RMF", b"\x06\x0e+4\x02\x05\x01\x01", b"nut/multimedia"),
)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file or folder that is not taken."""

    path: Path
    why: str
    """The kind of thing that it is instead, in a few words."""


@dataclass(slots=True)
class FolderScan:
    """The files below a folder. Each file once, under the name that comes first."""

    videos: list[Path] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)


def find_videos(place: Path, *, only: str | None = None, leave_out: Sequence[Path] = ()) -> FolderScan:
    """Return the videos of a folder and of all folders in it, by their names or, where these say nothing, first bytes.

    Hidden files and folders are passed over, and so are folders behind links (a link may lead back up). No file is
    decoded here.

    Args:
        place: a folder; or a pattern such as `trip/**/*.mp4`, whose files are then taken as they are.
        only: a pattern that names of files (or their paths below the folder) have to match; case does not count.
        leave_out: folders that are not entered.
    """
    scan = FolderScan()
    if place.is_dir():
        files = _below(place, scan, {_identity(folder) for folder in leave_out})
    elif is_pattern(place):
        files = _matching(place, scan)
    else:
        raise VideoError(f"There is no folder {place}: check the name.")
    first_paths: dict[tuple[int, int], Path] = {}
    # The file before links to it.
    for path in sorted(files, key=lambda path: (path.is_symlink(), is_maybe(path), path)):
        if only is not None and not _matches(path, place, only):
            continue
        why = _no_video(path, first_paths)
        if why:
            scan.passed_over.append(PassedOver(path, why))
        else:
            scan.videos.append(path)
    return scan


def is_pattern(place: Path) -> bool:
    """Tell whether a name that leads nowhere is meant as a pattern (`*.mp4`)."""
    return glob.has_magic(str(place)) and not os.path.lexists(place)


def _below(place: Path, scan: FolderScan, leave_out: set[tuple[int, int] | None]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        if error.filename == str(place):
            raise VideoError(f"{place} cannot be read ({error.strerror}): check its rights.") from error
        scan.passed_over.append(PassedOver(Path(error.filename), f"cannot be read ({error.strerror})"))

    for root, folders, files in os.walk(place, onerror=unreadable):
        for name, is_folder in [*((name, True) for name in folders), *((name, False) for name in files)]:
            path = Path(root, name)
            why = ""
            if name.startswith("."):
                why = "hidden"
            elif is_folder and path.is_symlink():
                why = "a link to a folder, which is not followed"
            elif is_folder and _identity(path) in leave_out:
                why = "the memory itself"
            if why:
                scan.passed_over.append(PassedOver(path, why))
                if is_folder:
                    folders.remove(name)
            elif not is_folder:
                yield path


def _matching(pattern: Path, scan: FolderScan) -> Iterator[Path]:
    """Yield what a pattern matches, as `glob` does; links to folders are only followed where they are written out."""
    plain = next(k for k, part in enumerate(pattern.parts) if glob.has_magic(part))
    place, wild = Path(*pattern.parts[:plain]), list(pattern.parts[plain:])
    wild = [part if part == "**" else part.replace("**", "*") for part in wild] + ["*"] * (wild[-1] == "**")
    hidden = any(part.startswith(".") for part in wild)
    matches = []
    for path in set(place.glob("/".join(wild))):
        below = path.relative_to(place)
        linked = any((place / folder).is_symlink() for folder in list(below.parents)[:-1])
        if not linked and (hidden or not any(part.startswith(".") for part in below.parts)):
            matches.append(path)
    if not matches:
        raise VideoError(f"Nothing matches {pattern}: check the pattern; ** stands for any folders.")
    for path in sorted(matches):
        if not path.is_dir():
            yield path
        elif "**" not in str(pattern):
            scan.passed_over.append(PassedOver(path, "a folder; name it to index what lies in it"))


def _matches(path: Path, place: Path, only: str) -> bool:
    below = os.path.relpath(path, place) if place.is_dir() else str(path)
    return any(fnmatch.fnmatchcase(name.lower(), only.lower()) for name in (path.name, below))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino


def _no_video(path: Path, first_paths: dict[tuple[int, int], Path]) -> str:
    """Return why a file is no video; empty where it is one, or may be."""
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
    try:
        with path.open("rb") as file:
            head = file.read(189)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if (ending not in _VIDEO or ending in _AMBIGUOUS) and not looks_like_video(head):
        return "no video, by its first bytes"
    first = first_paths.setdefault((state.st_dev, state.st_ino), path)
    return "" if first is path else f"the same file as {first}"


def is_maybe(path: Path) -> bool:
    """Tell whether a file was taken for a video by its first bytes alone: it may well hold sound only."""
    return path.suffix[1:].lower() not in _VIDEO


def looks_like_video(head: bytes) -> bool:
    """Tell whether a file that begins so is of a kind that holds videos (it may hold sound only)."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return head[8:12] not in _STILL_BRANDS
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if head[:1] == b"G" and len(head) > 188:
        return head[188:189] == b"G"
    return head.startswith(_STARTS)
