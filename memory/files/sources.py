"""The videos that clients of a server may name: files in folders that a person named, and addresses that one allowed.

Everything is refused that a person did not name: a client may be driven by words from a video.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import MisuseError, VideoError
from .download import PUBLIC
from .names import printable
from .regular import odd_kind, open_regular
from .video_files import find_videos, looks_like_video

_HOST = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
_LISTED = 12  # files of a folder that are named
_LONGEST = 4000  # characters of an address
_HEAD = 189  # first bytes that tell a kind of file


@dataclass(frozen=True, slots=True)
class Sources:
    """What may be named. Nothing, unless folders or hosts are given.

    Args:
        folders: whole paths of folders, with what lies below them.
        hosts: `HOST` or `HOST:PORT`, or `public`.
        called: how the person wrote the folders, where that leads over a link; as many as `folders`, or none.
        options: the command that a person starts with other folders and hosts, and its options for the two; refusals
            say so.
        leave_out: whole paths of folders below those, which are as if they were not there.
    """

    folders: tuple[Path, ...] = ()
    hosts: tuple[str, ...] = ()
    called: tuple[Path, ...] = ()
    options: tuple[str, str, str] = ("rewatch mcp", "--add", "--add-urls")
    leave_out: tuple[Path, ...] = ()

    @classmethod
    def of(cls, folders: Sequence[Path], hosts: Sequence[str], options: tuple[str, str, str] | None = None) -> Sources:
        """Return the sources that a person names.

        Raises:
            MisuseError: if one is no folder, or no host.
        """
        for folder in folders:
            if not folder.is_dir():
                raise MisuseError(f"{folder} is no folder: name the one that holds the videos.")
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise MisuseError(f"{host!r} is no host: write public, media.example.org or 192.168.1.5:8000.")
        return cls(
            tuple(Path(os.path.realpath(folder)) for folder in folders),
            tuple(host.lower() for host in hosts),
            tuple(Path(os.path.abspath(folder)) for folder in folders),
            options or cls().options,
        )

    def __bool__(self) -> bool:
        return bool(self.folders or self.hosts)

    @staticmethod
    def is_address(word: str) -> bool:
        """Return whether a word is an address rather than a path."""
        return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", word) is not None

    def file(self, word: str) -> Path:
        """Return the video file of that path: whole, or below one of the folders.

        Raises:
            VideoError: as `any_file`, and if it is no video.
        """
        path = self.any_file(word)
        try:
            with open_regular(path) as file:
                head = file.read(_HEAD)
        except OSError as error:
            raise VideoError(f"{printable(word)} cannot be read ({error.strerror}): give another file.") from error
        if not looks_like_video(head):
            raise VideoError(f"{printable(word)} is no video, by its first bytes: give another file.")
        return path

    def any_file(self, word: str) -> Path:
        """Return the regular file of that path, of whatever kind: whole, or below one of the folders.

        Raises:
            VideoError: if it is not in a folder that was named, leads there over a link or `..`, or is hidden; the text
                says what may be named instead.
        """
        if not self.folders:
            command, folders, _ = self.options
            raise VideoError(f"No folder was named to take files from: have {command} started with {folders} FOLDER.")
        shown = printable(word[:200])
        if "\0" in word or ".." in Path(word).parts:
            raise VideoError(f"{shown!r} is no plain path: give one without .. in it.")
        path = next((path for path in self._places(word) if os.path.lexists(path)), None)
        if path is None:
            raise VideoError(f"There is no file {shown} in {self._named()}.{self._some()}")
        if Path(os.path.realpath(path)) != path:
            raise VideoError(f"{shown} is a link, or lies behind one, which is not followed: give the file itself.")
        if path.is_dir():
            raise VideoError(f"{shown} is a folder: give a file in it.{self._some(path)}")
        if odd := odd_kind(path):
            raise VideoError(f"{shown}: {odd}, no video: give a file.")
        return path

    def address(self, word: str) -> str:
        """Return an address that may be loaded from. What it leads to is checked at each connection (`download`).

        Raises:
            VideoError: if it is not of the web, or of a host that was not named.
        """
        try:
            parts = urlsplit(word)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            host, port, parts = "", None, urlsplit("")
        plain = len(word) <= _LONGEST and all(letter > " " and letter.isprintable() for letter in word)
        if parts.scheme not in ("http", "https") or not host or parts.username is not None or not plain:
            raise VideoError(f"{word[:200]!r} is no address of the web: give http://… or https://…, without a user.")
        command, _, hosts = self.options
        if not self.hosts:
            raise VideoError(f"Addresses were not allowed: have {command} started with {hosts} public, or HOST.")
        if PUBLIC not in self.hosts and not any(is_host(one, host, port, parts.scheme) for one in self.hosts):
            named = f"[{host}]" if ":" in host else host
            raise VideoError(f"{named} was not allowed: have {command} started with {hosts} {named}.")
        return word

    def _places(self, word: str) -> list[Path]:
        """The path in each folder that it may be meant in, without a hidden part."""
        places = []
        for folder, called in zip(self.folders, self.called or self.folders, strict=True):
            path = Path(os.path.normpath(folder / word))
            places.append(folder / path.relative_to(called) if _is_in(path, called) else path)
        below = [(path, path.relative_to(f)) for path, f in zip(places, self.folders, strict=True) if _is_in(path, f)]
        return [
            path
            for path, rest in below
            if not any(part.startswith(".") for part in rest.parts)
            and not any(path.is_relative_to(folder) for folder in self.leave_out)
        ]

    def _named(self) -> str:
        return " and ".join(map(str, self.folders))

    def _some(self, folder: Path | None = None) -> str:
        """The first videos of a folder, or of all, as a sentence."""
        places = [folder] if folder else self.folders
        found = [video for place in places for video in find_videos(place, leave_out=self.leave_out).videos]
        if not found:
            return " There is no video there."
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        return f" Give one of {', '.join(map(str, found[:_LISTED]))}{more}."


def is_host(named: str, host: str, port: int | None, scheme: str) -> bool:
    """Return whether a host (and a port, the usual one by None) is the one that was named, as `HOST` or `HOST:PORT`."""
    wanted = urlsplit(f"//{named}")
    return wanted.hostname == host and wanted.port in (None, port or {"http": 80, "https": 443}.get(scheme))


def _is_in(path: Path, folder: Path) -> bool:
    return path != folder and path.is_relative_to(folder)
