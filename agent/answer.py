"""The result of a run: an answer, its evidence, and its cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..memory import Box, MediaURI, Moment, Span
from .questions.mode import Mode
from .validity import Validity

SCHEMA = 1
"""Version of `Answer.as_dict`; it grows when a field changes its meaning or goes."""
FAILURES = frozenset(("policy_error", "viewer_error", "bug"))
"""What stops a run whose model failed, or that came upon a bug."""
_PLAIN = "question text option confidence abstained mode stopped_by spend budget run_id trace".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A claim and where it can be seen or heard."""

    claim: str
    uri: str
    tool: str = ""
    quote: str | None = None
    supported: bool = True
    """True if the check found the place among what this run observed, and the quote in it."""
    verified: float | None = None
    """P(yes), in [0, 1], of a model that was shown the span again, zoomed; None where nobody looked again."""
    wall_clock: tuple[str, str] | None = None
    """Beginning and end of the span on the clock of the video's timeline; None if nobody knows when it was recorded."""

    @property
    def span(self) -> Span | None:
        """The cited span in seconds; a frame is a span without length."""
        return MediaURI.parse(self.uri).span

    @property
    def box(self) -> Box | None:
        """The cited region as [0, 1] fractions, where there is one."""
        return MediaURI.parse(self.uri).box

    def as_dict(self) -> dict[str, Any]:
        """JSON form: the fields, and the URI's parts for readers that do not parse it."""
        place = MediaURI.parse(self.uri)
        return {
            **asdict(self),
            "video": place.video,
            "span": [place.span.start, place.span.end] if place.span else None,
            "box": list(place.box) if place.box else None,
            "verified": None if self.verified is None else round(self.verified, 3),
            "wall_clock": None if self.wall_clock is None else list(self.wall_clock),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How far a question in mode `wait` has come: seconds of the video, or of the clock of a dated timeline."""

    start: float
    """The question's time: nothing before it counts."""
    end: float
    """Up to where it has looked."""
    parts: int
    """How many parts it was asked of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The end of a run. `as_dict` is the schema that `rewatch ask --json` prints."""

    question: str
    text: str
    option: str | None = None
    """Letter of the chosen option, where options were given."""
    evidence: tuple[Evidence, ...] = ()
    confidence: float = 0.0
    """In [0, 1]."""
    abstained: bool = False
    now: float | Moment | None = None
    """Up to when it could see: seconds of the video, or a moment of the videos' timeline; None: all that was there."""
    mode: Mode = "backward"
    """Of what was (`backward`), of what is at this moment (`now`), or once it becomes true (`wait`)."""
    waited: Waited | None = None
    """In mode `wait`: how far it has come."""
    validity: Validity | None = None
    """Of a question about how things are by now: the last sighting and what was not looked at since."""
    stopped_by: str = "answer"
    """`answer`, the limit that ended the run (`calls`, `tokens`, `seconds`), or `policy_error`: the policy failed; or
    `viewer_error`: nothing was found, and the model that sees failed each time it was asked; or `bug`: a fault in the
    program ended the run, and its trace has the traceback."""
    spend: dict[str, float] = field(default_factory=dict)
    budget: dict[str, float | None] = field(default_factory=dict)
    run_id: str = ""
    trace: str | None = None
    """Path of the trace, where one was written."""
    coverage: tuple[dict[str, Any], ...] = ()
    """`Coverage.as_dict` of each video that was known in part only when it was asked about, with its `name`."""

    @property
    def failed(self) -> bool:
        """True if this is no answer, since a model or the program failed; `rewatch ask` then exits with 1."""
        return self.stopped_by in FAILURES

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans of the evidence, in its order."""
        return tuple(e.span for e in self.evidence if e.span is not None)

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The regions of the evidence, in its order."""
        return tuple(e.box for e in self.evidence if e.box is not None)

    def as_dict(self) -> dict[str, Any]:
        """JSON form, documented in docs/json.md."""
        return {
            "schema": SCHEMA,
            **{name: getattr(self, name) for name in _PLAIN[:3]},
            "spans": [[s.start, s.end] for s in self.spans],
            "boxes": [list(b) for b in self.boxes],
            "evidence": [e.as_dict() for e in self.evidence],
            "confidence": round(self.confidence, 3),
            **{name: getattr(self, name) for name in _PLAIN[4:]},
            "coverage": [dict(row) for row in self.coverage],
            "now": asdict(self.now) if isinstance(self.now, Moment) else self.now,
            "waited": self.waited and asdict(self.waited),
            "validity": self.validity and self.validity.as_dict(),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Answer:
        """Return the answer that `as_dict` wrote."""
        evidence = tuple(
            Evidence(
                **{k: e.get(k) for k in ("claim", "uri", "tool", "quote", "supported", "verified")},
                wall_clock=tuple(e["wall_clock"]) if e.get("wall_clock") else None,
            )
            for e in row["evidence"]
        )
        coverage = tuple(dict(one) for one in row.get("coverage", ()))  # runs of before have none
        validity = Validity.from_dict(row["validity"]) if row.get("validity") else None
        plain = {name: row[name] for name in _PLAIN if name in row}  # those of older versions have fewer
        waited = Waited(**row["waited"]) if row.get("waited") else None
        now = moment_of(row.get("now"))
        return cls(evidence=evidence, now=now, validity=validity, waited=waited, coverage=coverage, **plain)


def moment_of(row: Any) -> float | Moment | None:
    """Return the `now` that stands in a row: seconds, or a moment as plain values."""
    return Moment(**row) if isinstance(row, Mapping) else row


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An answer as the policy gives it, before it is checked."""

    text: str
    option: str | None = None
    evidence: tuple[Evidence, ...] = ()
    confidence: float = 0.5
    abstained: bool = False
    plain: bool = False
    """True if it was written in plain words, not as JSON."""
    unknown: tuple[int, ...] = ()
    """Numbers that were cited and stand for no line."""

    def as_message(self) -> str:
        """Return the JSON that a policy may give as its last message."""
        return json.dumps(
            {
                "answer": self.text,
                "option": self.option,
                "confidence": round(self.confidence, 3),
                "abstained": self.abstained,
                "evidence": [{"claim": e.claim, "uri": e.uri, "tool": e.tool, "quote": e.quote} for e in self.evidence],
            },
            ensure_ascii=False,
        )
