"""Where a video is divided, and how long indexing will take by what it took."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rewatch.memory import ClipMemory, Span, Text
from rewatch.memory.chapters import chapters


def shown(text: str, start: float, end: float) -> Text:
    return Text(0, "v", "screen_text", start, end, text, {"height": 0.1})


def said(start: float, end: float) -> Text:
    return Text(0, "v", "speech", start, end, "words", {})


class Held:
    """A memory of one video of a minute, of one clip, with these texts."""

    def __init__(self, *texts: Text) -> None:
        self.held = texts

    def video(self, name: str) -> Any:
        return SimpleNamespace(id=name, span=Span(0, 60))

    def texts(self, video: str) -> list[Text]:
        return list(self.held)

    def clips(self, video: str, *, level: str) -> list[Any]:
        return []


def parts(*texts: Text) -> list[Span]:
    return [chapter.span for chapter in chapters(Held(*texts), "v")]  # type: ignore[arg-type]


def test_rows_of_one_text_are_one_and_the_parts_begin_with_new_text():
    agenda = (shown("Agenda", 0, 10), shown("AGENDA!", 10.5, 20))
    held = Held(*agenda, shown("Costs", 20, 40), shown("x", 30, 30.2))
    found = chapters(held, "v")  # type: ignore[arg-type]
    assert [(row.text, row.span) for row in found[0].screen_text] == [("Agenda", Span(0, 20))]
    assert ("Costs", Span(20, 40)) in [(row.text, row.span) for row in found[1].screen_text]
    logo = (shown("LOGO", 0, 60), shown("Agenda", 0, 20), shown("Costs", 20, 40))
    assert parts(*logo) == [Span(0, 20), Span(20, 40), Span(40, 60)]


def test_without_text_the_parts_are_between_long_pauses():
    assert parts(said(0, 10), said(10.5, 25), said(30, 44), said(45, 60)) == [Span(0, 27.5), Span(27.5, 60)]
    assert parts() == [Span(0, 60)]


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
