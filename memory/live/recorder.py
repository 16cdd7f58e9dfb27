"""Recording: the packets of a source, copied into segments that begin with a keyframe; nothing is encoded again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.packet import Packet

from ..video.packets import lasting
from ..video.probe import audio_stream, video_stream
from .segments import Manifest, Segment

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

_LEAD = 0.5  # seconds of sound that are written on both sides of a cut: decoders need some to begin with
_FIRST = 20.0  # seconds on a file's own clock at which its first picture lies
_LATE = 10.0  # seconds by which sound may come after the pictures of its time
_SOUND_ONLY = 30.0  # seconds of sound before the first picture that are kept
_PADDING = 0.1  # seconds by which sound may lead the first picture and not count, as in `memory.video.probe`
_RAW = ("rawvideo", "wrapped_avframe")
# What MPEG-TS holds is written so: exact to 1/90000 s, and without the padding of encoders, which Matroska counts anew
# from the beginning of each file.
_TRANSPORT = frozenset(("h264", "hevc", "mpeg2video", "mpeg1video", "mpeg4", "aac", "mp2", "mp3", "ac3", "eac3"))

Shift = Callable[[float], float]
"""Gives the time on the recording's clock of the first picture, which lies at so many seconds on the source's."""


class SegmentWriter:
    """Writes the packets of one connection to a source into segments of a folder.

    A segment is cut at the first keyframe after `seconds`. It is listed once its file is whole; what a kill interrupts
    is at most the one being written.

    Args:
        container: the opened source.
        manifest: the list of segments.
        seconds: the least length of a segment.
        shift: puts the first picture on the clock of the recording.
        since: packets before this time (seconds of the recording) are there already, and passed over.
    """

    def __init__(
        self, container: InputContainer, manifest: Manifest, seconds: float, shift: Shift, *, since: float | None = None
    ) -> None:
        self._manifest = manifest
        self._seconds = seconds
        self._shift_of = shift
        self._since = since
        self._video: VideoStream = video_stream(container, Path(container.name))
        self._audio: AudioStream | None = audio_stream(container)
        streams = [self._video, *([self._audio] if self._audio is not None else [])]
        self._transport = all(one.codec_context.codec.canonical_name in _TRANSPORT for one in streams)
        self._encodes = self._video.codec_context.name in _RAW
        self._shift: float | None = None
        self._waiting: list[Packet] = []  # sound before the first picture
        self._sound: deque[tuple[float, Packet]] = deque()  # of the last moments
        self._current: _Output | None = None
        self._closing: _Output | None = None
        self._entry: tuple[Packet, float] | None = None  # the keyframe of the last cut
        self.received = 0.0
        """Second of the recording up to which it was received; 0 before the first picture."""
        self.first = 0.0
        """Time of the first picture, on the recording's clock."""

    def take(self, packet: Packet) -> None:
        """Take the next packet of the source; those of other streams are passed over."""
        if packet.pts is None or not packet.size or packet.is_corrupt:
            return
        if packet.stream_index == self._video.index:
            self._take_picture(packet)
        elif self._audio is not None and packet.stream_index == self._audio.index:
            self._take_sound(packet)

    def finish(self) -> None:
        """List what was written to the end of the last packet."""
        if self._current is not None:
            self._close_previous()
            self._list(self._current, self._current.end)
            self._current = None

    def _take_picture(self, packet: Packet) -> None:
        if self._shift is None:
            if not packet.is_keyframe:
                return
            self._begin(_time(packet))
        time = self._move(packet)
        if self._since is not None and time < self._since - 1e-3:
            return
        entry = packet.is_keyframe or self._encodes
        if entry and (self._current is None or time - self._current.start >= self._seconds - 1e-3):
            self._cut(time)
            self._entry = packet, time
        if self._current is None:
            return
        if self._closing is not None and time < self._closing.cut:
            # Pictures of an open group lie before the keyframe and need it, and what came before it.
            if self._entry is not None:
                self._closing.write_picture(*self._entry)
            self._entry = None
            self._closing.write_picture(packet, time)
        elif self._closing is not None and packet is not (self._entry or (None,))[0]:
            self._entry = None
            if self._audio is None or time > self._closing.cut + _LATE:
                self._close_previous()
        self._current.write_picture(packet, time)
        self.received = max(self.received, self._current.end)

    def _begin(self, first: float) -> None:
        """Fix the clock by the first picture; sound that was received before it is put on it too."""
        self.first = self._shift_of(first)
        self._shift = self.first - first
        for packet in self._waiting:
            self._sound.append((self._move(packet), packet))
        self._waiting = []

    def _take_sound(self, packet: Packet) -> None:
        if self._shift is None:
            self._waiting.append(packet)
            while _time(packet) - _time(self._waiting[0]) > _SOUND_ONLY:
                self._waiting.pop(0)
            return
        time = self._move(packet)
        self._sound.append((time, packet))
        while self._current is not None and time - self._sound[0][0] > 2 * _LEAD:
            self._sound.popleft()
        if self._closing is not None and time < self._closing.cut + _LEAD:
            self._closing.write_sound(packet, time)
        elif self._closing is not None:
            self._close_previous()
        if self._current is not None:
            self._current.write_sound(packet, time)

    def _move(self, packet: Packet) -> float:
        """Put a packet on the clock of the recording; returns its time in seconds."""
        assert self._shift is not None and packet.pts is not None
        ticks = round(self._shift / float(packet.time_base))
        packet.pts += ticks
        if packet.dts is not None:
            packet.dts += ticks
        return _time(packet)

    def _cut(self, time: float) -> None:
        leads = self._current is None and not self._manifest.segments
        if self._current is not None:
            self._close_previous()
            self._closing, self._current = self._current, None
            self._closing.cut = time
        number = 1 + max((int(Path(one.file).stem) for one in self._manifest.segments), default=0)
        number += self._closing is not None
        path = self._manifest.folder / f"{number:06d}{'.ts' if self._transport else '.mkv'}"
        self._current = _Output(path, time, self._video, self._audio, encodes=self._encodes)
        for at, packet in self._sound:
            if leads or at >= time - _LEAD:
                self._current.write_sound(packet, at)
        if leads and self._sound and self._sound[0][0] < time - _PADDING:
            self._current.start = self._sound[0][0]

    def _close_previous(self) -> None:
        if self._closing is not None:
            self._list(self._closing, self._closing.cut)
            self._closing = None

    def _list(self, output: _Output, end: float) -> None:
        output.close()
        size = output.path.stat().st_size
        self._manifest.add(Segment(output.path.name, output.start, end, size, output.offset))


