"""How far an answer about a state still holds: the last sighting, when it was, and what was not looked at since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..memory import MediaURI


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One place that tells of the thing."""

    uri: str
    channel: str
    text: str
    wall_clock: str | None = None
    """When it was by the clock (`2026-05-03 09:14:05+02:00`); None if nobody knows when the video was recorded."""

    def as_dict(self) -> dict[str, Any]:
        """JSON form: the fields, and the URI's parts for readers that do not parse it."""
        return {**asdict(self), **_parts(self.uri)}


@dataclass(frozen=True, slots=True)
class Unexamined:
    """A span since the last sighting, and the channels that were not searched for the thing there."""

    uri: str
    channels: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON form likewise."""
        return {"uri": self.uri, "channels": list(self.channels), **_parts(self.uri)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """Up to when an answer about a state is known to hold."""

    text: str
    """In words."""
    last_seen: Sighting | None
    """The latest place that the answer rests on; None where there is none."""
    earlier: Sighting | None
    """The one before it that tells otherwise, where the answer cites one."""
    as_of: str
    """The moment up to which the question sees, as a media URI: `now`, or the end of the last video."""
    as_of_wall_clock: str | None
    """The same by the clock, as `Sighting.wall_clock`."""
    not_examined_since: tuple[Unexamined, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON form, documented in docs/json.md."""
        return {
            "text": self.text,
            "last_seen": self.last_seen and self.last_seen.as_dict(),
            "earlier": self.earlier and self.earlier.as_dict(),
            "as_of": self.as_of,
            "as_of_wall_clock": self.as_of_wall_clock,
            "not_examined_since": [one.as_dict() for one in self.not_examined_since],
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Validity:
        """Return the validity that `as_dict` wrote."""
        return cls(
            text=row["text"],
            last_seen=_sighting(row["last_seen"]),
            earlier=_sighting(row["earlier"]),
            as_of=row["as_of"],
            as_of_wall_clock=row["as_of_wall_clock"],
            not_examined_since=tuple(
                Unexamined(one["uri"], tuple(one["channels"])) for one in row["not_examined_since"]
            ),
        )


def _sighting(row: Mapping[str, Any] | None) -> Sighting | None:
    return None if row is None else Sighting(**{name: row[name] for name in ("uri", "channel", "text", "wall_clock")})


def _parts(uri: str) -> dict[str, Any]:
    place = MediaURI.parse(uri)
    return {"video": place.video, "span": [place.span.start, place.span.end] if place.span else None}
