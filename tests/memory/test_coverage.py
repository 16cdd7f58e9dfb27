"""What of a video is covered, in words and spans; and what a memory says of one that is indexed in part."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rewatch.agent import VideoAgent
from rewatch.memory import ClipMemory, Span
from rewatch.memory.coverage import Coverage, coverage
from rewatch.memory.types import Progress


class Stopped(Exception):
    """Stands for a kill."""


def test_coverage_in_words() -> None:
    whole = Span(0.0, 5520.0)
    found = coverage("v", whole, {"visual": [Span(860, 5520)], "speech": [Span(725, 5520)], "summary": [whole]})
    assert str(found) == "pictures to 14:20, speech to 12:05 of 1:32:00"
    assert (found.until("speech"), found.complete) == (725, False)
    assert found.missing("speech", Span(700, 800)) == [Span(725, 800)]
    assert coverage("v", whole, {"visual": [], "summary": [whole]}).complete, "gists are made of the others"

    gaps = coverage("v", Span(0, 100), {"visual": [Span(20, 30), Span(90, 100)]}, growing=True)
    assert str(gaps) == "pictures to 01:30 but for 00:20-00:30 of 01:40, and the recording goes on"
    assert not gaps.complete and not coverage("v", Span(0, 9), {"visual": []}, growing=True).complete
    assert str(Coverage("v", Span(0, 9), {})) == "nothing of 00:09"


def test_coverage_ends_at_now() -> None:
    found = coverage("v", Span(0, 100), {"visual": [Span(20, 30), Span(60, 100)]}, growing=True)
    cut = found.up_to(25.0)
    assert (cut.whole, cut.channels["visual"], cut.growing) == (Span(0, 25), (Span(0, 20),), False)
    assert found.up_to(100.0) is found and found.up_to(20.0).complete


@pytest.fixture(scope="module")
def half(traffic: Path, tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    """A memory whose indexing was killed when the first 8 of 24 s were done."""
    memory = ClipMemory(tmp_path_factory.mktemp("half") / "m", text_encoder="hashed")

    def stop(step: Progress) -> None:
        if step.channel == "screen_text" and step.span.end == 8:
            raise Stopped

    with pytest.raises(Stopped):
        memory.add(traffic, channels=("screen_text", "visual"), clip_seconds=4, workers=0, progress=stop)
    return memory


def test_what_was_not_read_is_not_called_absent(half: ClipMemory) -> None:
    (record,) = half.videos()
    known = half.coverage(record.id)
    assert known.channels["screen_text"] == (Span(0, 8),) and known.until("screen_text") == 8
    assert half.known_until(record.id, "screen_text") == 8 and not record.complete

    looked = VideoAgent(half).ask('Is "walk now" written on the screen?')
    assert looked.text.startswith("yes"), "the pictures themselves are there to be looked at"
    answer = VideoAgent(half).ask('Is "parking lot" written on the screen?')
    assert answer.abstained and "so far" in answer.text and "screen text to 00:08" in answer.text
    (told,) = answer.coverage
    assert told["text"] == str(known) and told["channels"]["screen_text"] == [[0.0, 8.0]]
    assert answer.as_dict()["coverage"] == [told] and type(answer).from_dict(answer.as_dict()) == answer

    found = VideoAgent(half).ask('Is "stop here" written on the screen?')
    assert not found.abstained and found.text.startswith("yes") and found.coverage, "what is known is answered"
    counted = VideoAgent(half).ask('How many times is "stop here" written on the screen?')
    assert counted.text.startswith("so far: ")


def test_tools_say_within_which_part_nothing_was_found(half: ClipMemory) -> None:
    from rewatch.tools import BUILT_IN, Toolbox

    toolbox = Toolbox(BUILT_IN)
    (record,) = half.videos()

    def call(tool: str, **arguments: object) -> str:
        observation, _ = asyncio.run(toolbox.call(tool, arguments, memory=half, videos=[record.id], left={}))
        return observation.text

    assert "screen text to 00:08" in call("search_clips", query="stop here")
    assert "There is no level chapter yet" in call("browse", level="chapter")


def test_a_view_knows_no_more_than_the_memory(half: ClipMemory, traffic: Path, tmp_path: Path) -> None:
    (record,) = half.videos()
    view = half.until(12.0)
    assert view.coverage(record.id).channels["screen_text"] == (Span(0, 8),)
    assert half.until(8.0).coverage(record.id).missing("screen_text") == []
    assert Span(8, 12) in view.unknown_spans(record.id, "screen_text", Span(0, 24))
    assert not VideoAgent(half).ask("What is written on the screen?", now=3.9).coverage, "all of that is covered"
