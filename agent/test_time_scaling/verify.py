"""VideoMind's verifier: several candidate answers, each judged by a closer look at its evidence; the best one wins.

Liu et al., VideoMind: A Chain-of-LoRA Agent for Temporal-Grounded Video Reasoning, arXiv 2503.13444; code
yeliudev/VideoMind: the grounder proposes its five best spans, the verifier sees each span zoomed by half its length on
both sides and gives sigmoid(logit Yes - logit No); the answerer gets the span with the highest score.

Precisely, here:

* The candidates are up to five attempts, the first as the policy is set, the others sampled at T=0.7, all side by side.
  Each is asked to cite the tightest span that shows its answer.
* The verification is done where every answer is checked: at the end of each attempt the loop's check asks the viewer
  the zoomed yes/no about every claim (tool `verify_clip`), and puts the probability of yes into the answer's
  confidence. So this scaling makes the candidates and compares; without a viewer the confidence is what the check of
  quotes and places leaves of it, and the comparison is one of that.
* The candidate with the highest confidence wins and keeps its text, evidence and confidence; of equals the one with
  more supported evidence, then the earlier. Unlike `vote`, agreement counts for nothing: one well-shown answer beats
  four that cannot be shown. Abstentions win only where there is nothing else; failures never.
"""

from __future__ import annotations

from .agreement import answers_of, is_abstention, no_answer
from .budget_split import attempts_afforded, budget_split
from .scaling import Attempt, Scaling, ScalingBrief, ScalingSteps

CANDIDATES = 5
TEMPERATURE = 0.7
CITE = "Cite for your answer the tightest span that shows it by itself: every claim will be looked at again there."


def run(brief: ScalingBrief) -> ScalingSteps:
    """Candidates side by side; the best verified one."""
    n = attempts_afforded(brief.budget, min(brief.width, CANDIDATES))
    attempts = [
        Attempt(budget=brief.budget, guidance=CITE, temperature=TEMPERATURE if seed else None, seed=seed)
        for seed in range(n)
    ]
    results = yield budget_split(attempts, brief.budget, n)
    answers = answers_of(results)
    if not answers:
        return no_answer(brief.question, results)
    candidates = [answer for answer in answers if not is_abstention(answer)] or answers
    return max(candidates, key=lambda a: (a.confidence, sum(piece.supported for piece in a.evidence)))


VERIFY = Scaling(
    name="verify",
    paper="VideoMind, Liu et al., arXiv 2503.13444",
    about="Candidate answers, each judged by a closer look at its evidence; the best verified one.",
    run=run,
)
