"""`adaptive`: a light encoder proposes frames, a model that sees rates a few each round, and looks closer (A.I.R.).

Paper: A.I.R. (ICLR 2026, arXiv 2510.04428). `adaptive_sampling` has its arithmetic and constants; this is its loop:
initial sampling from the mixture threshold, then at most I_max rounds of ranking, rating, early stop and local
density.

Choices: the encoder is the memory's, whatever it is; where it can see nothing that the question names, the similarity
of a second is that of its clip in the memory's own search (speech, screen text), and where that finds nothing either,
all seconds are alike. The similarity of frames between sampled seconds is interpolated. No frame is rated twice. A
rating that cannot be read is neutral. Local density is sampled around frames rated neutral or better; negative ones
that only make up the number are kept, but nothing is expected beside them. A budget below the paper's is shared
between B and the ratings as there (V_max to C I_max).
"""

from __future__ import annotations

import math

import numpy as np

from ...memory import clock
from ..steps import Steps
from . import adaptive_sampling as air
from .route import Brief, Route, RouteResult
from .route_budget import RouteBudget, short, thin

MOST_RATED = air.C * air.I_MAX


def split_budget(seconds: float, frames: int) -> tuple[int, int]:
    """B and the most frames to rate, for a video of `seconds` and `frames` in all."""
    final = min(air.frame_budget(seconds), math.ceil(frames * air.V_MAX / (air.V_MAX + MOST_RATED)))
    return final, min(frames - final, MOST_RATED)


def run(brief: Brief) -> Steps[RouteResult]:
    """Propose, rate, look closer, and show the B best."""
    budget = RouteBudget(brief, frames=air.V_MAX + MOST_RATED)
    final, may_rate = split_budget(brief.whole.duration, budget.frames)
    if budget.calls < 2 or final < 1:
        return (yield from budget.show_evenly("Too little budget to rate: even steps."))
    times, scores, by = yield from _similarities(brief, budget)
    chosen = air.initial_frames(times, scores, 2 * max(air.frame_budget(brief.whole.duration), air.C))
    ratings: dict[float, tuple[int | None, str]] = {}
    validated: list[float] = []
    rounds = 0
    while rounds < air.I_MAX and len(validated) < final and budget.calls >= 2:
        candidates = air.rank_candidates(chosen, times, scores, list(ratings), min(air.C, may_rate - len(ratings)))
        if not candidates:
            break
        rounds += 1
        asking = sorted(candidates)
        (result,) = yield (budget.call("rate_frames", len(asking), times=asking, question=brief.prompt),)
        if result.error:
            break
        rows = zip(asking, result.data.get("ratings", []), strict=False)
        ratings |= {time: (row.get("score"), str(row.get("reason", ""))) for time, row in rows}
        validated_now = keep(asking, ratings, times, scores, final)
        validated += validated_now
        if len(validated) >= final:
            break
        around = [time for time in validated_now if (ratings[time][0] or air.THETA) >= air.THETA]
        chosen = closer(chosen, around, candidates, final - len(validated), times)
    pool = sorted(validated or chosen, key=lambda time: -float(np.interp(time, times, scores)))
    best = thin(pool, final) if np.ptp(scores) == 0 else pool[:final]
    return (yield from budget.show(best, _summary(ratings, rounds, by)))


def keep(
    asking: list[float],
    ratings: dict[float, tuple[int | None, str]],
    times: np.ndarray,
    scores: np.ndarray,
    final: int,
) -> list[float]:
    """F* of one round: the frames rated above THETA, topped up to `floor(B / I_MAX)` with neutral, then negative ones.

    Times in seconds; `ratings` holds score and reason by second, a score of None reads as neutral. `final` is B.
    """
    rated = {time: ratings[time][0] or air.THETA for time in asking if time in ratings}
    positive = [time for time, score in rated.items() if score > air.THETA]
    # Neutral before negative; within each by similarity.
    rest = sorted(
        (time for time in rated if time not in positive),
        key=lambda time: (rated[time] < air.THETA, -float(np.interp(time, times, scores))),
    )
    return positive + rest[: max(final // air.I_MAX - len(positive), 0)]


def closer(
    chosen: list[float], validated_now: list[float], candidates: dict[float, float], missing: int, times: np.ndarray
) -> list[float]:
    """F with the frames of local density sampling around each validated one, in order, inside `times` (s).

    `candidates` holds the length (s) of the interval that brought each in; the `missing` frames (B less those
    validated) are shared out over both sides of each.
    """
    times_found = set(chosen)
    for time in validated_now:
        for offset in air.density_offsets(candidates[time], math.ceil(missing / (2 * len(validated_now)))):
            for new in (round(time - offset, 3), round(time + offset, 3)):
                if times[0] <= new <= times[-1] and all(abs(new - old) >= 1 / air.FPS for old in times_found):
                    times_found.add(new)
    return sorted(times_found)


def _similarities(brief: Brief, budget: RouteBudget) -> Steps[tuple[np.ndarray, np.ndarray, str]]:
    """Return sampled seconds `[n]`, their similarities `[n]`, and whose they are."""
    question = brief.question.text
    (result,) = yield (budget.call("score_frames", query=question, fps=1.0),)
    times, scores = np.array(result.data.get("times", ())), np.array(result.data.get("scores", ()))
    if not result.error and len(times) and len(times) == len(scores):
        return times, scores, "the visual encoder"
    whole = brief.whole
    times = whole.start + np.arange(max(1, math.ceil(whole.duration)))
    scores = np.ones(len(times))
    if budget.calls < 3:
        return times, scores, "nothing"
    (result,) = yield (budget.call("search_clips", query=question, k=50),)
    hits = [] if result.error else result.data.get("hits", [])
    if not hits:
        return times, scores, "nothing"
    scores = np.zeros(len(times))
    for hit in hits:
        start, end = hit["span"]
        inside = (times >= start) & (times < end)
        scores[inside] = np.maximum(scores[inside], hit["score"])
    return times, scores, "the memory's search"


def _summary(ratings: dict[float, tuple[int | None, str]], rounds: int, by: str) -> str:
    rated = [(time, score, why) for time, (score, why) in ratings.items() if score]
    best = sorted(rated, key=lambda row: -row[1])[:3]
    why = "; ".join(f"{clock(time)} rated {score} of 5: {short(reason, 100)}" for time, score, reason in best)
    head = f"Frames proposed by {by}; {len(ratings)} rated for the question in {rounds} rounds."
    return f"{head} {why}." if why else head


ADAPTIVE = Route(
    name="adaptive",
    paper="A.I.R. (ICLR 2026, arXiv 2510.04428)",
    about="rates the most promising frames in a few rounds; a short moment in a long video",
    run=run,
)
