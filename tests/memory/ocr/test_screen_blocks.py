"""Lines into blocks, in one picture and over time, and blocks as rows of a memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rewatch.memory import ClipMemory
from rewatch.memory.ocr.blocks import Block, BlockBuilder, blocks, compose, line_readings, new_rows
from rewatch.memory.ocr.layout import arrange, place, size
from rewatch.memory.ocr.lines import Line, Reading, chosen
from rewatch.memory.span import Box, Span
from rewatch.memory.types import Text

ASPECT = 16 / 9


def line(text: str, left: float, top: float, height: float = 0.05, width: float | None = None) -> Line:
    width = len(text) * height * 0.5 / ASPECT if width is None else width
    return Line(text, Box(left, top, left + width, top + height), 0.99)


def read(lines: list[Line]) -> list[str]:
    return [" / ".join(" ".join(piece.text for piece in row) for row in block) for block in arrange(lines, ASPECT)]


def over(text: str, start: float, end: float, left: float, top: float, **more: object) -> Reading:
    box = line(text, left, top).box
    return Reading(start, end, text, box, 0.99, 0.05, **more)  # type: ignore[arg-type]


def said(found: list[Block]) -> list[tuple[float, float, str]]:
    return [(block.start, block.end, block.text) for block in found]


# One picture


def test_a_sentence_in_four_lines_is_one_block_and_what_is_far_away_another() -> None:
    paragraph = [
        line(text, 0.3, 0.4 + 0.055 * row)
        for row, text in enumerate(["Where the", "river meets", "the sea we", "found it"])
    ]
    logo, caption = line("NEWS", 0.85, 0.05), line("Peter in charge of marketing", 0.3, 0.9)
    assert read([caption, *reversed(paragraph), logo]) == [
        "NEWS",
        "Where the / river meets / the sea we / found it",
        "Peter in charge of marketing",
    ]


def test_two_centered_words_of_large_letters_are_one_block() -> None:
    assert read([line("HOPE", 0.42, 0.5, 0.12), line("TOGETHER", 0.38, 0.63, 0.11)]) == ["HOPE / TOGETHER"]


def test_a_scoreboard_is_read_row_by_row() -> None:
    board = [line("LIONS", 0.05, 0.05), line("3", 0.2, 0.05), line("TIGERS", 0.05, 0.12), line("12", 0.2, 0.12)]
    assert read(board) == ["LIONS 3", "TIGERS 12"]


def test_columns_of_prose_are_kept_apart() -> None:
    left = [
        line(text, 0.05, 0.2 + 0.055 * row) for row, text in enumerate(["the quick brown fox", "jumps over the lazy"])
    ]
    right = [
        line(text, 0.4, 0.2 + 0.055 * row) for row, text in enumerate(["a second column of", "words beside the first"])
    ]
    assert read(left + right) == [
        "the quick brown fox / jumps over the lazy",
        "a second column of / words beside the first",
    ]


def test_a_heading_and_its_text_and_labels_in_a_window_are_apart() -> None:
    assert read([line("Overview", 0.1, 0.1, 0.12), line("all that is new this year", 0.1, 0.26, 0.04)]) == [
        "Overview",
        "all that is new this year",
    ]
    labels = [line("Open", 0.05, 0.1, 0.03), line("Settings", 0.4, 0.1, 0.03), line("Cancel", 0.05, 0.3, 0.03)]
    assert read(labels) == ["Open", "Settings", "Cancel"]


def test_pieces_of_one_line_are_one_line() -> None:
    assert read([line("ask what you", 0.1, 0.5), line("can do", 0.1 + 0.171 + 0.015, 0.502)]) == ["ask what you can do"]


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Box(0.02, 0.02, 0.2, 0.1), "top left"),
        (Box(0.4, 0.45, 0.6, 0.55), "center"),
        (Box(0.1, 0.85, 0.9, 0.95), "bottom"),
        (Box(0.8, 0.4, 0.95, 0.5), "right"),
        (Box(0.02, 0.1, 0.45, 0.9), "left half"),
        (Box(0.1, 0.05, 0.9, 0.5), "top half"),
        (Box(0.05, 0.05, 0.95, 0.95), "full screen"),
    ],
)
def test_places_in_words(box: Box, words: str) -> None:
    assert place(box) == words


def test_sizes_in_words() -> None:
    assert [size(height) for height in (0.2, 0.05, 0.02)] == ["large", "medium", "small"]


# Over time


def test_a_block_that_grows_is_a_new_block_each_time() -> None:
    lines = [
        over("First point", 0, 30, 0.1, 0.2),
        over("Second point", 10, 30, 0.1, 0.26),
        over("Far away", 0, 30, 0.7, 0.8),
    ]
    assert said(compose(lines, ASPECT)) == [
        (0, 10, "First point"),
        (0, 30, "Far away"),
        (10, 30, "First point\nSecond point"),
    ]
    back = line_readings(compose(lines, ASPECT))
    assert sorted((each.start, each.end, each.text) for each in back) == [
        (0, 30, "Far away"),
        (0, 30, "First point"),
        (10, 30, "Second point"),
    ]


def test_a_number_that_changes_beside_its_name() -> None:
    lines = [over("LIONS", 0, 60, 0.05, 0.05), over("1", 0, 20, 0.18, 0.05), over("2", 20.2, 60, 0.18, 0.05)]
    found = said(compose(lines, ASPECT))
    assert (0, 20, "LIONS 1") in found
    assert (20.2, 60, "LIONS 2") in found


def test_a_clock_does_not_cut_what_stands_beside_it() -> None:
    clock = [over(f"12:0{second}", second, second + 1, 0.18, 0.05) for second in range(8)]
    found = said(compose([over("LIVE", 0, 8, 0.1, 0.05), *clock], ASPECT))
    assert (0, 8, "LIVE") in found
    assert [text for _, _, text in found if text != "LIVE"] == [f"12:0{second}" for second in range(8)]


def test_lines_of_a_subtitle_that_come_a_look_apart_are_one_block() -> None:
    lines = [over("We should leave", 1.0, 3.0, 0.3, 0.8), over("before it rains", 1.25, 2.75, 0.3, 0.86)]
    assert said(compose(lines, ASPECT)) == [(1.0, 2.75, "We should leave\nbefore it rains")]


def test_texts_that_follow_each_other_in_one_place_stay_apart() -> None:
    digits = [over(digit, start, start + 0.5, 0.4, 0.4) for digit, start in (("5", 0.0), ("4", 0.5), ("3", 1.0))]
    assert said(compose(digits, ASPECT)) == [(0.0, 0.5, "5"), (0.5, 1.0, "4"), (1.0, 1.5, "3")]


def test_a_line_overlooked_for_a_while_is_there_all_along_but_not_when_another_took_its_place() -> None:
    upper, lower = over("Gardens of", 0, 20, 0.3, 0.4), "Babylon"
    missed = [over(lower, 0, 8, 0.3, 0.46), over(lower, 11, 20, 0.3, 0.46)]
    assert said(compose([upper, *missed], ASPECT)) == [(0, 20, "Gardens of\nBabylon")]
    between = over("Nineveh", 8, 11, 0.3, 0.46)
    assert [text for _, _, text in said(compose([upper, *missed, between], ASPECT))] == [
        "Gardens of\nBabylon",
        "Gardens of\nNineveh",
        "Gardens of\nBabylon",
    ]


def test_credits_that_move_are_no_soup() -> None:
    roll = [over(f"Name {row}", 1.0 * row, 1.0 * row + 6, 0.4, 0.9, moving=True) for row in range(5)]
    found = compose(roll, ASPECT)
    assert [block.text for block in found] == [f"Name {row}" for row in range(5)]
    assert all(block.moving for block in found)


def test_the_reading_that_most_looks_agree_on_is_taken() -> None:
    noisy = (
        ("Sm1th & Sons", 0.8, 0.97),
        ("Smith & Sons", 4.6, 0.95),
        ("Smlth & Sons", 0.9, 0.92),
        ("Smth Sons", 0.8, 0.9),
    )
    assert chosen(noisy) == ("Smith & Sons", 0.95)
    assert chosen((("Provide an image of", 2.9, 0.99), ("Provide an image of your work", 2.7, 0.98)))[0].endswith(
        "work"
    )


# Rows


def rows(found: list[Block]) -> list[Text]:
    return [
        Text(at, "v", "screen_text", new.start, new.end, new.text, new.data) for at, new in enumerate(new_rows(found))
    ]


def test_blocks_come_back_from_their_rows_and_old_rows_are_blocks_of_one_line() -> None:
    found = compose([over("First point", 0, 30, 0.1, 0.2), over("Second point", 0, 30, 0.1, 0.26)], ASPECT)
    (row,) = rows(found)
    assert row.data["place"] == "top left"
    assert row.data["size"] == "medium"
    assert [each["text"] for each in row.data["lines"]] == ["First point", "Second point"]
    assert Block.of(row).text == row.text == "First point\nSecond point"
    old = {"box": [0.1, 0.2, 0.3, 0.25], "score": 0.9, "height": 0.05}
    parts = [
        Text(1, "v", "screen_text", 0, 10, "Old words", old),
        Text(2, "v", "screen_text", 10, 14, "Old words", old),
    ]
    (joined,) = blocks(parts, ASPECT)
    assert (joined.start, joined.end, joined.text, joined.data()["place"]) == (0, 14, "Old words", "top left")


def test_a_text_over_many_clips_is_one_row_and_is_found_where_it_comes(
    tmp_path: Path, make_talk: Callable[..., Path]
) -> None:
    path = make_talk(
        tmp_path / "v.mp4", 24, captions=lambda second: "HARBOR MASTER" if second >= 6 else "", size=(480, 272), fps=5
    )
    with ClipMemory(tmp_path / "memory") as memory:
        video = memory.add(path, channels=["screen_text"], clip_seconds=5, workers=0).id
        (row,) = memory.texts(video, channel="screen_text")
        assert (row.start, row.end) == (pytest.approx(6, abs=0.3), pytest.approx(24, abs=0.3))
        assert memory.search("harbor master")[0].span == Span(5, 10)
        assert memory.search("harbor master", between=Span(15, 18))[0].span == Span(15, 20)
        assert memory.until(12).texts(video, channel="screen_text")[0].end == 12
        assert memory.until(12).search("harbor master")[0].span == Span(5, 10)
        memory.add(path, channels=["screen_text", "visual"], workers=0)
        assert [text.id for text in memory.texts(video, channel="screen_text")] == [row.id]


def test_blocks_joined_some_clips_at_a_time_are_those_of_the_whole() -> None:
    def row(text: str, start: float, end: float, top: float) -> Text:
        box = line(text, 0.1, top).box
        return Text(0, "v", "screen_text", start, end, text, {"box": list(box), "score": 0.99, "height": 0.05})

    def clips(text: str, start: float, end: float, top: float) -> list[Text]:
        cuts = [start, *range(int(start // 10 + 1) * 10, int(-(-end // 10)) * 10, 10), end]
        return [row(text, *cut, top) for cut in zip(cuts, cuts[1:], strict=False)]

    rows = clips("Harbor news", 0, 200, 0.05) + clips("with Peter", 0, 55, 0.1) + clips("with Anna", 55, 200, 0.1)
    rows += [each for at in range(0, 200, 4) for each in clips(f"Caption {at} of the day", at, at + 3.5, 0.8)]
    rows.sort(key=lambda each: each.start)
    whole = [(b.start, b.end, b.text) for b in blocks(rows, ASPECT)]
    builder = BlockBuilder(ASPECT)
    pieces = []
    for start in range(0, 200, 30):
        end = start + 30 if start < 180 else float("inf")
        early = len(pieces)
        pieces += builder.add([each for each in rows if start <= each.start < start + 30], end)
    assert sorted((b.start, b.end, b.text) for b in pieces) == sorted(whole)
    assert early > 0.8 * len(whole), "what is over must not be held"
    assert (0, 55, "Harbor news\nwith Peter") in whole
