"""A made-up week of one life: what is said and shown when, as files with subtitles, and questions by templates.

Seven days from Monday 2026-05-04, 09:00 to 17:00 (UTC+2), an hour a file, two people; on Wednesday two more cameras
run. Every hour says fillers, facts with made-up words that stand nowhere else, and markers; some hours show a notice.
All of it is decided by one seed. The templates were written before anything was measured.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

ZONE = "+02:00"
MONDAY = datetime(2026, 5, 4, tzinfo=UTC) - timedelta(hours=2)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = range(9, 17)
SIZE = (320, 180)
EVERY = 30  # seconds between two pictures
PEOPLE = ("Mia", "Jonas")
PLACES = ("kitchen", "cellar", "garden", "attic", "garage", "hallway", "bathroom", "study", "balcony", "shed")
THINGS = ("violin", "passport", "ladder", "umbrella", "telescope", "blanket", "toolbox", "camera", "suitcase", "kettle",
          "lantern", "compass", "helmet", "scissors", "notebook", "guitar", "drill", "thermos", "tent",
          "atlas")  # fmt: skip
GOODS = ("strawberries", "batteries", "candles", "flour", "stamps", "tulips")
CALLERS = ("the dentist", "the landlord", "the plumber", "the librarian", "grandmother", "the mechanic")
ROUTINES = (  # what, at which hour, on which days, ways to say it
    ("feed the cat", 9, (0, 1, 2, 4, 6),
     ("Time to feed the cat.", "I am feeding the cat now.", "Let me feed our cat.")),
    ("water the tomatoes", 16, (0, 2, 3, 4, 5, 6),
     ("I am watering the tomatoes.", "Now I water the tomatoes again.", "Watering tomatoes, as planned.")),
    ("practice the cello", 14, (1, 3, 5),
     ("Jonas practices the cello.", "Cello practice begins.", "I am practicing the cello for a while.")),
    ("lock the gate", 12, (0, 1, 2, 3, 4, 5, 6),
     ("I have locked the gate.", "The gate is locked.", "Locking the gate.")),
)  # fmt: skip
FILLERS = (
    "I think the {a} near the {b} could be {c} later.", "Did you see the {a}? It was {c} again.",
    "Maybe we should move the {a} to the {b}.", "That was a {c} idea about the {a}.", "The {b} is quite {c} today.",
    "We can talk about the {a} another time.", "It is getting {c} in the {b}.", "Somebody left the {a} by the {b}.",
)  # fmt: skip
NOUNS = ("table", "radio", "letter", "bread", "window", "curtain", "chair", "bottle", "paper", "shelf", "rug", "phone",
         "cup", "lamp", "box", "clock", "plant", "photo", "key", "bag")  # fmt: skip
MOODS = ("quiet", "warm", "strange", "bright", "slow", "noisy", "fine", "dusty", "busy", "empty", "cold", "nice")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is said or shown: a file and seconds in it."""

    file: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the places that answer it, words that the answer must hold, and its half."""

    text: str
    kind: str
    places: tuple[Place, ...]
    words: tuple[str, ...]
    held: bool


@dataclass(slots=True)
class Recording:
    """A file of one hour: when it starts, what is said (seconds, text), and what is shown (start, end, text)."""

    name: str
    recorded: datetime
    seconds: float
    speech: list[tuple[float, str]] = field(default_factory=list)
    notices: list[tuple[float, float, str]] = field(default_factory=list)

    @property
    def when(self) -> str:
        """Return its start as `--recorded` takes it."""
        return (self.recorded + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M") + ZONE


@dataclass(slots=True)
class Week:
    """Recordings and questions; `markers` are words with the moment (POSIX seconds) at which each is first known."""

    recordings: list[Recording]
    questions: list[Asked]
    markers: dict[str, float]
    routines: dict[str, tuple[int, int]]
    """Of each routine on how many of how many days."""


def make_week(days: int = 7, seconds: float = 3600.0, questions: int = 100, seed: int = 0) -> Week:
    """Decide what happens in a week, or in its first days."""
    rng = random.Random(seed)
    recordings = [
        Recording(f"day{day + 1}-{hour:02d}.mp4", MONDAY + timedelta(days=day, hours=hour), seconds)
        for day in range(days)
        for hour in HOURS
    ]
    if days > 2:
        recordings += [
            Recording(f"{camera}-{hour:02d}.mp4", MONDAY + timedelta(days=2, hours=hour), seconds)
            for camera in ("door", "porch")
            for hour in HOURS
        ]
    week = Week(recordings, [], {}, {})
    asked = [
        *_located(rng, recordings), *_prices(rng, recordings, days), *_callers(rng, recordings, days),
        *_notices(rng, recordings), *_routines(rng, week, days),
    ]  # fmt: skip
    _fill(rng, week)
    rng.shuffle(asked)
    chosen = asked[:questions]
    week.questions = [
        Asked(one.text, one.kind, one.places, one.words, place % 2 == 1) for place, one in enumerate(chosen)
    ]
    return week


def _say(rng: random.Random, one: Recording, text: str, at: float | None = None) -> Place:
    """Say something at a free moment."""
    for _ in range(200):
        start = round(rng.uniform(20, one.seconds - 30) if at is None else at + rng.uniform(-200, 200), 1)
        if all(abs(start - other) > 6 for other, _ in one.speech) and 5 < start < one.seconds - 10:
            one.speech.append((start, text))
            return Place(one.name, start, start + 4.0)
    raise ValueError("the hour is full")


def _located(rng: random.Random, recordings: list[Recording]) -> list[Asked]:
    ask = (
        "Where is the {t}?",
        "Where did somebody put the {t}?",
        "Do you know where the {t} is?",
        "In which room is the {t}?",
    )
    say = ("I put the {t} in the {p}.", "The {t} is in the {p} now.", "{w} left the {t} in the {p}.")
    asked = []
    for number, thing in enumerate(THINGS * 2):
        name = thing if number < len(THINGS) else f"{rng.choice(('red', 'old', 'broken', 'spare'))} {thing} stand"
        place, one = rng.choice(PLACES), rng.choice(recordings)
        said = _say(rng, one, rng.choice(say).format(t=name, p=place, w=rng.choice(PEOPLE)))
        asked.append(Asked(rng.choice(ask).format(t=name), "located", (said,), (place,), False))
    return asked


def _prices(rng: random.Random, recordings: list[Recording], days: int) -> list[Asked]:
    ask = ("How much were the {g} on {d}?", "What did the {g} cost on {d}?", "On {d}, what was the price of the {g}?")
    asked = []
    for goods in GOODS:
        for day in rng.sample(range(days), min(3, days)):
            one = rng.choice([r for r in recordings if r.name.startswith(f"day{day + 1}-")])
            price = rng.randint(3, 98)
            said = _say(rng, one, f"The {goods} cost {price} euros today.")
            text = rng.choice(ask).format(g=goods, d=DAYS[day])
            asked.append(Asked(text, "price of a day", (said,), (str(price),), False))
    return asked


def _callers(rng: random.Random, recordings: list[Recording], days: int) -> list[Asked]:
    ask = (
        "What did {c} call about on {d} {p}?",
        "Why did {c} call on {d} {p}?",
        "What was the call from {c} about on {d} {p}?",
    )
    topics = [
        f"the {rng.choice(NOUNS)} {rng.choice(('repair', 'invoice', 'visit', 'order', 'party', 'lease'))}"
        for _ in range(60)
    ]
    asked = []
    for caller in CALLERS:
        for day in rng.sample(range(days), min(3, days)):
            for part, hours in (("morning", (9, 10, 11)), ("afternoon", (13, 14, 15))):
                name = f"day{day + 1}-{rng.choice(hours):02d}.mp4"
                one = next(r for r in recordings if r.name == name)
                topic = topics.pop()
                said = _say(rng, one, f"{caller[0].upper()}{caller[1:]} called about {topic}.")
                text = rng.choice(ask).format(c=caller, d=DAYS[day], p=part)
                asked.append(Asked(text, "call of a part of a day", (said,), tuple(topic.split()[1:]), False))
    return asked


def _notices(rng: random.Random, recordings: list[Recording]) -> list[Asked]:
    ask = (
        "What number stood on the notice about {w}?",
        "Which number is written beside {w}?",
        "What does the notice about {w} say?",
    )
    asked = []
    for one in rng.sample(recordings, min(12, len(recordings))):
        word, number = rng.choice(_words(rng, 1)), rng.randint(100, 999)
        start = float(rng.randrange(2, max(int(one.seconds / EVERY) - 10, 3)) * EVERY)
        one.notices.append((start, start + 4 * EVERY, f"{word} {number}"))
        asked.append(
            Asked(
                rng.choice(ask).format(w=word),
                "notice",
                (Place(one.name, start, start + 4 * EVERY),),
                (str(number),),
                False,
            )
        )
    return asked


def _routines(rng: random.Random, week: Week, days: int) -> list[Asked]:
    ask = (
        "When do they usually {r}?",
        "How often do they {r}?",
        "At what time do they normally {r}?",
        "On how many days did they {r}?",
        "Is there a habit to {r}?",
    )
    asked = []
    for routine, hour, on, say in ROUTINES:
        on = [day for day in on if day < days]
        places = []
        for day in on:
            one = next(r for r in week.recordings if r.name == f"day{day + 1}-{hour:02d}.mp4")
            places.append(_say(rng, one, rng.choice(say), at=one.seconds / 2))
        week.routines[routine] = (len(on), days)
        if len(on) > 1:
            words = (f"{len(on)} of {days} days",)
            asked += [
                Asked(text.format(r=routine), "habit", tuple(places), words, False) for text in rng.sample(ask, 3)
            ]
    return asked


def _fill(rng: random.Random, week: Week) -> None:
    """Fillers, and markers by which anything that is known too early gives itself away."""
    markers = iter(_words(rng, 4 * len(week.recordings)))
    for one in week.recordings:
        count = round(one.seconds / 40)
        for number in range(count):
            a, b, c = rng.choice(NOUNS), rng.choice(NOUNS), rng.choice(MOODS)
            text = rng.choice(FILLERS).format(a=a, b=b, c=c)
            if number % max(count // 4, 1) == 0 and (marker := next(markers, None)):
                text = f"The word of this hour is {marker}."
                at = _say(rng, one, text)
                week.markers[marker.lower()] = one.recorded.timestamp() + at.start
            else:
                _say(rng, one, text)
        one.speech.sort()


def _words(rng: random.Random, count: int) -> list[str]:
    """Words that nobody would say by chance, such as QUVAXIKO."""
    return ["".join(rng.choice("QXZKVJW") + rng.choice("AEIOU") for _ in range(4)) for _ in range(count)]


MARKER = re.compile(r"(?:[qxzkvjw][aeiou]){4}")


def render(one: Recording, folder: Path) -> Path:
    """Write a recording: a picture every half minute, which changes a little, and its subtitles beside it."""
    path = folder / one.name
    level = 40 + sum(map(ord, one.name)) % 120
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1, options={"preset": "ultrafast", "crf": "30", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1)
        stream.codec_context.thread_count = 1
        for number in range(round(one.seconds / EVERY)):
            time = number * EVERY
            image = Image.new("RGB", SIZE, (level, 90, 255 - level))
            draw = ImageDraw.Draw(image)
            draw.rectangle((number * 7 % 300, 150, number * 7 % 300 + 12, 162), fill=(230, 230, 230))
            for start, end, text in one.notices:
                if start <= time < end:
                    draw.text((16, 60), text, fill="white", font=ImageFont.load_default(30))
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    rows = [f"{k}\n{_cue(at)} --> {_cue(at + 4)}\n{text}\n" for k, (at, text) in enumerate(sorted(one.speech), 1)]
    path.with_suffix(".srt").write_text("\n".join(rows))
    return path


def _cue(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"
