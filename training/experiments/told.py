"""What a run tells while it goes on, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened."""

    kind: Literal["note", "begin", "row"]
    """`note`: words; `begin`: a stage of `steps` steps begins or goes on; `row`: a row of `metrics.jsonl`."""
    text: str = ""
    stage: str = ""
    step: int = 0
    steps: int = 0
    row: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON form: a row is itself."""
        if self.kind == "row":
            return dict(self.row)
        if self.kind == "note":
            return {"note": self.text}
        return {"begin": self.stage, "step": self.step, "steps": self.steps}


Listener = Callable[[Event], None]


def nobody(event: Event) -> None:
    """Listens to nothing."""
