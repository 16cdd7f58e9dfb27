"""Who speaks when: diarization error, purity and coverage, and suggestions of the same voice in several videos.

`python benchmarks/voices.py` makes three videos for each of three sets of espeak-ng voices and learns them:

* two: a low and a high voice in each video;
* four: four voices that differ, two or three a video;
* alike: pairs of one sex that espeak-ng makes of nearly the same formants.

`--human FOLDER` takes recordings of people instead, a folder a speaker (LibriSpeech's layout), of which dialogues are
put together; `--rttm AUDIO RTTM` a real conversation with its reference (repeat). The diarization error rate is that of
NIST and pyannote.metrics: missed speech, false alarm and confusion by the total of the reference, under the best
mapping of voices to speakers; with a collar, 0.25 s on either side of each boundary of the reference do not count.
Purity and coverage are pyannote's, over the time that both call speech. Beside it stands the same with all turns of a
video clustered at once (agglomerative, average linkage, the same threshold), which may look at what is said later.

Ends with 1 if two voices that differ are not told apart: an error above 0.10 with the collar, purity below 0.95, a
wrong suggestion, an undo that does not restore, or a deletion that leaves a trace.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from rewatch import ClipMemory
from rewatch.memory.people.grouping import unit
from rewatch.memory.people.speaker_models import RESEMBLYZER, speaker_model
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment

RATE = 16000
COLLAR = 0.25
SETS: dict[str, list[list[str]]] = {
    "two": [["en-us+m3", "en-us+f2"]] * 3,
    "four": [["en-us+m3", "en-us+f4", "en-us+klatt4"], ["en-us+f2", "en-us+klatt4"], ["en-us+m3", "en-us+f2"]],
    "alike": [["en-us+m1", "en-us+m3"], ["en-us+f2", "en-us+f5"], ["en-gb+m7", "en-us+croak"]],
}
LINES = """The budget for next year is ten million, and that is final.
We should buy new chairs for the garden before the summer.
I left the keys of the blue car on the kitchen table.
The train to London leaves at seven in the morning.
My sister called and said that the bridge is closed today.
Please remember to water the flowers behind the house.
Nobody told me that the meeting was moved to Thursday.
The old clock in the hall has stopped again.
Turn left after the church and follow the river for a mile.
There were more than forty people on the boat that night.
He never answers his letters, but he always pays his bills.
Bring the large ladder, the small one is broken.
She taught physics here for almost thirty years.
If it rains tomorrow, we will stay at home and read.""".splitlines()

Turns = list[tuple[float, float, str]]
"""Start, end (seconds) and speaker."""


@dataclass(frozen=True, slots=True)
class Score:
    """Seconds of a diarization against its reference."""

    total: float
    missed: float
    false_alarm: float
    confusion: float
    pure: float
    covered: float
    shared: float

    @property
    def error(self) -> float:
        """The diarization error rate."""
        return (self.missed + self.false_alarm + self.confusion) / self.total


def score(reference: Turns, found: Turns, collar: float = 0.0) -> Score:
    """Score a diarization; `collar` seconds on either side of each boundary of the reference do not count."""
    speakers, voices = sorted({turn[2] for turn in reference}), sorted({turn[2] for turn in found})
    edges = sorted({edge + side for start, end, _ in reference for edge in (start, end) for side in (-collar, collar)})
    edges = sorted({*edges, *(edge for start, end, _ in (*reference, *found) for edge in (start, end))})
    together = np.zeros((len(speakers), max(len(voices), 1)))
    rows: list[tuple[float, list[int], list[int]]] = []
    for first, last in zip(edges, edges[1:], strict=False):
        middle = (first + last) / 2
        if any(abs(middle - edge) < collar for start, end, _ in reference for edge in (start, end)):
            continue
        said = [speakers.index(who) for start, end, who in reference if start <= middle < end]
        heard = [voices.index(who) for start, end, who in found if start <= middle < end]
        rows.append((last - first, said, heard))
        for who in said:
            together[who, heard] += last - first
    mapping = dict(zip(*linear_sum_assignment(-together), strict=True))
    right = [sum(mapping.get(who) in heard for who in said) for _, said, heard in rows]
    return Score(
        total=sum(length * len(said) for length, said, _ in rows),
        missed=sum(length * max(len(said) - len(heard), 0) for length, said, heard in rows),
        false_alarm=sum(length * max(len(heard) - len(said), 0) for length, said, heard in rows),
        confusion=sum(
            length * (min(len(said), len(heard)) - n) for (length, said, heard), n in zip(rows, right, strict=True)
        ),
        pure=float(together.max(axis=0).sum()),
        covered=float(together.max(axis=1).sum()),
        shared=float(together.sum()),
    )


def told(one: Score) -> str:
    """A score in words."""
    parts = (one.missed / one.total, one.false_alarm / one.total, one.confusion / one.total)
    shares = "missed {:.3f}, false alarm {:.3f}, confusion {:.3f}".format(*parts)
    pure, covered = one.pure / max(one.shared, 1e-9), one.covered / max(one.shared, 1e-9)
    return f"error {one.error:.3f} ({shares}), purity {pure:.3f}, coverage {covered:.3f}"


def sound_of(file: Path) -> np.ndarray:
    """The sound of a file, mono at 16 kHz."""
    with av.open(str(file)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        blocks = [b.to_ndarray() for frame in container.decode(audio=0) for b in resampler.resample(frame)]
    return np.concatenate(blocks, axis=1)[0]


def dialogue(lines: Iterable[tuple[str, np.ndarray]], pauses: random.Random) -> tuple[np.ndarray, Turns]:
    """Put utterances together, with pauses of 0.2 to 0.8 s.

    The truth is where each is loud (20 ms of more than a fiftieth of its peak); pauses of up to 0.3 s do not end a
    turn, as in NIST's Rich Transcription.
    """
    pieces, turns, at = [np.zeros(RATE // 2, np.float32)], Turns(), 0.5
    for who, samples in lines:
        blocks = np.abs(samples[: len(samples) // 320 * 320]).reshape(-1, 320).max(axis=1)
        loud = np.flatnonzero(blocks > 0.02 * blocks.max())
        for part in np.split(loud, np.flatnonzero(np.diff(loud) > 0.3 * 50) + 1):
            turns.append((at + part[0] / 50, at + (part[-1] + 1) / 50, who))
        pause = np.zeros(int(pauses.uniform(0.2, 0.8) * RATE), np.float32)
        pieces += [samples, pause]
        at += (len(samples) + len(pause)) / RATE
    return np.concatenate(pieces), turns


def write_video(folder: Path, name: str, sound: np.ndarray) -> Path:
    """Write a gray video with this sound."""
    track, video = folder / f"{name}.wav", folder / f"{name}.mp4"
    with wave.open(str(track), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "color=gray:s=160x120:r=5", "-i", str(track)]
    subprocess.run([*command, "-shortest", "-c:v", "libx264", "-preset", "veryfast", str(video)], check=True)
    return video


def espeak(folder: Path, videos: Sequence[Sequence[str]]) -> list[tuple[np.ndarray, Turns]]:
    """Dialogues of 12 lines by espeak-ng's voices; no two in a row are of one voice only by chance."""
    draw, made = random.Random(0), []
    for voices in videos:
        lines = []
        for text in draw.sample(LINES, 12):
            voice = draw.choice(voices)
            subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(folder / "line.wav"), text], check=True)
            lines.append((voice, sound_of(folder / "line.wav")))
        made.append(dialogue(lines, draw))
    return made


