"""`rewatch ask --continue` and `--mode`, as people run them."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import QUESTION, rewatch


def test_a_run_is_continued_and_modes_are_told(home: Path) -> None:
    first = json.loads(rewatch(home, "ask", "talk.mp4", QUESTION, "--json").stdout)
    then = json.loads(rewatch(home, "ask", "--continue", first["run_id"], "and after that?", "--json").stdout)
    assert then["question"].startswith("What is said first after") and then["mode"] == "backward"
    waits = rewatch(home, "ask", "talk.mp4", "Tell me when a unicorn is mentioned", "--now", "2", "--until", "4")
    assert "Not yet: nothing from 00:02 to 00:04" in waits.stdout and "mode wait" in waits.stdout
    missing = rewatch(home, "ask", "--continue", "nothing", "and then?")
    assert missing.returncode == 6 and "No run 'nothing'" in missing.stderr
