"""Videos in which secrets come late, and every way of asking for them too early; see test_lookahead.py."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from painted import COLORS, Painted
from PIL import Image, ImageDraw, ImageFont
from rewatch.agent import VideoAgent
from rewatch.agent.report import write_report
from rewatch.memory import ClipMemory
from rewatch.tools import (
    BUILT_IN,
    INTERNAL_TOOLS,
    ON_REQUEST,
    VLM_TOOLS,
    Observation,
    Reply,
    Toolbox,
    VideoContext,
    VisualQuestion,
    tool,
)

SIZE = (384, 216)
FPS = 5
SECONDS = 16.0
_LIKE = str.maketrans("015689", "oisbbg")


@dataclass(frozen=True, slots=True)
class Secret:
    """A word that nobody would say by chance; letter k is to be seen (or heard) from `times[k]` seconds on."""

    word: str
    times: tuple[float, ...]

    @classmethod
    def at(cls, word: str, time: float) -> Secret:
        return cls(word, (time,) * len(word))

    @classmethod
    def typed(cls, word: str, first: float, step: float) -> Secret:
        return cls(word, tuple(first + k * step for k in range(len(word))))

    def shown(self, time: float) -> str:
        return "".join(letter for letter, begins in zip(self.word, self.times, strict=True) if begins <= time + 1e-9)

    def leaked(self, bare: str, now: float) -> str | None:
        """A piece of four letters, one of which comes at `now` or later, that stands in `bare` (see below)."""
        for k in range(len(self.word) - 3):
            piece = self.word[k : k + 4].lower()
            if max(self.times[k : k + 4]) >= now and piece in bare:
                return piece
        return None


def bare(text: str) -> str:
    """Words of letters alone, with digits that OCR takes for letters."""
    return re.sub(r"[^a-z]+", " ", text.lower().translate(_LIKE))


def words_of(rng: random.Random, count: int) -> list[str]:
    """Words such as QUVAXIKO: no piece of four letters stands in English, in a trace, or in another of them."""
    words: list[str] = []
    taken: set[str] = set()
    while len(words) < count:
        word = "".join(rng.choice("QXZKVJW") + rng.choice("AEIOU") for _ in range(4))
        pieces = {word[k : k + 4] for k in range(5)}
        if not pieces & taken:
            words.append(word)
            taken |= pieces
    return words


@dataclass(slots=True)
class World:
    """A memory with its secrets, by name of the video."""

    memory: ClipMemory
    folder: Path
    secrets: dict[str, list[Secret]] = field(default_factory=dict)

    def leaks(self, text: str, now: float, videos: Sequence[str] | None = None) -> list[str]:
        """What of any secret stands in `text` too early, or, where `videos` are given, is of none of these."""
        joined = bare(text)
        found = []
        for name, own in self.secrets.items():
            limit = now if videos is None or name in videos else float("-inf")
            found += [f"{name}: {piece} of {s.word}" for s in own if (piece := s.leaked(joined, limit))]
        return found


Paint = Callable[[float, ImageDraw.ImageDraw], None]


def write(path: Path, paint: Paint, *, seconds: float = SECONDS) -> Path:
    """Encode what `paint` draws; a bar on the lower edge grows with time, so that a picture tells when it is from."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "20", "g": "20"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.thread_count = 1
        for number in range(round(seconds * FPS)):
            picture = Image.new("RGB", SIZE, (70, 70, 78))
            draw = ImageDraw.Draw(picture)
            paint(number / FPS, draw)
            draw.rectangle((0, SIZE[1] - 8, SIZE[0], SIZE[1]), fill=(0, 0, 0))
            draw.rectangle(
                (-1, SIZE[1] - 8, round(SIZE[0] * number / FPS / seconds) - 1, SIZE[1]), fill=(255, 255, 255)
            )
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


