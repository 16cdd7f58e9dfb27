r"""File names, which on a disk are bytes of any kind: as they are shown, and as a database holds them.

A name that is not UTF-8 comes from the system as a string with halves of surrogate pairs, which nothing else takes:
not a database, a prompt, a page or a terminal. Paths are kept so that the file is found again; everything that is shown
is text in which such bytes, line ends, terminal escapes and characters that turn the reading direction are written out:
`caf\xe9.mp4`.
"""

from __future__ import annotations

import os
import unicodedata
from urllib.parse import quote, unquote_to_bytes

_ODD = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Format characters without which words of some scripts, and emoji, read wrongly."""


def shown(name: str, keep: str = "") -> str:
    """A name as one line of printable text; twice is the same as once.

    Args:
        name: of a file, or a message with paths in it.
        keep: control characters that stay, such as line feeds in a message.
    """
    if name.isascii() and name.isprintable():
        return name
    return "".join(
        c if c in keep or c in _JOINERS or unicodedata.category(c) not in _ODD else _escaped(c) for c in name
    )


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    plain = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return plain or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def stored(path: str) -> str | bytes:
    """A path as SQLite takes it: text, or its bytes where they are no UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path) if _from_bytes(path) else path.encode("utf-8", "surrogatepass")
    return path


def restored(value: str | bytes) -> str:
    """The path that `stored` was given."""
    return os.fsdecode(value) if isinstance(value, bytes) else value


def written(path: str) -> str:
    """A path as JSON and other texts take it: itself, or a `file:` URI where it is no UTF-8."""
    return path if isinstance(stored(path), str) else "file://" + quote(stored(path))


def read(text: str) -> str:
    """The path that `written` was given."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix("file://"))) if text.startswith("file://") else text


def _from_bytes(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True
