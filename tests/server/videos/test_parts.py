"""What the parts of a message name, in the notations that clients write."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewatch.memory import VideoError
from rewatch.server.videos.parts import MOST, Named, TooLargeError, decoded, read_parts


def video(url: Any) -> dict[str, Any]:
    return {"type": "video_url", "video_url": {"url": url}}


def picture(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("/data/a.mp4", Named(path="/data/a.mp4")),
        ("clips/a b, c.mp4", Named(path="clips/a b, c.mp4")),
        ("file:///data/a%20b.mp4", Named(path="/data/a%20b.mp4")),
        ("file:///data/100% #1?.mp4", Named(path="/data/100% #1?.mp4")),
        ("file://localhost/data/a.mp4", Named(path="/data/a.mp4")),
        ("FILE:/data/a.mp4", Named(path="/data/a.mp4")),
        ("file:///data/12:30.mp4", Named(path="/data/12:30.mp4")),
        ("https://example.org/a.mp4?b=c", Named(url="https://example.org/a.mp4?b=c")),
        (" HTTP://example.org/a ", Named(url="HTTP://example.org/a")),
        ("data:video/mp4;base64,AAAA", Named(data="AAAA", kind="video/mp4")),
        ('data:video/mp4;codecs="avc1.42";base64,AA==', Named(data="AA==", kind="video/mp4")),
        ("data:;base64,AAAA", Named(data="AAAA")),
    ],
)
def test_what_an_address_names(url: str, named: Named):
    assert read_parts([video(url)]) == [named]
    assert read_parts([{"type": "video_url", "video_url": url}]) == [named]


@pytest.mark.parametrize(
    "url",
    [
        "concat:/data/a.mp4|/etc/passwd",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "crypto:/data/a.mp4",
        "pipe:0",
        "rtsp://example.org/live",
        "ftp://example.org/a.mp4",
        "lavfi:testsrc",
        "file://other/share/a.mp4",
        "file:",
        "file://",
        "data:video/mp4,AAAA",
        "data:video/mp4;base32,AAAA",
        "data:",
        "javascript:alert(1)",
    ],
)
def test_protocols_that_are_refused(url: str):
    with pytest.raises(VideoError, match=r"^Part 1 \(video_url\)") as refused:
        read_parts([video(url)])
    assert "give " in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "  ", None, 7, {"a": 1}, ["/data/a.mp4"]])
def test_a_part_that_names_nothing(url: Any):
    with pytest.raises(VideoError, match="names nothing"):
        read_parts([video(url)])
    with pytest.raises(VideoError, match="names nothing"):
        read_parts([{"type": "video_url"}])


def test_a_long_address_is_not_said_back_whole():
    with pytest.raises(VideoError) as refused:
        read_parts([video("concat:" + "\ud800\x1b" * 100_000)])
    assert len(str(refused.value)) < 2000 and str(refused.value).isprintable()


def test_pictures_in_a_row_are_frames():
    a, b, c = (f"data:image/png;base64,{letter * 4}" for letter in "abc")
    text = {"type": "text", "text": "And then:"}
    parts = [text, picture(a), text, picture(b), video("/x.mp4"), picture(c)]
    frames = [Named(data=letter * 4, kind="image/png") for letter in "abc"]
    assert read_parts(parts) == [tuple(frames[:2]), Named(path="/x.mp4"), (frames[2],)]


def test_frames_of_one_address():
    found = read_parts([video("data:video/jpeg;base64,AAAA,BBBB")])
    assert found == [(Named(data="AAAA", kind="image/jpeg"), Named(data="BBBB", kind="image/jpeg"))]


def test_times_of_frames():
    (frames,) = read_parts([picture("a.png", time=2), picture("b.png", time=7.5)])
    assert isinstance(frames, tuple) and [frame.time for frame in frames] == [2.0, 7.5]
    for times in ([1, 1], [2, 1], [1, None], [None, 3]):
        with pytest.raises(VideoError, match="later than the one before"):
            read_parts([picture("a.png", time=time) for time in times])
    for time in (-1, float("nan"), float("inf"), 1e9, "3", True, []):
        with pytest.raises(VideoError, match="its time is"):
            read_parts([picture("a.png", time=time)])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["url", "time", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
_URL = st.text() | st.sampled_from(["data:", "file:", "http:", "subfile,"]).flatmap(
    lambda start: st.text().map(lambda rest: start + rest)
)
_PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["video_url", "image_url", "text"]) | _JSON},
    optional={kind: _JSON | _URL | st.fixed_dictionaries({"url": _URL}) for kind in ("video_url", "image_url")},
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_PART, max_size=4))
def test_whatever_a_client_writes_is_read_or_refused_in_one_line(parts: list[dict[str, Any]]):
    try:
        named = read_parts(parts)
    except VideoError as error:
        assert "\n" not in str(error) and len(str(error)) < 1000
    else:
        for one in named:
            for each in one if isinstance(one, tuple) else (one,):
                assert sum(map(bool, (each.path, each.url))) + bool(each.data) <= 1


def test_too_many():
    with pytest.raises(TooLargeError, match=str(MOST)):
        read_parts([picture("a.png")] * (MOST + 1))
    with pytest.raises(TooLargeError, match=str(MOST)):
        read_parts([video("data:video/jpeg;base64," + "A," * MOST + "A")])


def test_data_is_decoded_strictly_and_up_to_a_size():
    content = bytes(range(256))
    text = base64.b64encode(content).decode()
    for form in (text, text[:80] + "\r\n" + text[80:], text.replace("+", "%2B").replace("/", "%2F")):
        assert decoded(Named(data=form), 256) == content
    with pytest.raises(TooLargeError, match="more than"):
        decoded(Named(data=text + text), 256)
    for broken in ("A", "====", "!!!!", "AAAA\x00", "ÄÄÄÄ", "AA\ud800A"):
        with pytest.raises(VideoError, match="no base64"):
            decoded(Named(data=broken), 256)
    with pytest.raises(VideoError, match="empty"):
        decoded(Named(data=""), 256)
