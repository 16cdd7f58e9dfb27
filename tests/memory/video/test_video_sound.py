"""Sound lies where the container's clock puts it, whatever is missing, damaged or late."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from media_files import ENCODINGS, write_video
from rewatch.memory.span import Span
from rewatch.memory.video.file import Video

RATE = 48000
CLICKS = (0.5, 3.25, 7.777, 12.0, 18.4)


def clicks(seconds: float = 20.0, rate: int = RATE, at: tuple[float, ...] = CLICKS) -> np.ndarray:
    """Silence with a click of 1 ms that begins at each time."""
    samples = np.zeros(round(seconds * rate), np.float32)
    width = rate // 1000
    for time in at:
        place = round(time * rate)
        samples[place : place + width] = 0.9 * np.hanning(width)
    return samples


def heard_at(samples: np.ndarray, rate: int, near: float) -> float:
    """When the loudest click within 30 ms of `near` (seconds) begins."""
    first = max(0, round((near - 0.03) * rate))
    window = np.abs(samples[first : round((near + 0.03) * rate)])
    assert len(window) and window.max() > 0.1, f"no click near {near}"
    return (first + int(np.argmax(window))) / rate - 0.0005


@pytest.mark.parametrize(
    ("ending", "codec", "layout", "rate"),
    [
        ("mp4", "aac", "mono", 48000),
        ("mp4", "libmp3lame", "mono", 44100),
        ("mkv", "libopus", "stereo", 48000),
        ("mkv", "flac", "5.1", 48000),
        ("webm", "libopus", "mono", 48000),
        ("ts", "aac", "stereo", 44100),
        ("mov", "pcm_s16le", "mono", 44100),
    ],
)
@pytest.mark.parametrize(("start", "sound_start"), [(0.0, 0.0), (5.5, 1.25)])
def test_clicks_are_where_the_clock_says(
    ending: str, codec: str, layout: str, rate: int, start: float, sound_start: float, tmp_path: Path
) -> None:
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    path = write_video(
        tmp_path / f"clicks.{ending}",
        frames=44,
        fps=2,
        start=start,
        sound=np.repeat(clicks(rate=rate)[None], channels, 0),
        sound_rate=rate,
        sound_start=sound_start,
        sound_codec=codec,
        sound_layout=layout,
        encoding=ENCODINGS["vp8"] if ending == "webm" else None,
    )
    # Matroska and MP4's edit lists round to milliseconds.
    tolerance = 0.0015
    with Video(path) as video:
        zero = video.info.start + sound_start
        whole = video.audio()
        assert whole.dtype == np.float32 and whole.ndim == 1
        assert len(whole) == round(video.info.duration * 16000)
        assert np.abs(whole).max() <= 1
        for click in CLICKS:
            near = click + sound_start
            assert heard_at(whole, 16000, near) == pytest.approx(near, abs=tolerance)
        late = video.audio(Span(zero + 11, zero + 13))
        assert heard_at(late, 16000, 1.0) == pytest.approx(1.0, abs=tolerance)
        coarse = video.audio(Span(zero + 18, zero + 19), rate=8000)
        assert len(coarse) == 8000 and heard_at(coarse, 8000, 0.4) == pytest.approx(0.4, abs=tolerance)
        early = video.audio(Span(zero - 3, zero + 1))
        assert len(early) == 64000 and not early[: 3 * 16000 - 1000].any()
        assert heard_at(early, 16000, 3.5) == pytest.approx(3.5, abs=tolerance)


def test_a_span_is_a_slice_of_the_whole(tmp_path: Path) -> None:
    """Loud noise up to the highest pitch tells a shift by a third of a sample (0.84) from none."""
    noise = np.random.default_rng(3).normal(0, 0.1, RATE * 12).astype(np.float32)
    path = write_video(tmp_path / "noise.mp4", frames=24, fps=2, sound=noise, sound_codec="aac")
    with Video(path) as video:
        whole = video.audio()
        part = video.audio(Span(6.0, 8.0))
        assert np.corrcoef(part, whole[6 * 16000 : 8 * 16000])[0, 1] > 0.99


def test_sound_shorter_and_longer_than_the_pictures(tmp_path: Path) -> None:
    hum = 0.3 * np.sin(np.arange(RATE * 5) / 30)
    with Video(write_video(tmp_path / "short.mp4", frames=100, fps=10, sound=hum)) as video:
        samples = video.audio()
        assert len(samples) == round(video.info.duration * 16000) and video.info.duration == pytest.approx(10, abs=0.1)
        assert samples[: 4 * 16000].std() > 0.1 and not samples[6 * 16000 :].any()
    with Video(write_video(tmp_path / "long.mp4", frames=10, fps=10, sound=hum)) as video:
        assert video.info.end == pytest.approx(5, abs=0.1), "what is said after the last picture counts"
        assert video.audio()[3 * 16000 :].std() > 0.1
        assert video.frame(4.5).time == pytest.approx(0.9)


def test_no_sound(tmp_path: Path) -> None:
    with Video(write_video(tmp_path / "mute.mp4", frames=24)) as video:
        assert not video.info.has_audio and video.info.audio_codec is None
        assert video.audio().shape == (0,)
        assert video.audio(Span(0, 1)).shape == (0,)


def test_channels_that_nobody_names(tmp_path: Path) -> None:
    """Three channels without a layout, as some recorders write them: their mean is heard."""
    import wave

    path = tmp_path / "odd.mov"
    tones = np.stack([0.5 * np.sin(np.arange(RATE * 2) / period) for period in (20, 33, 47)], axis=1)
    with wave.open(str(tmp_path / "odd.wav"), "wb") as file:
        file.setnchannels(3)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((tones * 32767).astype("<i2").tobytes())
    write_video(tmp_path / "pictures.mp4", frames=48)
    with (
        av.open(str(tmp_path / "pictures.mp4")) as pictures,
        av.open(str(tmp_path / "odd.wav")) as sound,
        av.open(str(path), "w") as out,
    ):
        pairs = [(source, source.streams[0]) for source in (pictures, sound)]
        copies = [out.add_stream_from_template(stream) for _, stream in pairs]
        for (source, stream), copy in zip(pairs, copies, strict=True):
            for packet in source.demux(stream):
                if packet.size:
                    packet.stream = copy
                    out.mux(packet)
    with Video(path) as video:
        samples = video.audio(Span(0, 2))
        expected = tones.mean(axis=1)[::3]
        assert np.corrcoef(samples[100:-100], expected[100:-100])[0, 1] > 0.99
        assert samples.std() == pytest.approx(expected.std(), rel=0.05)


@pytest.mark.parametrize(("ending", "codec"), [("mp4", "aac"), ("mkv", "libopus"), ("mp4", "libmp3lame")])
def test_damaged_sound_is_passed_over(ending: str, codec: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / f"hurt.{ending}", frames=44, fps=2, sound=clicks(), sound_codec=codec)
    with av.open(str(path)) as container:
        tick = container.streams.audio[0].time_base
        spots = [(p.pos, p.size, float(p.pts * tick)) for p in container.demux(audio=0) if p.size]
    raw = bytearray(path.read_bytes())
    dice = np.random.default_rng(1)
    for position, size, time in spots:
        if 5 < time < 9:
            first = position + (8 if ending == "mkv" else 0)  # keep the block's own head
            raw[first : position + size] = dice.bytes(size - (first - position))
    path.write_bytes(bytes(raw))
    with Video(path) as video:
        samples = video.audio()
        assert len(samples) == round(video.info.duration * 16000)
        assert np.isfinite(samples).all() and np.abs(samples).max() <= 1
        for click in (0.5, 3.25, 12.0, 18.4):
            assert heard_at(samples, 16000, click) == pytest.approx(click, abs=0.0015)


def test_a_gap_in_the_sound_stays_a_gap(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", frames=44, fps=2, sound=clicks(), sound_codec="flac")
    path = tmp_path / "gap.mkv"
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        copies = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            audio = packet.stream.type == "audio"
            if packet.size and not (audio and 5 < float(packet.pts * packet.time_base) < 9):
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
    with Video(path) as video:
        samples = video.audio()
        assert not samples[round(5.2 * 16000) : round(8.8 * 16000)].any()
        for click in (0.5, 3.25, 12.0, 18.4):
            assert heard_at(samples, 16000, click) == pytest.approx(click, abs=0.0015)


def test_a_late_span_is_sought_not_decoded_up_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rewatch.memory.video import audio as module

    path = write_video(tmp_path / "long.mp4", frames=240, fps=2, sound=clicks(120.0))
    seen: list[float] = []
    original = module.read_packets

    def counting(container: object, stream: object) -> object:
        for packet in original(container, stream):
            if packet.size:
                seen.append(packet.pts * packet.time_base)
            yield packet

    monkeypatch.setattr(module, "read_packets", counting)
    with Video(path) as video:
        video.audio(Span(100, 101))
    assert min(seen) > 95 and max(seen) < 102
