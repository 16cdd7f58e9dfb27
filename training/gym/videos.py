"""The videos of environments: in a memory, as real files with their tasks, and as one picture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from ...memory import ClipMemory, Span
from ...memory.encoders import TextEncoder, VisualEncoder
from ..data.task import Task
from ..data.task_files import write_tasks
from .environment import Environment
from .registry import environment_of
from .world import World


def build_memory(
    environments: Iterable[Environment | Task],
    folder: str | Path,
    *,
    text_encoder: TextEncoder | str = "hashed",
    visual_encoder: VisualEncoder | str | None = None,
    channels: Sequence[str] | None = None,
) -> ClipMemory:
    """A real memory that holds the video of each environment, under the name that its task gives.

    Nothing that is there already is made again; but a memory of worlds has to be built again in each process, since
    there are no files from which it could open them. Subtitles are the world's utterances.

    Args:
        environments: environments, or tasks of the gym.
        folder: where the memory lies.
        text_encoder: hashed n-grams unless another is given, which are quick.
        visual_encoder: named colors unless another is given.
        channels: instead of those that each environment needs; with `screen_text`, everything written is read.

    Raises:
        TaskError: if a task is none of the gym's.
    """
    memory = ClipMemory(folder, text_encoder=text_encoder, visual_encoder=visual_encoder)
    made: set[str] = set()
    with tempfile.TemporaryDirectory() as scratch:
        for each in environments:
            one = environment_of(each) if isinstance(each, Task) else each
            if one.world.name in made:
                continue
            made.add(one.world.name)
            subtitles = None
            needed = tuple(channels or one.channels)
            if "speech" in needed:
                subtitles = Path(scratch) / f"{one.world.name}.srt"
                subtitles.write_text(one.world.subtitles(), encoding="utf-8")
            memory.add(one.world, channels=needed, clip_seconds=one.clip_seconds, subtitles=subtitles, workers=0)
    return memory


def write_video(world: World, folder: str | Path, *, quality: int = 10) -> Path:
    """Encode a world as H.264 with its subtitles beside it; gives the video's path.

    Args:
        world: every frame of it is drawn.
        folder: where `<name>.mp4` and `<name>.srt` are put.
        quality: the encoder's constant rate factor, up to 51, the worst; 0 keeps every pixel as it is.
    """
    import av

    path = Path(folder) / f"{world.name}.mp4"
    rate = Fraction(world.fps).limit_denominator(1000)
    with av.open(str(path), "w") as container:
        codec, pixels = ("libx264", "yuv444p") if quality else ("libx264rgb", "rgb24")
        stream = container.add_stream(codec, rate=rate, options={"crf": str(quality), "preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = world.side
        stream.pix_fmt = pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for time in world.times():
            frame = av.VideoFrame.from_ndarray(world.draw(float(time)), format="rgb24")
            frame.pts, frame.time_base = round(float(time) * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if world.lines:
        path.with_suffix(".srt").write_text(world.subtitles(), encoding="utf-8")
    return path


def write_task_set(
    environments: Sequence[Environment], out: Path, *, videos: bool, on_done: Callable[[int], None] | None = None
) -> Path:
    """Write `tasks.jsonl`; with `videos` also the encoded videos and a memory that holds them; gives the file.

    Args:
        environments: what to write.
        out: made if it is not there.
        videos: encode each video with its subtitles, index it in `memory`, and name it so in the tasks.
        on_done: is called with how many are done.
    """
    out.mkdir(parents=True, exist_ok=True)
    tasks = [one.task for one in environments]
    if videos:
        folder = out / "videos"
        folder.mkdir(exist_ok=True)
        memory = ClipMemory(out / "memory", text_encoder="hashed")
        for number, one in enumerate(environments):
            path = folder / f"{one.world.name}.mp4"
            if not path.is_file():
                path = write_video(one.world, folder)
            srt = path.with_suffix(".srt")
            subtitles = srt if srt.is_file() else None
            memory.add(path, channels=one.channels, clip_seconds=one.clip_seconds, subtitles=subtitles, workers=0)
            tasks[number] = replace(one.task, videos=(path.name,))
            if on_done:
                on_done(number + 1)
    write_tasks(out / "tasks.jsonl", tasks)
    return out / "tasks.jsonl"


def contact_sheet(environment: Environment, *, columns: int = 8, most: int = 32) -> np.ndarray:
    """The clips of a video in order, as one picture `[H, W, 3]` uint8; those that hold the answer are framed.

    Args:
        environment: whose video.
        columns: clips in a row.
        most: clips at most; of longer videos those around the answer, and evenly spread others.
    """
    import cv2

    world, seconds = environment.world, environment.clip_seconds
    starts = [world.span.start + k * seconds for k in range(max(1, round(world.span.duration / seconds)))]
    truth = environment.task.truth.spans
    true = {k for k, start in enumerate(starts) if any(Span(start, start + seconds).overlap(s) > 0 for s in truth)}
    clips = list(range(len(starts)))
    if len(starts) > most:
        spread = np.linspace(0, len(starts) - 1, most - min(len(true), most)).astype(int).tolist()
        clips = sorted({*sorted(true)[:most], *spread})
    side, gap, head = 128, 6, 16
    rows = -(-len(clips) // columns)
    page = np.full((rows * (side + head + gap) + gap, columns * (side + gap) + gap, 3), 250, np.uint8)
    for place, k in enumerate(clips):
        top, left = gap + place // columns * (side + head + gap), gap + place % columns * (side + gap)
        image = world.draw(min(starts[k] + seconds / 2, world.span.end - 1e-3))
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_NEAREST)
        page[top + head : top + head + side, left : left + side] = small
        text = f"{starts[k]:g} s"
        cv2.putText(page, text, (left + 2, top + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA)
        if k in true:
            corner = (left + side, top + head + side)
            cv2.rectangle(page, (left - 1, top + head - 1), corner, (230, 60, 20), 2)
    return page
