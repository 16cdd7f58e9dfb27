"""The records of people: speaker turns and faces, identities, what is suggested, and what may be claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from ..sanitize import one_line
from ..span import MediaURI, Timed

VOICE, FACE = "voice", "face"
KINDS = (VOICE, FACE)
"""Kinds of appearances."""
LONGEST_NAME = 100
"""Characters of a name: it stands in prompts and in each line that somebody speaks."""


def name_key(name: str) -> str:
    """Return a name as it is compared: in any case, in any way to write its accents, without what nobody sees."""
    return normalize("NFKC", one_line(name)).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What may be said of who it is, and why: a guess never reads like a fact."""

    identity: int
    """The identity that the name is of; without a name, its own."""
    name: str
    """The name; where nobody gave one, `voice 2`, `face 3`."""
    named: bool
    """Whether a person gave the name."""
    confirmed: bool
    """Whether a person stated that it is this one; of what has no name, whether nothing is guessed."""
    score: float | None = None
    """Cosine on which a guess rests, in [-1, 1]; None where nothing is guessed."""
    exemplar: str = ""
    """Media URI of what it was compared with, or of what bears the name."""

    def __str__(self) -> str:
        """Return `Anna`, `voice 2` or `probably Anna (0.83), not confirmed`."""
        return self.name if self.confirmed else f"probably {self.name} ({self.score or 0.0:.2f}), not confirmed"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        row: dict[str, Any] = {"identity": self.identity, "name": self.name, "confirmed": self.confirmed}
        if self.score is not None:
            row["score"] = round(self.score, 3)
        return {**row, "exemplar": self.exemplar}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Timed):
    """A speaker turn, or a stretch in which a face is seen. Times are seconds of the video."""

    video: str
    kind: str
    """`voice` or `face`."""
    start: float
    end: float
    identity: int | None
    """The identity that it belongs to; None where it was too short to tell."""
    claim: Claim | None
    """Who that is; None likewise."""

    @property
    def uri(self) -> str:
        """The turn as a media URI."""
        return str(MediaURI(self.video, self.span))

    @property
    def label(self) -> str:
        """Return the speaker as people read it."""
        return str(self.claim) if self.claim is not None else f"{self.kind} unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody, known by a voice, a face or both."""

    id: int
    name: str | None
    """The name that a person gave."""
    label: str
    """The name, else `voice 2`, `face 3`."""
    kinds: tuple[str, ...]
    turns: int
    """Speaker turns and face tracks."""
    seconds: float
    """Their seconds, all together."""
    videos: tuple[str, ...]
    exemplars: tuple[str, ...]
    """Media URIs of what shows it best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Two identities that may be one; nothing is joined until a person does it."""

    a: Identity
    b: Identity
    kind: str
    """The kind of appearance by which they are alike."""
    score: float
    """Cosine of their means, in [-1, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedAction:
    """Something that a person did to identities."""

    id: int
    at: float
    """When, in seconds since the epoch."""
    verb: str
    undone: bool
    identities: tuple[int, ...]
