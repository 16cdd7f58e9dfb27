"""The three ways to answer of OVO-Bench: of what was, of what is at this moment, or once it becomes true.

Li et al., OVO-Bench, CVPR 2025 (arXiv 2501.05510): backward tracing, real-time understanding, forward active
responding. A mode is read off the question where it is plain; the patterns are English.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

Mode = Literal["backward", "now", "wait"]
MODES: tuple[Mode, ...] = get_args(Mode)

_TELL = (
    r"(?:please |hey |and |so |can you |could you |would you )*"
    r"(?:tell|inform|remind|notify|alert|warn|ping|let) (?:me|us)"
)
_WAIT = re.compile(
    rf"^\W*(?:{_TELL}(?: know)? (?:when(?:ever)?|once|as soon as|the (?:moment|second|instant)|every time) (?P<what>.+)"
    r"|(?:please |hey )*(?:let (?:me|us) know|(?:notify|alert|warn|ping) (?:me|us)) if (?P<event>.+)"
    rf"|(?:when|once|as soon as|the moment|if) (?P<first>.+?)[, ]+{_TELL}(?: know)?"
    r"|wait (?:until|till|for) (?P<until>.+))\W*$",
    re.IGNORECASE,
)
_MOMENT = re.compile(
    r"\b(?:right now|now|at (?:the|this) (?:very )?(?:moment|second|instant)|currently|at present|just now)\b",
    re.IGNORECASE,
)
_HAPPENING = re.compile(
    r"\b(?:happens|happening|goes on|going on|doing|talking|speaking|saying|being \w+|on (?:the )?screen|see|visible"
    r"|shown|said)\b|^\W*(?:what|who|which|how)\b.*\b(?!(?:any|some|every|no)?thing\b|building|ceiling|meeting|morning|evening|"
    r"painting)\w{2,}ing\b",
    re.IGNORECASE,
)
_WAS = re.compile(r"\b(?:did|was|were|had)\b", re.IGNORECASE)


def mode_of(text: str) -> Mode:
    """Return the mode that a question plainly asks for; `backward` where it names none."""
    if event_of(text) is not None:
        return "wait"
    return "now" if is_happening(text) else "backward"


def is_happening(text: str) -> bool:
    """Return whether it asks what goes on at this moment, and not how things have come to be by now."""
    return bool(_MOMENT.search(text) and _HAPPENING.search(text) and not _WAS.search(text))


def event_of(text: str) -> str | None:
    """Return what is waited for, as a statement: `the timer reaches zero`; None where nothing is.

    `tell me when the talk was given` asks for a time, and so waits for nothing.
    """
    found = _WAIT.match(" ".join(text.split()))
    if found is None:
        return None
    event = next(part for part in found.groups() if part).strip(" ?.!,")
    plain = found["what"] is not None and re.match(r"\W*(?:please |hey |can you |could you )*tell", text, re.IGNORECASE)
    return None if plain and re.match(r"(?:did|was|were)\b|.*\b(?:did|was|were)\b", event, re.IGNORECASE) else event
