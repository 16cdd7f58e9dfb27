"""Render the demo video: examples/demo/story.toml -> examples/demo/demo.mp4 and its truth, truth.json.

    python examples/render_demo.py [--out FOLDER]

The voice is espeak-ng's, synthesised here; the pictures are drawn by demo/pictures.py. Nothing is random but the grain,
and that is seeded. Another version of espeak-ng or x264 gives a slightly different file: truth.json always belongs to
the demo.mp4 beside it.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import shutil
import subprocess
import sys
import tomllib
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace
from demo.pictures import Text, Thing, backdrop

HERE = Path(__file__).resolve().parent / "demo"
RATE = 32000  # samples a second of the sound track
Spans = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene; `start` and `seconds` on the clock of the whole video."""

    name: str
    start: float
    seconds: float
    texts: tuple[Text, ...]
    things: tuple[Thing, ...]
    sentences: tuple[dict[str, Any], ...]

    @property
    def end(self) -> float:
        """Return when the next scene begins."""
        return self.start + self.seconds


def read_story(path: Path = HERE / "story.toml") -> tuple[dict[str, Any], list[Scene]]:
    """The story file as it is, and its scenes one after another."""
    story = tomllib.loads(path.read_text(encoding="utf-8"))
    scenes: list[Scene] = []
    start = 0.0
    for entry in story["scene"]:
        texts = tuple(Text(**text) for text in entry.get("texts", []))
        things = tuple(Thing(**{**o, "path": tuple(map(tuple, o["path"]))}) for o in entry.get("objects", []))
        scenes.append(Scene(entry["name"], start, entry["seconds"], texts, things, tuple(entry.get("sentences", []))))
        start += entry["seconds"]
    return story, scenes


# Sound -------------------------------------------------------------------------------------------------------------


def speak(text: str, voice: str, speed: int) -> np.ndarray:
    """One sentence by espeak-ng: float32 [samples] at RATE, peak 0.6, with the silence around it cut off.

    Raises:
        FileNotFoundError: espeak-ng is not installed.
    """
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", text]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(raw)) as header:
        rate = header.getframerate()
    samples = np.frombuffer(raw[44:], dtype="<i2").astype(np.float32) / 32768  # the header's length is unset in a pipe
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    samples = samples[loud[0] : loud[-1] + 1]
    graph = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    frame.sample_rate = rate
    parts = [f.to_ndarray()[0] for f in [*graph.resample(frame), *graph.resample(None)]]
    voice_out = np.concatenate(parts)
    return voice_out * (0.6 / float(np.abs(voice_out).max()))


def sound_track(story: dict[str, Any], scenes: list[Scene]) -> tuple[np.ndarray, Spans]:
    """The whole sound, float32 [samples] at RATE, and the span of each sentence by its id."""
    random = np.random.default_rng([story["seed"], 99])
    track = random.normal(0, 0.0006, round(scenes[-1].end * RATE)).astype(np.float32)  # a quiet room, not digital zero
    spans: Spans = {}
    for scene in scenes:
        free = scene.start
        for sentence in scene.sentences:
            voice = speak(sentence["text"], story["voice"], story["speed"])
            start, end = scene.start + sentence["at"], scene.start + sentence["at"] + len(voice) / RATE
            if start < free or end > scene.end:
                raise ValueError(f"story.toml: sentence {sentence['id']!r} takes {end - start:.2f} s: no room for it.")
            first = round(start * RATE)
            track[first : first + len(voice)] += voice
            spans[sentence["id"]] = (round(start, 3), round(end, 3))
            free = end
    return track, spans


# Pictures ----------------------------------------------------------------------------------------------------------


def picture_at(scene: Scene, time: float, seed: int, stills: dict[tuple[str, ...], np.ndarray]) -> np.ndarray:
    """The frame at `time` seconds of the video, [720, 1280, 3] uint8; `stills` keeps what does not move."""
    moment = time - scene.start
    shown = [t for t in scene.texts if t.at <= moment + 1e-6]
    key = (scene.name, *(t.id for t in shown))
    if key not in stills:
        picture = backdrop(scene.name, seed)
        for text in shown:
            picture, _ = text.draw(picture)
        stills[key] = picture
    moving = [thing for thing in scene.things if thing.box(moment)]
    if not moving:
        return stills[key]
    picture = stills[key].copy()
    for thing in moving:
        thing.draw(picture, moment)
    return picture


def pictures(story: dict[str, Any], scenes: list[Scene]) -> Iterator[np.ndarray]:
    """Every frame of the video in order."""
    fps = story["fps"]
    for scene in scenes:
        stills: dict[tuple[str, ...], np.ndarray] = {}
        for number in range(round(scene.start * fps), round(scene.end * fps)):
            yield picture_at(scene, number / fps, story["seed"], stills)


# Truth -------------------------------------------------------------------------------------------------------------


