"""Real encoded videos with known content, made with PyAV alone (its wheel brings the encoders)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg command")


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How to write a video: an encoder of PyAV, its options, and the container (by file ending)."""

    codec: str = "libx264"
    ending: str = "mp4"
    options: dict[str, str] = field(default_factory=dict)
    pixel_format: str = "yuv420p"
    container_options: dict[str, str] = field(default_factory=dict)


def _x264(**settings: object) -> dict[str, str]:
    return {"preset": "veryfast", "x264-params": _params(**{"keyint": 24, "scenecut": 0, "threads": 1, **settings})}


def _x265(**settings: object) -> dict[str, str]:
    return {
        "preset": "ultrafast",
        "x265-params": _params(keyint=24, scenecut=0, pools=1, **{"frame-threads": 1, "log-level": "none"}, **settings),
    }


def _params(**settings: object) -> str:
    return ":".join(f"{key.replace('_', '-')}={value}" for key, value in settings.items())


_B = {"bframes": 3, "b_pyramid": "normal", "b_adapt": 0}
_VPX = {"g": "24", "lag-in-frames": "12", "auto-alt-ref": "1", "cpu-used": "8", "deadline": "realtime", "b": "300k"}

# Every way in which a frame can depend on others; all keep a keyframe every 24 frames or so.
ENCODINGS = {
    "h264": Encoding(options=_x264(**_B)),
    "h264-long-gop": Encoding(options=_x264(**_B, keyint=100, min_keyint=100)),
    "h264-open-gop": Encoding(options=_x264(**_B, open_gop=1)),
    "h264-open-gop-mkv": Encoding(options=_x264(**_B, open_gop=1), ending="mkv"),
    "h264-open-gop-ts": Encoding(options=_x264(**_B, open_gop=1), ending="ts"),
    "h264-intra-refresh": Encoding(options=_x264(bframes=0, intra_refresh=1)),
    "h264-interlaced-ts": Encoding(options=_x264(**_B, tff=1), ending="ts"),
    "h264-no-b": Encoding(options=_x264(bframes=0)),
    "h264-10bit": Encoding(options=_x264(**_B), pixel_format="yuv420p10le"),
    "hevc": Encoding(codec="libx265", options=_x265(bframes=3, open_gop=0)),
    "hevc-open-gop": Encoding(codec="libx265", options=_x265(bframes=3, open_gop=1)),
    "hevc-open-gop-ts": Encoding(codec="libx265", options=_x265(bframes=3, open_gop=1), ending="ts"),
    "hevc-layers": Encoding(codec="libx265", options=_x265(bframes=3, open_gop=0, temporal_layers=3)),
    "hevc-10bit-mkv": Encoding(codec="libx265", options=_x265(bframes=3), pixel_format="yuv420p10le", ending="mkv"),
    "vp8": Encoding(codec="libvpx", options={**_VPX, "deadline": "good", "cpu-used": "5"}, ending="webm"),
    "vp9": Encoding(codec="libvpx-vp9", options={**_VPX, "deadline": "good", "row-mt": "0"}, ending="webm"),
    "vp9-mp4": Encoding(codec="libvpx-vp9", options={**_VPX, "deadline": "good"}),
    "av1": Encoding(codec="libsvtav1", options={"preset": "12", "g": "24", "svtav1-params": "lp=1"}),
    "av1-mkv": Encoding(codec="libsvtav1", options={"preset": "12", "g": "24", "svtav1-params": "lp=1"}, ending="mkv"),
    "mpeg4": Encoding(codec="mpeg4", options={"bf": "2", "g": "24", "b": "400k"}),
    "mpeg4-avi": Encoding(codec="mpeg4", options={"bf": "2", "g": "24", "b": "400k"}, ending="avi"),
    "mpeg2-ts": Encoding(codec="mpeg2video", options={"bf": "2", "g": "24", "b": "800k"}, ending="ts"),
    "mjpeg-mov": Encoding(codec="mjpeg", pixel_format="yuvj420p", ending="mov"),
}


