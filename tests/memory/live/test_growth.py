"""A video that grows step by step: only whole clips, coverage that holds, and the rows of an undisturbed run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from rewatch.memory import ClipMemory, Span
from rewatch.memory.ingest.growing import beginning_id
from rewatch.memory.ingest.request import IngestRequest
from rewatch.memory.live.growth import BEHIND, Growth
from rewatch.memory.live.recorder import SegmentWriter
from rewatch.memory.live.segments import Manifest
from rewatch.memory.types import ENDED, OPEN, STOPPED

CHANNELS = ("screen_text", "visual")
CONTENT = hashlib.sha256(b"x").hexdigest()
REQUEST = IngestRequest(channels=CHANNELS, clip_seconds=4, workers=0)


@pytest.fixture(scope="module")
def board(make_talk: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """21 s at 4 fps: a text that changes in the middle of clips, and one that stays over several."""
    captions = ["FIRST SIGN", "SECOND SIGN", "THIRD SIGN"]
    return make_talk(
        tmp_path_factory.mktemp("board") / "board.mkv", 21, captions=lambda second: captions[int(second // 7)],
        fps=4, size=(240, 136),
    )  # fmt: skip


def rows(memory: ClipMemory, video: str) -> tuple[list[Any], list[Span]]:
    texts = [(t.channel, t.text, t.data) for t in memory.texts(video)]
    return texts, [clip.span for clip in memory.clips(video)]


def times(memory: ClipMemory, video: str) -> list[float]:
    """Times of the texts: those of a change on screen depend by up to half a second on what was read in one go."""
    return [time for text in memory.texts(video) for time in (text.start, text.end)]


class Growing:
    """Gives the packets of a file one after another to a recorder, and has what was recorded indexed."""

    def __init__(self, memory: ClipMemory, source: Path, **options: Any) -> None:
        self.memory = memory
        self.manifest = Manifest(memory.folder / "live" / CONTENT[:16])
        self.manifest.begin(0.0)
        self.growth: Growth = memory.growth(
            REQUEST, manifest=self.manifest, source=str(source), name=source.name,
            content_id=CONTENT, **options,
        )  # fmt: skip
        self.container = av.open(str(source))
        self.writer = SegmentWriter(self.container, self.manifest, 2.0, lambda time: time)

    def steps(self, packets: int) -> Iterator[None]:
        for number, packet in enumerate(self.container.demux(), 1):
            self.writer.take(packet)
            if number % packets == 0:
                self.extend(OPEN)
                yield
        self.writer.finish()

    def extend(self, state: str) -> None:
        with self.memory.writing():
            self.growth.extend(state=state)


def test_only_whole_clips_are_seen_and_coverage_holds(board: Path, tmp_path: Path) -> None:
    memory, reader = ClipMemory(tmp_path / "m", text_encoder="hashed"), ClipMemory(tmp_path / "m", read_only=True)
    growing = Growing(memory, board)
    ends = []
    for _ in growing.steps(8):
        if not reader.videos():
            continue
        (record,) = reader.videos()
        clips = reader.clips(record.id)
        assert all(clip.duration == 4 for clip in clips) and record.growing and not record.complete
        assert record.end == (clips[-1].end if clips else record.start)
        known = reader.coverage(record.id)
        assert known.growing and known.whole.end == record.end
        assert all(known.until(channel) == record.end for channel in CHANNELS)
        texts = reader.texts(record.id, channel="screen_text")
        assert all(text.end <= record.end + 1e-6 and "lines" in text.data for text in texts), "blocks, up to its end"
        ends.append(record.end)
    assert ends == sorted(ends) and len(set(ends)) >= 3
    growing.extend(ENDED)
    (record,) = reader.videos()
    assert not record.growing and record.complete and reader.coverage(record.id).complete
    assert reader.clips(record.id)[-1].span == Span(20, record.end)

    plain = ClipMemory(tmp_path / "plain", text_encoder="hashed")
    undisturbed = plain.add(board, channels=CHANNELS, clip_seconds=4, workers=0)
    assert rows(memory, record.id) == rows(plain, undisturbed.id)
    assert times(memory, record.id) == pytest.approx(times(plain, undisturbed.id), abs=0.51)
    assert memory.search("second sign")[0].span == plain.search("second sign")[0].span
    assert memory.open(record.id).info.span == Span(record.start, record.end), "its segments are the medium"


def test_a_killed_watch_goes_on(board: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    first = Growing(memory, board)
    for number, _ in enumerate(first.steps(16)):
        if number == 2:
            break  # killed: what was being written is lost, what was planned stays
    (before,) = memory.videos()
    manifest = Manifest(first.manifest.folder)
    manifest.tidy()
    second = Growing.__new__(Growing)
    second.memory, second.manifest = memory, manifest
    second.growth = memory.growth(REQUEST, manifest=manifest, source=str(board), name=board.name, content_id=CONTENT)
    second.container = av.open(str(board))
    second.writer = SegmentWriter(second.container, manifest, 2.0, lambda time: time, since=manifest.segments[-1].end)
    for _ in second.steps(16):
        pass
    second.extend(ENDED)
    (after,) = memory.videos()
    assert after.id == before.id and after.end > before.end
    plain = ClipMemory(tmp_path / "plain", text_encoder="hashed")
    undisturbed = plain.add(board, channels=CHANNELS, clip_seconds=4, workers=0)
    assert rows(memory, after.id) == rows(plain, undisturbed.id)
    assert times(memory, after.id) == pytest.approx(times(plain, undisturbed.id), abs=0.51)


def test_what_cannot_be_kept_up_with_is_left_out_and_said(board: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    growing = Growing(memory, board, behind=8.0)
    for _ in growing.steps(10_000):
        pass
    growing.extend(STOPPED)  # all 21 s at once
    (record,) = memory.videos()
    known = memory.coverage(record.id)
    assert known.channels["visual"] == (Span(16, record.end),) and not known.complete
    assert {failure.reason for failure in record.failures} == {BEHIND}
    assert growing.growth.live.left_out == 16


def test_a_gap_is_a_gap_in_coverage(board: Path, tmp_path: Path) -> None:
    memory = ClipMemory(tmp_path / "m", text_encoder="hashed")
    growing = Growing(memory, board)
    for _ in growing.steps(10_000):
        pass
    growing.extend(OPEN)
    again = av.open(str(board))
    growing.writer = SegmentWriter(again, growing.manifest, 2.0, lambda time: 31.0)
    for packet in again.demux():
        growing.writer.take(packet)
    growing.writer.finish()
    growing.extend(ENDED)
    (record,) = memory.videos()
    assert record.end == pytest.approx(52.0, abs=0.01)
    (gap,) = memory.coverage(record.id).missing("visual")
    assert (gap.start, gap.end) == pytest.approx((21.0, 31.0), abs=0.01)
    assert not any(clip.span.overlap(gap) > 0.01 for clip in memory.clips(record.id))
    assert memory.open(record.id).frame(40.0).time == pytest.approx(40.0, abs=0.25)


def test_the_beginning_names_a_file_while_it_grows(board: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.mkv"
    part.write_bytes(board.read_bytes()[: board.stat().st_size // 2])
    assert beginning_id(part) == beginning_id(board)