def timeline(story: dict[str, Any], scenes: list[Scene], sentences: Spans) -> tuple[dict[str, Any], Spans]:
    """Return what is where and when, ready for JSON, and the span of everything that has a name."""
    fps = story["fps"]
    spans: Spans = {"video": (0.0, scenes[-1].end), **sentences}
    out: dict[str, Any] = {
        "scenes": [],
        "cuts": [s.start for s in scenes[1:]],
        "texts": [],
        "sentences": [],
        "tracks": [],
    }
    for scene in scenes:
        spans[scene.name] = (scene.start, scene.end)
        out["scenes"].append({"name": scene.name, "start": scene.start, "end": scene.end})
        blank = backdrop(scene.name, story["seed"])
        for text in scene.texts:
            span = (_frame(scene.start + text.at, fps), scene.end)
            ink = [round(v, 4) for v in text.draw(blank)[1]]
            spans[text.id] = span
            out["texts"].append({"id": text.id, "text": text.text, "start": span[0], "end": span[1], "box": ink})
        for sentence in scene.sentences:
            start, end = sentences[sentence["id"]]
            out["sentences"].append({"id": sentence["id"], "text": sentence["text"], "start": start, "end": end})
        for thing in scene.things:
            # On the frames: a thing is there from the first frame that shows it until the first that no longer does.
            numbers = range(round(scene.start * fps), round(scene.end * fps))
            seen = [(n / fps, box) for n in numbers if (box := thing.box(n / fps - scene.start))]
            span = (round(seen[0][0], 3), round(seen[-1][0] + 1 / fps, 3))
            spans[thing.id] = span
            if thing.group:
                spans[thing.group] = _hull([spans.get(thing.group, span), span])
            boxes = [[round(t, 3), *(round(v, 4) for v in where)] for t, where in seen[:: fps // 4]]
            track = {"id": thing.id, "group": thing.group, "kind": thing.kind, "colour": thing.color}
            out["tracks"].append({**track, "start": span[0], "end": span[1], "boxes": boxes})
    spoken = sorted(sentences.values())
    pauses = [(a[1], b[0]) for a, b in zip(spoken[:-1], spoken[1:], strict=True)]
    spans["longest_pause"] = max(pauses, key=lambda pause: pause[1] - pause[0])
    return out, spans


def _frame(time: float, fps: int) -> float:
    """The time of the first frame at or after `time`: changes are seen on frames only."""
    return round(math.ceil(time * fps - 1e-6) / fps, 3)


def _hull(spans: list[tuple[float, float]]) -> tuple[float, float]:
    return min(s[0] for s in spans), max(s[1] for s in spans)


def truth(story: dict[str, Any], scenes: list[Scene], sentences: Spans) -> dict[str, Any]:
    """The contents of truth.json: the questions with their answers and spans, then the whole timeline."""
    line, spans = timeline(story, scenes, sentences)
    questions = []
    for entry in story["question"]:
        span = _hull([spans[name] for name in entry["about"]]) if entry["about"] else None
        answer = f"{span[0]:.2f}-{span[1]:.2f}" if entry["kind"] == "when" and span else entry.get("answer")
        question: dict[str, Any] = {key: entry[key] for key in ("id", "question", "kind", "channel")}
        question |= {"options": entry.get("options"), "answer": answer}
        question |= {key: entry[key] for key in ("accept", "reject") if key in entry}
        questions.append({**question, "span": list(span) if span else None})
    return {
        "video": "demo.mp4",
        "duration": scenes[-1].end,
        "width": story["width"],
        "height": story["height"],
        "fps": story["fps"],
        "note": "A 'when' is answered by its span (seconds), an option by its letter. Else one of 'accept' must stand "
        "in the lower-case answer as a whole word or phrase, and none of 'reject'. Where 'answer' is null, the video "
        "does not tell it.",
        "questions": questions,
        **line,
    }


# The file ----------------------------------------------------------------------------------------------------------


def encode(path: Path, story: dict[str, Any], scenes: list[Scene], sound: np.ndarray) -> None:
    """Write H.264 (with B-frames) and AAC into an MP4; sound goes in beside the pictures: interleaved."""
    fps = story["fps"]
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as file:
        video = file.add_stream("libx264", rate=fps)
        video.width, video.height, video.pix_fmt = story["width"], story["height"], "yuv420p"
        video.options = {"crf": "25", "preset": "medium", "bf": "3", "g": "192", "threads": "1"}
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709, as players take 720p to be
        context.color_range = 1
        audio = file.add_stream("aac", rate=RATE, layout="mono")
        audio.bit_rate = 48000
        for number, picture in enumerate(pictures(story, scenes)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            file.mux(video.encode(frame))
            first, last = (round(n * RATE / fps) for n in (number, number + 1))
            piece = av.AudioFrame.from_ndarray(sound[None, first:last], format="fltp", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = RATE, first, Fraction(1, RATE)
            file.mux(audio.encode(piece))
        file.mux(video.encode(None))
        file.mux(audio.encode(None))


def main() -> int:
    parser = argparse.ArgumentParser(description="Render the demo video and its truth.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for demo.mp4 and truth.json")
    out: Path = parser.parse_args().out
    if not shutil.which("espeak-ng"):
        print(
            "render_demo: espeak-ng is not here; install it (apt-get install espeak-ng) and try again.", file=sys.stderr
        )
        return 1
    out.mkdir(parents=True, exist_ok=True)
    story, scenes = read_story()
    sound, sentences = sound_track(story, scenes)
    encode(out / "demo.mp4", story, scenes, sound)
    text = json.dumps(truth(story, scenes, sentences), indent=1)
    (out / "truth.json").write_text(text + "\n", encoding="utf-8")
    size = (out / "demo.mp4").stat().st_size
    print(f"{out / 'demo.mp4'}: {scenes[-1].end:.0f} s, {size / 1e6:.2f} MB, {len(story['question'])} questions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
