"""The `Scaling` class: more than one run of the loop for one question, under one budget, put together to one answer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from ...tools import Budget
from ..answer import Answer
from ..questions.question import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run of the loop to make."""

    budget: Budget
    """Its share of what remains; attempts of one step run side by side, each within its own share."""
    question: str | None = None
    """Another question to ask instead (a sub-question); None asks the question itself, with its options."""
    guidance: str = ""
    """Words for the policy besides the question (think step by step, be sceptical, what is known so far)."""
    temperature: float | None = None
    """Sampling temperature; None leaves it to the policy."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One plain question to the policy's model, without video and tools."""

    prompt: str
    max_tokens: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of an attempt or of a plain question."""

    text: str
    """The last message as it was said."""
    answer: Answer | None = None
    """The answer of an attempt; None for a plain question."""
    likelihood: float | None = None
    """Geometric mean probability in [0, 1] of the tokens of the last message, where the model tells."""
    remaining: Budget


ScalingSteps = Generator[tuple[Attempt | Prompt, ...], tuple[Result, ...], Answer]
"""Yields what to do next (the pieces of one step side by side), is sent their results in order, returns the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingBrief:
    """The task of a scaling."""

    question: Question
    budget: Budget
    """For all attempts together."""
    width: int = 8
    """How many attempts the person allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """One way to spend more on an answer."""

    name: str
    paper: str
    about: str
    run: Callable[[ScalingBrief], ScalingSteps]
    needs_model: bool = True
    """True if the policy must be a language model (writes free text, samples), which `heuristic` is not."""
