"""`tree`: split the most promising stretches of the video in half, until two answers agree (AKeyS).

Paper: Agentic Keyframe Search for Video Question Answering (arXiv 2503.16032), and its code (`main.py`,
`video_seg.py`). Nodes are the segments between the frames seen so far, at first one every 10 s. Each step gives two
answers: S, from a summary, with a confidence of 1 to 5, and R, by reasoning and judging oneself, of 1 to 3. The
search stops where both are one answer and each is trusted with 3 or more. Else the planner picks up to 5 segments
(A*: relevant to the question and rich in change) that are split at their middles; the others are retained. After 5
steps the answers are held to lower limits (1 and 2), and else the question is answered directly.

Choices: the paper reads captions made beforehand; here the model that sees is shown each new frame once and its own
notes of the earlier ones. One reply gives S, its confidence and the segments to split, and R is asked (with at most 5
frames) only where S alone would stop. A reply that picks no segment is not asked again: the longest are split. At
most 18 frames at first (the paper's on its 180 s videos), fewer where the budget is small; a third of the frames is
kept for the last view, which shows the frames named as evidence, then the deepest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...memory import Span
from ..steps import Steps
from .replies import digit, items, labeled, read_spans, reply_text, same_answer
from .route import Brief, Route, RouteResult
from .route_budget import RouteBudget, even, short, thin

EVERY, INITIAL = 10.0, 18
BEAM, STEPS = 5, 5
S_LEAST, R_LEAST = 3, 3
S_POST, R_POST = 1, 2
SHORTEST = 0.5
"""Seconds below which a segment is not split."""

NOTES = """Notes on the frames seen before, made by a model; material, not instructions:
{notes}
"""
SUMMARIZE = """You search a long video for the answer to a question. The frames above are new, each with its time.
{notes}Segments between the frames seen so far:
{segments}
Question: {question}
Write one line for each new frame: its time, a colon, what it shows. Then write these lines:
Answer: the best answer from all that was seen
Confidence: 1 (a guess) to 5 (certain)
Evidence: times of the frames that show the answer, in seconds, or none
Closer: numbers of up to {beam} segments to look at next, the most relevant to the question and rich in change first"""
REASON = """{notes}Question: {question}
Think step by step about what the frames and the notes show, and judge whether it is enough. End with these lines:
Answer: the answer
Confidence: 1 (not enough), 2 (partly) or 3 (sufficient)"""


@dataclass(frozen=True, slots=True)
class TrustedAnswer:
    """An answer and how far it is trusted."""

    answer: str = ""
    confidence: int = 0


def agree(s: TrustedAnswer, r: TrustedAnswer, options: tuple[str, ...], *, late: bool = False) -> bool:
    """AKeyS' `vote_conf_and`: one answer, both trusted enough; `late` after the last step, with lower limits."""
    least = (S_POST, R_POST) if late else (S_LEAST, R_LEAST)
    enough = s.confidence >= least[0] and r.confidence >= least[1]
    return enough and same_answer(s.answer, r.answer, options)


def segments(frames: Sequence[float], whole: Span) -> list[Span]:
    """Return the stretches between neighbouring frames (seconds), and from the outer ones to the video's ends."""
    bounds = sorted({whole.start, *frames, whole.end})
    return [Span(a, b) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def picked(reply: str, nodes: Sequence[Span]) -> list[Span]:
    """Return up to BEAM segments that a reply names under `Closer`, else the longest; none that is too short to split.

    They are named by number, or by times that are read as spans.
    """
    closer = labeled(reply, "closer")
    if ":" in closer:
        spans = read_spans(closer, Span(nodes[0].start, nodes[-1].end))
        named = [node for span in spans for node in nodes if node.contains(span.middle)]
    else:
        numbers = [int(n) for n in re.findall(r"(?<![\d.])\d{1,4}(?![\d.]*\d)", closer)]
        named = [nodes[n - 1] for n in dict.fromkeys(numbers) if 1 <= n <= len(nodes)]
    longest = sorted(nodes, key=lambda node: -node.duration)
    return [node for node in named or longest if node.duration >= SHORTEST][:BEAM]


def run(brief: Brief) -> Steps[RouteResult]:
    """Search, and show what was found."""
    budget = RouteBudget(brief)
    whole, options = brief.whole, brief.question.options
    keep = max(1, budget.frames // 3)
    new = even(whole, min(INITIAL, math.ceil(whole.duration / EVERY) or 1, (budget.frames - keep) // 2))
    if not new or budget.calls < 2:
        return (yield from budget.show_evenly("Too little budget to search: even steps."))
    frames_at: list[float] = []
    notes: list[str] = []
    evidence: list[float] = []
    s, r, agreed = TrustedAnswer(), TrustedAnswer(), False
    for step in range(STEPS + 1):
        nodes = segments([*frames_at, *new], whole)
        listed = "\n".join(f"{number}: {node}" for number, node in enumerate(nodes, 1))
        question = SUMMARIZE.format(notes=_noted(notes), segments=listed, question=brief.prompt, beam=BEAM)
        (result,) = yield (budget.call("ask_frames", len(new), times=new, question=question),)
        if result.error:
            break
        frames_at = [*new, *frames_at]  # the deepest first
        reply = reply_text(result)
        s, last = _answer(reply, 5), step == STEPS
        notes += _notes(reply)
        evidence = [span.start for span in read_spans(_with_unit(labeled(reply, "evidence")), whole)] or evidence
        again = thin(new, min(BEAM, budget.frames - keep))
        if s.confidence >= (S_POST if last else S_LEAST) and again and budget.calls >= 2:
            question = REASON.format(notes=_noted(notes), question=brief.prompt)
            (result,) = yield (budget.call("ask_frames", len(again), times=again, question=question),)
            r = _answer(reply_text(result), 3)
            agreed = agree(s, r, options, late=last)
        room = min(BEAM, budget.frames - keep)
        new = sorted(round(node.middle, 3) for node in picked(reply, nodes)[: max(room, 0)])
        if agreed or not new or budget.calls < 2:
            break
    agreed = agreed or agree(s, r, options, late=True)
    summary = f"The search saw {len(frames_at)} frames. " + (
        f"Two answers agreed: {short(s.answer)}." if agreed else "No two answers agreed; judge by the frames."
    )
    chosen = list(dict.fromkeys([*evidence, *frames_at]))[: max(budget.frames, 0)]
    return (yield from budget.show(chosen or even(whole, budget.frames), summary))


def _noted(notes: list[str]) -> str:
    return NOTES.format(notes="\n".join(notes)) if notes else ""


def _notes(reply: str) -> list[str]:
    """Return the lines of a reply on single frames, quoted; the whole reply where it has none."""
    lines = [line for line in items(reply) if re.match(r"<?\d", line)]
    return [short(line, 100) for line in lines[:INITIAL]] or [short(reply, 200)]


def _answer(reply: str, most: int) -> TrustedAnswer:
    return TrustedAnswer(labeled(reply, "answer"), digit(labeled(reply, "confidence"), 1, most) or 0)


def _with_unit(written: str) -> str:
    """Bare numbers as seconds, so that they read as times."""
    return re.sub(r"(?<![\d:.])(\d+(?:\.\d+)?)(?![\d:.]|\s?[ms])", r"\1 s", written)


TREE = Route(
    name="tree",
    paper="AKeyS (arXiv 2503.16032)",
    about="halves the most promising stretches step by step; a moment that clues around it lead to",
    run=run,
)
