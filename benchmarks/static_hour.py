"""A static hour, as it is indexed and with every frame taken for a new one: CPU seconds, frames encoded, texts read.

Also which frames of recordings count as near-duplicates, and how small and how faint a subject may be that still counts
as new. Exits 1 unless the encoder is given at most 12 frames of the hour, and subjects of 2 % of the picture are seen.

    python benchmarks/static_hour.py [--seconds 3600] [--media FOLDER [--detector WEIGHTS]]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest import mock

import av
import cv2
import numpy as np
from rewatch import ClipMemory
from rewatch.memory import Frame, Span, Video, VideoError
from rewatch.memory.encoders.colors import NamedColors
from rewatch.memory.ingest.objects_channel import detect_clip
from rewatch.memory.ocr.reader import RapidReader
from rewatch.memory.tracking import ultralytics_detector
from rewatch.memory.video.thumbnail import Thumbnail, without_repeats

FPS, SIZE = 5, (320, 240)
MOST_FRAMES, LEAST_RECALL = 12, 1.0


class CountedColors(NamedColors):
    """Counts the pictures that a model would have to encode."""

    pictures = 0

    def encode_frames(self, frames: Sequence[Frame]) -> np.ndarray:
        """Count each picture once, as encoders with weights do."""
        CountedColors.pictures += len({id(frame.image) for frame in frames})
        return super().encode_frames(frames)


def write_static(path: Path, seconds: int) -> None:
    """A camera that stands before a sign: sensor noise, and nothing that moves."""
    rng = np.random.default_rng(0)
    still = np.full((SIZE[1], SIZE[0], 3), (48, 64, 80), np.uint8)
    cv2.rectangle(still, (40, 60), (130, 180), (250, 160, 30), -1)
    cv2.putText(still, "OPEN DAILY", (145, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)
    noisy = [np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8) for _ in range(16)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "28", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(seconds * FPS):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy[number % 16], format="rgb24")))
        container.mux(stream.encode(None))


@contextmanager
def every_frame_new() -> Iterator[None]:
    """Let no frame count as a near-duplicate of another; what has changed on screen is found as ever."""
    with mock.patch.object(Thumbnail, "same", lambda self, other: False):
        yield


def index(video: Path, channel: str) -> tuple[float, int, int, list[str]]:
    """CPU seconds of indexing one channel, pictures encoded, pictures read, and the texts that were stored."""
    CountedColors.pictures, reads, read = 0, 0, RapidReader.read

    def counted(self: RapidReader, *arguments: object, **options: object) -> object:
        nonlocal reads
        reads += 1
        return read(self, *arguments, **options)  # type: ignore[arg-type]

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(RapidReader, "read", counted):
        memory = ClipMemory(folder, visual_encoder=CountedColors())
        began = time.process_time()
        record = memory.add(video, channels=[channel], workers=0)
        took = time.process_time() - began
        texts = [f"{text.span} {text.text}" for text in memory.texts(record.id, channel=channel)]
        memory.close()
    return took, CountedColors.pictures, reads, texts


def small_subjects() -> float:
    """The share of subjects of 2 % of the picture that make a frame a new one, the faintest that counts for."""
    print("\nsubjects that appear in a noisy picture of 640 x 360 (40 each): share of them that count as new")
    rng, found = np.random.default_rng(1), {}
    contrasts = (10, 20, 30, 60)
    print(f"{'share of the picture':22}" + "".join(f"{f'{c} of 255':>12}" for c in contrasts))
    for share in (0.0, 0.0005, 0.002, 0.02):
        row = []
        for contrast in contrasts:
            hits = 0
            for _ in range(40):
                still = rng.integers(60, 190, (9, 16, 3)).astype(np.uint8)
                still = cv2.resize(still, (640, 360), interpolation=cv2.INTER_CUBIC)
                pictures = [np.clip(still + rng.normal(0, 2, still.shape), 0, 255) for _ in range(2)]
                side = round((share * 640 * 360) ** 0.5)
                x, y = (int(rng.integers(0, most - side)) for most in (640, 360))
                pictures[1][y : y + side, x : x + side] += contrast
                frames = [Frame(float(n), np.clip(p, 0, 255).astype(np.uint8)) for n, p in enumerate(pictures)]
                first, second = without_repeats(frames)
                hits += second is not first
            found[share, contrast] = hits / 40
            row.append(f"{hits / 40:12.2f}")
        print(f"{share:<22.2%}" + "".join(row))
    return found[0.02, 30]


def recordings(folder: Path) -> None:
    """Print how many frames, one a second, of each recording are near-duplicates of earlier ones."""
    print(f"\n{'recording':28}{'frames':>8}{'new':>8}  near-duplicates of earlier frames of their clip of 10 s, at")
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".mp4", ".mkv", ".webm"):
            continue
        try:
            with Video(path) as video:
                frames = list(video.frames(video.info.span, 1.0, size=512))
        except VideoError:
            continue
        repeats, new = [], 0
        for first in range(0, len(frames), 10):
            clip = frames[first : first + 10]
            shown = without_repeats(clip)
            new += len({id(frame) for frame in shown})
            repeats += [f"{one.time:.0f}" for one, other in zip(clip, shown, strict=True) if one is not other]
        print(f"{path.name:28}{len(frames):8}{new:8}  {' '.join(repeats[:24])}{' …' if len(repeats) > 24 else ''}")


def objects(folder: Path, weights: Path) -> None:
    """Print, for the first minute of each recording, how often the detector is asked, and what differs by it."""
    detector = ultralytics_detector.detector(str(weights), threads=1)
    detect = type(detector).detect
    print(f"\n{'detector':28}{'every frame':>12}{'as it is':>10}  rows of objects that only one of them has")
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".mp4", ".mkv", ".webm"):
            continue
        found = []
        calls = []
        for every in (True, False):
            count = 0

            def counted(self: object, images: Sequence[np.ndarray], **options: object) -> object:
                nonlocal count
                count += len(images)
                return detect(self, images, **options)  # type: ignore[arg-type]

            with (
                Video(path) as video,
                mock.patch.object(type(detector), "detect", counted),
                every_frame_new() if every else nullcontext(),
            ):
                ends = np.arange(10.0, min(video.info.end, 60.0) + 0.1, 10.0)
                clips = [Span(end - 10, end) for end in ends.tolist()]
                rows = [row.text for clip in clips for row in detect_clip(video, clip, detector, lambda: None)]
            found.append(Counter(rows))
            calls.append(count)
        differ = [*(found[0] - found[1]).elements(), *(found[1] - found[0]).elements()]
        print(f"{path.name:28}{calls[0]:12}{calls[1]:10}  {len(differ)} of {found[0].total()}: {'; '.join(differ[:4])}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, help="a folder of recordings")
    parser.add_argument("--detector", type=Path, help="weights of a YOLO model, for objects in the recordings")
    parser.add_argument("--seconds", type=int, default=3600)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "static.mp4"
        write_static(video, chosen.seconds)
        print(f"{chosen.seconds} s that stand still{'CPU s':>12}{'encoded':>10}{'read':>8}")
        for channel in ("visual", "screen_text"):
            with every_frame_new():
                before = index(video, channel)
            after = index(video, channel)
            for name, (cpu, pictures, reads, _) in (("every frame is new", before), ("as it is", after)):
                print(f"{channel:12}{name:19}{cpu:6.1f}{pictures:10}{reads:8}")
            same = before[3] == after[3]
            print(f"{'':12}the {len(after[3])} texts are {'the same' if same else 'NOT the same'}")
            if channel == "visual":
                encoded = after[1]
    recall = small_subjects()
    if chosen.media:
        recordings(chosen.media)
    if chosen.media and chosen.detector:
        objects(chosen.media, chosen.detector)
    return 0 if encoded <= MOST_FRAMES and recall >= LEAST_RECALL else 1


if __name__ == "__main__":
    sys.exit(main())
