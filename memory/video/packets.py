"""The packet list of a video stream: when each frame appears and where decoding may begin, without decoding."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from av.error import FFmpegError

from .random_access import is_entry_point, may_drop

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

# A time given by a person, or made as k / fps, may lie a rounding error below the frame that is meant.
TOLERANCE = 1e-6
_NONE = -(2**63)
# Seconds. Slides and time lapses hold one picture for minutes.
_LONGEST_PACKET = 3600.0
# A demuxer that fails this often without giving a packet has nothing more to give.
_MAX_FAILURES = 32


@dataclass(frozen=True, slots=True)
class PacketRun:
    """A stretch of packets to decode: ordinals `[start, stop]`, and the display positions that are read from it."""

    start: int
    stop: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PacketIndex:
    """Packets of one video stream in file order (ordinals), and the frames they show in display order (positions)."""

    seconds: np.ndarray
    """float64 [frames]: presentation time of each displayable frame, ascending."""
    pts: np.ndarray
    """int64 [frames]: the same in ticks of the stream."""
    order: np.ndarray
    """int64 [frames]: ordinal of the packet that holds each frame."""
    packet_pts: np.ndarray
    """int64 [packets]: in file order."""
    packet_dts: np.ndarray
    """int64 [packets]: in file order."""
    entries: np.ndarray
    """int64 [entry points]: ordinals from which every picture shown at or after theirs can be decoded exactly."""
    end: float
    """Seconds at which the last frame is over."""
    may_drop: bool
    """True if pictures that nothing refers to may be skipped."""
    sequential: bool = False
    """The container does not say when frames appear: they can only be counted, decoding from the beginning."""
    damage: str | None = None
    """Why the file could not be read to its end, else None."""

    def at(self, times: np.ndarray) -> np.ndarray:
        """Return the position of the frame on screen at each time: the last with pts <= time, else the first."""
        return np.maximum(np.searchsorted(self.seconds, times + TOLERANCE, side="right") - 1, 0)

    def entry(self, position: int) -> int:
        """Return the ordinal of the last packet from which decoding reaches this frame exactly; 0 if there is none."""
        ordinal, pts = self.order[position], self.pts[position]
        nearest = int(np.searchsorted(self.entries, ordinal, side="right")) - 1
        # A picture shown before an entry point but stored after it needs the pictures before that point.
        while nearest >= 0 and self.packet_pts[self.entries[nearest]] > pts:
            nearest -= 1
        return int(self.entries[nearest]) if nearest >= 0 else 0

    def earlier_entries(self, ordinal: int) -> list[int]:
        """Return entry points before `ordinal`, nearest first, in growing steps down to the beginning of the file."""
        nearest = int(np.searchsorted(self.entries, ordinal, side="left")) - 1
        found, step = [], 1
        while nearest >= 0:
            found.append(int(self.entries[nearest]))
            nearest, step = nearest - step, step * 2
        return found if found and found[-1] == 0 else [*found, 0]

    def reach(self, position: int) -> int:
        """Return the ordinal up to which packets must be decoded for every frame up to `position` to be out."""
        # No codec reorders further than a few dozen frames.
        return int(self.order[max(0, position - 64) : position + 1].max())

    def runs(self, positions: Sequence[int]) -> list[PacketRun]:
        """Return the stretches of packets that give these frames (ascending positions); no packet is in two of them."""
        runs: list[PacketRun] = []
        for position in positions:
            start, stop = self.entry(position), int(self.order[position])
            if runs and start <= runs[-1].stop:
                last = runs.pop()
                runs.append(PacketRun(min(last.start, start), max(last.stop, stop), (*last.positions, position)))
            else:
                runs.append(PacketRun(start, stop, (position,)))
        return runs


@dataclass(slots=True)
class _Listing:
    """Packets as they are read."""

    pts: array[int] = field(default_factory=lambda: array("q"))
    dts: array[int] = field(default_factory=lambda: array("q"))
    hidden: array[int] = field(default_factory=lambda: array("q"))
    entries: array[int] = field(default_factory=lambda: array("q"))
    lasting: float = 0.0
    damage: str | None = None


def read_index(container: InputContainer, stream: VideoStream) -> PacketIndex:
    """List the packets of `stream` from where `container` stands (the beginning) to the end, decoding none.

    A file that cannot be read to its end is listed as far as it goes; `damage` then says so.
    """
    listing = _list_packets(container, stream)
    context = stream.codec_context
    # Fields may come one a packet: skipping one of a pair would spoil the other.
    progressive = str(getattr(context, "field_order", "")) in ("", "0", "1", "unknown", "progressive")
    drops = may_drop(context.codec.canonical_name, context.extradata or b"") and progressive
    tick = tick_of(stream)
    fps = float(stream.average_rate or stream.guessed_rate or 25)
    pts, dts = np.asarray(listing.pts, np.int64), np.asarray(listing.dts, np.int64)
    visible = pts != _NONE
    visible[np.asarray(listing.hidden, np.int64)] = False
    # A few packets without pts among others are second fields; if most have none, the container does not tell.
    sequential = 3 * int(np.count_nonzero(pts != _NONE)) < len(pts)
    if sequential:
        ticks = np.sort(dts[dts != _NONE])
        if len(ticks) < len(pts):
            ticks = np.round(np.arange(len(pts)) / fps / tick).astype(np.int64)
        order = np.arange(len(ticks))
    else:
        order = np.flatnonzero(visible)
        order = order[np.argsort(pts[order], kind="stable")]
        ticks = pts[order]
    base = stream.time_base or Fraction(1, 1_000_000)
    seconds = ticks.astype(np.float64) * base.numerator / base.denominator
    entries = np.asarray(listing.entries, np.int64)
    return PacketIndex(
        seconds=seconds,
        pts=ticks,
        order=order,
        packet_pts=pts,
        packet_dts=dts,
        entries=entries[pts[entries] != _NONE],
        end=float(seconds[-1]) + (listing.lasting or 1 / fps) if len(seconds) else 0.0,
        may_drop=drops,
        sequential=sequential,
        damage=listing.damage,
    )


def seconds_of(stream: Stream, ticks: int) -> float:
    """Return seconds on the container's clock, bit-equal to PyAV's `frame.time` and to `PacketIndex.seconds`."""
    # Frames that a drained decoder gives have lost their time base, so `frame.time` cannot be asked.
    base = stream.time_base or Fraction(1, 1_000_000)
    return float(ticks) * base.numerator / base.denominator


def tick_of(stream: Stream) -> float:
    """Return seconds in one tick of a stream's clock."""
    return float(stream.time_base) if stream.time_base else 1e-6