def people(folder: Path) -> list[tuple[np.ndarray, Turns]]:
    """Three dialogues of recordings: of five speakers, three a video, each recording used once, 2 to 7 s of it."""
    draw = random.Random(0)
    files = {one.name: sorted(one.glob("**/*.flac")) for one in sorted(folder.iterdir()) if one.is_dir()}
    chosen = draw.sample(sorted(name for name, own in files.items() if len(own) >= 10), 5)
    left = {name: draw.sample(files[name], len(files[name])) for name in chosen}
    made = []
    for n in range(3):
        cast = [chosen[(n + k) % 5] for k in (0, 1, 3)]
        lines = [(who, sound_of(left[who].pop())[: int(draw.uniform(2, 7) * RATE)]) for who in cast * 3 if left[who]]
        draw.shuffle(lines)
        made.append(dialogue(lines, draw))
    return made


def conversation(audio: Path, rttm: Path) -> tuple[np.ndarray, Turns]:
    """A recording with its reference; the lines of RTTM that are of the file's name."""
    rows = [line.split() for line in rttm.read_text(encoding="utf-8").splitlines() if line.startswith("SPEAKER")]
    own = [row for row in rows if row[1] == audio.stem] or rows
    return sound_of(audio), [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in own]


def measure(name: str, videos: Sequence[tuple[np.ndarray, Turns]], model: str) -> tuple[Score, int]:
    """Learn some videos, print a line a video and what was suggested; returns the sums, and the number of faults.

    Faults are wrong suggestions, an undo that left something else, and traces that a deletion left.
    """
    with tempfile.TemporaryDirectory() as folder, ClipMemory(Path(folder) / "memory") as memory:
        scores: list[Score] = []
        speaker_of: dict[int, str] = {}
        for n, (sound, reference) in enumerate(videos):
            video = memory.add(write_video(Path(folder), f"{name}{n}", sound), channels=["visual"], workers=0).id
            began = time.process_time()
            memory.learn_people(video, speaker_model=model)
            took = time.process_time() - began
            turns = memory.people.turns(video)
            found = [(turn.start, turn.end, str(turn.identity)) for turn in turns]
            speaker_of |= _speakers(reference, found)
            bare, collared = score(reference, found), score(reference, found, COLLAR)
            offline = score(reference, _at_once(memory, video, model), COLLAR)
            scores.append(collared)
            voices = len({turn.identity for turn in turns if turn.identity})
            print(
                f"{name} {n}: {len(sound) / RATE:5.1f} s, {len({row[2] for row in reference})} speakers, "
                f"{voices} voices; "
                f"{told(bare)}; with collar {told(collared)}; all at once {offline.error:.3f}; "
                f"{took / (len(sound) / RATE):.3f} CPU s a second",
                flush=True,
            )
        pairs = {(s.a.id, s.b.id) for s in memory.people.suggestions()}
        kept, left = by_hand(memory) if len(videos) > 1 else (True, 0)
    same = {(a, b) for a in speaker_of for b in speaker_of if a < b and speaker_of[a] == speaker_of[b]}
    wrong = len({pair for pair in pairs if pair not in same})
    print(f"{name}: suggestions {len(pairs & same)} right of {len(same)}, {wrong} wrong")
    total = Score(*(sum(getattr(one, field) for one in scores) for field in Score.__slots__))
    print(f"{name}: with collar over all {told(total)}")
    return total, wrong + left + (not kept)