class _Output:
    """A segment that is being written; raw pictures, of a camera say, are encoded."""

    def __init__(
        self, path: Path, start: float, video: VideoStream, audio: AudioStream | None, *, encodes: bool
    ) -> None:
        self.path = path
        self.start = start
        self.end = start
        self.cut = start
        """Where it is cut, once it is."""
        # Each file's own times begin near the same second: early enough that MPEG-TS does not count over its end, and
        # late enough that none is below zero.
        self.offset = _FIRST - start
        transport = path.suffix == ".ts"
        self._container: OutputContainer = av.open(
            str(path), "w", format="mpegts" if transport else "matroska",
            container_options={"mpegts_copyts": "1"} if transport else {},
        )  # fmt: skip
        self._encodes = encodes
        if encodes:
            self._video: Any = self._container.add_stream("libx264", rate=30)
            self._video.width, self._video.height = video.codec_context.width, video.codec_context.height
            self._video.pix_fmt = "yuv420p"
            self._video.options = {"preset": "veryfast", "tune": "zerolatency"}
            self._video.codec_context.time_base = Fraction(1, 90000)
        else:
            self._video = self._container.add_stream_from_template(video, opaque=True)
        self._audio: Any = self._container.add_stream_from_template(audio) if audio is not None else None

    def write_picture(self, packet: Packet, time: float) -> None:
        """Write a packet of pictures, which lies at `time`."""
        self.end = max(self.end, time + lasting(packet))
        if not self._encodes:
            self._mux(packet, self._video)
            return
        for frame in packet.decode():
            frame.pts, frame.time_base = round((time + self.offset) * 90000), Fraction(1, 90000)
            self._container.mux(self._video.encode(frame))

    def write_sound(self, packet: Packet, time: float) -> None:
        """Write a packet of sound, which lies at `time`; it may stand in two segments."""
        if self._audio is not None:
            self.end = max(self.end, time + lasting(packet))
            self._mux(packet, self._audio)

    def _mux(self, packet: Packet, stream: Any) -> None:
        pts, dts, base, source = packet.pts, packet.dts, packet.time_base, packet.stream
        ticks = round(self.offset / float(base))
        packet.pts = None if pts is None else pts + ticks
        packet.dts = None if dts is None else dts + ticks
        packet.stream = stream
        self._container.mux(packet)
        # Muxing has put it on the clock of the output: the next segment may want it too.
        packet.stream, packet.time_base, packet.pts, packet.dts = source, base, pts, dts

    def close(self) -> None:
        """Write what is still to be written."""
        if self._encodes:
            self._container.mux(self._video.encode(None))
        self._container.close()


def _time(packet: Packet) -> float:
    assert packet.pts is not None
    return float(packet.pts * packet.time_base)