def lasting(packet: Packet) -> float:
    """Return seconds that a packet says it lasts; 0 for what cannot be true (the last packets of an Ogg file)."""
    seconds = (packet.duration or 0) * tick_of(packet.stream)
    return seconds if 0 <= seconds < _LONGEST_PACKET else 0.0


def read_packets(
    container: InputContainer, stream: Stream, on_damage: Callable[[FFmpegError], None] = lambda error: None
) -> Iterator[Packet]:
    """Yield the packets of a stream from where the container stands to the end, past what cannot be read."""
    failures = 0
    while failures < _MAX_FAILURES:
        try:
            for packet in container.demux(stream):  # type: ignore[call-overload]
                failures = 0
                yield packet
            return
        except FFmpegError as error:
            on_damage(error)
            failures += 1


def discard_others(container: InputContainer, stream: Stream) -> None:
    """Have the demuxer leave out every other stream."""
    for other in container.streams:
        if other is not stream:
            other.discard = av.stream.Discard.all


def _list_packets(container: InputContainer, stream: VideoStream) -> _Listing:
    codec = stream.codec_context.codec.canonical_name
    extradata = stream.codec_context.extradata or b""
    listing = _Listing()

    def note_damage(error: FFmpegError) -> None:
        listing.damage = f"it cannot be read to its end ({error.strerror})"

    for packet in read_packets(container, stream, note_damage):
        if not packet.size:
            continue
        ordinal = len(listing.pts)
        listing.pts.append(_NONE if packet.pts is None else packet.pts)
        listing.dts.append(_NONE if packet.dts is None else packet.dts)
        listing.lasting = lasting(packet) or listing.lasting
        # VP8 stores the pictures that it only refers to as packets of their own.
        if packet.is_discard or (codec == "vp8" and not memoryview(packet)[0] & 0x10):
            listing.hidden.append(ordinal)
        if packet.is_keyframe and is_entry_point(codec, extradata, memoryview(packet)):
            listing.entries.append(ordinal)
    return listing