def latest(image: np.ndarray, seconds: float = SECONDS) -> float:
    """When a whole picture is from, by its bar."""
    row = image[-max(2, image.shape[0] // 60)].mean(axis=1) > 128
    return round(float(row.sum()) / len(row) * seconds * FPS) / FPS  # frames come at whole steps


def letters(size: float) -> Any:
    return ImageFont.load_default(size)


def build(folder: Path, seed: int = 0) -> World:
    """Two videos: text that grows, is corrected and scrolls, with subtitles; and text that is replaced, with things."""
    rng = random.Random(seed)
    words = words_of(rng, 11)
    typed = Secret.typed(words.pop(), rng.uniform(3, 5), 0.6)
    second = Secret.typed(words.pop(), rng.uniform(9, 10), 0.6)
    fixed = Secret.at(words.pop(), round(rng.uniform(7, 9) * FPS) / FPS)
    rolled = Secret.at(words.pop(), 6.0)
    said = [Secret.at(words.pop(), time) for time in (4.0, 8.5, 12.0)]
    grown = Secret.typed(words.pop(), 10.0, 0.25)
    replaced = [Secret.at(words.pop(), time) for time in (5.0, 9.0, 13.0)]

    def growing(time: float, draw: ImageDraw.ImageDraw) -> None:
        draw.text((12, 10), f"PASSWORD IS {typed.shown(time)}", fill="white", font=letters(24))
        draw.text(
            (12, 50), f"MEET AT {fixed.word if time >= fixed.times[0] else 'NORWAY'}", fill="white", font=letters(24)
        )
        draw.text((12, 90), f"> {second.shown(time)}", fill="white", font=letters(22))
        down = SIZE[1] - 30 - 14 * (time - rolled.times[0])
        if time >= rolled.times[0] and down > 118:
            draw.text((150, down), f"{rolled.word} PRESENTS", fill=(255, 230, 120), font=letters(20))

    def things(time: float, draw: ImageDraw.ImageDraw) -> None:
        there = [secret for secret in replaced if secret.times[0] <= time]
        draw.text((20, 12), f"TODAY {there[-1].word if there else 'NOTHING'}", fill="white", font=letters(26))
        draw.rectangle((20 + 12 * time, 80, 44 + 12 * time, 128), fill=COLORS["person"])
        if time >= 7:
            draw.rectangle((340 - 16 * (time - 7), 140, 364 - 16 * (time - 7), 188), fill=COLORS["car"])

    write(folder / "growing.mp4", growing)
    write(folder / "things.mp4", things)
    cues = [(f"{s.times[0]:.3f}", f"{s.times[0] + 3:.3f}", f"and now {s.word} is here") for s in said]
    for k in range(3, len(grown.word) + 1):
        cues.append((f"{grown.times[k - 1]:.3f}", f"{grown.times[k - 1] + 0.25:.3f}", f"letters {grown.word[:k]}"))
    lines = [
        f"{_clock(start)} --> {_clock(end)}\n{text}\n" for start, end, text in sorted(cues, key=lambda c: float(c[0]))
    ]
    (folder / "growing.vtt").write_text("WEBVTT\n\n" + "\n".join(lines))
    memory = ClipMemory(folder / "memory", detector=Painted())
    memory.add(folder / "growing.mp4", channels=["visual", "speech", "screen_text"], clip_seconds=4, workers=0)
    memory.add(folder / "things.mp4", channels=["visual", "screen_text", "objects"], clip_seconds=4, workers=0)
    secrets = {"growing.mp4": [typed, second, fixed, rolled, grown, *said], "things.mp4": replaced}
    return World(memory, folder, secrets)


def _clock(seconds: str) -> str:
    return f"00:00:{float(seconds):06.3f}"


class Eyes:
    """A viewer that remembers from when the pictures were that it was shown."""

    sees = True

    def __init__(self) -> None:
        self.latest = float("-inf")

    def ask(
        self, questions: Sequence[VisualQuestion], *, max_tokens: int = 256, beams: int = 1, yes_no: bool = False
    ) -> list[Reply]:
        for question in questions:
            for frame in question.frames:
                self.latest = max(self.latest, frame.time, latest(frame.image))
        return [Reply(text="something", yes=0.6)] * len(questions)


@tool
def pointer(video: VideoContext, start: float = 0.0) -> Observation:
    """Names pictures of all times and videos, and what the memory says of all of it."""
    names = [record.id for record in video.memory.videos()]
    uris = [f"video:{name}#t={time}" for name in names for time in (1, 6, 11, 15.5)]
    uris += [
        f"video:{video.video_id}#t=0,16",
        f"video:{video.video_id}#t=12&xywh=percent:10,10,50,50",
        "video:none#t=1",
    ]
    texts = [text.text for text in video.memory.texts(video.video_id)]
    own = [hit.span for hit in video.memory.search("password meet today", k=20, videos=[video.video_id])]
    facts = {"info": str(video.info), "file": str(video.video.info), "clips": str(video.memory.clips(video.video_id))}
    return Observation(text=" ".join(texts), pictures=tuple(uris), data={"hits": own, **facts})


QUESTIONS = (
    "What is the password?",
    "Where do they meet?",
    "What is written at the top?",
    "What is said about what is here?",
    "Summarize the video.",
    "What is shown at the end?",
    "What does the last line on the screen say?",
    "What is said last?",
    "Who presents?",
    "What comes after TODAY?",
    "How long is the video?",
    "How many cars are there?",
    "When does a car appear?",
    "Is there a car?",
    "What happens at 14 seconds?",
    "Which letters are said between 0:10 and 0:15?",
    "Read all text that is shown from 0 to 16 s.",
    "How many cuts are there?",
    "Which video mentions the password?",
)


def arguments_of(rng: random.Random, name: str, world: World, ids: Sequence[str]) -> dict[str, Any]:
    """Arguments that reach beyond any now."""
    every = [record.id for record in world.memory.videos()]
    secret = rng.choice([s for own in world.secrets.values() for s in own]).word
    query = rng.choice([secret, secret[:5], "password is", "meet at", "today", "letters", "presents", "a car", "red"])
    start, end = sorted((rng.uniform(-2, 18), rng.uniform(0, 20)))
    uri = f"video:{rng.choice(every)}#t={rng.uniform(0, 16):.2f}"
    times = [rng.uniform(0, 16) for _ in range(3)]
    span = {"start": start, "end": end}
    box = [0.0, 0.0, rng.uniform(0.4, 1), rng.uniform(0.4, 1)]
    made: dict[str, dict[str, Any]] = {
        "search_clips": {"query": query, **rng.choice([{}, span, {"image": uri}]), "k": rng.choice([3, 30])},
        "view_clip": {**span, "fps": 1},
        "crop": {"time": end, "box": box},
        "transcribe": {**span, **rng.choice([{}, {"find": query}])},
        "read_text": {**rng.choice([span, {"start": end}, {"start": 0, "end": 16}]),
                      **rng.choice([{}, {}, {"fps": 1}, {"find": "password is"}, {"find": "meet at"}, {"box": box}])},
        "detect_objects": rng.choice([span, {"start": end}]),
        "track_objects": {**span, **rng.choice([{}, {"labels": ["car"]}])},
        "browse": {"level": rng.choice(["clip", "chapter", "hour", "day", "week", "shot"]), **rng.choice([{}, span])},
        "ask_clip": {**span, "question": query},
        "caption_clip": span,
        "last_sighting": {"what": query},
        "find_habits": {"query": query},
        "find_color": {**span, "color": "red"},
        "view_frames": {"times": times},
        "ask_frames": {"times": times, "question": query},
        "rate_frames": {"times": times, "question": query},
        "verify_clip": {**span, "claim": query},
        "score_frames": {"query": "red", **span},
        "cluster_frames": {"k": 3, **span},
        "pointer": {},
    }  # fmt: skip
    return {**made[name], **({"video": rng.choice(ids)} if len(ids) > 1 and rng.random() < 0.7 else {})}


TOOLS = (*BUILT_IN, *VLM_TOOLS, *ON_REQUEST, *INTERNAL_TOOLS, pointer)


def try_tool(world: World, rng: random.Random, box: Toolbox, eyes: Eyes) -> tuple[str, list[str]]:
    """One call at a random moment; what was done, and what leaked."""
    from rewatch.memory import FrameReader

    now = moment(rng)
    every = world.memory.videos()
    chosen = rng.choice([every, every[:1], every[1:]])
    ids = [record.id for record in chosen]
    item = rng.choice(TOOLS)
    arguments = arguments_of(rng, item.name, world, ids)
    eyes.latest = float("-inf")
    view = world.memory.until(now)
    left = {"frames": 64, "calls": 8}
    seen, _ = asyncio.run(box.call(item.name, arguments, memory=view, videos=ids, left=left))
    told = json.dumps([seen.text, seen.data, seen.uris, [line.text for line in seen.lines]], default=str)
    done = f"{item.name} {arguments} at {now:.3f} of {[r.name for r in chosen]}: {seen.text[:300]}"
    # A tool may echo what it was asked for.
    for key in ("query", "find", "claim", "question", "what"):
        told = told.replace(str(arguments.get(key, "\0")), "")
    found = world.leaks(told, now, [record.name for record in chosen])
    if eyes.latest >= now:
        found.append(f"a viewer saw {eyes.latest:.2f}")
    for uri in seen.pictures:
        (picture,) = FrameReader(world.memory).read(
            [uri]
        )  # of the whole memory: the name alone must be within the view
        if "xywh" not in uri and latest(picture) >= now:
            found.append(f"{uri} shows {latest(picture):.2f}")
        if uri.removeprefix("video:").split("#")[0] not in ids:
            found.append(f"{uri} is of another video")
    ends = [float(time) for time in re.findall(r"\bend[\"']?[=:]\s*(\d+(?:\.\d+)?)", told)]
    if any(end > now + 1e-3 and end <= SECONDS for end in ends) and item.name == "pointer":
        found.append(f"facts of later: {ends}")
    return done, found


def try_question(world: World, rng: random.Random, agent: VideoAgent) -> tuple[str, list[str]]:
    """One question at a random moment: prompt, trace, answer and report must not know what comes later."""
    now = moment(rng)
    every = world.memory.videos()
    chosen = rng.choice([every, every[:1], every[1:]])
    question = rng.choice(QUESTIONS)
    answer = agent.ask(question, videos=[record.id for record in chosen], now=now)
    assert answer.trace is not None
    told = Path(answer.trace).read_text() + json.dumps(answer.as_dict())
    page = write_report(answer.trace, Path(answer.trace).with_suffix(".html"), open_video=world.memory.open)
    told += re.sub(r"data:image/[^\"')]*", "", page.read_text())
    told = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?", "", told)  # the time of day is no length
    found = world.leaks(told, now, [record.name for record in chosen])
    cited = [float(end) for item in answer.evidence for end in re.findall(r"#t=[\d.,]*?([\d.]+)(?:&|$)", item.uri)]
    if any(end > now + 1e-3 for end in cited):
        found.append(f"places after now: {cited}")
    if f'"end": {SECONDS}' in told or "00:16" in told.replace(question, ""):
        found.append("the length of the video, in the trace")
    return f"{question} at {now:.3f} of {[r.name for r in chosen]}: {answer.text[:300]}", found


def moment(rng: random.Random) -> float:
    """A time to ask at: anywhere, on the grid of the frames, or at the very end of a clip."""
    return rng.choice(
        [rng.uniform(0.1, SECONDS - 0.05), round(rng.uniform(0.4, 15.8) * FPS) / FPS, rng.choice([4, 8, 12])]
    )


def run_tries(world: World, count: int, seed: int, traces: Path) -> list[str]:
    """`count` tries, seven tool calls for each question; the leaks, one line each."""
    rng = random.Random(seed)
    eyes = Eyes()
    box = Toolbox([*BUILT_IN, *VLM_TOOLS, *ON_REQUEST, pointer], inner=INTERNAL_TOOLS, viewer=eyes, cites=True)
    agent = VideoAgent(world.memory, traces=traces)
    leaks = []
    for number in range(count):
        done, found = try_question(world, rng, agent) if number % 8 == 7 else try_tool(world, rng, box, eyes)
        leaks += [f"{number}: {done}\n    {one}" for one in found]
    return leaks
