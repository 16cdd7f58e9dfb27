"""CyberV: score the attempts by how sure the model was, and look closer only where the best answer is not sure enough.

Meng et al., CyberV: Cybernetics for Test-time Scaling in Video Understanding, arXiv 2506.07971; code
marinero4972/CyberV (`utils.select_output`, `test/test_videommmu.py`).

1. One direct attempt and N-1 that think step by step (N=8 at T=1 with theta=0.3; N=2 at T=0 with theta=0.5).
2. Score Forest: score_i = 0.2 · (p_i + stable_i + fluent_i + attentive_i + rank_i / N), where
   p_i         probability of the answer; 1e-4 where there is none
   stable_i    1 unless p fell by more than half against the direct attempt: (p_i - p_0) / p_0 < -0.5
   fluent_i    1 unless some piece of 15 to 29 characters stands in the reply five times or more
   attentive_i 1 unless the attention of the answer to video and speech fell by more than 0.1 against the direct attempt
   rank_i      rank of p_i among all, 1 for the lowest
   Scores are summed per answer; the best is accepted if its sum > N · theta.
3. Else one attempt that zooms in, at T=0.01. For N > 2 it is kept only if its answer is among those of the first round;
   for N = 2 it is kept unless it has none, and then the thinking attempt's answer is.

Choices made here, where the paper needs what an agent with tools does not have:

* p is `Result.likelihood` where the model tells it, else the confidence of the checked answer.
* No model here reports attention, so `attentive` is 1 for all (`all_origin` in the published code).
* Where to zoom is taken from attention there; here from the places that the attempts cite, those of the least agreed
  answers last. The zoom is asked for in words, and the policy's tools do it.
* Failed attempts are left out of the first round (N is what is left), abstentions stay in as an answer of their own.
* Confidence is the best sum / N, the very number that is compared with theta; a single attempt keeps its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..answer import Answer
from ..questions.question import Question
from .agreement import Group, answers_of, evidence_of, grouped, is_abstention, no_answer, same
from .budget_split import affords_attempt, attempts_afforded, budget_split, remaining_after
from .scaling import Attempt, Result, Scaling, ScalingBrief, ScalingSteps

WEIGHT = 0.2
ATTENTIVE = 1
NO_PROBABILITY = 1e-4
ZOOM_TEMPERATURE = 0.01
TOP = 5

DIRECT = "Answer directly from what you find."
THINK = "Think step by step: say what each observation shows, and weigh the possible answers, before you answer."
ZOOM = (
    "Earlier attempts were not sure ({summary}). Look again at {where}, more densely in time and closer at the regions "
    "that matter, before you decide."
)


def run(brief: ScalingBrief) -> ScalingSteps:
    """Make a first round; if its best answer is not sure enough, take one closer look."""
    width = max(brief.width, 1)
    total = attempts_afforded(brief.budget, width + 1)
    n = min(width, total - 1 if total > 2 else total)
    heat = 1.0 if n > 2 else 0.0
    attempts = [Attempt(budget=brief.budget, guidance=DIRECT, temperature=0.0)]
    attempts += [Attempt(budget=brief.budget, guidance=THINK, temperature=heat, seed=i) for i in range(1, n)]
    reserve = 1 if n > 1 and total > n else 0
    first = yield budget_split(attempts, brief.budget, n + reserve)
    usable = [result for result in first if answers_of([result])]
    answers = answers_of(usable)
    if len(answers) < 2:
        return answers[0] if answers else no_answer(brief.question, first)
    points = scores([probability(r) for r in usable], [r.text for r in usable])
    sums = [(group, sum(points[i] for i in group.indices)) for group in grouped(answers, brief.question)]
    ranked = sorted(sums, key=lambda pair: -pair[1])
    best, sum_of_best = ranked[0]
    accepted = answers[max(best.indices, key=lambda i: points[i])]
    if sure(sum_of_best, len(answers)) or not affords_attempt(remaining_after(first)):
        return best.spoken_for(sum_of_best / len(answers), by=accepted)
    zoom = Attempt(budget=brief.budget, guidance=_closer(ranked), temperature=ZOOM_TEMPERATURE, seed=n)
    closer = answers_of((yield budget_split([zoom], remaining_after(first), 1)))
    chosen = _chosen(closer, answers, accepted, brief.question)
    for group, points_of_group in ranked:
        if same(group.members[0], chosen, brief.question):
            everyone = Group((*group.members, *closer) if chosen in closer else group.members)
            return everyone.spoken_for(points_of_group / len(answers), by=chosen)
    return chosen


def _chosen(closer: Sequence[Answer], answers: Sequence[Answer], accepted: Answer, question: Question) -> Answer:
    answered = [answer for answer in closer if not is_abstention(answer)]
    if len(answers) == 2:
        return next((answer for answer in (*answered, *reversed(answers)) if not is_abstention(answer)), accepted)
    return next((a for a in answered if any(same(a, other, question) for other in answers)), accepted)


def sure(sum_of_best: float, n: int) -> bool:
    """Return whether the best answer of n attempts needs no closer look."""
    return sum_of_best > n * (0.5 if n == 2 else 0.3)


def scores(likelihoods: Sequence[float], texts: Sequence[str]) -> list[float]:
    """Return the Score Forest of p in (0, 1] and the replies as written; the first attempt is the direct one."""
    n = len(likelihoods)
    ranks = {i: rank for rank, i in enumerate(sorted(range(n), key=lambda i: likelihoods[i]), start=1)}
    sums = []
    for i, p in enumerate(likelihoods):
        stable = (p - likelihoods[0]) / likelihoods[0] >= -0.5
        sums.append(WEIGHT * (p + stable + (not repeats(texts[i])) + ATTENTIVE + ranks[i] / n))
    return sums


def repeats(text: str) -> bool:
    """Return whether a piece of 15 to 29 characters stands in `text` (of over 30) five times or more."""
    if len(text) <= 30:
        return False
    # A longer piece that stands there five times has a first part of 15 characters that does, too.
    pieces = Counter(text[i : i + 15] for i in range(len(text) - 14))
    return pieces.most_common(1)[0][1] >= 5


def probability(result: Result) -> float:
    """Return how probable an attempt's answer is: what the model tells, else the answer's confidence; never 0."""
    p = result.likelihood if result.likelihood is not None else result.answer.confidence if result.answer else 0.0
    return min(max(p, NO_PROBABILITY), 1.0)


def _closer(ranked: Sequence[tuple[Group, float]]) -> str:
    places = dict.fromkeys(piece.uri for group, _ in ranked for piece in evidence_of(group.members))
    summary = f"{len(ranked)} different answers" if len(ranked) > 1 else "the same answer, hardly sure"
    return ZOOM.format(summary=summary, where=", ".join(list(places)[:TOP]) or "the moments that decide it")


CONFIDENCE = Scaling(
    name="confidence",
    paper="CyberV, Meng et al., arXiv 2506.07971",
    about="Attempts scored by how sure the model was; one closer look only while unsure.",
    run=run,
)
