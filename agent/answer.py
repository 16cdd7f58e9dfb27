"""What a run ends with: an answer, its evidence, and what it cost."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage

from ..memory import Box, MediaURI, Span

SCHEMA = 1
"""Version of `Answer.as_dict`; it grows when a field changes its meaning or goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A claim and where it can be seen or heard."""

    claim: str
    uri: str
    tool: str = ""
    quote: str | None = None
    supported: bool = True
    """Whether the check found the place among what this run observed, and the quote in it."""
    verified: float | None = None
    """P(yes), in [0, 1], of a model that was shown the span again, zoomed; None where nobody looked again."""

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
            "claim": self.claim,
            "uri": self.uri,
            "video": place.video,
            "span": [place.span.start, place.span.end] if place.span else None,
            "box": list(place.box) if place.box else None,
            "tool": self.tool,
            "quote": self.quote,
            "supported": self.supported,
            "verified": None if self.verified is None else round(self.verified, 3),
        }


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
    stopped_by: str = "answer"
    """`answer`, the limit that ended the run (`calls`, `tokens`, `seconds`), or `policy_error`."""
    spend: dict[str, float] = field(default_factory=dict)
    budget: dict[str, float | None] = field(default_factory=dict)
    run_id: str = ""
    trace: str | None = None
    """Path of the trace, where one was written."""

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
            "question": self.question,
            "text": self.text,
            "option": self.option,
            "spans": [[s.start, s.end] for s in self.spans],
            "boxes": [list(b) for b in self.boxes],
            "evidence": [e.as_dict() for e in self.evidence],
            "confidence": round(self.confidence, 3),
            "abstained": self.abstained,
            "stopped_by": self.stopped_by,
            "spend": self.spend,
            "budget": self.budget,
            "run_id": self.run_id,
            "trace": self.trace,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Answer:
        """The answer that `as_dict` wrote."""
        evidence = tuple(
            Evidence(**{k: e.get(k) for k in ("claim", "uri", "tool", "quote", "supported", "verified")})
            for e in row["evidence"]
        )
        names = "question text option confidence abstained stopped_by spend budget run_id trace".split()
        return cls(evidence=evidence, **{name: row[name] for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a policy says before it is checked."""

    text: str
    option: str | None = None
    evidence: tuple[Evidence, ...] = ()
    confidence: float = 0.5
    abstained: bool = False

    def as_message(self) -> str:
        """The JSON that a policy may give as its last message."""
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


_FENCE = re.compile(r"```(?:json)?\s*(\{.*?\})\s*```", re.DOTALL)
_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)


def draft_of(said: BaseMessage) -> Draft:
    """What a policy's last message answers: as its dialect took it apart, else as it stands.

    A draft that states no confidence has the likelihood of its own words, where the policy tells it, else 0.5.
    """
    likelihood = said.response_metadata.get("likelihood")
    text = said.additional_kwargs.get("draft") or said.text
    return parse_draft(text, unsure=0.5 if likelihood is None else float(likelihood))


def parse_draft(message: str, *, unsure: float = 0.5) -> Draft:
    """Read a policy's last message: a JSON object, `<answer>…</answer>`, or plain text with media URIs in it.

    Args:
        message: what the policy wrote.
        unsure: the confidence of a draft that states none.
    """
    fenced = _FENCE.search(message)
    body = fenced[1] if fenced else message.strip()
    try:
        row = json.loads(body)
    except json.JSONDecodeError:
        row = None
    if isinstance(row, dict) and "answer" in row:
        return _from_row(row, unsure)
    tagged = _TAG.search(message)
    text = (tagged[1] if tagged else message).strip()
    evidence = tuple(Evidence(claim=text, uri=str(uri)) for uri in dict.fromkeys(MediaURI.find_all(message)))
    return Draft(text=text, evidence=evidence, confidence=unsure)


def _from_row(row: dict[str, Any], unsure: float) -> Draft:
    evidence = []
    for item in row.get("evidence") or []:
        if isinstance(item, str):
            item = {"uri": item}
        if not isinstance(item, dict) or not item.get("uri"):
            continue
        found = MediaURI.find_all(str(item["uri"]))
        if found:
            quote = item.get("quote")
            evidence.append(
                Evidence(
                    claim=str(item.get("claim") or row["answer"]),
                    uri=str(found[0]),
                    tool=str(item.get("tool") or ""),
                    quote=str(quote) if quote else None,
                )
            )
    try:
        confidence = min(max(float(row.get("confidence", unsure)), 0.0), 1.0)
    except (TypeError, ValueError):
        confidence = unsure
    option = row.get("option")
    return Draft(
        text=str(row["answer"]),
        option=str(option) if option else None,
        evidence=tuple(evidence),
        confidence=confidence,
        abstained=bool(row.get("abstained", False)),
    )
