"""The wheel holds all that the command needs: it runs where there is no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_the_demo_runs_from_a_wheel_alone(tmp_path: Path):
    source, wheels, site, elsewhere = (tmp_path / name for name in ("source", "wheels", "site", "elsewhere"))
    elsewhere.mkdir()
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "tests", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, source], check=True, cwd=elsewhere)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True, cwd=elsewhere)
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    where = "import rewatch; print(rewatch.__file__)"
    imported = subprocess.run(
        [sys.executable, "-c", where], check=True, cwd=elsewhere, env=environment, capture_output=True, text=True
    )
    assert Path(imported.stdout.strip()).is_relative_to(site)
    assert (site / "rewatch" / "skills" / "rewatch" / "SKILL.md").is_file()
    demo = [sys.executable, "-m", "rewatch", "demo", "--out", elsewhere / "out"]
    shown = subprocess.run(demo, cwd=elsewhere, env=environment, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "5 of 5 questions answered right" in shown.stdout
    assert len(list((elsewhere / "out").glob("*.html"))) == 5
