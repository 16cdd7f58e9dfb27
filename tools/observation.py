"""`Observation`, the result of a tool call, and its lines that can be cited."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an observation's text that can be cited by itself: the loop gives it a number."""

    text: str
    """The line, exactly as it stands in `Observation.text`."""
    uri: str
    """Media URI of the place that it is about."""
    quote: str = ""
    """The words that were said or shown there, where it repeats any."""
    channel: str = ""
    """Channel that they are from: `speech`, `screen_text`, `summary`, `visual`, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The result of one tool call. Holds media URIs, never pixels, so that it can be stored and replayed."""

    text: str
    """Text for the policy."""
    uris: tuple[str, ...] = ()
    """Media URIs of what was looked at; only these may be cited as evidence."""
    pictures: tuple[str, ...] = ()
    """Media URIs of frames and crops to be shown to a policy that sees, in order; `uris` names them too."""
    data: dict[str, Any] = field(default_factory=dict)
    """The same facts as plain JSON values, for policies and checks that do not parse text."""
    lines: tuple[Line, ...] = ()
    """The lines of `text` that can be cited one by one, in order; without any, `uris` can be cited."""
    error: bool = False
    """Whether the call failed; the text then says what to do instead."""
    cached: bool = False
    """Whether it was taken from the toolbox's cache."""
