"""What nobody sees is left out of text that is not ours; what scripts and emoji need stays."""

from __future__ import annotations

import json

import pytest
from rewatch.memory.sanitize import as_json, one_line, sanitize


@pytest.mark.parametrize("hidden", [0x034F, 0x115F, 0x1160, 0x17B4, 0x180B, 0x180E, 0x200B, 0x3164, 0xFFA0, 0x1D173])
def test_fillers_are_left_out(hidden: int) -> None:
    assert sanitize(f"talk{chr(hidden)}.mp4") == "talk.mp4"
    assert json.loads(as_json(f"talk{chr(hidden)}.mp4")) == f"talk{chr(hidden)}.mp4"


@pytest.mark.parametrize("pair", ["\u200c\u200d", "\ufe00\ufe01"])
def test_a_row_of_joiners_or_selectors_spells_nothing(pair: str) -> None:
    spelled = "".join(pair[int(bit)] for bit in f"{0x5EC2E7:b}")
    assert len(one_line(f"red{spelled} car")) <= len("red car") + 1


@pytest.mark.parametrize("text", ["❤️‍🔥 1️⃣ 👩🏽‍🚀", "می‌خواهم", "葛\ufe00", "한국어 영상", "भारत", "o\u0308"])
def test_what_is_needed_to_write_stays(text: str) -> None:
    assert sanitize(text) == text
