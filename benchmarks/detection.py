"""Following objects over a span, against a bare ultralytics loop over the same frames.

Claims: detection and tracking cost at most 1.15 of a bare `model.predict` loop (same weights, same frames, same ONNX
session options), and ids switch at most as often as those of ultralytics' own `model.track` on the same frames.
Needs real weights and a video with people, for example:

    python benchmarks/detection.py ../shared/weights/yolov8n_int8.onnx ../shared/media/one_by_one_visitors.mp4
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from rewatch.memory import CapabilityError, Frame, Span, Video
from rewatch.memory.ingest.objects_channel import follow
from rewatch.memory.tracking.detector import WEAK
from rewatch.memory.tracking.track_linking import link, sure
from rewatch.memory.tracking.ultralytics_detector import UltralyticsDetector, import_ultralytics

LIMIT = 1.15
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
Ids = list[tuple[float, int]]


def bare(weights: Path, *, tuned: bool) -> object:
    """The model as a person loads it; `tuned`: with the session options that rewatch takes."""
    ultralytics = import_ultralytics()
    model = ultralytics.YOLO(str(weights), task="detect")
    # What torchvision is wanted for; it need not be installed.
    model.add_callback("on_predict_start", lambda predictor: setattr(predictor, "done_warmup", True))
    model.predict(np.zeros((64, 64, 3), np.uint8), verbose=False)
    if tuned and weights.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model.predictor.model.backend.session = onnxruntime.InferenceSession(str(weights), options)
    return model


def predicted(model: object, frames: Sequence[Frame]) -> None:
    for frame in frames:
        model.predict(np.ascontiguousarray(frame.image[..., ::-1]), conf=WEAK, verbose=False)


def tracked(model: object, frames: Sequence[Frame], label: str) -> Ids:
    """Ids that `model.track` gives to things of a kind, with their times."""
    ids: Ids = []
    for frame in frames:
        (result,) = model.track(np.ascontiguousarray(frame.image[..., ::-1]), persist=True, conf=WEAK, verbose=False)
        if result.boxes.id is not None:
            for number, kind in zip(result.boxes.id.tolist(), result.boxes.cls.tolist(), strict=True):
                if result.names[int(kind)] == label:
                    ids.append((frame.time, int(number)))
    return ids


def switches(ids: Ids, gap: float = 2.0, least: int = 3) -> tuple[int, int]:
    """(stretches in which the kind is in view, ids in them beyond one each); fewer looks than `least` are noise."""
    count: dict[int, int] = {}
    for _, number in ids:
        count[number] = count.get(number, 0) + 1
    kept = sorted(row for row in ids if count[row[1]] >= least)
    stretches: list[set[int]] = []
    last = -1e9
    for when, number in kept:
        if when - last > gap:
            stretches.append(set())
        stretches[-1].add(number)
        last = when
    return len(stretches), sum(len(stretch) - 1 for stretch in stretches)


def best(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Least wall and CPU seconds of some runs."""
    walls, cpus = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="?", type=Path, default=SHARED / "weights" / "yolov8n_int8.onnx")
    parser.add_argument("video", nargs="?", type=Path, default=SHARED / "media" / "one_by_one_visitors.mp4")
    parser.add_argument("--label", default="person")
    parser.add_argument("--seconds", type=float, default=12.0, help="span that is timed")
    parser.add_argument("--ids-seconds", type=float, default=50.0, help="span in which ids are compared")
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if not options.weights.is_file() or not options.video.is_file():
        print(f"skipped: give weights and a video ({options.weights}, {options.video})")
        return 0
    try:
        detector = UltralyticsDetector(options.weights)
    except CapabilityError as error:
        print(f"skipped: {error}")
        return 0
    with Video(options.video) as video:
        start = video.info.start
        timed = list(video.frames(Span(start, start + options.seconds), options.fps))
        watched = list(video.frames(Span(start, start + options.ids_seconds), options.fps))
    span = Span(start, start + options.seconds)
    as_it_comes, tuned = bare(options.weights, tuned=False), bare(options.weights, tuned=True)
    ours = best(lambda: follow(timed, detector, fps=options.fps, span=span), options.runs)
    peer = best(lambda: predicted(tuned, timed), options.runs)
    plain = best(lambda: predicted(as_it_comes, timed), options.runs)
    print(f"{len(timed)} frames          wall      CPU")
    for name, row in (("rewatch follows", ours), ("bare, same session", peer), ("bare, as it comes", plain)):
        print(f"{name:<20} {row[0]:6.2f} s {row[1]:6.2f} s")
    ratio = ours[1] / peer[1]
    print(f"ratio of CPU seconds {ratio:.3f} (limit {LIMIT}), of wall {ours[0] / peer[0]:.3f}")
    print(f"ratio to the loop as it comes: {ours[1] / plain[1]:.3f} of CPU seconds, {ours[0] / plain[0]:.3f} of wall")
    tracks = sure(link(follow(watched, detector, fps=options.fps, span=Span(start, start + options.ids_seconds))))
    mine = switches([(s.time, t.id) for t in tracks if t.label == options.label for s in t.boxes])
    theirs = switches(tracked(tuned, watched, options.label))
    print(f"{options.label}: rewatch {mine[0]} stretches, {mine[1]} switches; model.track {theirs[0]}, {theirs[1]}")
    return int(ratio > LIMIT or mine[1] > theirs[1])


if __name__ == "__main__":
    sys.exit(main())
