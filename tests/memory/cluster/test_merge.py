"""Memories put together: the rows that one process would have made, once each, whatever happens on the way."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import ClipMemory, MemoryFolderError, MisuseError, merge_memories
from rewatch.memory.cluster.shards import Shard
from rewatch.memory.store import units
from rewatch.memory.store.database import Store
from rewatch.memory.store.schema import PEOPLE
from same_rows import assert_same, rows_of

SETTINGS = {"channels": ("visual", "speech"), "clip_seconds": 1.0, "workers": 0}
WORDS = ("The budget is ten million.", "We go to the river.", "The engine is warm.", "A bridge of stone.")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> list[Path]:
    """Four short videos with subtitles."""
    folder = tmp_path_factory.mktemp("shards")
    made = []
    for number, words in enumerate(WORDS):
        color = (40 * number, 60, 200 - 40 * number)
        video = make_talk(
            folder / f"{number}.mp4", 4 + number, colors=lambda _, color=color: color, size=(160, 96), fps=4
        )
        video.with_suffix(".srt").write_text(f"1\n00:00:01,000 --> 00:00:03,000\n{words}\n")
        made.append(video)
    return made


def index(folder: Path, videos: list[Path], **settings: object) -> Path:
    """A memory of these videos."""
    with ClipMemory(folder, text_encoder="hashed") as memory:
        for video in videos:
            memory.add(video, **{**SETTINGS, **settings})
    return folder


def undone(folder: Path, which: Callable[[int], bool]) -> Path:
    """The memory as if the units of some numbers had still to be done."""
    store = Store(folder, read_only=False)
    with store.transaction() as db:
        rows = db.execute("SELECT id, video, channel, start_s, end_s FROM units WHERE channel != 'summary'").fetchall()
        gone = [row for number, row in enumerate(rows) if which(number)]
        units.delete_units(db, [row[0] for row in gone])
        db.executemany("INSERT INTO units (id, video, channel, start_s, end_s) VALUES (?, ?, ?, ?, ?)", gone)
    store.close()
    return folder


@pytest.fixture(scope="module")
def whole(videos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return index(tmp_path_factory.mktemp("whole"), videos)


@pytest.fixture(scope="module")
def parts(videos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    shards = [Shard(number, 2).files(videos) for number in (1, 2)]
    return [index(tmp_path_factory.mktemp("part"), shard) for shard in shards]


def test_shards_have_each_file_once_and_alike_everywhere(videos: list[Path], tmp_path: Path):
    copy = Path(shutil.copy(videos[3], tmp_path / "copy.mp4"))
    files = [*videos, copy, tmp_path / "missing.mp4"]
    shards = [Shard(number, 3).files(files) for number in (1, 2, 3)]
    assert sorted(file for shard in shards for file in shard) == sorted(files)
    assert all(shards), "none is idle while there is work"
    assert any({videos[3], copy} <= set(shard) for shard in shards), "copies go together"
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(videos[0].parent, elsewhere)
    others = [Shard(2, 3).files([elsewhere / file.name for file in reversed(videos)])]
    assert {file.name for file in others[0]} == {file.name for file in Shard(2, 3).files(videos)}
    for text in ("0/3", "4/3", "3", "a/b", "1/0"):
        with pytest.raises(MisuseError, match="is no shard"):
            Shard.parse(text)


def test_shards_are_merged_to_what_one_process_makes(whole: Path, parts: list[Path], tmp_path: Path):
    before = [hashlib.sha256((part / "memory.sqlite").read_bytes()).hexdigest() for part in parts]
    merged = merge_memories(tmp_path / "out", parts)
    assert len(merged.added) == 4 and not merged.notes
    assert_same(tmp_path / "out", whole)
    # Again, and in another order: nothing changes.
    again = merge_memories(tmp_path / "out", [*reversed(parts), parts[0]])
    assert not again.added and not again.filled and len(again.known) == 4
    assert_same(tmp_path / "out", whole)
    assert [hashlib.sha256((part / "memory.sqlite").read_bytes()).hexdigest() for part in parts] == before
    with ClipMemory(tmp_path / "out", read_only=True) as memory, ClipMemory(whole, read_only=True) as one:
        assert memory.models.text.stamp == one.models.text.stamp, "its encoders are those of the parts"
        for query in WORDS:
            found = [[(hit.span, hit.channels) for hit in each.search(query, k=3)] for each in (memory, one)]
            assert found[0] == found[1]
    # Adding a file that a part had indexed costs nothing, and adding another goes on as ever.
    index(tmp_path / "out", [])


def test_what_the_parts_have_in_common_comes_once(videos: list[Path], whole: Path, tmp_path: Path):
    one = index(tmp_path / "one", videos[:3])
    two = index(tmp_path / "two", videos[1:])
    merge_memories(tmp_path / "out", [one, two])
    assert_same(tmp_path / "out", whole)
    # A merge of merges too.
    merge_memories(tmp_path / "more", [tmp_path / "out", one])
    assert_same(tmp_path / "more", whole)


def test_parts_of_one_video_are_put_together(videos: list[Path], whole: Path, tmp_path: Path):
    """Two memories that have each done half of the units, as after `--from` and `--to`, or a run that was killed."""
    halves = []
    for half in (0, 1):
        halves.append(undone(index(tmp_path / str(half), videos), lambda unit, half=half: unit % 2 == half))
    merged = merge_memories(tmp_path / "out", halves)
    assert len(merged.filled) == 0 and len(merged.added) == 4
    with ClipMemory(tmp_path / "out") as memory:
        assert all(record.complete for record in memory.videos())
    assert_same(tmp_path / "out", whole)


def test_what_was_made_in_two_ways_stays_as_it_is(videos: list[Path], tmp_path: Path):
    one = index(tmp_path / "one", videos[:1], channels=("visual",))
    two = index(tmp_path / "two", videos[:1], clip_seconds=2.0)
    merged = merge_memories(tmp_path / "out", [one, two])
    assert len(merged.notes) == 1 and "visual was made over other clips in two" in merged.notes[0]
    both = rows_of(tmp_path / "out")
    assert [row for row in both["units"] if row[1] == "visual"] == [
        row for row in rows_of(one)["units"] if row[1] == "visual"
    ]
    assert [row for row in both["texts"] if row[1] == "speech"] == [
        row for row in rows_of(two)["texts"] if row[1] == "speech"
    ], "the channel that only the second has is taken"
    # Where nothing of the first is done yet, the second's clips are taken.
    bare = undone(index(tmp_path / "bare", videos[:1], channels=("visual",)), lambda unit: True)
    merged = merge_memories(tmp_path / "later", [bare, two])
    assert not merged.notes
    assert rows_of(tmp_path / "later")["vectors"] == rows_of(two)["vectors"]


def test_a_recording_that_goes_on_is_taken_up_to_where_it_has_come(videos: list[Path], whole: Path, tmp_path: Path):
    """The same video when it was 2.5 s long, and later: the last clip has grown meanwhile."""
    early = undone(index(tmp_path / "early", videos[:1]), lambda unit: False)
    with sqlite3.connect(early / "memory.sqlite") as db:
        db.execute("UPDATE videos SET end_s = 2.5")
        for table in ("clips", "units"):
            condition = "level = 'clip'" if table == "clips" else "channel = 'visual'"
            db.execute(f"DELETE FROM {table} WHERE start_s >= 3 AND {condition}")
            db.execute(f"UPDATE {table} SET end_s = 2.5 WHERE start_s = 2 AND {condition}")
    db.close()
    late = index(tmp_path / "late", videos[:1])
    for name, parts in (("on", [early, late]), ("back", [late, early])):
        merged = merge_memories(tmp_path / name, parts)
        assert not merged.notes
        assert_same(tmp_path / name, late)


def test_texts_of_another_encoder_are_embedded_anew(videos: list[Path], tmp_path: Path):
    one, two = index(tmp_path / "one", videos[:1]), index(tmp_path / "two", videos[1:2])
    with sqlite3.connect(two / "memory.sqlite") as db:
        db.execute("UPDATE spaces SET stamp = 'another' WHERE channel != 'visual'")
        db.execute("UPDATE meta SET value = 'another' WHERE key = 'text_encoder'")
    db.close()
    assert not merge_memories(tmp_path / "out", [one, two]).notes
    with ClipMemory(tmp_path / "out") as memory:
        assert [memory.search(words)[0].texts[0].text for words in ("budget", "river")] == list(WORDS[:2])
    # Pictures can only be looked at anew where they are: that is said.
    with sqlite3.connect(two / "memory.sqlite") as db:
        db.execute("INSERT INTO meta VALUES ('visual_encoder', 'another')")
    db.close()
    (note,) = merge_memories(tmp_path / "out", [one, two]).notes
    assert note.startswith("the pictures of two were looked at by another")


def test_every_table_is_carried(videos: list[Path], tmp_path: Path):
    """Also tables that no code here has heard of, with what refers to what."""
    parts = []
    for number in (0, 1):
        folder = index(tmp_path / f"part-{number}", [videos[number]], channels=("visual",))
        store = Store(folder, read_only=False)
        (record,) = store.records()
        store.put_recording(record.id, "kitchen", 86400.0 + number, 3600, "a test")
        with store.transaction() as db:
            db.execute("CREATE TABLE persons (id INTEGER PRIMARY KEY, name TEXT)")
            db.execute(
                "CREATE TABLE turns (id INTEGER PRIMARY KEY, video TEXT REFERENCES videos, who REFERENCES persons)"
            )
            db.execute("CREATE TABLE samples (turn INTEGER REFERENCES turns, sound BLOB)")
            db.execute("CREATE INDEX turns_by_who ON turns (who)")
            db.execute("CREATE TABLE words_known (word TEXT PRIMARY KEY, meaning TEXT)")
            for id_, name in ((1, None), (2, f"person {number}")):
                db.execute("INSERT INTO persons VALUES (?, ?)", (id_, name))
                db.execute("INSERT INTO turns VALUES (?, ?, ?)", (id_ + 10, record.id, id_))
                db.execute("INSERT INTO samples VALUES (?, ?)", (id_ + 10, f"{number} {id_}".encode()))
            db.execute("INSERT INTO words_known VALUES ('bank', ?)", (f"meaning {number}",))
        store.close()
        parts.append(folder)
    for _ in range(2):
        merge_memories(tmp_path / "out", parts)
        with sqlite3.connect(tmp_path / "out" / "memory.sqlite") as db:
            persons = db.execute("SELECT name FROM persons ORDER BY id").fetchall()
            assert persons == [(None,), ("person 0",), (None,), ("person 1",)], "two that nobody has named stay two"
            samples = db.execute(
                "SELECT v.name, p.name, s.sound FROM samples s JOIN turns t ON t.id = s.turn "
                "JOIN persons p ON p.id = t.who JOIN videos v ON v.id = t.video ORDER BY 1, 3"
            ).fetchall()
            assert samples == [
                ("0.mp4", None, b"0 1"), ("0.mp4", "person 0", b"0 2"),
                ("1.mp4", None, b"1 1"), ("1.mp4", "person 1", b"1 2"),
            ]  # fmt: skip
            assert db.execute("SELECT * FROM words_known").fetchall() == [
                ("bank", "meaning 0"),
                ("bank-2", "meaning 1"),
            ]
            assert db.execute("SELECT 1 FROM sqlite_master WHERE name = 'turns_by_who'").fetchone()
        db.close()
    with ClipMemory(tmp_path / "out") as memory:
        assert [(r.timeline, r.recorded, r.zone) for r in memory.videos()] == [
            ("kitchen", 86400.0, 3600), ("kitchen", 86401.0, 3600)
        ]  # fmt: skip
    # What was deleted does not come back.
    with sqlite3.connect(tmp_path / "out" / "memory.sqlite") as db:
        for table in ("samples", "turns", "persons"):
            db.execute(f"DELETE FROM {table}")
    db.close()
    merge_memories(tmp_path / "out", parts)
    with sqlite3.connect(tmp_path / "out" / "memory.sqlite") as db:
        assert [db.execute(f"SELECT * FROM {table}").fetchall() for table in ("samples", "turns", "persons")] == [
            []
        ] * 3
    db.close()
    # What a merge of the merge brings, came before.
    merge_memories(tmp_path / "twice", [*parts, tmp_path / "out"])
    with sqlite3.connect(tmp_path / "twice" / "memory.sqlite") as db:
        assert db.execute("SELECT count(*) FROM persons").fetchone() == (4,)
    db.close()


@pytest.mark.parametrize("what", ["missing", "newer", "older", "itself", "a file", "none"])
def test_what_cannot_be_merged_is_told_in_a_line(parts: list[Path], tmp_path: Path, what: str):
    bad, folder = tmp_path / "bad", tmp_path / "out"
    if what in ("newer", "older"):
        shutil.copytree(parts[0], bad)
        with sqlite3.connect(bad / "memory.sqlite") as db:
            db.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (99 if what == "newer" else 0,))
        db.close()
    elif what == "a file":
        bad.write_text("x")
    elif what == "itself":
        shutil.copytree(parts[0], folder)
        bad = folder
    with pytest.raises((MemoryFolderError, MisuseError)) as caught:
        merge_memories(folder, [] if what == "none" else [parts[0], bad])
    assert "\n" not in str(caught.value)
    assert folder.exists() == (what == "itself"), "nothing is made before every part is looked at"


MERGE = """
import sys
from rewatch.memory import merge_memories
merge_memories(sys.argv[1], sys.argv[2:], progress=lambda name: print(name, flush=True))
"""


def test_a_killed_merge_goes_on(whole: Path, parts: list[Path], tmp_path: Path):
    for videos in (1, 3):
        process = subprocess.Popen(
            [sys.executable, "-c", MERGE, str(tmp_path / "out"), *map(str, parts)],
            stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        )  # fmt: skip
        assert process.stdout is not None
        for _ in range(videos):
            process.stdout.readline()
        process.kill()
        process.wait()
        assert len(rows_of(tmp_path / "out")["videos"]) >= videos
    merge_memories(tmp_path / "out", parts)
    assert_same(tmp_path / "out", whole)


@pytest.mark.slow
def test_stretches_of_one_video_are_merged(make_talk: Callable, speak: Callable, tmp_path: Path):
    """Two processes that each index half of a video, with sound and text on screen."""
    sound = np.zeros(40 * 16000, np.float32)
    for at, words in ((4, "The budget for next year is ten million."), (27, "We go to the river in the morning.")):
        spoken = speak(words, tmp_path)
        sound[at * 16000 : at * 16000 + len(spoken)] = spoken
    sound += 0.002 * np.random.default_rng(1).standard_normal(len(sound)).astype(np.float32)
    video = make_talk(
        tmp_path / "talk.mp4",
        40,
        captions=lambda second: "RIVER" if second > 15 else "",
        sound=sound,
        size=(320, 180),
        fps=5,
    )
    channels = ("visual", "speech", "screen_text")
    whole = index(tmp_path / "whole", [video], channels=channels, clip_seconds=5.0)
    halves = [
        index(tmp_path / name, [video], channels=channels, clip_seconds=5.0, between=between)
        for name, between in (("first", (0, 20)), ("second", (20, 40)))
    ]
    for number, parts in enumerate((halves, halves[::-1])):
        out = tmp_path / f"out-{number}"
        assert not merge_memories(out, parts).notes
        with ClipMemory(out) as memory:
            (record,) = memory.videos()
            assert record.complete
            covered = memory.coverage(record.id)
            assert covered.complete, str(covered)
        found, expected = rows_of(out), rows_of(whole)
        for table in ("clips", "videos", "channels"):
            assert found[table] == expected[table]
        of = {table: [row for row in found[table] if row[1] == "visual"] for table in ("units", "texts", "vectors")}
        assert of == {table: [row for row in expected[table] if row[1] == "visual"] for table in of}
        for channel in ("speech", "screen_text"):  # pieces of sound and of text meet elsewhere at the seam
            words = [[row[4] for row in rows["texts"] if row[1] == channel] for rows in (found, expected)]
            assert sorted(" ".join(words[0]).split()) == sorted(" ".join(words[1]).split()) and words[0]
        pieces = sorted((row[2], row[3]) for row in found["units"] if row[1] == "speech")
        assert all(one[1] <= other[0] + 1e-3 for one, other in pairwise(pieces)), "no sound is heard twice"
        again = merge_memories(out, parts)
        assert again.known and rows_of(out) == found


class Stop(Exception):
    """What stops an ingest in a test."""


@pytest.mark.slow
def test_stopped_work_reads_text_as_undisturbed_work(make_talk: Callable[..., Path], tmp_path: Path):
    """A text that stands over many clips is read once in a run; stopped in the middle, it is read as it was."""
    video = make_talk(
        tmp_path / "talk.mp4",
        12,
        captions=lambda second: "THE RIVER" if second < 9 else "A BRIDGE",
        colors=lambda second: (int(second * 9), 60, 90),
        size=(320, 180),
    )
    settings = {"channels": ("visual", "screen_text")}
    whole = index(tmp_path / "whole", [video], **settings)
    for stops in (3, 6, 15):
        left = [stops]

        def stop(_: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Stop

        with pytest.raises(Stop):
            index(tmp_path / "stopped", [video], progress=stop, **settings)
    index(tmp_path / "stopped", [video], **settings)
    assert_same(tmp_path / "stopped", whole)


def test_people_are_never_merged_silently(videos: list[Path], tmp_path: Path):
    parts = []
    for number in (0, 1):
        folder = index(tmp_path / f"part-{number}", [videos[number]], channels=("visual",))
        store = Store(folder, read_only=False)
        (record,) = store.records()
        with store.transaction() as db:
            for statement in PEOPLE:
                db.execute(statement)
            db.executemany("INSERT INTO identities (kind, name) VALUES ('voice', ?)", [("Anna",), (None,)])
            db.execute("INSERT INTO identities_apart VALUES (1, 2)")
            db.execute("INSERT INTO people_models VALUES ('test', 'voice', 0.7)")
            db.executemany(
                "INSERT INTO appearances (video, kind, stamp, start_s, end_s, known_s, linked_s, vector, identity) "
                "VALUES (?, 'voice', 'test', ?, ?, 2, 2, ?, ?)",
                [(record.id, at, at + 1, np.full(4, 0.5, np.float16).tobytes(), at + 1) for at in (0, 1)],
            )
        store.close()
        parts.append(folder)
    notes = merge_memories(tmp_path / "out", parts).notes
    assert notes == ["Anna of part-1 is Anna 2 here, since Anna is there already: merge them if they are one"]
    with ClipMemory(tmp_path / "out") as memory:
        people = memory.people
        labels = {record.name: [turn.identity for turn in people.turns(record.id)] for record in memory.videos()}
        assert labels == {"0.mp4": [1, 2], "1.mp4": [3, 4]}
        assert people.identity("anna").id == 1 and people.identity("Anna 2").id == 3
        assert memory.store.rows("SELECT * FROM identities_apart") == [(1, 2), (3, 4)]
        people.delete("Anna")
    assert not merge_memories(tmp_path / "out", parts).notes
    with ClipMemory(tmp_path / "out") as memory:
        assert memory.store.rows("SELECT identity FROM appearances ORDER BY id") == [(2,), (3,), (4,)]
        assert sorted(identity.id for identity in memory.people.identities()) == [2, 3, 4]
