"""What tracks tell: who came and went when, how many there were at each time, as text and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...memory import Span
from ...memory.tracking.detector_labels import count_words
from ...memory.tracking.track_motion import direction, way_in, way_out
from ...memory.tracking.tracker import Track, area

_LISTED = 40  # tracks told in words; all of them are in the data


def as_row(track: Track, watched: Span) -> dict[str, Any]:
    """A track as plain values."""
    middle = track.sights[len(track.sights) // 2].box
    return {
        "id": track.id,
        "label": track.label,
        "span": [round(track.start, 3), round(track.end, 3)],
        "duration": round(track.end - track.start, 3),
        "colour": track.color or "",
        "direction": direction(track),
        "enters": way_in(track, watched),
        "leaves": way_out(track, watched),
        "area": round(sum(area(sight.box) for sight in track.sights) / len(track.sights), 4),
        "confidence": track.score,
        "box": [round(x, 4) for x in middle],
        "votes": dict(list(track.votes.items())[:4]),
    }


def counts_over_time(tracks: Sequence[Track], span: Span) -> list[list[float]]:
    """`[seconds, objects in view from then on]` at the start of the span and at each change."""
    changes: Counter[float] = Counter({span.start: 0})
    for track in tracks:
        own = track.span.within(span)
        changes[round(own.start, 3)] += 1
        changes[round(own.end, 3)] -= 1
    counts: list[list[float]] = []
    number = 0
    for time in sorted(changes):
        number += changes[time]
        if time < span.end and (not counts or counts[-1][1] != number):
            counts.append([time, number])
    return counts


def usual_count(counts: Sequence[Sequence[float]], span: Span) -> int:
    """How many were in view in the middle of all that time (the median over time)."""
    lengths: Counter[int] = Counter()
    for (time, number), end in zip(counts, [*(row[0] for row in counts[1:]), span.end], strict=True):
        lengths[int(number)] += max(end - time, 0.0)  # type: ignore[assignment]
    passed = 0.0
    for number in sorted(lengths):
        passed += lengths[number]
        if passed >= sum(lengths.values()) / 2:
            return number
    return 0


def most_at_once(spans: Sequence[Span]) -> int:
    """The most of these spans at one time."""
    return max((sum(span.start <= other.start < span.end for span in spans) for other in spans), default=0)


def distinct(ways: Sequence[tuple[Span, str, str]]) -> int:
    """How many things tracks are of: what comes up inside the picture may be what was lost there before.

    Args:
        ways: span, way in and way out of each (see `as_row`), by time of entry.
    """
    lost: list[float] = []
    count = 0
    for span, enters, leaves in ways:
        before = [end for end in lost if end <= span.start + 0.1] if enters == "inside" else []
        if before:
            lost.remove(min(before))
        count += not before
        lost += [span.end] if leaves == "inside" else []
    return count


def report(tracks: Sequence[Track], span: Span, watched: Span) -> tuple[list[str], dict[str, Any]]:
    """Lines for the policy, and the same as data.

    Args:
        tracks: those that are asked for.
        span: the span asked about.
        watched: the span in which they were followed.
    """
    rows = [as_row(track, watched) for track in tracks]
    counts = counts_over_time(tracks, span)
    totals = Counter(track.label for track in tracks)
    most = int(max((number for _, number in counts), default=0))
    by_label = {label: counts_over_time([t for t in tracks if t.label == label], span) for label in totals}
    longest = max(tracks, key=lambda track: track.end - track.start, default=None)
    lines = [f"{count_words(totals.most_common()) or 'Nothing'} in {span}; at most {most} at once."]
    for row in rows[:_LISTED]:
        start, end = row["span"]
        what = f"{row['colour']} {row['label']}".strip()
        lines.append(
            f"#{row['id']} {what}, {start:.1f}-{end:.1f} s ({end - start:.1f} s), {_way(row)}, "
            f"confidence {row['confidence']:.2f}"
        )
    if len(rows) > _LISTED:
        lines.append(f"… and {len(rows) - _LISTED} more: ask for a shorter span or for some labels.")
    if longest is not None and len(tracks) > 1:
        lines.append(f"Longest in view: #{longest.id} {longest.label}, {longest.end - longest.start:.1f} s.")
        lines.append("In view: " + _in_view(counts, span))
    data = {
        "tracks": rows,
        "camera_moves": False,
        "counts": counts,
        "counts_by_label": by_label,
        "totals": dict(totals.most_common()),
        "most_at_once": most,
        "usual": usual_count(counts, span),
        "longest": None if longest is None else longest.id,
    }
    return lines, data


def _way(row: dict[str, Any]) -> str:
    enters = row["enters"] if row["enters"].startswith("in view") else f"enters {_place(row['enters'])}"
    leaves = row["leaves"] if row["leaves"].startswith("in view") else f"leaves {_place(row['leaves'])}"
    return f"{enters}, {row['direction']}, {leaves}"


def _place(edge: str) -> str:
    return "inside the picture" if edge == "inside" else f"at the {edge}"


def _in_view(counts: Sequence[Sequence[float]], span: Span) -> str:
    ends = [*(row[0] for row in counts[1:]), span.end]
    parts = [f"{start:.1f}-{end:.1f} s: {int(n)}" for (start, n), end in zip(counts, ends, strict=True)]
    return ", ".join(parts[:_LISTED]) + (" …" if len(parts) > _LISTED else "")
