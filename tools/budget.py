"""`Budget`, the limits of a run, and `Spend`, the amounts that it has used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """Amounts that were used so far. Adds up with `+`."""

    frames: int = 0
    """Pictures handed to the policy, or read for it by a tool (view, crop, text reading)."""
    calls: int = 0
    """Tool calls, failed and cached ones included."""
    tokens: int = 0
    """Tokens that the policy's model reports, prompt and completion."""
    seconds: float = 0.0
    """Wall-clock seconds inside the loop."""
    price: float = 0.0
    """Price of the tokens, where the policy or the viewer has prices (`input_price`, `output_price`)."""

    def __add__(self, other: Spend) -> Spend:
        return Spend(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Spend)})

    def as_dict(self) -> dict[str, float]:
        """Plain numbers for state, traces and JSON; without a price where there is none."""
        return {name: value for name, value in asdict(self).items() if name != "price" or value}

    @classmethod
    def from_dict(cls, row: Mapping[str, float]) -> Spend:
        """The spend that `as_dict` wrote."""
        whole = {name: int(row[name]) for name in ("frames", "calls", "tokens")}
        return cls(**whole, seconds=row["seconds"], price=row.get("price", 0.0))


def rounded(spend: Mapping[str, float]) -> dict[str, float]:
    """A spend for traces and answers: milliseconds, and millionths of a price."""
    return {name: round(value, 6 if name == "price" else 3) for name, value in spend.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Hard limits of one run; `None` means no limit.

    Raises:
        ValueError: if a limit is negative.
    """

    frames: int | None = 64
    calls: int | None = 12
    tokens: int | None = None
    seconds: float | None = 120.0

    def __post_init__(self) -> None:
        for f in fields(Budget):
            value = getattr(self, f.name)
            if value is not None and value < 0:
                raise ValueError(f"Budget {f.name} must not be negative, got {value}.")

    @classmethod
    def from_dict(cls, row: Mapping[str, float | None]) -> Budget:
        """The budget that `as_dict` wrote."""
        whole = {name: None if row[name] is None else int(row[name] or 0) for name in ("frames", "calls", "tokens")}
        return cls(**whole, seconds=row["seconds"])

    def left(self, spend: Spend) -> dict[str, float]:
        """The remaining amount of each limit that is set; never below 0."""
        limits = asdict(self)
        return {k: max(limit - getattr(spend, k), 0) for k, limit in limits.items() if limit is not None}

    def exhausted(self, spend: Spend) -> str | None:
        """The first limit that is used up (`calls`, `tokens`, `seconds`), or None.

        Frames are not among them: without frames the agent can still search, listen and browse, and a tool that
        needs frames says that there are none left.
        """
        remaining = self.left(spend)
        return next((name for name in ("calls", "tokens", "seconds") if remaining.get(name, 1) <= 0), None)

    def as_dict(self) -> dict[str, float | None]:
        """Plain numbers for state, traces and JSON."""
        return asdict(self)
