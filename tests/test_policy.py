"""Rules of the repository that a machine can check."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("memory", "tools", "agent", "training", "cli")
FILES = [p for folder in PACKAGES for p in sorted((ROOT / folder).rglob("*.py"))]


def test_every_folder_with_python_is_packaged():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {"rewatch." + ".".join(p.parent.relative_to(ROOT).parts) for p in FILES} | {"rewatch"}
    assert folders == set(listed)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way_and_files_stay_small(path: Path):
    text = path.read_text(encoding="utf-8")
    own = PACKAGES.index(path.relative_to(ROOT).parts[0])
    later = "|".join(PACKAGES[own + 1 :])
    if later:
        wrong = re.findall(
            rf"^\s*(?:from (?:\.+|rewatch\.)(?:{later})\b.*|import rewatch\.(?:{later})\b.*)", text, re.M
        )
        assert [w for w in wrong if not re.match(r"\s*from \.(?!\.)", w)] == []
    assert "rewatch." not in re.findall(r"^\s*(?:from|import) (\S*)", text, re.M), (
        "import relatively inside the package"
    )
    assert len(text.splitlines()) <= 450, "which second thing does it do?"


def test_importing_rewatch_is_light_and_puts_no_bare_names_anywhere():
    code = (
        "import sys, rewatch, rewatch.memory\n"
        "heavy = {'torch', 'transformers', 'cv2', 'faiss', 'rapidocr', 'langgraph', 'scenedetect'} & set(sys.modules)\n"
        "bare = {'tools', 'memory', 'agent', 'cli', 'training'} & set(sys.modules)\n"
        "assert not heavy and not bare, (heavy, bare)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parent, timeout=60)


def test_constraints_name_no_address():
    assert not re.search(r"https?:|file:|@ ", (ROOT / "constraints.txt").read_text())
