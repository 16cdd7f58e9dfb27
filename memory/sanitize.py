"""Text that is not ours, made harmless before it leaves: on a terminal, in a page, in JSON, in a prompt.

File names, subtitles, what a model wrote, what a server answered: any of it may hold sequences that a terminal obeys
(`ESC ] 0 ;`), characters that turn the order of what is read around, or line breaks that forge a line of ours. There is
one set of such characters, here; `tools.sanitize` adds the markup that a language model would obey.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1: ESC and CSI are among them
_ORDER = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u206a-\u206f"  # what turns the direction of reading around
_HIDDEN = (  # nothing to see, yet it is there
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_JOINERS, _VARIANTS = "\u200c\u200d", "\ufe00-\ufe0f"  # one of them has a use, a row of them spells what nobody sees
_NONE = "\ud800-\udfff\ufffe\uffff"  # halves of pairs, and what is no character
_BREAKS = "\u0085\u2028\u2029"

UNPRINTABLE = re.compile(
    f"[{_CONTROL}{_ORDER}{_HIDDEN}{_NONE}]|(?<=[{_JOINERS}])[{_JOINERS}]|(?<=[{_VARIANTS}])[{_VARIANTS}]"
)
"""Characters that have no place in text that people or models read."""
_LINE_ENDS = re.compile(f"\r\n|[{_BREAKS}]")
_ESCAPED = re.compile(f"[\x7f-\x9f{_BREAKS}{_ORDER}{_HIDDEN}{_NONE}]")


def sanitize(text: str) -> str:
    """`text` without control, direction and invisible characters; line feeds and tabs stay, other line ends become one.

    The joiners of Persian and of emoji (U+200C, U+200D) and selectors of variants (U+FE0F) stay too, one at a time.
    """
    if text.isascii() and text.isprintable():
        return text
    return UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text))


def one_line(text: str, most: int | None = None) -> str:
    """`sanitize`, with everything on one line, and no longer than `most` characters."""
    line = " ".join(sanitize(text).split())
    return line if most is None or len(line) <= most else line[: most - 1] + "…"


def as_json(value: Any, *, ascii_only: bool = False) -> str:
    r"""`value` as strict JSON on one line: nothing that a terminal obeys stands in it as such, and nothing is lost.

    What must not stand as it is becomes `\uXXXX`; NaN and infinities, which JSON has not, become null; what JSON
    cannot hold becomes its text.
    """

    def dump(row: Any, strict: bool) -> str:
        return json.dumps(row, ensure_ascii=ascii_only, allow_nan=not strict, default=str)

    try:
        text = dump(value, True)
    except ValueError:
        text = dump(_finite(value), False)
    return text if ascii_only else _ESCAPED.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
