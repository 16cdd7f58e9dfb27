"""Render the six-slide talk that the questions ask about: `garden_talk.mp4`, with `garden_talk.srt` beside it.

    python tests/questions/render_talk.py FOLDER

The slides are drawn by Pillow. The voice is espeak-ng's, a sentence at the time of its subtitle; without espeak-ng the
talk is silent and the subtitles alone hold its words. Nothing is random.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import wave
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rewatch.memory.speech.subtitles import read_subtitles

HERE = Path(__file__).resolve().parent
SUBTITLES = HERE / "garden_talk.srt"
SIZE = (1280, 720)
FPS = 8
RATE = 22050
END = 90.0


@dataclass(frozen=True, slots=True)
class Slide:
    """One slide: from when it is shown, its headline, its lines, and the colour of its band."""

    start: float
    title: str
    lines: tuple[str, ...]
    band: str


SLIDES = (
    Slide(0, "Green Corner Community Garden", ("Spring Meeting 2025", "Nadia Okafor, chair"), "#2f6f3e"),
    Slide(14, "Agenda", ("1  Budget", "2  Greenhouse", "3  Volunteers", "4  Harvest party"), "#35506b"),
    Slide(28, "Budget 2025", ("Member fee  $35", "Seeds and soil  $420", "Water  $180", "Total  $1,250"), "#7a4b1f"),
    Slide(44, "New greenhouse", ("Size: 6 x 4 m", "Glass: recycled", "Opens 12 April"), "#2f6f3e"),
    Slide(60, "Volunteers needed", ("Watering: Tuesday and Friday", "Call Priya: 555-0142"), "#6b3557"),
    Slide(74, "Harvest party", ("Saturday 20 September", "Questions?", "hello@greencorner.example"), "#8a5a00"),
)
VOICES = {0.0: "en-us+f3", 28.0: "en-us+m3", 44.0: "en-us+f2", 74.0: "en-us+f3"}
"""Who speaks from when on: Nadia, Tomas, Lena, Nadia."""


def draw(slide: Slide) -> np.ndarray:
    """The slide as `[H, W, 3]` uint8."""
    image = Image.new("RGB", SIZE, "#f6f3ea")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, SIZE[0], 150), fill=slide.band)
    pen.text((70, 75), slide.title, fill="#ffffff", font=ImageFont.load_default(size=68), anchor="lm")
    for number, line in enumerate(slide.lines):
        pen.text((110, 250 + 110 * number), line, fill="#23303a", font=ImageFont.load_default(size=50), anchor="lm")
    return np.asarray(image)


def speak(text: str, voice: str) -> np.ndarray:
    """One sentence by espeak-ng, float32 [samples] at RATE."""
    raw = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", "165", "--stdout", text], check=True, capture_output=True
    ).stdout
    with wave.open(io.BytesIO(raw)) as header:
        if header.getframerate() != RATE:
            raise ValueError(f"espeak-ng speaks at {header.getframerate()} Hz, not {RATE}: take another voice.")
    return np.frombuffer(raw[44:], dtype="<i2").astype(np.float32) / 32768


def sound_track() -> np.ndarray:
    """The whole sound, float32 [samples] at RATE; silent where espeak-ng is not installed."""
    track = np.zeros(round(END * RATE), dtype=np.float32)
    if shutil.which("espeak-ng") is None:
        return track
    for cue in read_subtitles(SUBTITLES):
        voice = VOICES[max(start for start in VOICES if start <= cue.start)]
        said = speak(cue.text, voice)
        first = round(cue.start * RATE)
        said = said[: len(track) - first]
        track[first : first + len(said)] += said
    return track


def render(folder: Path) -> Path:
    """Write the talk (H.264, AAC) and its subtitles into `folder`; returns the video."""
    folder.mkdir(parents=True, exist_ok=True)
    path, sound = folder / "garden_talk.mp4", sound_track()
    stills = [draw(slide) for slide in SLIDES]
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.options = {"crf": "25", "preset": "veryfast", "g": "64", "threads": "1"}
        audio = file.add_stream("aac", rate=RATE, layout="mono")
        for number in range(round(END * FPS)):
            shown = sum(slide.start <= number / FPS for slide in SLIDES) - 1
            frame = av.VideoFrame.from_ndarray(stills[shown], format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            file.mux(video.encode(frame))
            first, last = (round(n * RATE / FPS) for n in (number, number + 1))
            piece = av.AudioFrame.from_ndarray(sound[None, first:last], format="fltp", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = RATE, first, Fraction(1, RATE)
            file.mux(audio.encode(piece))
        file.mux(video.encode(None))
        file.mux(audio.encode(None))
    shutil.copyfile(SUBTITLES, folder / "garden_talk.srt")
    return path


if __name__ == "__main__":
    print(render(Path(sys.argv[1])))
