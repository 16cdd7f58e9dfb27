"""DIVE: find out what is really asked, split it up, answer the parts in turn, and rethink the parts after each answer.

Kamoto et al., DIVE: Deep-search Iterative Video Exploration, arXiv 2506.21891, winner of CVRR-ES at CVPR 2025; code
PanasonicConnect/DIVE (`main.py`, `nodes.py`), whose graph is followed here:
summary → intent → split → [answer the first sub-question → refine the others → go on?]* → final answer. At most 25
rounds.

Choices made here, where our loop differs:

* The summary is an attempt of its own, object-centric as there (there it is prepared beforehand per video).
* The final answer there is written from the texts alone. Here it is an attempt, so that what it cites is observed and
  checked in its own run; it is told what was found and where. If it cites nothing that holds, the evidence of the
  sub-answers stands for it.
* "A tool must have been used" (five retries there) is what the loop's check asks of every answer here.
* A reply that cannot be read changes nothing: without an intent or sub-questions it goes on without; a plan that cannot
  be read stays; an unreadable "go on?" goes on, as the published prompt wants doubts to. Attempts are capped by the
  width and the budget, the last one being kept for the final answer.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ...tools import Budget
from ...tools.sanitize import quote
from ..answer import Answer
from .agreement import answers_of, evidence_of, is_abstention, no_answer
from .budget_split import attempts_afforded, budget_split, prompt_step, remaining_after
from .reading import questions, yes_or_no
from .scaling import Attempt, Prompt, Result, Scaling, ScalingBrief, ScalingSteps

MAX_ROUNDS = 25
LONGEST = 600
"""Characters of what was found that are told further."""

SUMMARY = (
    "Describe the video from its beginning to its end: which people and objects there are, what each of them does and "
    "when, and what is said or written."
)
INTENT = (
    "{question}\n\nThis is asked about a video.{summary}\nState in one or two sentences what exactly is to be found "
    "out: what must be seen or heard in the video, what is to be told apart, what must not be assumed."
)
SPLIT = (
    "{question}\n\nThis is asked about a video.{summary}\nSplit it into the sub-questions that must be answered one by "
    "one, among them whether the people, things, actions and numbers that it takes for granted are there at all.\n"
    "Reply with a JSON list of questions."
)
RETHINK = (
    "{question}\n\nThis is asked about a video. Found out so far:\n{known}\nStill to be asked:\n{plan}\n"
    "Change these sub-questions where the answers make it necessary, add what is missing, else repeat them. "
    "Reply with a JSON list of questions."
)
GO_ON = (
    "{question}\n\nThis is asked about a video. Found out so far:\n{known}\nStill to be asked:\n{plan}\n"
    "Must any of these still be answered before the first question can be answered for certain? Reply yes or no first, "
    "then why."
)


class _Finding(NamedTuple):
    question: str
    answer: Answer

    def __str__(self) -> str:
        text = "not found" if is_abstention(self.answer) else quote(self.answer.text[:LONGEST])
        places = ", ".join(piece.uri for piece in self.answer.evidence if piece.supported)
        return f"- {self.question} {text}{f' ({places})' if places else ''}"


def run(brief: ScalingBrief) -> ScalingSteps:
    """Sub-question by sub-question, then the question."""
    to_come = attempts_afforded(brief.budget, brief.width)
    remaining, whole = brief.budget, brief.question.prompt
    findings: list[_Finding] = []
    summary = intent = ""
    if to_come >= 3:  # a summary, one sub-question, the question
        results = yield budget_split([Attempt(budget=remaining, question=SUMMARY)], remaining, to_come)
        remaining, to_come = remaining_after(results), to_come - 1
        summary = "".join(
            f" Its summary: {quote(a.text[:LONGEST])}" for a in answers_of(results) if not is_abstention(a)
        )
    plan: list[str] = []
    if to_come >= 2:
        intent, remaining = yield from _prompt(INTENT.format(question=whole, summary=summary), remaining)
        reply, remaining = yield from _prompt(SPLIT.format(question=whole, summary=summary), remaining)
        plan = questions(reply)
    for _ in range(min(MAX_ROUNDS, to_come - 1)):
        if not plan:
            break
        attempt = Attempt(budget=remaining, question=plan[0], guidance=_guidance(intent, summary, findings))
        results = yield budget_split([attempt], remaining, to_come)
        remaining, to_come = remaining_after(results), to_come - 1
        findings += [_Finding(plan[0], answer) for answer in answers_of(results)]
        plan = plan[1:]
        if to_come < 2:
            break
        texts = {"question": whole, "known": _lines(findings), "plan": "\n".join(plan) or "(nothing)"}
        reply, remaining = yield from _prompt(RETHINK.format(**texts), remaining)
        plan = questions(reply) or plan
        reply, remaining = yield from _prompt(
            GO_ON.format(**{**texts, "plan": "\n".join(plan) or "(nothing)"}), remaining
        )
        if yes_or_no(reply) is False:
            break
    last: tuple[Result, ...] = yield budget_split(
        [Attempt(budget=remaining, guidance=_guidance(intent, summary, findings))], remaining, 1
    )
    answers = answers_of(last)
    if not answers:
        return no_answer(brief.question, last)
    if is_abstention(answers[0]) or any(piece.supported for piece in answers[0].evidence):
        return answers[0]
    return replace(answers[0], evidence=evidence_of([answers[0], *(item.answer for item in findings)]))


def _prompt(prompt: str, remaining: Budget) -> Generator[tuple[Prompt, ...], tuple[Result, ...], tuple[str, Budget]]:
    """Return the reply to a plain question, empty where the budget has no room for it, and what is left."""
    step = prompt_step(prompt, remaining)
    if not step:
        return "", remaining
    results = yield step
    return results[0].text.strip(), remaining_after(results)


def _lines(findings: Sequence[_Finding]) -> str:
    return "\n".join(str(item) for item in findings) or "(nothing)"


def _guidance(intent: str, summary: str, findings: Sequence[_Finding]) -> str:
    parts = [f"What is to be found out: {quote(intent[:LONGEST])}" if intent else "", summary.strip()]
    parts += [f"Found out so far:\n{_lines(findings)}\nLook again before you rely on it." if findings else ""]
    return "\n".join(part for part in parts if part)


REFINE = Scaling(
    name="refine",
    paper="DIVE, Kamoto et al., arXiv 2506.21891",
    about="Sub-questions answered one by one and rethought after each, then the question.",
    run=run,
)