def by_hand(memory: ClipMemory) -> tuple[bool, int]:
    """Merge two voices wrongly, split them, undo both; then delete one, and look for what is left in any file.

    Returns whether all was as before the merge, and how many traces of the one that was deleted are left.
    """
    people, tables = memory.people, ("identities", "appearances", "identities_apart")
    rows = [memory.store.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
    one, other = people.identities()[:2]
    people.merge(one.id, other.id)
    people.split(one.id, [uri for uri in other.exemplars if uri not in one.exemplars])
    people.undo()
    people.undo()
    same = rows == [memory.store.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
    people.name(one.id, "Zanzibarra")
    vectors = memory.store.rows("SELECT vector FROM appearances WHERE identity = ?", (one.id,))
    # Pieces of 32 numbers, but for those that are hardly more than zeros, or that the same words by the same synthetic
    # voice in another video have too.
    pieces = [vector[at : at + 64] for (vector,) in vectors for at in range(0, len(vector), 64)]
    others = [row[0] for row in memory.store.rows("SELECT vector FROM appearances WHERE identity IS NOT ?", (one.id,))]
    own = [piece for piece in pieces if not any(piece in other for other in others)]
    traces = [piece for piece in own if np.count_nonzero(np.frombuffer(piece, np.float16)) >= 4] + [b"Zanzibarra"]
    before = _found(memory.folder, traces)
    people.delete(one.id)
    left = _found(memory.folder, traces)
    print(
        f"a wrong merge, split and undone: {'as before' if same else 'NOT as before'}; deletion: {before} of "
        f"{len(traces)} traces (pieces of vectors, the name) in the files before, {left} after"
    )
    return same, left


def _found(folder: Path, traces: Iterable[bytes]) -> int:
    content = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return sum(trace in content for trace in traces)


def _speakers(reference: Turns, found: Turns) -> dict[int, str]:
    """Who each voice is: the speaker with whom it shares most time."""
    shares: dict[tuple[str, str], float] = {}
    for start, end, voice in found:
        for first, last, who in reference:
            key = (voice, who)
            shares[key] = shares.get(key, 0.0) + max(0.0, min(end, last) - max(start, first))
    ranked = sorted(shares.items(), key=lambda item: item[1])
    return {int(voice): who for (voice, who), _ in ranked if voice != "None"}


def _at_once(memory: ClipMemory, video: str, model: str) -> Turns:
    """The same turns, clustered all at once."""
    rows = memory.store.rows(
        "SELECT start_s, end_s, vector FROM appearances WHERE video = ? ORDER BY start_s", (video,)
    )
    vectors = unit(np.stack([np.frombuffer(row[2], np.float16).astype(np.float32) for row in rows]))
    long = [k for k, row in enumerate(rows) if row[1] - row[0] >= 1.6] or list(range(len(rows)))
    names = np.ones(len(rows), int)
    if len(long) > 1:
        distances = np.clip(1 - vectors[long] @ vectors[long].T, 0, 2)[np.triu_indices(len(long), 1)]
        names[long] = fcluster(linkage(distances, "average"), 1 - speaker_model(model).thresholds.same, "distance")
    means = {name: unit(vectors[[k for k in long if names[k] == name]].sum(axis=0)) for name in set(names[long])}
    for k in set(range(len(rows))) - set(long):
        names[k] = max(means, key=lambda name: float(means[name] @ vectors[k]))
    return [(start, end, str(name)) for (start, end, _), name in zip(rows, names, strict=True)]


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--human", type=Path, help="a folder of speakers, each a folder of .flac")
    parser.add_argument("--rttm", nargs=2, type=Path, action="append", default=[], metavar=("AUDIO", "RTTM"))
    parser.add_argument("--speaker-model", default=RESEMBLYZER)
    arguments = parser.parse_args()
    if arguments.human or arguments.rttm:
        if arguments.human:
            measure("people", people(arguments.human), arguments.speaker_model)
        for audio, rttm in arguments.rttm:
            measure(audio.stem, [conversation(audio, rttm)], arguments.speaker_model)
        return 0
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, voices in SETS.items():
            total, faults = measure(name, espeak(Path(folder), voices), arguments.speaker_model)
            if name == "two":
                good = total.error <= 0.10 and total.pure / total.shared >= 0.95 and not faults
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
