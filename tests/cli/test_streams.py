"""Sound tracks and subtitle streams chosen on the command line, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hearing import film
from media_files import needs_ffmpeg
from rewatch.cli.app import app
from typer.testing import CliRunner

GERMAN = [(1.0, 2.0, "der Schluessel liegt im roten Kasten")]
ENGLISH = [(1.0, 2.0, "the key is in the red drawer"), (3.0, 4.0, "take it")]


@needs_ffmpeg
def test_streams_are_chosen_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWATCH_MEMORY", str(tmp_path / "memory"))
    monkeypatch.setenv("COLUMNS", "200")
    path = film(
        tmp_path / "film.mkv",
        [(0, {"language": "eng"}, "default"), (440, {"language": "eng"}, "")],
        [(GERMAN, {"language": "ger"}, "default"), (ENGLISH, {"language": "eng"}, "")],
    )
    rewatch = CliRunner()
    said = rewatch.invoke(app, ["index", str(path), "--channels", "speech", "--workers", "0"]).output
    assert "sound track 2 (eng) of 2 was taken" in said and "subtitle stream 2 (eng) of 2 was taken" in said
    chosen = ["--channels", "speech", "--audio", "1", "--subtitle-stream", "de", "--json"]
    (row,) = json.loads(rewatch.invoke(app, ["index", str(path), *chosen]).stdout)["videos"]
    assert row["audio"] == 1 and any("subtitle stream 1 (ger)" in note for note in row["notes"])
    answer = rewatch.invoke(app, ["ask", str(path), "Where is the key?", "--subtitle-stream", "2"])
    assert answer.exit_code == 0 and "red drawer" in answer.output
    # What is not there, or cannot be meant, is one line.
    wrong = rewatch.invoke(app, ["index", str(path), "--audio", "7"])
    assert wrong.exit_code == 3 and "no sound track '7'" in " ".join(wrong.output.split())
    both = rewatch.invoke(app, ["index", str(path), "--subtitle-stream", "1", "--subtitles", str(path)])
    assert both.exit_code == 2 and "give one of them" in both.output
