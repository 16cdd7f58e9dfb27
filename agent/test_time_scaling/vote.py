"""Self-consistency: several sampled attempts, the answer that most of them give.

Wang et al., Self-Consistency Improves Chain of Thought Reasoning in Language Models, ICLR 2023 (arXiv 2203.11171):
sample n reasoning paths at a temperature above 0 (0.7 there), marginalise the paths out, take the most frequent answer.
Aggarwal et al., Let's Sample Step by Step: Adaptive-Consistency, EMNLP 2023 (arXiv 2305.11860): stop sampling once the
outcome is clear.

Choices made here, where the papers leave one:

* What "the same answer" is for free text: `agreement.same`. Options are compared by their letters.
* Ties go to the group with the higher summed confidence, then to the earlier one.
* Abstaining is an answer like any other ("nothing shows it"), but loses a tie; a failed attempt has no vote.
* Adaptive-Consistency stops when a Beta posterior is 95 % sure; here when the outcome is certain, so the stop never
  changes the answer. After v votes for the first and w for the second with m attempts to come, k more can decide it
  at the earliest when v + k - w > m - k, so the next k = (m - (v - w)) // 2 + 1 attempts run side by side: no attempt
  is made that could not have mattered, and none waits that need not.
* Confidence is the vote share among the attempts that were made and did not fail.
"""

from __future__ import annotations

from .agreement import answers_of, grouped, no_answer
from .budget_split import attempts_afforded, budget_split, remaining_after
from .scaling import Attempt, Result, Scaling, ScalingBrief, ScalingSteps

TEMPERATURE = 0.7
"""As in the paper (GPT-3 and PaLM)."""


def run(brief: ScalingBrief) -> ScalingSteps:
    """Sample attempts until no other answer can win any more; the plurality's answer."""
    total = attempts_afforded(brief.budget, brief.width)
    temperature = TEMPERATURE if total > 1 else None  # one attempt alone is better greedy
    remaining, results = brief.budget, list[Result]()
    while (to_come := total - len(results)) > 0:
        groups = grouped(answers_of(results), brief.question)
        first, second = (*(len(group.members) for group in groups[:2]), 0, 0)[:2]
        if first - second > to_come:
            break
        batch = range(len(results), len(results) + (to_come - (first - second)) // 2 + 1)
        attempts = [Attempt(budget=remaining, temperature=temperature, seed=seed) for seed in batch]
        results += yield budget_split(attempts, remaining, to_come)
        remaining = remaining_after(results[-len(batch) :])
    answers = answers_of(results)
    if not answers:
        return no_answer(brief.question, results)
    winner = grouped(answers, brief.question)[0]
    return winner.spoken_for(len(winner.members) / len(answers))


VOTE = Scaling(
    name="vote",
    paper="Self-consistency, Wang et al., ICLR 2023; Adaptive-Consistency, Aggarwal et al., EMNLP 2023",
    about="Several sampled attempts; the answer most of them give.",
    run=run,
)
