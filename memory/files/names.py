r"""File names, which on a disk are bytes of any kind: as they are shown, and as a database holds them.

A name that is not UTF-8 comes from the system as a string with halves of surrogate pairs, which nothing else takes:
not a database, a prompt, a page or a terminal. Paths are kept so that the file is found again; everything that is shown
is text in which such bytes, line ends, terminal escapes and characters that turn the reading direction are written out:
`caf\xe9.mp4`.
"""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from urllib.parse import quote, unquote_to_bytes

_ODD = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # format characters without which words of some scripts, and emoji, read wrongly


def printable(name: str, keep: str = "") -> str:
    """Return a name as one line of printable text; twice is the same as once."""
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


def to_sql(path: str) -> str | bytes:
    """Return a path as SQLite takes it: text, or its bytes where they are no UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        with suppress(UnicodeEncodeError):  # halves of surrogate pairs that no file system gave
            return os.fsencode(path)
        return path.encode("utf-8", "surrogatepass")
    return path


def from_sql(value: str | bytes) -> str:
    """Return the path that `to_sql` was given."""
    return os.fsdecode(value) if isinstance(value, bytes) else value


def to_text(path: str) -> str:
    """Return a path as JSON and other texts take it: itself, or a `file:` URI where it is no UTF-8."""
    return path if isinstance(to_sql(path), str) else "file://" + quote(to_sql(path))


def from_text(text: str) -> str:
    """Return the path that `to_text` was given."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix("file://"))) if text.startswith("file://") else text
