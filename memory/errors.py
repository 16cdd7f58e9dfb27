"""Errors that a person can cause. Each is one line that says what was wrong, with what, and what to do."""

from .files.names import printable


class RewatchError(Exception):
    """Base of every error that rewatch raises on purpose; its text is one line meant for a person.

    Names of files in it are printable (`names.printable`), whatever bytes they are made of.
    """

    exit_code = 1

    def __str__(self) -> str:
        return printable(Exception.__str__(self), keep="\n\t")


class VideoError(RewatchError):
    """A media file cannot be used: missing, broken, without pictures, or in an unknown codec."""

    exit_code = 3


class VideoGoneError(VideoError):
    """The file of a video in the memory is not where it was; what was found in it can still be read."""


class MemoryFolderError(RewatchError):
    """A memory folder cannot be used: read-only, full, made by a newer version, or being written by another process."""

    exit_code = 4


class MemoryInUse(MemoryFolderError):
    """Another process is writing into the memory folder."""


class CapabilityError(RewatchError):
    """Something needs a package or weights that are not here; the text names them and the command that gets them."""

    exit_code = 5


class MisuseError(CapabilityError, ValueError):
    """A file or a name that was given cannot be taken as it stands; nothing needs to be fetched."""

    exit_code = 2


class NotUnderstoodError(RewatchError):
    """Somebody speaks, but the recognizer makes out nothing: mostly it does not know the language."""
