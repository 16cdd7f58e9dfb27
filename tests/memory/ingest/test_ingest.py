"""Ingest: what is redone and what is not, failures that stay small, and sources that are not files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import ClipMemory, Frame, Progress, Span, VideoError, VideoInfo
from rewatch.memory.ingest import worker_pool as pools
from rewatch.memory.protocol import grid


def done_units(memory: ClipMemory, channel: str) -> set[tuple]:
    database = sqlite3.connect(memory.folder / "memory.sqlite")
    sql = "SELECT id, start_s, finished_at FROM units WHERE status = 'done' AND channel = ?"
    return set(database.execute(sql, (channel,)))


class Steady:
    """A text encoder of another stamp."""

    name = stamp = "steady"
    dim = 3

    def encode(self, texts: Iterable[str]) -> np.ndarray:
        return np.array([[len(text) % 7 + 1, 1, 0] for text in texts], np.float32)


class Stubborn:
    """A visual encoder that fails as told where the picture is mostly green."""

    dim = 3

    def __init__(self, stamp: str, act: Callable[[], None] | None = None) -> None:
        self.name = self.stamp = stamp
        self._act = act

    def encode_frames(self, frames: list[Frame]) -> np.ndarray:
        if self._act is not None and frames[0].image[10, 10].argmax() == 1:
            self._act()
        means = np.array([frame.image.reshape(-1, 3).mean(axis=0) + 1 for frame in frames], np.float32)
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    def encode_query(self, query: str) -> np.ndarray | None:
        return None

    def describe(self, frames: list[Frame]) -> str | None:
        return None


def raise_error() -> None:
    raise RuntimeError("green is too much\nfor me")


def test_pictures_and_words_in_processes(traffic: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    steps: list[Progress] = []
    record = memory.add(traffic, clip_seconds=8, workers=2, progress=steps.append)
    assert record.complete and not record.failures
    shown = [(text.text, text.start, text.end) for text in memory.texts(record.id, channel="screen_text")]
    assert [text for text, _, _ in shown] == ["STOP HERE", "WALK NOW"]
    assert [start for _, start, _ in shown] == pytest.approx([0, 8], abs=0.3)
    assert memory.search("walk now")[0].span == Span(8, 16)
    assert {step.channel for step in steps} == {"visual", "screen_text"}, "there is no sound"
    last = {step.channel: (step.done, step.total) for step in steps}
    assert last == {"visual": (3, 3), "screen_text": (3, 3)}
    gist = memory.texts(record.id, channel="summary")[0]
    assert "STOP HERE | WALK NOW" in gist.text and gist.data["level"] == "chapter"

    inline = ClipMemory(tmp_path / "inline", text_encoder="hashed")
    inline.add(traffic, clip_seconds=8, workers=0)
    plain = [[(t.channel, t.start, t.end, t.text, t.data) for t in m.texts("traffic.mp4")] for m in (memory, inline)]
    assert plain[0] == plain[1], "processes change nothing"


def test_only_what_changed_is_done_again(traffic: Path, tmp_path: Path) -> None:
    video = tmp_path / "talk.mp4"
    shutil.copy(traffic, video)
    (tmp_path / "talk.srt").write_text("1\n00:00:01,000 --> 00:00:04,000\nfirst words\n")
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")

    def add(**options: object) -> dict[str, set[tuple]]:
        memory.add(video, channels=("visual", "speech"), workers=0, **options)  # type: ignore[arg-type]
        return {channel: done_units(memory, channel) for channel in ("visual", "speech")}

    first = add(clip_seconds=6)
    assert len(first["visual"]) == 4 and len(first["speech"]) == 1
    assert add() == first, "None leaves the length of clips"
    shorter = add(clip_seconds=4)
    assert len(shorter["visual"]) == 6 and not shorter["visual"] & first["visual"]
    assert shorter["speech"] == first["speech"]
    (tmp_path / "talk.srt").write_text("1\n00:00:01,000 --> 00:00:04,000\nother words\n")
    corrected = add()
    assert corrected["visual"] == shorter["visual"] and corrected["speech"] != shorter["speech"]
    assert [text.text for text in memory.texts("talk.mp4", channel="speech")] == ["other words"]
    memory.close()

    memory = ClipMemory(tmp_path / "m", text_encoder=Steady(), visual_encoder=Stubborn("means"))
    encoded = add()
    assert encoded["speech"] == corrected["speech"], "texts are encoded again, not made again"
    assert not encoded["visual"] & corrected["visual"]
    assert "speech" in memory.search("anything", channels=["speech"])[0].channels
    spaces = sqlite3.connect(memory.folder / "memory.sqlite").execute(
        "SELECT DISTINCT s.channel, s.stamp FROM vectors v JOIN spaces s ON s.id = v.space"
    )
    assert set(spaces) == {("speech", "steady"), ("visual", "means"), ("summary", "steady")}


def test_encoders_are_remembered_by_name(traffic: Path, tmp_path: Path) -> None:
    ClipMemory(tmp_path / "m", text_encoder="hashed").add(traffic, channels=("visual",), workers=0)
    assert ClipMemory(tmp_path / "m").models.text.stamp.startswith("hashed")


def test_a_complete_file_is_not_even_opened(traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    first = memory.add(traffic, channels=("visual",), workers=0)
    monkeypatch.setattr("rewatch.memory.ingest.pipeline.Ingest.run", lambda *_: pytest.fail("read again"))
    assert memory.add(traffic, channels=("visual",), workers=0) == first


def test_a_failure_costs_its_clip_only(traffic: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed", visual_encoder=Stubborn("touchy", raise_error))
    record = memory.add(traffic, channels=("visual",), clip_seconds=4, workers=0)
    assert [(failure.span, failure.reason) for failure in record.failures] == [
        (Span(8, 12), "RuntimeError: green is too much"), (Span(12, 16), "RuntimeError: green is too much"),
    ]  # fmt: skip
    assert record.complete
    before = done_units(memory, "visual")
    again = memory.add(traffic, channels=("visual",), workers=0)
    assert again.failures == record.failures and done_units(memory, "visual") == before
    memory.models.visual_choice = Stubborn("touchy")
    mended = memory.add(traffic, channels=("visual",), workers=0, retry=True)
    assert not mended.failures and before < done_units(memory, "visual")


UNFINISHED = """
    import numpy as np

    class Unfinished:
        dim, name, stamp = 2, "unfinished", "unfinished"
        def encode_frames(self, frames): return np.tile(np.float32([1, 0]), (len(frames), 1))
