"""Plays a scaling without models: attempts and questions are answered by functions, and what they may spend is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rewatch.agent.answer import Answer, Evidence
from rewatch.agent.questions.question import Question
from rewatch.agent.test_time_scaling import SCALINGS, Attempt, Prompt, Result, ScalingBrief
from rewatch.tools import Budget

FREE = Budget(frames=None, calls=None, tokens=None, seconds=None)
ASKED = Question(text="What colour is the car?", options=("red", "blue", "green", "white"))
OPEN = Question(text="What does the sign say?")
MAX_STEPS = 200

LIMITS = ("frames", "calls", "tokens", "seconds")


def said(option: str | None = None, text: str = "", confidence: float = 0.5, **fields: object) -> Answer:
    """An answer of an attempt."""
    return Answer(question="q", text=text or f"option {option}", option=option, confidence=confidence, **fields)


def cited(*uris: str, claim: str = "it is seen", supported: bool = True) -> tuple[Evidence, ...]:
    return tuple(Evidence(claim=claim, uri=uri, tool="view_clip", supported=supported) for uri in uris)


NOTHING = Answer(question="q", text="Nothing shows it.", abstained=True, confidence=0.2)
FAILED = Answer(question="q", text="The policy failed (E: e).", abstained=True, stopped_by="policy_error")

Piece = Attempt | Prompt
Reply = Answer | str | Result


@dataclass
class Played:
    """What a scaling asked for, and its answer."""

    answer: Answer
    steps: list[tuple[Piece, ...]] = field(default_factory=list)
    results: list[tuple[Result, ...]] = field(default_factory=list)

    @property
    def attempts(self) -> list[Attempt]:
        return [piece for step in self.steps for piece in step if isinstance(piece, Attempt)]

    @property
    def says(self) -> list[Prompt]:
        return [piece for step in self.steps for piece in step if isinstance(piece, Prompt)]


def play(
    name: str,
    reply: Callable[[Piece, int], Reply],
    *,
    question: Question = ASKED,
    budget: Budget = FREE,
    width: int = 8,
    spending: Callable[[Piece], dict[str, float]] = lambda piece: {},
) -> Played:
    """Run a scaling to its end.

    Args:
        reply: what the piece with this running number comes to.
        spending: what a piece uses up; an attempt never more than its share.
    """
    scaled = SCALINGS[name].run(ScalingBrief(question=question, budget=budget, width=width))
    left, count, played = budget, 0, Played(said())
    step = next(scaled)
    while True:
        assert len(played.steps) < MAX_STEPS, "it does not end"
        assert step, "a step without pieces"
        within(step, left)
        replies = []
        for piece in step:
            replies.append(reply(piece, count))
            left = minus(left, {k: min(v, _most(piece, k)) for k, v in spending(piece).items()})
            count += 1
        results = tuple(as_result(r, left) for r in replies)
        played.steps.append(step)
        played.results.append(results)
        try:
            step = scaled.send(results)
        except StopIteration as end:
            played.answer = end.value
            return played


def as_result(reply: Reply, left: Budget) -> Result:
    if isinstance(reply, Result):
        return replace(reply, remaining=left)
    if isinstance(reply, Answer):
        return Result(text=reply.text, answer=reply, remaining=left)
    return Result(text=reply, remaining=left)


def result(answer: Answer, likelihood: float | None = None, text: str | None = None) -> Result:
    return Result(text=answer.text if text is None else text, answer=answer, likelihood=likelihood, remaining=FREE)


def minus(budget: Budget, spent: dict[str, float]) -> Budget:
    row = budget.as_dict()
    return Budget.from_dict({k: v if v is None else max(v - spent.get(k, 0), 0) for k, v in row.items()})


def within(step: Sequence[Piece], left: Budget) -> None:
    """The shares of a step and what its questions may say never add up to more than is left."""
    for limit in LIMITS:
        have = getattr(left, limit)
        if have is None:
            continue
        shares = [getattr(piece.budget, limit) for piece in step if isinstance(piece, Attempt)]
        assert all(part is not None for part in shares), f"an attempt without a limit of {limit}"
        assert sum(shares) <= have + 1e-9, f"{limit}: {shares} of {have}"
        if limit == "tokens":
            assert sum(piece.max_tokens for piece in step if isinstance(piece, Prompt)) <= have


def _most(piece: Piece, limit: str) -> float:
    share = getattr(piece.budget, limit) if isinstance(piece, Attempt) else None
    return float("inf") if share is None else share
