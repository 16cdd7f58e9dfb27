"""Pieces that several parts of the page are made of: long texts, thumbnails, spends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...memory import clock
from .markup import Html, el, join
from .markup import text as text_of
from .pictures import Picture


class Room:
    """How much text the page can still hold, in bytes as it is written, escaped."""

    def __init__(self, total: int) -> None:
        self.left = total

    def take(self, text: str, most: int) -> tuple[str, int]:
        """As much of `text` as may be shown, and how many characters were cut."""
        shown = text[: max(80, min(most, self.left))]
        self.left = max(0, self.left - len(text_of(shown).encode("utf-8")))
        return shown, len(text) - len(shown)

    def cut(self, text: str, most: int) -> str:
        """A short text that is not worth opening: its beginning."""
        shown, rest = self.take(text, most)
        return shown + " …" if rest else shown


def long_text(text: str, room: Room, *, first: int = 600, most: int = 8000, class_: str = "text") -> Html:
    """A text of any length: its beginning, the rest to be opened, and how much is only in the trace."""
    shown, cut = room.take(text.strip("\n"), most)
    note = el("p", f"{cut:,} more characters are in the trace.", class_="muted") if cut else None
    if len(shown) <= 1.3 * first:
        return join(el("div", shown, class_=class_), note)
    at = _break(shown, first)
    rest = shown[at:].strip()
    more = el("details", el("summary", f"{len(rest):,} more characters"), el("div", rest, class_=class_), note)
    return join(el("div", f"{shown[:at]} …", class_=class_), more)


def _break(text: str, near: int) -> int:
    """Where to part a text: at the last end of a line or word before `near`."""
    at = max(text.rfind("\n", near // 2, near), text.rfind(" ", near // 2, near))
    return at if at > 0 else near


def thumbnails(found: Iterable[Picture]) -> Html | None:
    """A row of pictures, each with its time."""
    figures = [_thumbnail(picture) for picture in found]
    return el("div", figures, class_="thumbs") if figures else None


def _thumbnail(picture: Picture) -> Html:
    wanted, at = picture.wanted, clock(picture.time)
    what = "Region" if wanted.zoom else "Frame with the region marked" if wanted.box else "Frame"
    image = el("img", src=picture.uri, alt=f"{what} at {at}", width=picture.width, height=picture.height)
    return el("figure", image, el("figcaption", f"{at} enlarged" if wanted.zoom else at, class_="num"))


def spent(spend: Mapping[str, float]) -> str:
    """A spend in words, in the order of the budget; what is 0 is left out."""
    parts = [amount(name, spend[name]) for name in ("frames", "calls", "tokens", "seconds", "price") if spend.get(name)]
    return " · ".join(parts)


def amount(name: str, value: float) -> str:
    """One part of a spend: `1 call`, `64 frames`, `1.5 s`."""
    if name == "seconds":
        return f"{value:,.1f} s" if value < 1000 else f"{value:,.0f} s"
    if name == "price":
        return f"price {value:,.4g}"
    return f"{value:,.0f} {name.removesuffix('s') if value == 1 else name}"


def counted(count: int, thing: str) -> str:
    """`1 tool`, `2 tools`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def terms(pairs: Iterable[tuple[str, Html | str | None]]) -> Html:
    """Terms and what they stand for; empty ones are left out."""
    return el("dl", [join(el("dt", name), el("dd", value)) for name, value in pairs if value])