"""


@pytest.mark.parametrize(("workers", "kind"), [(0, AttributeError), (1, RuntimeError)])
def test_a_bug_is_raised_and_no_failure_of_a_clip(
    traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, kind: type[Exception]
) -> None:
    """A mistake of our own code (it calls a method that does not exist) is not stored as a fault of the video."""
    (tmp_path / "unfinished.py").write_text(textwrap.dedent(UNFINISHED))
    monkeypatch.syspath_prepend(str(tmp_path))
    from unfinished import Unfinished  # type: ignore[import-not-found]

    memory = ClipMemory(tmp_path / "m", text_encoder="hashed", visual_encoder=Unfinished())
    with pytest.raises(kind, match="'Unfinished' object has no attribute 'describe'"):
        memory.add(traffic, channels=("visual",), workers=workers)
    assert not memory.videos()[0].failures and not memory.videos()[0].complete


# In worker processes the same encoder hangs, or takes the process down with it.
HARMFUL = """
    import ctypes, os, time
    import numpy as np

    class Harmful:
        dim, name, stamp = 2, "harmful", "harmful"
        def __init__(self, harm): self.harm = harm
        def encode_frames(self, frames):
            if frames[0].image[10, 10].argmax() == 1:
                time.sleep(3600) if self.harm == "hang" else ctypes.string_at(0)
            return np.tile(np.float32([1, 0]), (len(frames), 1))
        def encode_query(self, query): return None
        def describe(self, frames): return None
