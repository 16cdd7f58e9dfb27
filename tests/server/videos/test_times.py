"""Times of frames in the text around them, in the notations that clients write."""

from __future__ import annotations

import time

import pytest
from rewatch.server.conversation import read_messages
from rewatch.server.videos.parts import read_parts
from rewatch.server.videos.times import in_order, listed, stamp


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("<12.0 seconds>", 12.0),
        ("<0.5 seconds>", 0.5),
        ("12.5s", 12.5),
        ("[00:12]", 12.0),
        ("0:07:", 7.0),
        ("1:02:03.5", 3723.5),
        ("Frame 3 (12.5s):", 12.5),
        ("Frame 3 at 12.5 seconds:", 12.5),
        ("Frame1: <4.00s>", 4.0),
        ("frame_12 - 00:03", 3.0),
        ("Image at time 90 s\n", 90.0),
        ("**Timestamp: 00:01:30**", 90.0),
        ("t = 4.0 s", 4.0),
        ("Time: 3 sec", 3.0),
    ],
)
def test_a_text_that_is_a_time(text: str, seconds: float):
    assert stamp(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "Frame 7:",
        "Frame 7",
        "What happens at 12 s?",
        "5 seconds later:",
        "The video is 12 seconds",
        "From 3 s to 5 s",
        "A. 12 s\nB. 14 s",
        "1, 2, 3",
        "12:5",
        "16:9 picture",
        "at",
        "<image>",
        "-" * 10_000 + "1s",
        "(" * 50 + "t" * 9,
    ],
)
def test_a_text_that_is_none(text: str):
    assert stamp(text) is None


def test_times_that_a_text_lists():
    told = "A total of 4 frames are sampled. Their timestamps are:\n\n0.0, 2.5, 5.0, 7.25\n\nWhat is 1, 2, 3, 4?"
    assert listed(told, 4) == [0.0, 2.5, 5.0, 7.25] and listed(told, 3) is None
    located = "The video lasts for 9.00 seconds, and 3 frames are sampled from it, located at 0.00s,3.00s,6.00s. Why?"
    assert listed(located, 3) == [0.0, 3.0, 6.0] and listed(located, 2) is None
    assert listed("Order the numbers 3, 5, 7.", 3) is None
    assert listed("", 2) is None


def test_a_long_text_is_read_in_a_time_that_grows_with_it():
    def took(length: int) -> float:
        text = "times " + "1, 2.5s ,3,, 4 " * length
        began = time.process_time()
        assert listed(text, 7) is None
        return time.process_time() - began

    took(100)
    assert took(20_000) < 40 * max(took(2_000), 0.001)


def test_the_same_time_twice_is_a_little_later():
    assert in_order([0, 2, 2, 2.0005]) == pytest.approx([0, 2, 2.001, 2.002])
    assert in_order([0, 2, 1]) is None and in_order([1e9]) is None and in_order([]) == []


def picture(**more: object) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": "a.png", **more}}


def text(words: str) -> dict[str, object]:
    return {"type": "text", "text": words}


def times(*parts: dict[str, object]) -> list[float | None]:
    return [frame.time for one in read_parts(parts) if isinstance(one, tuple) for frame in one]


def test_which_times_count():
    before = [text("<1.0 seconds>"), picture(), text("<3.5 seconds>"), picture(), text("What is shown?")]
    assert times(*before) == [1.0, 3.5]
    assert times(*before, picture()) == [None, None, None], "not before every picture"
    message = read_messages([{"role": "user", "content": before}])
    assert message.prompt == "What is shown?" and times(*message.parts) == [1.0, 3.5]
    assert times(*before[2:4], *before[:2]) == [None, None], "they go down"
    assert times(text("0:01"), text("Look:"), picture()) == [None], "not right before it"
    assert times(text("<1.0 seconds>"), picture(time=9)) == [9.0], "what stands beside the address goes first"
    told = text("Frames are sampled at 0.5, 8.0 seconds.")
    assert times(picture(), picture(), told) == [0.5, 8.0]
    assert (
        times(picture(), picture(), {"type": "video_url", "video_url": "b.mp4"}, picture(), picture(), told)
        == [None] * 4
    )
