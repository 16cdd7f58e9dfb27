"""Named colours: what they call things, how they rank clips by the looks a query names, and what they say of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import Frame, Video
from rewatch.memory.encoders import pool, visual_encoder
from rewatch.memory.encoders.color_names import NAMES, name_pixels
from rewatch.memory.encoders.color_words import read_query

ENCODER = visual_encoder()
RGB = {
    "red": (200, 30, 30),
    "green": (40, 140, 50),
    "blue": (40, 70, 200),
    "white": (240, 240, 240),
    "grey": (120,) * 3,
}


def clip(
    base: str = "grey", thing: str | None = None, *, light: float = 1.0, move: int = 0, gray: bool = False
) -> list[Frame]:
    """Five frames [90, 160] of a noisy ground, with a small thing (1.7 % of the picture) that moves."""
    frames = []
    for number in range(5):
        image: np.ndarray = np.random.default_rng(number).normal(0, 4, (90, 160, 3)) + RGB[base]
        if thing:
            left = 20 + move * number
            image[40:52, left : left + 20] = RGB[thing]
        if gray:
            image[:] = image.mean(axis=2, keepdims=True)
        frames.append(Frame(float(number), (image * light).clip(0, 255).astype(np.uint8)))
    return frames


def rank(query: str, clips: Sequence[list[Frame]]) -> list[int]:
    vector = ENCODER.encode_query(query)
    assert vector is not None
    scores = [float(pool(ENCODER.encode_frames(frames)) @ vector) for frames in clips]
    return [int(index) for index in np.argsort(scores)[::-1]]


@pytest.mark.parametrize(
    "name, colors",
    [
        ("black", ["#050505", "#161412"]),
        ("white", ["#ffffff", "#f2f0ee"]),
        ("grey", ["#808080", "#5a5c60", "#b4b0aa"]),
        ("red", ["#e01010", "#8c1414", "#ff3020"]),
        ("orange", ["#ff8c00", "#e06510"]),
        ("yellow", ["#ffee20", "#d8c010"]),
        ("green", ["#10a010", "#204a20", "#a0e070"]),
        ("blue", ["#1030e0", "#80b8e8", "#102050"]),
        ("purple", ["#802090", "#9a70d0"]),
        ("pink", ["#ffb0c8", "#f060a0"]),
        ("brown", ["#6a4420", "#8a5a34"]),
    ],
)
def test_colors_have_the_names_people_give_them(name: str, colors: list[str]) -> None:
    pixels = np.array([[[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in colors]], dtype=np.uint8)
    assert [NAMES[index] for index in name_pixels(pixels)[0]] == [name] * len(colors)


def test_agreement_with_a_survey_of_names() -> None:
    """XKCD asked 200 000 people; where their name for a colour is one basic name and an adjective, we agree."""
    colors = pytest.importorskip("matplotlib.colors", reason="matplotlib is not installed").XKCD_COLORS
    adjectives = ("light", "dark", "bright", "pale", "deep", "dull", "medium", "vivid", "strong", "dusty", "soft")
    agreed = []
    for title, code in colors.items():
        words = title.removeprefix("xkcd:").replace("gray", "grey").split()
        if words[-1] in NAMES and all(word in adjectives for word in words[:-1]):
            pixel = np.array([[[int(code[i : i + 2], 16) for i in (1, 3, 5)]]], dtype=np.uint8)
            agreed.append(NAMES[name_pixels(pixel)[0, 0]] == words[-1])
    assert len(agreed) > 60
    assert np.mean(agreed) > 0.9


def test_rows_are_unit_vectors_whatever_the_picture() -> None:
    odd = [np.zeros((1, 1, 3), np.uint8), np.full((3, 500, 3), 255, np.uint8), np.zeros((40, 40, 3), np.uint8)]
    frames = [*clip(), *(Frame(9.0, image) for image in odd)]
    rows = ENCODER.encode_frames(frames)
    assert rows.shape == (len(frames), ENCODER.dim) and rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-6)
    assert ENCODER.encode_frames([]).shape == (0, ENCODER.dim)
    assert np.linalg.norm(pool(rows)) == pytest.approx(1, abs=1e-6)
    with pytest.raises(ValueError, match="n > 0"):
        pool(ENCODER.encode_frames([]))


def test_queries_rank_the_clip_that_looks_so_first() -> None:
    clips = {
        "red thing": clip("grey", "red", move=8),
        "blue thing": clip("grey", "blue", move=8),
        "green ground": clip("green"),
        "night": clip("grey", "white", light=0.15),
        "bright": clip("white"),
        "film": clip("blue", gray=True),
        "red at night": clip("grey", "red", light=0.5),
    }
    names = list(clips)
    expected = {
        "a man in a navy jacket": "blue thing",
        "something green": "green ground",
        "when is it night?": "night",
        "the brightest moment": "bright",
        "an old black and white film": "film",
    }
    for query, name in expected.items():
        assert names[rank(query, list(clips.values()))[0]] == name, query
    assert {names[index] for index in rank("the red car", list(clips.values()))[:2]} == {"red thing", "red at night"}
    both = [names[index] for index in rank("a red car at night", list(clips.values()))]
    assert both[0] == "red at night"
    without = [names[index] for index in rank("not red", list(clips.values()))]
    assert set(without[-2:]) == {"red thing", "red at night"}


def test_motion_is_told_from_stillness() -> None:
    moving = [Frame(float(n), np.roll(clip("grey", "white")[0].image, 40 * n, axis=1)) for n in range(5)]
    still = [Frame(float(n), moving[0].image) for n in range(5)]
    assert rank("nothing is moving, a static picture", [moving, still])[0] == 1
    assert rank("moving", [moving, still])[0] == 0
    assert "still" in (ENCODER.describe(still) or "")


@pytest.mark.parametrize(
    "query, wanted",
    [
        ("a crimson car at night", {"red": True, "bright": False}),
        ("Grey or GRAY?", {"grey": True}),
        ("black and white", {"colorful": False}),
        ("black-and-white film with a red balloon", {"colorful": False, "red": True}),
        ("a dark red jacket", {"red": True}),
        ("the dark-haired woman", {}),
        ("no red", {"red": False}),
        ("the red car, not the red bus", {"red": True}),
        ("is she still talking?", {}),
        ("the camera is still", {"motion": False}),
        ("a still frame", {"motion": False}),
        ("out of focus", {"sharp": False}),
        ("no movement", {"motion": False}),
        ("When does she mention the budget?", {}),
        ("What colour is the car?", {}),
        ("the redder blackboard whiteboards", {}),
        ("", {}),
    ],
)
def test_reading_a_query(query: str, wanted: dict[str, bool]) -> None:
    assert read_query(query) == wanted
    vector = ENCODER.encode_query(query)
    if wanted:
        assert vector is not None and np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    else:
        assert vector is None


def test_descriptions_say_what_is_seen() -> None:
    assert ENCODER.describe([]) is None
    assert ENCODER.describe(clip("blue", "red")) == "mostly blue, some red; little motion"
    assert (ENCODER.describe(clip("blue", light=0.2)) or "").startswith("dark; ")
    film = [Frame(frame.time, (frame.image * np.linspace(0.2, 1.8, 160)[:, None]).astype(np.uint8)) for frame in clip()]
    gray = [Frame(frame.time, frame.image.mean(axis=2, keepdims=True).repeat(3, 2).astype(np.uint8)) for frame in film]
    assert "black and white" in (ENCODER.describe(gray) or "")
    assert "black and white" not in (ENCODER.describe(clip("blue")) or "")
    assert "motion" not in (ENCODER.describe(clip()[:1]) or "")  # one frame says nothing about motion


@pytest.mark.media
def test_real_videos(media: Path) -> None:
    """Descriptions are true of footage, and a colour finds the video that is full of it."""

    def look(name: str) -> list[Frame]:
        with Video(media / name) as video:
            return list(video.frames(video.info.span, 0.5, size=160))

    clips = {name: look(name) for name in ("chaplin.mp4", "webcam_greenwall.mp4", "sailboats.mp4", "earth_night.mp4")}
    assert "black and white" in (ENCODER.describe(clips["chaplin.mp4"]) or "")
    assert all("black and white" not in (ENCODER.describe(frames) or "") for frames in list(clips.values())[1:])
    names = list(clips)
    assert names[rank("green wall", list(clips.values()))[0]] == "webcam_greenwall.mp4"
    assert names[rank("black and white film", list(clips.values()))[0]] == "chaplin.mp4"
    assert names[rank("the darkest one, at night", list(clips.values()))[0]] == "earth_night.mp4"
