"""`rewatch people`."""

import json
import re
import shutil
from pathlib import Path

import pytest
from command_line import run_here
from rewatch import ClipMemory


@pytest.fixture
def run(learned: Path, tmp_path: Path):
    memory = shutil.copytree(learned, tmp_path / "memory")

    def go(*words: object, code: int = 0, typed: str = "") -> str:
        done = run_here(tmp_path, *words, variables={"REWATCH_MEMORY": str(memory)}, typed=typed)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return go


def test_name_merge_split_undo(run):
    assert "voice 2" in run("people") and "may be one (voice, 0." in run("people")
    rows = json.loads(run("people", "--json"))
    assert len(rows["people"]) == 6 and len(rows["suggestions"]) == 6
    assert "Anna Lee (1)" in run("people", "name", "voice 1", "Anna Lee")
    assert "4 turns" in run("people", "merge", "anna lee", "voice 2")
    wrong = json.loads(run("people", "show", "Anna Lee", "--json"))
    assert {row["claim"]["name"] for row in wrong["turns"] if row["claim"]["confirmed"]} == {"Anna Lee"}
    assert "undone   merge" in run("people", "undo")
    merged = json.loads(run("people", "merge", "Anna Lee", "voice 3", "--json"))
    assert merged["identity"]["turns"] == 4
    assert "voice 7" in run("people", "split", "Anna Lee", "talk1.mp4")
    assert json.loads(run("people", "undo", "--json"))["undone"]["verb"] == "split"
    assert "Nobody goes by" in run("people", "name", "Bob", "Ben", code=2)
    assert run("people", "export", "--format", "rttm", "--video", "talk0.mp4").count("SPEAKER") == 4
    assert json.loads(run("people", "export", "anna lee"))["people"][0]["name"] == "Anna Lee"
    assert "Anna Lee" in run("transcript", "talk0.mp4")


def test_deletion_takes_the_runs_that_name_somebody_along(run, tmp_path: Path):
    run("people", "name", "voice 1", "Zanzibarra")
    run("ask", "talk0.mp4", "What does Zanzibarra say?")
    run("ask", "talk2.mp4", "What is said about the bridge?", "--json")
    folder = tmp_path / "memory"
    assert any(b"Zanzibarra" in file.read_bytes() for file in (folder / "runs").iterdir())
    assert "2 runs that name them" in run("people", "delete", "zanzibarra", code=2)
    deleted = json.loads(run("people", "delete", "zanzibarra", "--yes", "--json"))
    assert deleted["deleted"] == [1] and len(deleted["runs"]) == 2  # both videos were said to have her, perhaps
    for file in folder.rglob("*"):
        assert not file.is_file() or b"zanzibarra" not in file.read_bytes().lower(), file


def test_deletion_knows_former_names_and_how_tools_write_them(run, tmp_path: Path):
    for name in ("Quasimodora", "Zanzi <|barra|>"):
        run("people", "name", "voice 1", name)
        run("ask", "talk0.mp4", f"What does {name} say?")
    assert len(json.loads(run("people", "delete", "voice 1", "--yes", "--json"))["runs"]) == 2
    for file in (tmp_path / "memory").rglob("*"):
        assert not file.is_file() or not re.search(b"Quasimodora|Zanzi", file.read_bytes()), file


def test_a_deletion_that_was_stopped_is_finished_by_the_same_command(run, tmp_path: Path):
    with ClipMemory(tmp_path / "memory") as memory:
        memory.store.set_meta("people_unwiped", "yes")  # as one that was killed has left it
    assert "an earlier deletion" in run("people", "delete", "Anna", "--yes")
    assert "Nobody goes by" in run("people", "delete", "Anna", "--yes", code=2)


def test_index_learns_nobody_unless_it_is_told_to(run, dialogues, tmp_path: Path):
    plain, asked = tmp_path / "plain", tmp_path / "asked"
    video = dialogues[0].path
    run("index", video, "--channels", "speech", "-m", plain)
    assert "Nobody was learned here" in run("people", "-m", plain)
    told = json.loads(run("index", video, "--channels", "speech", "--people", "voices", "-m", asked, "--json"))
    assert told["videos"][0]["channels"]["voices"] == "resemblyzer 0.1.4"
    assert "voice 2" in run("people", "-m", asked)
    assert "voices" in run("index", video, "--people", "voice", "-m", asked, code=2)
    assert "There is no memory" in run("people", "-m", tmp_path / "none", code=4)
