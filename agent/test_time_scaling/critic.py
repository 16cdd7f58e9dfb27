"""ReAgent-V: a critic marks the first answer, three reflections rework it, and the surest of them is chosen.

Zhou et al., ReAgent-V: A Reward-Driven Multi-Agent Framework for Video Understanding, NeurIPS 2025 (arXiv 2506.01300);
code aiming-lab/ReAgent-V (`ReAgentV.get_reflective_final_answer`).

1. An answer. 2. A critic's report: 0 to 5 on visual alignment, temporal accuracy, option disambiguation, reasoning
specificity and linguistic precision, each with its reason; the reward is their sum / 25. 3. Three reflections on the
answer and the report, each with an answer and a confidence: conservative (only the wording), neutral (the entities:
who, what, where, when, how many), aggressive (entities and reasoning). 4. A meta agent that sees all answers with their
confidences chooses.

Choices made here:

* The critic is asked in text: it sees the answer, its evidence and quotes, not the video. What it doubts, the
  reflections look at again: they are attempts with tools, so their confidences are checked ones.
* Reflection always follows, as in the published code; the report's threshold (5 of 10) only selects training data.
* The published meta agent writes a new text. Here it chooses among the checked answers, since a new text would have no
  evidence: it names a letter, and where that cannot be read, or all answers agree, the highest confidence decides.
* A report that cannot be read as scores is passed on as it is, without a reward. With a budget for fewer than four
  attempts, fewer reflections are made, in the order neutral, aggressive, conservative.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...tools.sanitize import quote
from ..answer import Answer
from .agreement import answers_of, grouped, is_abstention, most_confident, no_answer
from .budget_split import attempts_afforded, budget_split, prompt_step, remaining_after
from .reading import chosen, json_object
from .scaling import Attempt, Scaling, ScalingBrief, ScalingSteps

AXES = (
    "visual_alignment",
    "temporal_accuracy",
    "option_disambiguation",
    "reasoning_specificity",
    "linguistic_precision",
)
MOST = 5.0
REPORT = (
    "{question}\n\nThis was asked about a video. Answer: {answer}\nEvidence:\n{evidence}\n\nJudge the answer from 0 to "
    '5 on each of: {axes}. Reply with one JSON object that has these names, each with {{"value": number, "reason": '
    '"what is missing or wrong"}}.'
)
REFLECTIONS = {
    "neutral": "Check every entity in it: who, what, where, when and how many. Correct those that the video "
    "contradicts, keep the rest.",
    "aggressive": "Doubt it as a whole: the entities and the reasoning. Look for what speaks against it, and answer "
    "anew if another answer is better shown.",
    "conservative": "Keep what it says unless it is plainly wrong; make it clearer and more exact.",
}
GUIDANCE = "An earlier answer: {answer}. A critic's report on it: {report}. {how}"
META = (
    "{question}\n\nThis was asked about a video. Answers, with how sure each is:\n{answers}\nWhich is the best answer? "
    "Reply with its letter only."
)
LONGEST = 1500
"""Characters of a report that are passed on."""


def run(brief: ScalingBrief) -> ScalingSteps:
    """Answer, report, reflections, choice."""
    total = attempts_afforded(brief.budget, min(brief.width, 1 + len(REFLECTIONS)))
    first = yield budget_split([Attempt(budget=brief.budget)], brief.budget, total)
    results, remaining = list(first), remaining_after(first)
    initial = next(iter(answers_of(first)), None)
    if total > 1:
        report = "none"
        step = prompt_step(report_prompt(brief.question.prompt, initial), remaining) if initial else ()
        if initial and step:
            replies = yield step
            report, remaining = read_report(replies[0].text), remaining_after(replies)
        before = quote(_line(initial)) if initial else "none, the attempt failed"
        ways = list(REFLECTIONS.values())[: total - 1]
        attempts = [
            Attempt(budget=remaining, guidance=GUIDANCE.format(answer=before, report=report, how=how), seed=seed)
            for seed, how in enumerate(ways, start=1)
        ]
        reflected = yield budget_split(attempts, remaining, len(attempts))
        results, remaining = [*results, *reflected], remaining_after(reflected)
    answers = answers_of(results)
    candidates = [answer for answer in answers if not is_abstention(answer)] or answers
    if not candidates:
        return no_answer(brief.question, results)
    if len(grouped(candidates, brief.question)) > 1:
        step = prompt_step(meta_prompt(brief.question.prompt, candidates), remaining, max_tokens=64)
        if step:
            replies = yield step
            named = chosen(replies[0].text, len(candidates))
            if named is not None:
                return candidates[named]
    return most_confident(candidates)


def report_prompt(question: str, answer: Answer) -> str:
    """Return what the critic is asked."""
    evidence = "\n".join(
        f"- {quote(piece.claim)} {piece.uri}{f', quote {quote(piece.quote)}' if piece.quote else ''}"
        f"{'' if piece.supported else ' (not confirmed)'}"
        for piece in answer.evidence
    )
    return REPORT.format(
        question=question, answer=quote(_line(answer)), evidence=evidence or "none", axes=", ".join(AXES)
    )


def read_report(text: str) -> str:
    """Return the report as the reflections get it: marks, reasons and reward, or the text itself."""
    row = json_object(text)
    row = row["scores"] if isinstance(row.get("scores"), dict) else row
    marks = {axis: mark for axis in AXES if (mark := _mark(row.get(axis))) is not None}
    if not marks:
        return quote(text[:LONGEST]) if text.strip() else "none"
    lines = [f"{axis} {marks[axis]:g}" + _reason(row[axis]) for axis in marks]
    whole = f"; reward {reward(list(marks.values())):.2f}" if len(marks) == len(AXES) else ""
    return f"{'; '.join(lines)[:LONGEST]}{whole}"


def reward(marks: Sequence[float]) -> float:
    """Return the marks' sum as part of what could be had, in [0, 1]."""
    return sum(marks) / (MOST * len(AXES))


def meta_prompt(question: str, candidates: Sequence[Answer]) -> str:
    """Return what the meta agent is asked."""
    lines = [f"{chr(65 + i)}. {quote(_line(a))} ({a.confidence:.2f})" for i, a in enumerate(candidates)]
    return META.format(question=question, answers="\n".join(lines))


def _line(answer: Answer) -> str:
    return f"{answer.option}: {answer.text}" if answer.option else answer.text


def _mark(row: object) -> float | None:
    value = row.get("value") if isinstance(row, dict) else row
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return None
    return min(max(float(value), 0.0), MOST)


def _reason(row: object) -> str:
    reason = row.get("reason") if isinstance(row, dict) else None
    return f" ({quote(reason)})" if isinstance(reason, str) and reason.strip() else ""


CRITIC = Scaling(
    name="critic",
    paper="ReAgent-V, Zhou et al., NeurIPS 2025 (arXiv 2506.01300)",
    about="A critic's report, three reflections on it, and a choice among them.",
    run=run,
)
