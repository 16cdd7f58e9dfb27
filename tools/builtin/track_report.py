"""Tracks as an observation: who came and went when, and how many there were at each time, as text and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...memory import Span
from ...memory.tracking.detector_labels import count_words
from ...memory.tracking.track import Track
from ...memory.tracking.track_motion import direction, way_in, way_out

_LISTED = 40  # tracks told in words; all of them are in the data


def as_row(track: Track, watched: Span) -> dict[str, Any]:
    """Return a track as plain values."""
    return {
        "id": track.id,
        "label": track.label,
        "span": [round(track.start, 3), round(track.end, 3)],
        "duration": round(track.end - track.start, 3),
        "colour": track.color or "",
        "direction": direction(track),
        "enters": way_in(track, watched),
        "leaves": way_out(track, watched),
        "area": round(track.area, 4),
        "confidence": track.score,
        "box": [round(x, 4) for x in track.boxes[len(track.boxes) // 2].box],
        "votes": dict(list(track.votes.items())[:4]),
    }


def counts_over_time(tracks: Sequence[Track], span: Span) -> list[list[float]]:
    """Return `[seconds, objects in view from then on]` at the start of the span and at each change."""
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
    """Return the median over time of the number in view."""
    ends = [*(row[0] for row in counts[1:]), span.end]
    lengths = sorted((int(number), max(end - time, 0.0)) for (time, number), end in zip(counts, ends, strict=True))
    passed = 0.0
    for number, length in lengths:
        passed += length
        if passed >= sum(length for _, length in lengths) / 2:
            return number
    return 0


def most_at_once(spans: Sequence[Span]) -> int:
    """Return the most of these spans at one time."""
    return max((sum(span.start <= other.start < span.end for span in spans) for other in spans), default=0)


def distinct(ways: Sequence[tuple[Span, str, str]]) -> int:
    """Count the objects that tracks are of: what comes up inside the picture may be what was lost there before."""
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
    """Return lines for the policy, and the same as data."""
    rows = [as_row(track, watched) for track in tracks]
    counts = counts_over_time(tracks, span)
    totals = Counter(track.label for track in tracks)
    most = int(max((number for _, number in counts), default=0))
    by_label = {label: counts_over_time([t for t in tracks if t.label == label], span) for label in totals}
    longest = max(tracks, key=lambda track: track.end - track.start, default=None)
    lines = [f"{count_words(totals.most_common()) or 'Nothing'} in {span}; at most {most} at once."]
    lines += [_line(row) for row in rows[:_LISTED]]
    if len(rows) > _LISTED:
        lines.append(f"… and {len(rows) - _LISTED} more: ask for a shorter span or for some labels.")
    if longest is not None and len(tracks) > 1:
        lines.append(f"Longest in view: #{longest.id} {longest.label}, {longest.end - longest.start:.1f} s.")
        ends = [*(row[0] for row in counts[1:]), span.end]
        parts = [f"{start:.1f}-{end:.1f} s: {int(n)}" for (start, n), end in zip(counts, ends, strict=True)]
        lines.append(f"In view: {', '.join(parts[:_LISTED])}{' …' if len(parts) > _LISTED else ''}")
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


def _line(row: dict[str, Any]) -> str:
    start, end = row["span"]
    enters, leaves = (
        way if way.startswith("in view") else f"{verb} {'inside the picture' if way == 'inside' else f'at the {way}'}"
        for verb, way in (("enters", row["enters"]), ("leaves", row["leaves"]))
    )
    return (
        f"#{row['id']} {row['colour']} {row['label']}".replace("  ", " ")
        + f", {start:.1f}-{end:.1f} s ({end - start:.1f} s), {enters}, {row['direction']}, {leaves}, "
        f"confidence {row['confidence']:.2f}"
    )
