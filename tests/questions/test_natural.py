"""Natural questions over a rendered talk, the demo, subtitled copies and real videos, asked of the default agent."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rewatch.memory import Span


def _module(name: str) -> ModuleType:
    """A module of this folder."""
    spec = importlib.util.spec_from_file_location(f"natural_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


scoring = _module("scoring")


@dataclass
class Said:
    """What scoring looks at of an answer."""

    text: str = ""
    option: str | None = None
    spans: tuple[Span, ...] = ()
    evidence: tuple[Any, ...] = ()
    abstained: bool = False
    confidence: float = 0.9


def row(kind: str, accept: list[list[str]], **more: Any) -> dict[str, Any]:
    """A question's truth, with defaults."""
    return {"kind": kind, "accept": accept, "reject": [], "span": None, "false_reasons": [], **more}


# The judge -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "truth", "verdict"),
    [
        (Said("The fee: $1,250."), row("text", [["1250"]]), "right"),
        (Said("on May 8th, at half past six"), row("text", [["may", "8", "half past 6"]]), "right"),
        (Said("Twelve volunteers"), row("text", [["12", "volunteers"]]), "right"),
        (Said("Size: 6x4 m"), row("text", [["6 x 4"]]), "right"),
        (Said("the treasury"), row("text", [["treasurer"]]), "wrong"),
        (Said("Budget and Agenda"), row("text", [["budget"]], reject=["agenda"]), "wrong"),
        (Said("nasa_jwst.mp4 at 00:03"), row("video", [["nasa_jwst"]]), "right"),
        (Said("Yes, there is."), row("yes_no", [["yes"]]), "right"),
        (Said("'yes' is not recognised"), row("yes_no", [["no"], ["could not afford"]]), "wrong"),
        (Said("No: nobody."), row("yes_no", [["yes"]]), "wrong"),
        (Said("Dogs are welcome, but no barbecue"), row("yes_no", [["yes"], ["dogs are welcome"]]), "right"),
        (Said("At 00:15 there are 2 cars"), row("count", [["2"]]), "right"),
        (Said("4 cars, 2 at once"), row("count", [["2"]]), "wrong"),
        (Said("B", option="B"), row("option", [["B"]]), "right"),
        (Said(spans=(Span(1, 2), Span(10, 20))), row("time", [], span=[11, 19]), "right"),
        (Said(spans=(Span(0, 90),)), row("time", [], span=[11, 19]), "wrong"),
        (Said(spans=(Span(10, 18),)), row("time", [], span=[11, 13]), "right"),
        (Said(spans=(Span(0, 30),)), row("time", [], span=[11, 13]), "wrong"),
        (Said(abstained=True), row("abstain", []), "right"),
        (Said(abstained=True), row("text", [["x"]]), "abstained"),
        (Said("red"), row("abstain", []), "wrong"),
        (Said("closest: red", confidence=0.2), row("abstain", []), "abstained"),
        (Said("closest: red", confidence=0.5), row("abstain", []), "wrong"),
    ],
)
def test_judge(said: Said, truth: dict[str, Any], verdict: str) -> None:
    assert scoring.judge(said, truth) == verdict


def test_false_reason_is_found() -> None:
    truth = row("text", [["x"]], false_reasons=[r"\bno speech\b"])
    assert scoring.false_reason(Said("There is no speech in it.", abstained=True), truth) == "no speech"
    assert scoring.false_reason(Said("I could not tell.", abstained=True), truth) is None


# The questions -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.media
@pytest.mark.weights
@pytest.mark.timeout(3600)
def test_natural_questions(media: Path, yolo: Path, tmp_path: Path) -> None:
    asking = _module("ask_all")
    results = asking.ask_all(asking.read_rows(), media, yolo, tmp_path)
    counts = asking.summary(results)
    misses = "\n".join(asking.describe(r) for r in results if r.verdict != "right" or r.false_reason)
    assert counts["asked"] == 60
    assert counts["false_reasons"] == 0, misses
    assert counts["right"] >= 0.75 * 60, misses
    assert counts["wrong"] <= 0.05 * 60, misses