"""


@pytest.mark.parametrize(("harm", "reason"), [("hang", "no progress for 5 s"), ("crash", "died (SIGSEGV)")])
def test_a_hang_or_crash_costs_its_clip_only(
    traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str, reason: str
) -> None:
    (tmp_path / "harmful.py").write_text(textwrap.dedent(HARMFUL))
    monkeypatch.syspath_prepend(str(tmp_path))
    receive = pools.VideoWorker.receive
    monkeypatch.setattr(pools.VideoWorker, "receive", lambda worker: _impatient(receive(worker)))
    from harmful import Harmful  # type: ignore[import-not-found]

    memory = ClipMemory(tmp_path / "m", text_encoder="hashed", visual_encoder=Harmful(harm))
    record = memory.add(traffic, channels=("visual",), clip_seconds=4, workers=1)
    assert [failure.span for failure in record.failures] == [Span(8, 12), Span(12, 16)]
    assert all(reason in failure.reason for failure in record.failures)
    assert len(done_units(memory, "visual")) == 4


def _impatient(message: object) -> object:
    return pools.Heartbeat(message.units, 5.0) if isinstance(message, pools.Heartbeat) and message.units else message


def test_a_file_that_is_no_video_is_said_to_be(tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    (tmp_path / "noise.mp4").write_bytes(os.urandom(4000))
    for workers in (0, 1):
        with pytest.raises(VideoError, match="noise.mp4"):
            memory.add(tmp_path / "noise.mp4", workers=workers)
    with pytest.raises(VideoError, match="There is no file"):
        memory.add(tmp_path / "missing.mp4")
    with pytest.raises(ValueError, match="There is no channel .smell."):
        memory.add(tmp_path / "noise.mp4", channels=("smell",))
    assert memory.videos() == []


def test_a_script_needs_no_main_guard(traffic: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom rewatch.memory import ClipMemory\n"
        f"memory = ClipMemory({str(tmp_path / 'm')!r}, text_encoder='hashed')\n"
        f"print(memory.add({str(traffic)!r}, channels=['visual'], workers=1).complete)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "True\n", done.stderr


class Painted:
    """A video that is painted as it is asked for: red, green and blue, eight seconds each."""

    content_id = "ab" * 32
    info = VideoInfo(
        path="", size=0, start=0.0, end=24.0, width=64, height=48, fps=4.0, codec="painted", pixel_format="rgb24"
    )

    def frames_at(self, times: Iterable[float], *, size: int | None = None) -> Iterator[Frame]:
        for time in sorted(times):
            image = np.full((self.info.height, self.info.width, 3), 20, np.uint8)
            image[..., min(int(time // 8), 2)] = 170
            yield Frame(time, image)

    def frames(self, span: Span, fps: float, *, size: int | None = None) -> Iterator[Frame]:
        return self.frames_at(grid(span, fps, self.info.span).tolist())

    def keyframes(self, span: Span | None = None, *, size: int | None = None) -> Iterator[Frame]:
        return self.frames(span or self.info.span, 0.5)

    def audio(self, span: Span | None = None, *, rate: int = 16000) -> np.ndarray:
        return np.empty(0, np.float32)


def test_anything_with_frames_can_be_added(tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    painted = Painted()
    record = memory.add(painted, channels=("visual", "speech"), clip_seconds=4)
    assert record.complete and record.name == "video-abababab"
    assert memory.open(record.id) is painted
    assert {hit.span.start for hit in memory.search("green", channels=["visual"], k=2)} == {8, 12}
    memory.close()
    with pytest.raises(VideoError, match="which was not a file, is gone"):
        ClipMemory(tmp_path / "m").open(record.id)


def test_clips_follow_shots_when_asked(tmp_path: Path, make_talk: Callable) -> None:
    looks = ((10, 10, 10), (240, 240, 90), (120, 20, 20))
    video = make_talk(tmp_path / "cuts.mp4", 24, colors=lambda second: looks[int(second // 8)])
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    record = memory.add(video, channels=("visual",), clips="shots", workers=0)
    assert [clip.start for clip in memory.clips(record.id)] == pytest.approx([0, 8, 16], abs=0.2)


def test_coarse_levels_of_a_long_video(tmp_path: Path) -> None:
    class Long(Painted):
        content_id = "cd" * 32
        info = VideoInfo(
            path="", size=0, start=0.0, end=4400.0, width=16, height=16, fps=1.0, codec="painted", pixel_format="rgb24"
        )

    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    record = memory.add(Long(), channels=("visual",), clip_seconds=300)
    assert [clip.start for clip in memory.clips(record.id, level="chapter")] == [600 * n for n in range(8)]
    assert [clip.start for clip in memory.clips(record.id, level="hour")] == [0, 3600]
    assert [clip.start for clip in memory.clips(record.id, level="day")] == [0]
    levels = {text.data["level"] for text in memory.texts(record.id, channel="summary")}
    assert levels == {"chapter", "hour", "day"}
    assert memory.search("red", level="hour")[0].span == Span(0, 3600)
