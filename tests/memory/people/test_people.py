import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from dialogues import Dialogue
from rewatch import ClipMemory
from rewatch.memory import MisuseError, Restriction, Span
from rewatch.memory.cluster.merge import merge_memories
from rewatch.memory.people.view import UnknownPersonError

TABLES = ("identities", "appearances", "identities_apart")


def _state(memory: ClipMemory) -> list[list[tuple[object, ...]]]:
    return [memory.store.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES]


def test_a_name_is_found_in_any_case_and_kept_unique(people_memory: ClipMemory):
    people = people_memory.people
    assert people.name("voice 1", "  Anna   Lee ").label == "Anna Lee"
    assert people.identity("anna lee").id == people.identity(1).id == 1
    with pytest.raises(MisuseError, match="merge voice 2 into Anna Lee"):
        people.name(2, "ANNA LEE")
    with pytest.raises(UnknownPersonError, match="Did you mean Anna Lee"):
        people.identity("Ana Lee")
    for name in (" ", "12"):
        with pytest.raises(MisuseError, match="no name"):
            people.name(2, name)


def test_a_guess_never_reads_like_a_fact(people_memory: ClipMemory):
    people = people_memory.people
    first, second, _ = (record.id for record in people_memory.videos())
    low = people.turns(first)[0].identity
    people.name(low, "Anna")
    assert people.turns(first)[0].label == "Anna"
    guess = people.turns(second)[0]
    assert guess.claim is not None and not guess.claim.confirmed
    assert guess.label == f"probably Anna ({guess.claim.score:.2f}), not confirmed"
    assert guess.claim.exemplar.startswith(f"video:{first}#t=")
    people.merge("Anna", guess.identity)
    assert people.turns(second)[0].label == "Anna"
    assert people.turns(second)[1].label.startswith("voice")
    assert {turn.label for turn in people.turns_of("anna", [first, second])} == {"Anna"}


def test_a_turn_that_joins_a_named_voice_later_is_a_guess(people_memory: ClipMemory):
    people, video = people_memory.people, people_memory.videos()[0].id
    low = people.turns(video)[0].identity
    people.name(low, "Anna")
    with people_memory.store.transaction() as db:  # as when a recording goes on
        db.execute(
            "UPDATE appearances SET confirmed = 0 WHERE id = (SELECT max(id) FROM appearances WHERE identity = ?)",
            (low,),
        )
    people = ClipMemory(people_memory.folder).people
    labels = [turn.label for turn in people.turns(video) if turn.identity == low]
    assert labels[0] == "Anna" and labels[1].startswith("probably Anna (0.")


def test_a_wrong_merge_is_split_and_all_of_it_undone(people_memory: ClipMemory):
    people = people_memory.people
    first = people_memory.videos()[0].id
    low, high = (turn.identity for turn in people.turns(first)[:2])
    people.name(low, "Anna")
    people.name(high, "Bob")
    before = _state(people_memory)

    people.merge("Anna", "Bob")  # two people in one
    merged = _state(people_memory)
    assert {turn.label for turn in people.turns(first)} == {"Anna"}
    wrong = [turn.uri for turn in people.turns(first)[1::2]] or [people.turns(first)[0].uri]
    rows = people_memory.store.rows("SELECT start_s, end_s FROM appearances WHERE video = ? ORDER BY start_s", (first,))
    wrong = [f"video:{first}#t={start:g},{end:g}" for start, end in rows[1::2]]
    other = people.split("Anna", wrong)
    assert [turn.identity for turn in people.turns(first)] == [low, other.id, low, other.id]
    assert (min(low, other.id), max(low, other.id)) not in {(s.a.id, s.b.id) for s in people.suggestions()}

    undone = people.undo()
    assert undone.verb == "split" and undone.undone
    assert _state(people_memory) == merged
    assert people.undo().verb == "merge"
    assert _state(people_memory) == before
    assert people.undo().verb == "name" and people.undo().verb == "name"
    assert all(name is None for _, _, name in _state(people_memory)[0])
    with pytest.raises(MisuseError, match="nothing to undo"):
        people.undo()
    assert [action.verb for action in people.log()][::-1] == ["name", "name", "merge", "split", *["undo"] * 4]


def test_a_split_by_video(people_memory: ClipMemory):
    people = people_memory.people
    records = people_memory.videos()
    lows = [people.turns(record.id)[0].identity for record in records]
    people.merge(*lows)
    new = people.split(lows[0], [records[1].name])
    assert people.identity(new.id).videos == (records[1].id,)
    for parts in ([records[1].name], [record.name for record in records]):
        with pytest.raises(MisuseError, match="none|all"):
            people.split(lows[0], parts)
    with pytest.raises(MisuseError, match="media URI"):
        people.split(lows[0], ["video:x#t=b"])


