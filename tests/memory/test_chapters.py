"""Where a video is divided, and how long indexing will take by what it took."""

from __future__ import annotations

from pathlib import Path

import pytest
from rewatch.memory import ClipMemory, Span, Text
from rewatch.memory.chapters import _joined, _parts


def shown(text: str, start: float, end: float) -> Text:
    return Text(0, "v", "screen_text", start, end, text, {"height": 0.1})


def said(start: float, end: float) -> Text:
    return Text(0, "v", "speech", start, end, "words", {})


def test_rows_of_one_text_are_one_and_the_parts_begin_with_new_text():
    rows = _joined([shown("Agenda", 0, 10), shown("AGENDA!", 10.5, 20), shown("Costs", 20, 40), shown("x", 30, 30.2)])
    assert [(row.text, row.span) for row in rows][:2] == [("Agenda", Span(0, 20)), ("Costs", Span(20, 40))]
    logo = _joined([shown("LOGO", 0, 60), shown("Agenda", 0, 20), shown("Costs", 20, 40)])
    assert _parts(Span(0, 60), logo, []) == [Span(0, 20), Span(20, 40), Span(40, 60)]


def test_without_text_the_parts_are_between_long_pauses():
    spoken = [said(0, 10), said(10.5, 25), said(30, 44), said(45, 60)]
    assert _parts(Span(0, 60), [], spoken) == [Span(0, 27.5), Span(27.5, 60)]
    assert _parts(Span(0, 60), [], []) == [Span(0, 60)]


def test_rates_are_measured_between_the_units_that_were_finished(tmp_path: Path):
    with ClipMemory(tmp_path / "memory") as memory:
        guessed, measured = memory.work_rates(["speech"])
        assert not measured and guessed["speech"] > 0
        with memory.store.transaction() as db:
            db.execute("INSERT INTO videos VALUES ('v', 'c', 'v.mp4', '/v.mp4', 0, 100, '{}', 'fixed 10', '')")
            db.execute("INSERT INTO channels VALUES ('v', 'speech', 'whisper')")
            db.executemany(
                "INSERT INTO units (video, channel, start_s, end_s, status, finished_at) VALUES ('v', 'speech', ?, ?, "
                "'done', ?)",
                [(0, 25, 1000.0), (25, 50, 1010.0), (50, 75, 1030.0), (75, 100, 9000.0)],  # the last after a long pause
            )
        rates, measured = memory.work_rates(["speech"])
        assert measured and rates["speech"] == pytest.approx(0.3)
