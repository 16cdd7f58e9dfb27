"""Answers as the agent gives them, for the tests of how they are written."""

from __future__ import annotations

from rewatch.agent.answer import Answer, Evidence

SPAN = "video:v1#t=72.5,75"
MOMENT = "video:v1#t=80"
REGION = "video:v1#t=90,91&xywh=percent:10,20,30,40"


def answer(
    text: str = "a red hat", *uris: str, option: str | None = None, abstained: bool = False, confidence: float = 0.8
) -> Answer:
    """An answer with a piece of evidence for each URI; by default one, of 72.5 to 75 s."""
    evidence = tuple(Evidence(claim="seen there", uri=uri, quote="she waves") for uri in uris or (SPAN,))
    return Answer(question="", text=text, option=option, evidence=evidence, confidence=confidence, abstained=abstained)