def picture(number: int, width: int = 160, height: int = 96) -> np.ndarray:
    """A textured picture `[H, W, 3]` uint8 that differs from frame to frame: drifting waves, grain, a moving bar."""
    y, x = np.mgrid[0:height, 0:width]
    waves = 90 + 50 * np.sin((x + 3 * number) / 9) + 40 * np.cos((y - 2 * number) / 7)
    grain = np.random.default_rng(number).integers(-12, 12, (height, width))
    image = np.stack([waves + grain, 200 - waves / 2, 60 + (x + 5 * number) % 128], axis=2)
    left = 6 * number % (width - 8)
    image[height // 3 : height // 2, left : left + 8] = (250, 240, 20)
    return image.clip(0, 255).astype(np.uint8)


def write_video(
    path: Path,
    *,
    frames: int | Sequence[np.ndarray] = 72,
    fps: Fraction | int = 24,
    times: Sequence[float] | None = None,
    start: float = 0.0,
    encoding: Encoding | None = None,
    width: int = 160,
    height: int = 96,
    sound: np.ndarray | None = None,
    sound_rate: int = 48000,
    sound_start: float = 0.0,
    sound_codec: str = "aac",
    sound_layout: str = "mono",
    prepare: Callable[[av.VideoStream], None] | None = None,
    **options: str,
) -> Path:
    """Encode a video.

    Args:
        path: where; its ending names the container.
        frames: how many of `picture`, or the pictures themselves, `[H, W, 3]` uint8 each.
        fps: frames a second.
        times: presentation times in seconds (variable frame rate) instead of `k / fps`.
        start: seconds added to every time of pictures and sound.
        encoding: codec and its options; H.264 with B-frames by default.
        width: of `picture`, in pixels.
        height: of `picture`, in pixels.
        sound: samples `[n]` or `[channels, n]` float32 in [-1, 1].
        sound_rate: samples a second.
        sound_start: when the sound starts, in seconds after `start`.
        sound_codec: encoder of the sound.
        sound_layout: its channels.
        prepare: called with the video stream before anything is written (display matrix and the like).
        options: of the container.
    """
    encoding = encoding or ENCODINGS["h264"]
    images: Iterable[np.ndarray] = (
        (picture(number, width, height) for number in range(frames)) if isinstance(frames, int) else frames
    )
    tick = Fraction(1, 90000)
    with av.open(str(path), "w", options={**encoding.container_options, **options}) as container:
        stream = container.add_stream(encoding.codec, rate=Fraction(fps), options=dict(encoding.options))
        stream.pix_fmt = encoding.pixel_format
        stream.thread_count = 1
        if times is not None:
            stream.codec_context.time_base = tick
        voice = None
        if sound is not None:
            voice = container.add_stream(sound_codec, rate=sound_rate, layout=sound_layout)
        for number, image in enumerate(images):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
                if prepare is not None:
                    prepare(stream)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=encoding.pixel_format)
            if times is not None:
                frame.pts, frame.time_base = round((start + times[number]) / tick), tick
            else:
                frame.pts, frame.time_base = number + round(start * fps), 1 / Fraction(fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            write_sound(container, voice, sound, start + sound_start)
    return path


def join(path: Path, *parts: Path) -> Path:
    """The video streams of files of one codec, one behind another in one stream, as joined recordings have them.

    Args:
        path: where; its ending names the container.
        parts: files that begin at 0 s; they may differ in size and pixel aspect.
    """
    offset = 0.0
    with av.open(str(path), "w") as out:
        stream = None
        for part in parts:
            with av.open(str(part)) as source:
                own = source.streams.video[0]
                stream = stream or out.add_stream_from_template(own)
                step = float(1 / (own.average_rate or 24))
                end = offset
                for packet in source.demux(own):
                    if packet.pts is None or packet.dts is None:
                        continue
                    shift = round(offset / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    end = max(end, float(packet.pts * packet.time_base) + step)
                    packet.stream = stream
                    out.mux(packet)
                offset = end
    return path


def quarter(width: int, height: int, color: tuple[int, int, int] = (220, 20, 20)) -> np.ndarray:
    """A grey picture `[H, W, 3]` whose lower right quarter is of one colour."""
    image = np.full((height, width, 3), 110, np.uint8)
    image[height // 2 :, width // 2 :] = color
    return image


def write_sound(container: av.container.OutputContainer, voice: av.AudioStream, sound: np.ndarray, at: float) -> None:
    """Encode samples `[n]` or `[channels, n]` so that the first lies at `at` seconds."""
    sound = np.atleast_2d(sound).astype(np.float32)
    rate = voice.codec_context.sample_rate
    resampler = av.AudioResampler(format=voice.codec_context.format, layout=voice.codec_context.layout, rate=rate)
    step = 1024
    for begin in range(0, sound.shape[1], step):
        part = np.ascontiguousarray(sound[:, begin : begin + step])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=voice.codec_context.layout.name)
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = begin + round(at * rate)
        for piece in resampler.resample(frame):
            container.mux(voice.encode(piece))
    container.mux(voice.encode(None))


def run_ffmpeg(*arguments: object) -> None:
    """Run the ffmpeg command; use with `needs_ffmpeg`."""
    subprocess.run(["ffmpeg", "-y", "-nostdin", "-v", "error", *map(str, arguments)], check=True)


def decode_all(path: Path) -> list[tuple[float | None, np.ndarray]]:
    """Every frame by plain PyAV, in order: `(seconds or None, [H, W, 3])`. The reference that sampling must equal."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        return [
            (None if frame.pts is None else float(frame.pts * stream.time_base), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(stream)
        ]


def decoding(path: Path, index: int | None = None) -> Iterator[tuple[float, np.ndarray]]:
    """The same for damaged files: frame by frame, past what fails. `index` is that of the stream in the file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0] if index is None else container.streams[index]
        stream.thread_count = 1
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError):
                return
            try:
                frames = stream.codec_context.decode(packet if packet.size else None)
            except av.error.FFmpegError:
                continue
            for frame in frames:
                base = stream.time_base
                yield float(frame.pts) * base.numerator / base.denominator, frame.to_ndarray(format="rgb24")
