"""Rules of the repository that a machine can check."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("memory", "tools", "agent", "training", "evaluation", "server", "cli")
FILES = [p for folder in FLOORS for p in sorted((ROOT / folder).rglob("*.py"))]


def _folder(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def _floor(module: str) -> int:
    """Of a folder, from below; the package's own face and its command stand above all, its small files below."""
    name = module.partition(".")[2].partition(".")[0]
    return FLOORS.index(name) if name in FLOORS else len(FLOORS) if name in ("", "__main__") else -1


def test_every_folder_with_python_is_packaged():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {"rewatch." + ".".join(p.parent.relative_to(ROOT).parts) for p in FILES} | {"rewatch"}
    assert folders == set(listed)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("rewatch", cache_dir=None)


def test_imports_run_one_way(graph: grimp.ImportGraph):
    upward = [
        f"{importer} imports {imported}"
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if _floor(imported) > _floor(importer)
    ]
    assert upward == []


def test_no_name_of_a_module_points_upward():
    """A text such as "rewatch.training.gym.clips16" in a lower folder is an import too."""
    upward = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = re.fullmatch(r"rewatch\.(\w+)\.[\w.:]+", node.value)
                if named and named[1] in FLOORS and FLOORS.index(named[1]) > FLOORS.index(_folder(path)):
                    upward.append(f"{path}: {node.value}")
    assert upward == []


def test_no_imports_go_in_a_circle(graph: grimp.ImportGraph):
    sorter = graphlib.TopologicalSorter({m: graph.find_modules_directly_imported_by(m) - {m} for m in graph.modules})
    sorter.prepare()


def test_importing_rewatch_is_light_and_puts_no_bare_names_anywhere():
    code = (
        "import sys, rewatch, rewatch.memory\n"
        "heavy = {'torch', 'transformers', 'cv2', 'faiss', 'rapidocr', 'langgraph', 'scenedetect'} & set(sys.modules)\n"
        "bare = {'tools', 'memory', 'agent', 'cli', 'training', 'evaluation', 'server'} & set(sys.modules)\n"
        "assert not heavy and not bare, (heavy, bare)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parent, timeout=60)


def test_constraints_name_no_address():
    assert not re.search(r"https?:|file:|@ ", (ROOT / "constraints.txt").read_text())
