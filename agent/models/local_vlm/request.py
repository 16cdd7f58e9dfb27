"""One turn that a model on this disk is to write."""

from __future__ import annotations

from dataclasses import dataclass, field

from .vision_adapter import SampledFrames


@dataclass(slots=True, eq=False)
class Caller:
    """The run that waits for a reply."""

    gone: bool = False
    """Set when nobody waits any more: the reply then ends at its next token."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """One turn to write."""

    ids: list[int]
    """The whole prompt."""
    past: int = 0
    """How many ids of it earlier turns have given and sampled."""
    frames: tuple[SampledFrames, ...] = ()
    """Its pictures, in the order of their tokens."""
    limit: int = 256
    """Tokens of the reply."""
    temperature: float = 0.0
    """0 is greedy."""
    seed: int | None = None
    stop: tuple[str, ...] = ()
    """The reply ends after the token that completes one of these."""
    deadline: float | None = None
    """On `time.monotonic`'s clock; at least one token is sampled all the same."""
    beams: int = 1
    role: str = ""
    choices: tuple[int, ...] = ()
    """Ids to weigh against each other as the first token; nothing is written besides it."""
    caller: Caller = field(default_factory=Caller)
