"""The documentation names files and Python names that exist."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TOP = ("memory", "tools", "agent", "training", "evaluation", "server", "cli", "tests", "benchmarks", "examples", "docs")
PATH = re.compile(rf"`((?:{'|'.join(TOP)})/[\w./-]*)(?:::(\w+))?`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths(page: Path):
    named = PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path, _ in named if not (ROOT / path).exists()] == []
    assert [name for path, name in named if name and f"def {name}(" not in (ROOT / path).read_text("utf-8")] == []


def test_words_of_the_architecture():
    rows = re.findall(r"`([\w/]+\.py)`: ((?:`\w+`(?:, )?)+)", (ROOT / "docs/architecture.md").read_text("utf-8"))
    assert len(rows) >= 11
    for path, names in rows:
        module = importlib.import_module("rewatch." + path.removesuffix(".py").replace("/", "."))
        assert [name for name in re.findall(r"\w+", names) if not hasattr(module, name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_imports_of_examples(page: Path):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rewatch"):
                module = importlib.import_module(node.module or "")
                assert [each.name for each in node.names if not hasattr(module, each.name)] == []
