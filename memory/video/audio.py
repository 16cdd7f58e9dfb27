"""Sound of a span as mono samples that lie exactly where the container's clock puts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from math import gcd
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from ..errors import VideoError
from ..span import Span, merge_spans
from .packets import discard_others, lasting, read_packets, tick_of
from .probe import audio_stream, open_container

# Decoders need some packets before the first good sample (MP3 the most, about 0.3 s).
_PREROLL = 1.0
# Some containers round times to milliseconds; a step larger than this is a real gap.
_GAP = 0.03
# Seconds without a packet from which on a track has no sound there.
_APART = 60.0
# Samples of one request, 4 bytes each: 18 hours of what recognizers take.
_MOST_SAMPLES = 2**30
# The resampler's filter looks this far around a sample.
_MARGIN = 0.05


def read_audio(path: Path, span: Span, rate: int, track: int | None = None) -> np.ndarray:
    """Return samples `[round(span.duration * rate)]` float32 mono in [-1, 1]; sample 0 is at `span.start`.

    Silence stands wherever the file has no sound, or none that can be decoded; a file without an audio stream gives
    an empty array. `track` is the index in the file of its audio stream; None for the main one. Takes the memory of the
    result and no more.
    """
    if span.duration * rate > _MOST_SAMPLES:
        raise VideoError(
            f"{path}: {span.duration / 3600:.1f} h of sound are asked for at once, more than "
            f"{_MOST_SAMPLES / rate / 3600:.1f} h: ask for a part of it."
        )
    with open_container(path) as container:
        stream = audio_stream(container, track)
        if stream is None:
            return np.zeros(0, dtype=np.float32)
        discard_others(container, stream)
        samples = np.zeros(round(span.duration * rate), dtype=np.float32)
        piece: _Piece | None = None
        for frame, time in _timed_frames(container, stream, span):
            if piece is None or not piece.continues(frame, time):
                if piece is not None:
                    piece.finish()
                piece = _Piece(samples, span.start, rate, frame, time)
            piece.add(frame)
        if piece is not None:
            piece.finish()
        return np.clip(samples, -1.0, 1.0, out=samples)


def sounding(path: Path, track: int | None = None) -> list[Span]:
    """Return where a sound track has packets, in order; gaps under a minute are bridged. Decodes nothing."""
    found: list[list[float]] = []
    with open_container(path) as container:
        stream = audio_stream(container, track)
        if stream is None:
            return []
        discard_others(container, stream)
        tick = tick_of(stream)
        for packet in read_packets(container, stream):
            if packet.pts is None or not packet.size:
                continue
            start = packet.pts * tick
            end = start + lasting(packet)
            if found and found[-1][0] - _APART <= start <= found[-1][1] + _APART:
                found[-1] = [min(found[-1][0], start), max(found[-1][1], end)]
            else:
                found.append([start, end])
    return merge_spans((Span(start, end) for start, end in found), _APART)


class _Piece:
    """A stretch of sound without gaps, resampled into its place in `samples`."""

    def __init__(self, samples: np.ndarray, start: float, rate: int, first: AudioFrame, time: float) -> None:
        self._samples = samples
        self._kind = _kind(first)
        self._next = time
        self._resampler = AudioResampler(format="flt", layout="mono", rate=rate)
        # Some silence put before it brings the first sample onto the grid of the result: without it the same sound
        # would come out shifted by a part of a sample, by where decoding happened to begin.
        period = first.sample_rate // gcd(first.sample_rate, rate)  # source samples after which both grids meet again
        places = (time - start - np.arange(period) / first.sample_rate) * rate
        lead = int(np.argmin(np.abs(places - np.round(places))))
        self._place = round(float(places[lead]))
        if lead:
            self._write(self._resampler.resample(_plain(_silence(first, lead))))

    def continues(self, frame: AudioFrame, time: float) -> bool:
        return _kind(frame) == self._kind and abs(time - self._next) < _GAP

    def add(self, frame: AudioFrame) -> None:
        self._next += frame.samples / frame.sample_rate
        self._write(self._resampler.resample(_plain(frame)))

    def finish(self) -> None:
        self._write(self._resampler.resample(None))

    def _write(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            values = frame.to_ndarray().reshape(-1)
            first, last = max(self._place, 0), min(self._place + len(values), len(self._samples))
            if last > first:
                self._samples[first:last] = values[first - self._place : last - self._place]
            self._place += len(values)


def _timed_frames(container: InputContainer, stream: AudioStream, span: Span) -> Iterator[tuple[AudioFrame, float]]:
    """Yield decoded frames that touch `span`, each with the time of its first sample; skip broken packets."""
    tick = tick_of(stream)
    begin = (stream.start_time or 0) * tick
    if span.start - _PREROLL > begin + _PREROLL:
        try:
            container.seek(int((span.start - _PREROLL) / tick), stream=stream, backward=True)
        except FFmpegError:
            # Where this fails too, reading goes on from where the file was opened: at its beginning.
            with suppress(FFmpegError):
                container.seek(int(begin / tick), stream=stream, backward=True)
    following: float | None = None
    for frame in _frames(container, stream):
        time = frame.pts * tick if frame.pts is not None else following
        if time is None or not frame.samples or not frame.sample_rate:
            continue
        following = time + frame.samples / frame.sample_rate
        if time >= span.end + _MARGIN:
            return
        if following > span.start - _MARGIN:
            yield frame, time


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    for packet in read_packets(container, stream):
        try:
            frames = stream.codec_context.decode(packet if packet.size else None)
        except FFmpegError:
            continue
        for frame in frames:
            # Frames that a drained decoder gives have lost their time base, and the resampler wants one.
            if frame.time_base is None and stream.time_base is not None:
                frame.time_base = stream.time_base
            yield frame


def _silence(like: AudioFrame, samples: int) -> AudioFrame:
    frame = AudioFrame(format=like.format.name, layout=like.layout.name, samples=samples)
    zero = b"\x80" if like.format.name.startswith("u8") else b"\0"
    for plane in frame.planes:
        plane.update(zero * plane.buffer_size)
    frame.sample_rate, frame.time_base = like.sample_rate, like.time_base
    return frame


def _kind(frame: AudioFrame) -> tuple[str, int, int]:
    return frame.format.name, frame.sample_rate, len(frame.layout.channels)


def _plain(frame: AudioFrame) -> AudioFrame:
    """`frame` itself, or its channels' mean where nobody says which channel is which."""
    if "channels" not in frame.layout.name:
        return frame
    values = frame.to_ndarray()
    channels = len(frame.layout.channels)
    values = values.mean(axis=0) if frame.format.is_planar else values.reshape(-1, channels).mean(axis=1)
    scale = 1.0
    if frame.format.name.startswith(("s16", "s32")):
        scale = 2.0 ** (frame.format.bits - 1)
    elif frame.format.name.startswith("u8"):
        values, scale = values - 128.0, 128.0
    mono = AudioFrame.from_ndarray((values / scale).astype(np.float32)[None], format="fltp", layout="mono")
    mono.sample_rate = frame.sample_rate
    mono.pts, mono.time_base = frame.pts, frame.time_base
    return mono
