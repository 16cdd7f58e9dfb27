"""HTML by safe construction: every text is escaped unless an element made it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from ...memory.sanitize import UNPRINTABLE

_VOID = frozenset({"img", "link", "meta"})


class Html(str):
    """Markup that is finished; any other string is text."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
"""What an element may hold: text, finished markup, nothing, or any of these in a row."""


def el(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Html:
    """One element. `class_` gives `class`, `aria_label` gives `aria-label`; None and False leave an attribute out."""
    head = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        head.append(key if value is True else f'{key}="{text(_plain(value))}"')
    opening = f"<{' '.join(head)}>"
    return Html(opening if name in _VOID else f"{opening}{join(*children)}</{name}>")


def join(*children: Child) -> Html:
    """The children one after another, escaped where they are text."""
    return Html("".join(_parts(children)))


def text(value: str) -> Html:
    """A text that may hold anything, as it can stand in an element or between quotation marks."""
    return Html(escape(UNPRINTABLE.sub("\ufffd", value.replace("\r\n", "\n")), quote=True))


def _parts(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if isinstance(child, Html):
            yield child
        elif isinstance(child, str):
            yield text(child)
        elif child is not None:
            yield from _parts(child)


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
