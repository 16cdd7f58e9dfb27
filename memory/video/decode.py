"""Selective, exact decoding with PyAV: only pictures that are wanted, or that a wanted one needs, are decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from ..span import Span
from .packets import TOLERANCE, PacketIndex, discard_others, read_index, read_packets, seconds_of, tick_of
from .probe import open_container, video_stream
from .random_access import is_entry_point
from .shape import Decoded, Shapes

# The flags of an index entry that is a keyframe, and not one cut away by an edit list.
_KEYFRAME_ENTRY = 1
# Packets for each keyframe from which on it pays to seek from one to the next.
_FAR_APART = 40
# Reading past this many packets costs less than a seek.
_SEEK_AFTER = 300
_LOST = 2**62
# Containers whose own index leads to a packet; in the others a seek lands only nearby.
_INDEXED_FORMATS = ("mov", "matroska")


class PyAVReader:
    """One open container with a place in it: decodes frames by their position in a `PacketIndex`. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()

    def _open(self) -> None:
        self._container = open_container(self._path)
        self.stream = video_stream(self._container, self._path)
        discard_others(self._container, self.stream)
        self._codec = self.stream.codec_context
        # More threads cost more CPU in all; files and segments are what to run in parallel.
        self._codec.thread_count = 1
        self._shapes = Shapes(self.stream)
        self._packets = read_packets(self._container, self.stream)
        self._next = 0
        self._held: av.Packet | None = None
        self._failed = False

    def close(self) -> None:
        """Give the file back."""
        self._container.close()

    def index(self) -> PacketIndex:
        """List the packets of the whole file."""
        self._rewind()
        try:
            return read_index(self._container, self.stream)
        finally:
            self._next = _LOST

    def keyframes(self, span: Span) -> Iterator[tuple[float, Decoded]]:
        """Decode the entry points in `span`, each by itself, with their times in seconds."""
        tick = tick_of(self.stream)
        name, extradata = self._codec.codec.canonical_name, self._codec.extradata or b""
        try:
            for packet in self._key_packets(round(span.start / tick)):
                time = (packet.pts or 0) * tick
                if time >= span.end:
                    break
                if time < span.start - TOLERANCE or not is_entry_point(name, extradata, memoryview(packet)):
                    continue
                frames = [*self._decoded(packet), *self._decoded(None)]
                self._reset()
                for frame in frames:
                    if frame.pts == packet.pts:
                        yield seconds_of(self.stream, packet.pts or 0), frame
        finally:
            self._next = _LOST

    def _key_packets(self, start: int) -> Iterator[av.Packet]:
        """Yield packets flagged as keyframes, from the last one at or before `start` (ticks) or earlier."""
        self._rewind()
        if start > (self.stream.start_time or 0):
            self._seek_ticks(start)
        # An MP4 file lists its packets: seek over those between keyframes that lie far apart, rather than read them.
        # (Asking the demuxer to discard them is cheaper still, but FFmpeg 8.1 then mixes up the times.)
        entries = self.stream.index_entries if self._container.format.name.startswith("mov") else ()
        keys = [entry.timestamp for entry in entries if entry.flags == _KEYFRAME_ENTRY]
        if keys and len(entries) > _FAR_APART * len(keys):
            for key, following in pairwise(keys):
                if following <= start:
                    continue
                if not self._seek_ticks(following - 1) or (packet := self._read()) is None or packet.dts != key:
                    self._seek_ticks(key)
                    break
                yield packet
        while (packet := self._read()) is not None:
            if packet.is_keyframe and not packet.is_discard and packet.pts is not None:
                yield packet

    def pictures(self, index: PacketIndex, positions: Sequence[int]) -> Iterator[tuple[int, Decoded]]:
        """Yield `(position, frame)` for ascending, unique display positions, equal to decoding everything.

        A frame that cannot be decoded is replaced by the last one before it that can, or, at the beginning, by the
        first one after it. Yields nothing if no frame at all can be decoded.
        """
        if index.sequential:
            yield from self._counted(positions)
            return
        rest = deque(positions)
        whole = not index.may_drop
        gap = _Gap(self._path, index)
        while rest:
            missed = False
            for run in index.runs(list(rest)):
                for position, frame in self._run(index, run.start, run.stop, run.positions, whole):
                    if frame is None and not whole:
                        # What was left out may be what should stand instead, or what a decoder patches a damaged
                        # picture with: go on from here with everything.
                        missed = True
                        break
                    frame = frame or gap.stand_in(position)
                    if frame is None:
                        return
                    yield position, frame
                    rest.popleft()
                if missed:
                    break
            whole = True

    def _run(
        self, index: PacketIndex, start: int, stop: int, positions: tuple[int, ...], whole: bool
    ) -> Iterator[tuple[int, Decoded | None]]:
        """Decode `[start, stop]`; yield each wanted position with its frame.

        Where it does not come out: with the frame before it if `whole`; else with None, as after any error.
        """
        pending = deque(positions)
        keep = None if whole else {int(index.order[position]) for position in positions}
        previous: Decoded | None = None
        floor = index.packet_pts[start] if start else None
        for frame in self.decode(index, start, stop, keep):
            if frame.pts is None or (floor is not None and frame.pts < floor):
                continue
            if self._failed and not whole:
                break
            while pending and index.pts[pending[0]] < frame.pts:
                yield pending.popleft(), previous if whole else None
            while pending and index.pts[pending[0]] == frame.pts:
                yield pending.popleft(), frame
            previous = frame
        while pending:
            yield pending.popleft(), previous if whole else None

    def decode(self, index: PacketIndex, start: int, stop: int, keep: set[int] | None) -> Iterator[Decoded]:
        """Decode packets `[start, stop]` by ordinal and everything held back; `keep` are those not to be dropped."""
        self._go_to(index, start)
        self._failed = False
        skipping = None
        try:
            while self._next <= stop:
                packet = self._read()
                if packet is None:
                    break
                if index.may_drop:
                    skip = keep is not None and self._next - 1 not in keep
                    if skip != skipping:
                        self._codec.skip_frame, skipping = "NONREF" if skip else "DEFAULT", skip
                yield from self._decoded(packet)
            yield from self._decoded(None)
        finally:
            # Whether drained or left half-way, the decoder begins afresh at the next entry point.
            self._reset()
            self._codec.skip_frame = "DEFAULT"

    def _reset(self) -> None:
        self._codec.flush_buffers()
        self._shapes.restart()

    def _decoded(self, packet: av.Packet | None) -> list[Decoded]:
        try:
            return self._shapes.of(self._codec.decode(packet), self._codec, packet)
        except FFmpegError:
            self._failed = True
            return []

    def _read(self) -> av.Packet | None:
        packet, self._held = self._held, None
        if packet is None:
            packet = next((packet for packet in self._packets if packet.size), None)
        self._next += packet is not None
        return packet

    def _go_to(self, index: PacketIndex, ordinal: int) -> None:
        if not 0 <= ordinal - self._next <= _SEEK_AFTER:
            self._seek(index, ordinal)
        while self._next < ordinal and self._read() is not None:
            pass

    def _seek(self, index: PacketIndex, ordinal: int) -> None:
        """Land on a packet at or before `ordinal`, knowing which one; the beginning of the file if all else fails."""
        sure = self._container.format.name.startswith(_INDEXED_FORMATS)
        margin = 0 if sure else round(1.0 / tick_of(self.stream))
        for target in [ordinal, *index.earlier_entries(ordinal)]:
            if target == 0:
                break
            times = [time for time in (index.packet_dts[target], index.packet_pts[target]) if time > -_LOST]
            if not self._seek_ticks(int(min(times)) - margin):
                continue
            landed = self._recognize(index)
            if landed is not None and landed <= ordinal:
                self._next = landed
                return
        self._rewind()

    def _seek_ticks(self, time: int) -> bool:
        """Seek to the last place that the container offers at or before `time`; the ordinal is then not known."""
        self._next = _LOST
        try:
            self._container.seek(time, stream=self.stream, backward=True)
        except FFmpegError:
            return False
        self._packets, self._held = read_packets(self._container, self.stream), None
        return True

    def _rewind(self) -> None:
        if self._next:
            self.close()
            self._open()

    def _recognize(self, index: PacketIndex) -> int | None:
        """Return the ordinal of the next packet after a seek, found by its pts, and hold that packet."""
        for _ in range(64):
            packet = self._read()
            if packet is None:
                return None
            if packet.pts is None:
                continue
            matches = np.flatnonzero(index.packet_pts == packet.pts)
            if len(matches) == 1:
                self._held = packet
                return int(matches[0])
        return None

    def _counted(self, positions: Sequence[int]) -> Iterator[tuple[int, Decoded]]:
        """Yield frames by their count, for containers without presentation times."""
        self._rewind()
        pending = deque(positions)
        count, frame = 0, None
        while pending:
            packet = self._read()
            for frame in self._decoded(packet):
                if pending and pending[0] == count:
                    yield pending.popleft(), frame
                count += 1
            if packet is None:
                break
        while pending and frame is not None:
            yield pending.popleft(), frame


class _Gap:
    """Finds what stands where frames cannot be decoded; remembers how far it looked: a broken hour costs one look."""

    def __init__(self, path: Path, index: PacketIndex) -> None:
        self._path, self._index = path, index
        self._until = -1
        self._frame: Decoded | None = None

    def stand_in(self, position: int) -> Decoded | None:
        """Return the last frame before `position` that decodes, else the first after it, else None."""
        index = self._index
        reader = PyAVReader(self._path)
        try:
            pts = index.pts[position]
            for start in index.earlier_entries(int(index.order[position]) + 1):
                best, best_pts = None, -_LOST
                for frame in reader.decode(index, start, index.reach(position), None):
                    if frame.pts is None or (start and frame.pts < index.packet_pts[start]):
                        continue
                    if frame.pts <= pts and frame.pts >= best_pts:
                        best, best_pts = frame, frame.pts
                if best is not None:
                    self._frame = best
                    break
                if self._frame is not None and start <= self._until:
                    break
            if self._frame is None:
                self._frame = next(reader.decode(index, 0, len(index.packet_pts), None), None)
            self._until = int(index.order[position])
            return self._frame
        finally:
            reader.close()