def test_who_is_removed_with_the_video_leaves_no_name(people_memory: ClipMemory):
    people, first = people_memory.people, people_memory.videos()[0]
    people.name(people.turns(first.id)[0].identity, "Zanzibarra")
    people_memory.remove(first.id)
    assert "Zanzibarra" not in people.names() and len(people.identities()) == 4
    assert b"Zanzibarra" not in (people_memory.folder / "memory.sqlite").read_bytes()


def test_export_has_every_turn_and_no_vector(people_memory: ClipMemory, dialogues: list[Dialogue]):
    people, first = people_memory.people, people_memory.videos()[0]
    people.name(people.turns(first.id)[0].identity, "Anna Lee")
    row = people.export("anna lee")["people"][0]
    assert row["name"] == "Anna Lee" and len(row["turns"]) == 2 and all(turn["confirmed"] for turn in row["turns"])
    lines = people.rttm(first.id).splitlines()
    assert len(lines) == 4 and lines[0].startswith("SPEAKER talk0.mp4 1 0.") and lines[0].split()[7] == "Anna_Lee"


def _bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def test_deletion_leaves_no_vector_no_exemplar_and_no_name(people_memory: ClipMemory):
    people, folder = people_memory.people, people_memory.folder
    first = people_memory.videos()[0].id
    low, high = (turn.identity for turn in people.turns(first)[:2])
    people.name(low, "Quasimodora")
    people.name(low, "Zanzibarra")  # the log knows the former name too
    people.merge(high, low)  # by mistake; which takes the name along
    people.undo()
    people.name(high, "Bob")
    rows = people_memory.store.rows("SELECT vector, start_s, end_s FROM appearances WHERE identity = ?", (low,))
    vectors = [row[0] for row in rows]
    halves = [piece for vector in vectors for piece in (vector[:32], vector[-32:])]
    others = [row[0] for row in people_memory.store.rows("SELECT vector FROM appearances WHERE identity = ?", (high,))]
    people_memory.search("budget")  # makes what caches there are
    before = _bytes_of(folder)
    assert b"Zanzibarra" in before and b"Quasimodora" in before and any(vector[:32] in before for vector in vectors)

    assert [one.name for one in people.delete("zanzibarra")] == ["Zanzibarra"]
    after = _bytes_of(folder)
    assert not any(half in after for half in halves if half.strip(b"\0"))
    for start in [np.float64(row[1]).astype(">f8").tobytes() for row in rows]:  # as SQLite writes a REAL
        assert start not in after
    assert b"Zanzibarra" not in after and b"zanzibarra" not in after.lower() and b"Quasimodora" not in after
    assert all(vector[:32] in after for vector in others if vector[:32].strip(b"\0"))
    assert people.turns(first)[0].identity == high
    people_memory.close()
    assert b"Zanzibarra" not in _bytes_of(folder)
    with sqlite3.connect(folder / "memory.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_deletion_says_so_when_another_process_is_reading(people_memory: ClipMemory):
    reader = sqlite3.connect(people_memory.folder / "memory.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM appearances").fetchone()
    people_memory.store._connection.execute("PRAGMA busy_timeout=100")
    with pytest.raises(Exception, match="another process"):
        people_memory.people.delete(1)
    reader.close()
    people_memory.people.wipe()
    with pytest.raises(UnknownPersonError):
        people_memory.people.identity(1)


def test_likely_ones_are_deleted_when_they_are_named_too(people_memory: ClipMemory):
    people = people_memory.people
    first = people_memory.videos()[0].id
    people.name(people.turns(first)[0].identity, "Anna")
    alike = people.likely("Anna")
    assert len(alike) == 2
    people.delete("Anna", *(one.id for one in alike))
    assert len(people.identities()) == 3 and people.names(first) == [people.turns(first)[0].label]


def test_memories_that_are_merged_keep_their_people(dialogues: list[Dialogue], tmp_path: Path):
    parts = [tmp_path / "a", tmp_path / "b"]
    for part, dialogue in zip(parts, dialogues, strict=False):
        with ClipMemory(part, text_encoder="hashed") as memory:
            video = memory.add(dialogue.path, channels=["speech"], workers=0).id
            memory.learn_people(video)
            memory.people.name(memory.people.turns(video)[0].identity, f"Anna {part.name}")
    merge_memories(tmp_path / "all", parts)
    people = ClipMemory(tmp_path / "all").people
    assert [one.name for one in people.identities()] == ["Anna a", "Anna b", None, None]
    assert len({(s.a.id, s.b.id) for s in people.suggestions()}) == 2
    assert people.merge("Anna a", "Anna b").turns == 4
    people.undo()
    people.delete("Anna b")
    merge_memories(tmp_path / "all", parts)
    assert "Anna b" not in people.names()


@pytest.mark.parametrize(
    "name", ["voice 7", "Voice  7", "person 2", "face 3", "unknown", "²", "\uff11\uff12", "\u200b", "\ud800", "A" * 101]
)
def test_a_name_cannot_be_taken_for_a_label_or_for_nothing(people_memory: ClipMemory, name: str):
    with pytest.raises(MisuseError, match="no name|too long"):
        people_memory.people.name(1, name)


def test_a_name_is_kept_as_people_see_it(people_memory: ClipMemory):
    people = people_memory.people
    assert people.name(1, "Zoe\u0308\x1b[31m\n\u200bLee").name == "Zoë[31m Lee"
    with pytest.raises(MisuseError, match="somebody already"):
        people.name(2, "ZOË\u2060[31m  Lee")
    assert people.name(2, "👩‍🚀").name == "👩‍🚀"


def test_a_label_still_finds_who_has_a_name(people_memory: ClipMemory):
    people_memory.people.name("voice 2", "Anna")
    assert people_memory.people.identity("Voice 2").id == people_memory.people.identity("anna").id == 2


def test_two_processes_cannot_give_two_people_one_name(people_memory: ClipMemory):
    other = ClipMemory(people_memory.folder)
    told: list[BaseException] = []

    def name_another() -> None:
        try:
            other.people.name(2, "Anna")
        except MisuseError as error:
            told.append(error)

    with people_memory.writing():
        thread = threading.Thread(target=name_another)  # which waits for this one to end
        thread.start()
        thread.join(0.2)
        with people_memory.store.transaction() as db:
            db.execute("UPDATE identities SET name = 'Anna' WHERE id = 1")
            db.execute("INSERT INTO identity_log (at, verb, data) VALUES (0, 'name', '{\"identities\": [1]}')")
    thread.join()
    assert "somebody already" in str(told[0])
    assert [one.name for one in people_memory.people.identities()].count("Anna") == 1


def test_undo_brings_nobody_back_whose_videos_were_removed(people_memory: ClipMemory):
    people, folder = people_memory.people, people_memory.folder
    first, second = (record.id for record in people_memory.videos()[:2])
    kept, gone = (people.turns(video)[0].identity for video in (first, second))
    people.name(gone, "Zanzibarra")
    people.merge(kept, gone)
    people_memory.remove(second)
    people.undo()
    assert people_memory.store.rows("SELECT count(*) FROM identities WHERE name NOT NULL")[0][0] == 0
    people_memory.close()
    assert b"Zanzibarra" not in _bytes_of(folder)


def test_a_deletion_that_was_killed_is_finished(people_memory: ClipMemory, monkeypatch: pytest.MonkeyPatch):
    people = people_memory.people
    people.name(1, "Zanzibarra")

    def killed() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(people_memory.store, "wipe", killed)
        people.delete(1)
    again = ClipMemory(people_memory.folder).people
    assert again.unwiped and not again.knows("Zanzibarra")
    again.wipe()
    assert not people.unwiped and b"Zanzibarra" not in _bytes_of(people_memory.folder)


def test_all_that_somebody_was_called(people_memory: ClipMemory):
    people = people_memory.people
    for who, name in ((1, "Anna"), (1, "Ann"), (2, "Bob")):
        people.name(who, name)
    people.merge(1, 2)
    people.undo()
    assert people.known_as("Ann") == ["Ann", "Anna", "voice 1"]
    people.merge(1, 2)
    assert people.known_as("Ann") == ["Ann", "Bob", "Anna", "voice 1", "voice 2"]


def test_a_restricted_view_knows_only_turns_that_may_be_heard(people_memory: ClipMemory):
    first, *_ = (record.id for record in people_memory.videos())
    whole = people_memory.people.turns(first)
    assert len(whole) > 1
    silent = people_memory.restricted(Restriction(sound=False))
    assert silent.people.turns(first) == [] and silent.people.names() == []
    span = Span(whole[0].start, whole[0].end)
    part = people_memory.restricted(Restriction(spans=((first, span),)))
    assert part.people.turns(first) and all(span.contains(turn.start) for turn in part.people.turns(first))
    assert len(part.people.names()) < len(people_memory.people.names())
    assert part.until(span.middle).people.turns(first) == [], "a turn that is not over is not known"
