"""A memory over worlds, and worlds as real files, with their tasks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from ...memory import ClipMemory
from ...memory.encoders import TextEncoder, VisualEncoder
from ..data.task import Task
from ..data.task_files import write_tasks
from .lesson import Lesson
from .lessons import lesson_of
from .world import World


def build_memory(
    lessons: Iterable[Lesson | Task],
    folder: str | Path,
    *,
    text_encoder: TextEncoder | str = "hashed",
    visual_encoder: VisualEncoder | str | None = None,
    channels: Sequence[str] | None = None,
) -> ClipMemory:
    """A real memory that holds the video of each lesson, under the name that its task gives.

    Nothing that is there already is made again; but a memory of worlds has to be built again in each process, since
    there are no files from which it could open them. Subtitles are what is said.

    Args:
        lessons: lessons, or tasks of the gym.
        folder: where the memory lies.
        text_encoder: hashed n-grams unless told otherwise, which are quick.
        visual_encoder: named colours unless told otherwise.
        channels: instead of those that each lesson needs; with `screen_text`, everything written is read.

    Raises:
        TaskError: if a task is none of the gym's.
    """
    memory = ClipMemory(folder, text_encoder=text_encoder, visual_encoder=visual_encoder)
    made: set[str] = set()
    with tempfile.TemporaryDirectory() as scratch:
        for each in lessons:
            one = lesson_of(each) if isinstance(each, Task) else each
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


def write_set(
    lessons: Sequence[Lesson], out: Path, *, videos: bool, on_done: Callable[[int], None] | None = None
) -> Path:
    """Write `tasks.jsonl`; with `videos` also the encoded videos and a memory that holds them; gives the file.

    Args:
        lessons: what to write.
        out: made if it is not there.
        videos: encode each video with its subtitles, index it in `memory`, and name it so in the tasks.
        on_done: is called with how many are done.
    """
    out.mkdir(parents=True, exist_ok=True)
    tasks = [one.task for one in lessons]
    if videos:
        (out / "videos").mkdir(exist_ok=True)
        memory = ClipMemory(out / "memory", text_encoder="hashed")
        tasks = []
        for number, each in enumerate(lessons, 1):
            path = out / "videos" / f"{each.world.name}.mp4"
            if not path.is_file():
                path = write_video(each.world, out / "videos")
            subtitles = path.with_suffix(".srt")
            memory.add(
                path,
                channels=each.channels,
                clip_seconds=each.clip_seconds,
                subtitles=subtitles if subtitles.is_file() else None,
                workers=0,
            )
            tasks.append(replace(each.task, videos=(path.name,)))
            if on_done:
                on_done(number)
    write_tasks(out / "tasks.jsonl", tasks)
    return out / "tasks.jsonl"
