"""Measure transcribing through rewatch beside bare faster-whisper, and the memory that hours of sound take.

    python benchmarks/transcription.py [--model FOLDER] [--minutes 4] [--runs 3] [--long 10 60]

The model is FOLDER, or a tiny Whisper of the true architecture that learns the sentences by heart at run time and is
converted by `ct2-transformers-converter`; the smaller the model, the more all else counts. Both read the same file and
use the same settings; the sound is spoken by espeak-ng, with pauses. Exits 1 when rewatch takes more than 1.1 of
faster-whisper's CPU seconds, when a word differs from faster-whisper's other than by being left out by the guard, or
when the longer sound of `--long` (minutes; each in a process of its own) takes 1.15 of the memory of the shorter one.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

RATE = 16000
LIMIT, FLAT = 1.1, 1.15
SENTENCES = (
    "The budget for next year is ten million and that is final.",
    "Please put the red cup back on the kitchen table.",
    "When the lights went out the score was three to one.",
    "Nobody knew where the little dog had gone that morning.",
    "We will need a bigger boat if the weather does not improve.",
)


def say(folder: Path) -> list[tuple[np.ndarray, str]]:
    from faster_whisper import decode_audio

    spoken = []
    for number, text in enumerate(SENTENCES):
        wave = folder / "said.wav"
        voice = ("en-us", "en-gb", "en-us+f3", "en-us+m7", "en-gb+f2")[number]
        subprocess.run(["espeak-ng", "-v", voice, "-s", "145", "-w", str(wave), text], check=True)
        spoken.append((decode_audio(str(wave)), text))
    return spoken


def talk(folder: Path, minutes: float, spoken: list[tuple[np.ndarray, str]]) -> Path:
    """A video of that length: sentences in several voices, pauses of up to four seconds, a little noise."""
    generator = np.random.default_rng(0)
    path = folder / f"talk{minutes:g}.mp4"
    command = f"ffmpeg -loglevel error -y -f s16le -ar {RATE} -ac 1 -i - -f lavfi -i color=gray:size=64x48:rate=1 "
    command += f"-shortest -c:v libx264 -c:a aac {path}"
    with subprocess.Popen(command.split(), stdin=subprocess.PIPE) as coder:
        assert coder.stdin is not None
        seconds = 0.0
        while seconds < 60 * minutes:
            pause = generator.normal(0, 1e-3, round(generator.uniform(0.3, 4.0) * RATE))
            for part in (spoken[int(generator.integers(0, len(spoken)))][0], pause):
                coder.stdin.write((np.clip(part, -1, 1) * 32767).astype("<i2").tobytes())
                seconds += len(part) / RATE
    return path


def timed(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(runs):
        began = time.process_time()
        result = work()
        best = min(best, time.process_time() - began)
    return best, result


def compare(model: Path, path: Path, runs: int) -> list[str]:
    from faster_whisper import WhisperModel
    from rewatch.memory import Video
    from rewatch.memory.speech import transcriber as speech
    from rewatch.memory.speech.whisper import SETTINGS, Whisper

    plain, ears = WhisperModel(str(model)), Whisper(str(model))

    def theirs() -> list[str]:
        segments, _ = plain.transcribe(str(path), vad_filter=True, **SETTINGS)
        return [word.word.strip() for segment in segments for word in segment.words]

    def ours() -> list[str]:
        with Video(path) as video:
            heard = speech.transcribe(video, video.info.span, ears)
        return [word.text for each in heard for word in each.words]

    ours(), theirs()  # loads
    mine, words = timed(ours, runs)
    its, expected = timed(theirs, runs)
    rest = iter(expected)
    left_out = all(word in rest for word in words)  # in order, nothing added
    print(f"rewatch {mine:.2f} CPU s, faster-whisper {its:.2f} CPU s: {mine / its:.3f} (limit {LIMIT})")
    print(f"words: {len(words)} of faster-whisper's {len(expected)}, the others left out: {left_out}")
    failed = [f"costs {mine / its:.3f} of faster-whisper, claimed {LIMIT}"] * (mine > LIMIT * its)
    return failed + ["words differ from faster-whisper's"] * (not left_out)


def listen(model: Path, path: Path) -> None:
    """Transcribe, and print the peak of this process's memory in MB and the number of words."""
    from rewatch.memory import Video
    from rewatch.memory.speech import transcriber as speech

    ears = speech.transcriber(str(model))
    with Video(path) as video:
        words = sum(len(each.words) for each in speech.transcribe(video, video.info.span, ears))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, words)


def memory(model: Path, paths: list[Path]) -> list[str]:
    peaks = []
    for path in paths:
        command = [sys.executable, __file__, "--listen", str(path), "--model", str(model)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        peaks.append(float(said[-2]))
        print(f"{path.stem}: {peaks[-1]:.0f} MB at most, {said[-1]} words")
    ratio = peaks[-1] / peaks[0]
    print(f"memory, {paths[-1].stem} against {paths[0].stem}: {ratio:.2f} (limit {FLAT})")
    return [f"memory grows by {ratio:.2f}, claimed {FLAT}"] * (ratio >= FLAT)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="a Whisper in CTranslate2's format [default: made here]")
    parser.add_argument("--minutes", type=float, default=4.0, help="of sound for the comparison; no pieces up to five")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--long", type=float, nargs="*", default=[10.0, 60.0], help="minutes, for the memory")
    parser.add_argument("--listen", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.listen:
        listen(given.model, given.listen)
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
        from whisper_model import make_whisper

        spoken = say(folder)
        model = given.model or make_whisper(folder / "tiny", said=spoken)
        failed = compare(model, talk(folder, given.minutes, spoken), given.runs)
        if given.long:
            failed += memory(model, [talk(folder, minutes, spoken) for minutes in given.long])
    print("\n".join(failed) or "all claims hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
