"""Word errors and speed of the recogniser that needs no download, and how well phrases and words are found.

    python benchmarks/speech.py [--media FOLDER]

Compares, on the same sound in the same run, PocketSphinx as rewatch sets it up with PocketSphinx as it comes. Synthetic
sentences are spoken by espeak-ng at run time; real speech is read from FOLDER (default ../shared/media) where it is.
Exits 1 when rewatch errs on more words than PocketSphinx as it comes, takes longer than the sound lasts, finds fewer
than seven of ten phrases that are spoken, or finds more than one of ten that are not.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from rewatch.memory import speech
from rewatch.memory.array_video import ArrayVideo
from rewatch.memory.spans import Span

RATE = 16000
# Sentence, voice, words a minute; the phrase to find in it, and one that is not there.
SPOKEN = [
    ("The budget for next year is ten million and that is final.", "en-us", 150, "next year", "swimming pool"),
    ("Please put the red cup back on the kitchen table.", "en-us+f3", 150, "kitchen table", "government"),
    ("When the lights went out the score was three to one.", "en-gb", 140, "lights went out", "happy birthday"),
    ("Our train leaves from the central station at nine.", "en-gb+f2", 150, "central station", "elephant"),
    ("Nobody knew where the little dog had gone that morning.", "en-us+m7", 130, "little dog", "telephone number"),
    ("We will need a bigger boat if the weather does not improve.", "en-us", 175, "bigger boat", "basketball"),
    ("Turn left after the bridge and follow the river.", "en-gb-scotland", 150, "follow the river", "wedding cake"),
    ("The secret password for the door is yellow elephant.", "en-us", 120, "secret password", "hurricane"),
    ("A doctor told the students to drink more water and sleep longer.", "en-us+f4", 140, "more water", "submarine"),
    ("The museum opens on Saturday and closes at five o'clock.", "en-us+m3", 150, "saturday", "credit card"),
]
# File, its audio from and to (seconds), words, phrases to find with their seconds, phrases that are not there.
REAL = [
    (
        "jfk_caption.mp4",
        (0.0, 11.0),
        "and so my fellow americans ask not what your country can do for you ask what you can do for your country",
        [("americans", 1.63, 2.15), ("ask not", 3.25, 4.3)],
        ["swimming pool", "telescope", "hurricane"],
    ),
    (
        "nasa_jwst.mp4",
        (0.0, 12.6),
        "this is the optical and science segment of the webb space telescope in one of the largest clean rooms in the "
        "world at nasa's goddard space flight center in greenbelt maryland",
        [],
        ["fellow americans", "basketball", "elephant"],
    ),
    (
        "librispeech_84-121550-0000.flac",
        (0.0, 8.4),
        "but with full ravishment the hours of prime singing received they in the midst of leaves that ever bore a "
        "burden to their rhymes",
        [],
        ["space telescope", "wedding cake", "credit card"],
    ),
]


def read_sound(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        frames = [new for frame in container.decode(audio=0) for new in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])


def say(text: str, voice: str, speed: int) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(path), text], check=True)
        return read_sound(path)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def errors(truth: list[str], heard: list[str]) -> int:
    """Words to change, leave out or put in."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(truth, 1):
        above, row = row, [i] + [0] * len(heard)
        for j, other in enumerate(heard, 1):
            row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (word != other))
    return row[-1]


