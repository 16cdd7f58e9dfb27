"""The routes' arithmetic on numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from rewatch.agent.strategies import adaptive_sampling as air
from rewatch.agent.strategies.adaptive import closer, keep, split_budget
from rewatch.agent.strategies.map_reduce import read_groups, split
from rewatch.agent.strategies.role_chain import fallback_windows
from rewatch.agent.strategies.route_budget import at_least, even, shares, thin
from rewatch.agent.strategies.skim_zoom import stage_two
from rewatch.agent.strategies.tree import TrustedAnswer as Trusted
from rewatch.agent.strategies.tree import agree, picked, segments
from rewatch.agent.strategies.video_tree import fill, next_k, relevance
from rewatch.memory import Span
from rewatch.memory.span import merge_spans

# Shared


def test_even_takes_the_middles_of_equal_parts():
    assert even(Span(0, 10), 2) == [2.5, 7.5]
    assert even(Span(5, 6), 4) == [5.125, 5.375, 5.625, 5.875]
    assert even(Span(3, 3), 4) == [3.0]  # one moment, once
    assert even(Span(0, 10), 0.9) == [] and even(Span(0, 10), 0) == []


def test_thin_keeps_even_ones_of_too_many():
    assert thin([3, 1, 2, 1], 9) == [1, 2, 3]
    # 10 times, 2 wanted: places (0.5 * 10 / 2, 1.5 * 10 / 2) = 2.5, 7.5, floored.
    assert thin(range(10), 2) == [2, 7]
    assert thin([1, 2], 0) == []


def test_floor_and_add_one_adds_up_to_the_total():
    # K = 10 over lengths 6, 3, 1: floor(6) + 1 = 7, floor(3) + 1 = 4, floor(1) + 1 = 2: 13; the largest gives one
    # three times: 7 -> 6 -> 5 -> 4 (4 and 4 next: the first).
    assert shares([6, 3, 1], 10) == [4, 4, 2]
    # K = 10 over 9, 1: floor(9) + 1 = 10, floor(1) + 1 = 2: 12; the largest gives two.
    assert shares([9, 1], 10) == [8, 2]
    assert shares([5], 7) == [7]
    assert shares([1, 3, 2], 2) == [0, 1, 1]  # more than the total: the longest get one
    assert shares([0, 0], 5) == [3, 2] or sum(shares([0, 0], 5)) == 5
    assert shares([1, 2], 0) == [0, 0] and shares([], 3) == []


@pytest.mark.parametrize("total", [1, 2, 7, 64])
def test_shares_are_whole_and_never_too_many(total: int):
    rng = np.random.default_rng(total)
    for _ in range(50):
        lengths = rng.exponential(10, rng.integers(1, 30)).tolist()
        parts = shares(lengths, total)
        assert sum(parts) == total and min(parts) >= (1 if len(lengths) <= total else 0)


def test_spans_are_merged_and_widened():
    spans = [Span(10, 12), Span(0, 3), Span(3, 5), Span(14, 15)]
    assert merge_spans(spans) == [Span(0, 5), Span(10, 12), Span(14, 15)]
    # 2 s widened to 8: 3 s more at both ends; at the edges the other end takes it.
    assert at_least(Span(10, 12), 8, Span(0, 100)) == Span(7, 15)
    assert at_least(Span(1, 3), 8, Span(0, 100)) == Span(0, 8)
    assert at_least(Span(98, 100), 8, Span(0, 100)) == Span(92, 100)
    assert at_least(Span(1, 2), 8, Span(0, 4)) == Span(0, 4)
    assert at_least(Span(0, 50), 8, Span(0, 100)) == Span(0, 50)


# A.I.R.


def test_frame_budget_follows_the_length():
    # B = max(min(floor(32 n / 300), 32), 8): 150 s -> 16; 300 s and more -> 32; 60 s -> 6.4 -> 8 (V_min).
    assert [air.frame_budget(s) for s in (150, 300, 3600, 60, 0)] == [16, 32, 32, 8, 8]


def test_a_small_budget_is_shared_as_in_the_paper():
    # Paper: 32 to answer and 12 * 6 = 72 to rate, of 104. Of 52: ceil(52 * 32 / 104) = 16 and 36.
    assert split_budget(1800, 104) == (32, 72)
    assert split_budget(1800, 52) == (16, 36)
    assert split_budget(60, 1000) == (8, 72)  # B of a short video; never more than C I_max rated
    assert split_budget(1800, 1) == (1, 0) and split_budget(1800, 0) == (0, 0)


def test_threshold_is_the_larger_mean_less_gamma_times_the_larger_deviation():
    # Two groups far apart: 0.10 +- 0.01 (mean 0.1, sd 0.01) and 0.50 +- 0.04 (mean 0.5, sd 0.04).
    # T = 0.5 - 0.7 * 0.04 = 0.472; the larger deviation may belong to either.
    scores = np.array([0.09, 0.11] * 50 + [0.46, 0.54] * 20)
    assert air.threshold(scores) == pytest.approx(0.472, abs=1e-3)
    wide_low = np.array([0.06, 0.14] * 50 + [0.49, 0.51] * 20)
    assert air.threshold(wide_low) == pytest.approx(0.472, abs=1e-3)
    assert air.threshold(scores[:9]) is None and air.threshold(np.full(50, 0.2)) is None


def test_events_are_merged_over_short_gaps_and_short_ones_dropped():
    times = np.arange(30.0)
    scores = np.zeros(30)
    scores[[2, 3, 4, 6, 7]] = 0.5  # 4 and 6 lie 2 s apart: one event, 2 to 7
    scores[[12, 15, 16]] = 0.5  # 12 and 15 lie 3 s apart: alone; 12 lasts at most 2 s, 15 and 16 at most 3 s: dropped
    scores[[20, 21, 22]] = 0.5  # may be 4 s: kept
    assert air.events(times, scores, 0.4) == [(2, 7), (20, 22)]
    scores[27] = 0.9  # the best of all stays, however short
    assert air.events(times, scores, 0.4) == [(2, 7), (20, 22), (27, 27)]


def test_initial_frames_are_the_best_of_each_event():
    rng = np.random.default_rng(0)
    scores = 0.1 + 0.01 * rng.standard_normal(200)  # T is near 0.604 - 0.7 * 0.01: below all that stand out
    scores[50:60] = 0.6 + 0.001 * np.arange(10)  # 10 samples
    scores[120:125] = 0.6 + 0.001 * np.arange(5)  # 5 samples
    # K = 6 over lengths 10 and 5: floor(4) + 1 = 5, floor(2) + 1 = 3: 8; the largest gives two: 3 and 3.
    assert air.initial_frames(np.arange(200.0), scores, 6) == [57, 58, 59, 122, 123, 124]


def test_initial_frames_of_flat_or_few_similarities():
    assert air.initial_frames(np.arange(100.0), np.full(100, 0.3), 5) == [0, 25, 50, 74, 99]
    few = np.array([0.1, 0.9, 0.8, 0.2, 0.7])
    assert air.initial_frames(np.arange(5.0), few, 2) == [1, 4]  # 2 is nearer to 1 than 2 s
    assert air.initial_frames(np.array([7.0]), np.array([0.5]), 5) == [7]


def test_potential_of_an_interval():
    # mean(0.1, 0.3, 0.2) = 0.2; changes 0.2 + 0.1 = 0.3 over 10 s: 1.03; 1 + 0.5 lg(10) = 1.5: 0.2 * 1.03 * 1.5.
    assert air.potential(np.array([0.1, 0.3, 0.2]), 10) == pytest.approx(0.309)
    # Shorter than a sampled frame counts as one: lg(1) = 0.
    assert air.potential(np.array([0.4, 0.4]), 0.3) == pytest.approx(0.4)


def test_candidates_are_the_ends_of_the_intervals_with_most_potential():
    times, scores = np.arange(101.0), np.full(101, 0.2)
    scores[40:61] = 0.5
    # F = 40, 60. Potentials, about: 0-40 and 60-100 0.2 (1 + 0.5 lg 40) = 0.37, 40-60 0.5 (1 + 0.5 lg 20) = 0.83.
    found = air.rank_candidates([40.0, 60.0], times, scores, [], 2)
    assert found == {40.0: 20.0, 60.0: 20.0}
    # Rated frames are passed over; the next interval brings in its other end, with its own length.
    assert air.rank_candidates([40.0, 60.0], times, scores, [40.0, 60.0], 5) == {0.0: 40.0, 100.0: 40.0}
    assert air.rank_candidates([], np.array([3.0]), np.array([0.1]), [], 5) == {3.0: 0.0}
    assert air.rank_candidates([], np.array([3.0]), np.array([0.1]), [3.0], 5) == {}


def test_local_density_offsets_grow_by_beta():
    # alpha = max(0.05 * 40 s, 15 / 24 s) = 2 s; then 2 * 1.5 = 3, 2 * 2.25 = 4.5.
    assert air.density_offsets(40, 3) == pytest.approx([2, 3, 4.5])
    assert air.density_offsets(4, 2) == pytest.approx([0.625, 0.9375])
    assert air.density_offsets(40, 0) == []


def test_positives_are_kept_and_topped_up_neutral_first():
    times, scores = np.arange(10.0), np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5, 0.0])
    ratings = {0.0: (5, ""), 1.0: (1, ""), 2.0: (None, ""), 3.0: (2, ""), 4.0: (3, "")}
    asking = [0.0, 1.0, 2.0, 3.0, 4.0]
    # floor(32 / 6) = 5: positive 0; neutral 4 (S 0.3), 2 (unreadable, 0.2); negative 1 (0.9), 3 (0.8).
    assert keep(asking, ratings, times, scores, 32) == [0.0, 4.0, 2.0, 1.0, 3.0]
    assert keep(asking, ratings, times, scores, 18) == [0.0, 4.0, 2.0]  # floor(18 / 6) = 3
    assert keep(asking, ratings, times, scores, 5) == [0.0]  # floor(5 / 6) = 0: no top up


def test_local_density_shares_what_is_missing_and_stays_inside():
    # 4 missing, one validated frame: D = ceil(4 / 2) = 2 on each side, alpha = 2 s, then 3 s.
    assert closer([10.0], [10.0], {10.0: 40.0}, 4, np.arange(101.0)) == [7, 8, 10, 12, 13]
    assert closer([1.0], [1.0], {1.0: 40.0}, 4, np.arange(101.0)) == [1, 3, 4]  # nothing before 0
    # A frame that is there already (within 1/24 s) is not added again.
    assert closer([10.0, 12.01], [10.0], {10.0: 40.0}, 2, np.arange(101.0)) == [8, 10, 12.01]
    assert closer([10.0], [], {}, 4, np.arange(101.0)) == [10]


# ViTL


def test_stage_two_gives_frames_by_length():
    # 12 frames over 30 s and 10 s: floor(9) + 1 = 10, floor(3) + 1 = 4: 14; the largest gives two: 8 and 4.
    times = stage_two([Span(0, 30), Span(50, 60)], 12)
    assert len([t for t in times if t < 30]) == 8 and len([t for t in times if t > 50]) == 4
    assert stage_two([Span(0, 0.5)], 100) == even(Span(0, 0.5), 4)  # at most 8 a second
    assert stage_two([Span(5, 5)], 3) == [5.0]


# AKeyS


def test_the_search_stops_where_two_trusted_answers_agree():
    assert agree(Trusted("A red car", 3), Trusted("the red car.", 3), ())
    assert not agree(Trusted("A red car", 2), Trusted("red car", 3), ()) and not agree(
        Trusted("x", 5), Trusted("x", 2), ()
    )
    assert not agree(Trusted("red", 5), Trusted("blue", 3), ())
    assert agree(Trusted("x", 1), Trusted("x", 2), (), late=True) and not agree(
        Trusted("x", 1), Trusted("x", 1), (), late=True
    )
    assert agree(Trusted("B. dog", 4), Trusted("(B)", 3), ("cat", "dog")) and not agree(
        Trusted("", 5), Trusted("", 3), ()
    )


def test_segments_and_the_ones_that_are_split():
    nodes = segments([2.0, 6.0], Span(0, 10))
    assert nodes == [Span(0, 2), Span(2, 6), Span(6, 10)]
    assert picked("Closer: 3, 1 and 9", nodes) == [Span(6, 10), Span(0, 2)]  # there is no 9
    assert picked("Closer: segments 3 and 1.", nodes) == [Span(6, 10), Span(0, 2)]
    assert picked("Closer: 00:06-00:10, at 00:01", nodes) == [Span(6, 10), Span(0, 2)]  # by time
    assert picked("I do not know", nodes) == [Span(2, 6), Span(6, 10), Span(0, 2)]  # the longest first
    many = segments([float(k) for k in range(1, 20)], Span(0, 20))
    assert len(picked("Closer: " + ", ".join(map(str, range(1, 21))), many)) == 5
    assert picked("Closer: 1", [Span(0, 0.3), Span(0.3, 4)]) == []  # too short to split


# VideoTree


def test_groups_double_until_enough_are_relevant():
    assert [relevance(r) for r in (1, 2, 3, 4, 5, None)] == [1, 1, 2, 3, 3, 2]
    assert next_k([3, 3, 3, 1], 8) == 16 and next_k([1] * 16, 16) == 32 and next_k([1] * 20, 20) == 32
    assert next_k([3, 3, 3, 3], 8) is None and next_k([1] * 32, 32) is None


def test_the_leaves_of_relevant_groups_come_first():
    assert fill([[1, 2], [3, 4, 5, 6], [7]], 4) == [1, 2, 4, 6]  # of the second tier, two of four
    assert fill([[1, 2], [2, 3], []], 10) == [1, 2, 3]
    assert fill([[1, 2, 3, 4]], 0) == []


# MR. Video and VideoMind


def test_parts_cover_the_video_and_groups_are_read():
    assert split(Span(0, 90), 3) == [Span(0, 30), Span(30, 60), Span(60, 90)]
    assert read_groups("1=3 = 5\nand 2=4.") == [[0, 2, 4], [1, 3]] and read_groups("none, 1 and 2") == []


def test_windows_where_grounding_failed():
    # 60 s: five windows of 20 s, every 10 s.
    assert fallback_windows(Span(0, 60)) == [Span(k * 10, k * 10 + 20) for k in range(5)]


def test_no_arithmetic_depends_on_the_scale_of_similarities():
    rng = np.random.default_rng(1)
    scores = rng.normal(0.2, 0.01, 300)
    scores[100:110] += 0.2
    plain, small = air.threshold(scores), air.threshold(scores / 100)
    assert plain is not None and small is not None and math.isclose(plain, small * 100, rel_tol=1e-3)
