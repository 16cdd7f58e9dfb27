"""Kinds of index by name: all find what comparing every vector finds, and several processes may add to one."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rewatch.memory import CapabilityError, ClipMemory, Span
from rewatch.memory.registry import UnknownNameError
from rewatch.memory.store.database import Store
from rewatch.memory.store.faiss_index import ChannelIndex
from rewatch.memory.store.units import NewVector, Rows, finish, plan_channel, plan_clips, units_to_do

lance = pytest.mark.skipif(
    importlib.util.find_spec("lancedb") is None, reason="needs LanceDB: pip install 'rewatch[lance]'"
)
DIM = 24


def fill(store: Store, name: str, count: int, seed: int) -> np.ndarray:
    """A video of that many unit vectors in one channel."""
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    info = SimpleNamespace(
        path=f"{name}.mp4", start=0.0, end=float(count), width=64, height=48, fps=25.0, codec="h264", has_audio=False,
        seen_from=0.0,
    )  # fmt: skip
    spans = [Span(i, i + 1) for i in range(count)]
    with store.transaction():
        video = store.put_video(name * 64, f"{name}.mp4", info)  # type: ignore[arg-type]
        plan_clips(store, video, "fixed 1", spans)
        plan_channel(store, video, "visual", "test", [Span(0, count)])
        (unit,) = units_to_do(store, video, ["visual"])
        rows = [NewVector(span.start, span.end, vector) for span, vector in zip(spans, vectors, strict=True)]
        finish(store, unit, Rows((), rows, "test"))
    return vectors


def found(memory: ClipMemory, queries: np.ndarray, **scope: object) -> list[list[tuple]]:
    return [
        [(hit.video, hit.span, hit.score) for hit in memory.search("", vector=query, k=6, **scope)] for query in queries
    ]


@lance
def test_lance_finds_what_faiss_finds(tmp_path: Path):
    store = Store(tmp_path, read_only=False)
    queries = np.concatenate([fill(store, "a", 300, 1)[:5], fill(store, "b", 200, 2)[:5]])
    store.close()
    (tmp_path / "visual-1.faiss").write_bytes(b"of before")
    with ClipMemory(tmp_path) as flat, ClipMemory(tmp_path, vector_index="lance") as other:
        assert found(flat, queries) == found(other, queries)
        for scope in ({"videos": ["a.mp4"]}, {"between": Span(20, 60)}):
            assert found(flat, queries, **scope) == found(other, queries, **scope)
        writer = Store(tmp_path, read_only=False)
        more = fill(writer, "c", 50, 3)[:5]
        assert found(flat, more) == found(other, more), "another process has added a video"
        other.remove("a.mp4")
        assert not list(tmp_path.glob("*.faiss")), "an index of another kind holds nothing of it either"
        after = found(other, queries)
        assert found(flat, queries) == after and not any(hit[0] == "a" * 8 for hits in after for hit in hits)
        assert len(other.searcher.index(other.store.spaces()[0])) == 250
    # A read-only memory is searched too, and a broken table is made anew.
    with ClipMemory(tmp_path, vector_index="lance", read_only=True) as memory:
        assert found(memory, more) and isinstance(memory.searcher.index(memory.store.spaces()[0]), ChannelIndex)
    for file in (tmp_path / "lance").rglob("*.manifest"):
        file.write_bytes(b"no manifest")
    with ClipMemory(tmp_path, vector_index="lance") as memory:
        assert found(memory, queries) == after


ADD = """
import sys, numpy as np
from rewatch.memory import ClipMemory
memory = ClipMemory(sys.argv[1], vector_index="lance")
print("open", flush=True)
for line in sys.stdin:
    memory.search("", vector=np.eye(24, dtype=np.float32)[0])
    print(len(memory.searcher.index(memory.store.spaces()[0])), flush=True)
"""


@pytest.mark.slow
@lance
def test_several_processes_bring_one_table_up_to_date(tmp_path: Path):
    store = Store(tmp_path, read_only=False)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ADD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "open\n"
    total = 0
    for number, name in enumerate("abcd"):
        fill(store, name, 100, number)
        total += 100
        for process in processes:  # both at once
            process.stdin.write("search\n")
            process.stdin.flush()
        assert [int(process.stdout.readline()) for process in processes] == [total, total]
    for process in processes:
        process.communicate()
    with ClipMemory(tmp_path, vector_index="lance") as memory:
        (space,) = memory.store.spaces()
        index = memory.searcher.index(space)
        assert len(index) == 400 and len(memory.store.vector_ids(space.id)) == 400, "no row is there twice"


def test_a_memory_keeps_the_name_of_its_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_talk: Callable):
    """An index of an installed package is found by its entry point, and used when the memory is opened again."""
    opened = []

    class Counted(ChannelIndex):
        def __init__(self, *arguments: object) -> None:
            opened.append(self)
            super().__init__(*arguments)

    point = SimpleNamespace(name="counted", load=lambda: Counted)
    broken = SimpleNamespace(name="broken", load=lambda: importlib.import_module("no_such_package"))
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: [point, broken])
    video = make_talk(tmp_path / "talk.mp4", 3, size=(160, 96), fps=4)
    with ClipMemory(tmp_path / "memory", text_encoder="hashed", vector_index="counted") as memory:
        memory.add(video, channels="visual", workers=0)
    opened.clear()
    with ClipMemory(tmp_path / "memory", read_only=True) as memory:
        memory.search("blue")
    assert opened
    with pytest.raises(UnknownNameError, match="there are faiss, lance, counted, broken. Did you mean faiss"):
        ClipMemory(tmp_path / "memory", vector_index="fais")
    with pytest.raises(CapabilityError, match="The vector index broken cannot be used"):
        ClipMemory(tmp_path / "memory", vector_index="broken")


def test_without_lancedb_a_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "lancedb", None)
    fill(Store(tmp_path, read_only=False), "a", 5, 1)
    with (
        ClipMemory(tmp_path, vector_index="lance") as memory,
        pytest.raises(CapabilityError, match=r"rewatch\[lance\]"),
    ):
        memory.search("", vector=np.eye(DIM, dtype=np.float32)[0])