def as_it_comes(samples: np.ndarray) -> list[str]:
    """PocketSphinx with its own settings, fed in pieces as its examples do."""
    from pocketsphinx import Decoder

    decoder = Decoder(loglevel="FATAL")
    decoder.start_utt()
    sound = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    for place in range(0, len(sound), 4096):
        decoder.process_raw(sound[place : place + 4096])
    decoder.end_utt()
    return words(decoder.hyp().hypstr) if decoder.hyp() else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = Path(__file__).resolve().parent
    parser.add_argument("--media", type=Path, default=here.parent.parent / "shared" / "media")
    folder: Path = parser.parse_args().media
    ears = speech.transcriber()
    quiet = np.random.default_rng(0).normal(0, 0.0005, RATE).astype(np.float32)
    sounds: list[tuple[str, np.ndarray, str, list[tuple[str, float, float]], list[str]]] = []
    for name, (start, end), truth, spoken, absent in REAL:
        if (folder / name).exists():
            samples = read_sound(folder / name)[round(start * RATE) : round(end * RATE)]
            sounds.append((name, samples, truth, spoken, absent))
    for text, voice, speed, phrase, absent_phrase in SPOKEN:
        samples = np.concatenate([quiet, say(text, voice, speed), quiet])
        sounds.append((f"espeak {voice} {speed}", samples, text, [(phrase, 0.0, 0.0)], [absent_phrase]))

    counts = {"real": [0, 0, 0], "espeak": [0, 0, 0]}
    present, absent_found, absent_asked = [], 0, 0
    seconds = heard_for = spotted_for = 0.0
    asked = 0.0
    ears.transcribe(sounds[0][1], offset=0.0)  # Loads the model.
    print(f"{'':34}{'words':>6}{'rewatch':>9}{'as it comes':>13}")
    for name, samples, truth, spoken, absent in sounds:
        video = ArrayVideo([np.zeros((4, 4, 3), np.uint8)], 1, sound=samples)
        span = Span(0.0, len(samples) / RATE)
        began = time.process_time()
        heard = [word.text for each in speech.transcribe(video, span, ears) for word in each.words]
        heard_for += time.process_time() - began
        seconds += span.duration
        said = words(truth)
        ours, theirs = errors(said, heard), errors(said, as_it_comes(samples))
        group = counts["espeak" if name.startswith("espeak") else "real"]
        group[0], group[1], group[2] = group[0] + len(said), group[1] + ours, group[2] + theirs
        print(f"{name:34}{len(said):6}{ours / len(said):9.2f}{theirs / len(said):13.2f}")
        laid = speech.align(video, span, truth)
        began = time.process_time()
        for phrase, start, end in spoken:
            if not end:
                start, end = _place(laid, words(phrase))
            places = speech.find_phrase(video, span, phrase)
            present.append(any(abs(s.start - start) < 0.25 and abs(s.end - end) < 0.25 and c >= 0.5 for s, c in places))
        for phrase in absent:
            absent_asked += 1
            absent_found += any(confidence >= 0.5 for _, confidence in speech.find_phrase(video, span, phrase))
        spotted_for += time.process_time() - began
        asked += span.duration * (len(spoken) + len(absent))
    failed = heard_for > seconds
    for group, (total, ours, theirs) in counts.items():
        if total:
            print(f"word errors, {group}: {ours / total:.3f} (as it comes {theirs / total:.3f}), {total} words")
            failed |= ours > theirs
    rate = sum(present) / len(present)
    print(f"transcribing: {heard_for / seconds:.2f} CPU seconds a second of sound (limit 1)")
    print(f"find_phrase: {spotted_for / asked:.2f} CPU seconds a second of sound and phrase")
    print(f"phrases found within 0.25 s at a confidence of 0.5: {rate:.2f} of {len(present)} spoken (limit 0.7)")
    print(f"phrases found at 0.5 that are not spoken: {absent_found} of {absent_asked} (limit 1 of 10)")
    failed |= rate < 0.7 or absent_found > absent_asked / 10
    return 1 if failed else 0


def _place(laid: list[speech.Word], phrase: list[str]) -> tuple[float, float]:
    """Where known words lay the phrase; nowhere if they could not be laid over the sound."""
    said = [words(word.text) for word in laid]
    for place in range(len(said) - len(phrase) + 1):
        if [word for each in said[place : place + len(phrase)] for word in each] == phrase:
            return laid[place].start, laid[place + len(phrase) - 1].end
    return float("inf"), float("inf")


if __name__ == "__main__":
    sys.exit(main())
