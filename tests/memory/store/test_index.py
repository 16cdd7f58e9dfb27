"""FAISS caches: always equal to the database, whatever happened to the file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import Span
from rewatch.memory.store import faiss_index as indexes
from rewatch.memory.store.cache_file import write_cache
from rewatch.memory.store.database import Space, Store
from rewatch.memory.store.faiss_index import ChannelIndex
from rewatch.memory.store.units import NewVector, Rows, finish, plan_channel, remove_video, units_to_do

DIM = 16


class Info:
    path, start, end, width, height, fps, codec, has_audio = "x.mp4", 0.0, 1e6, 64, 48, 25.0, "h264", False
    seen_from = 0.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, read_only=False)


def add(store: Store, name: str, count: int, seed: int) -> np.ndarray:
    """A video of that many unit vectors in one channel."""
    random = np.random.default_rng(seed)
    centers = random.standard_normal((count // 20 + 1, DIM))
    vectors = centers[np.arange(count) // 20] + 0.3 * random.standard_normal((count, DIM))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    video = store.put_video(name * 64, f"{name}.mp4", Info())  # type: ignore[arg-type]
    plan_channel(store, video, "visual", "test", [Span(0, 1e6)])
    (unit,) = units_to_do(store, video, ["visual"])
    finish(store, unit, Rows((), [NewVector(i, i + 1, vector) for i, vector in enumerate(vectors)], "test"))
    return vectors


def space(store: Store) -> Space:
    (only,) = store.spaces("visual")
    return only


def truth(store: Store, query: np.ndarray, k: int) -> list[int]:
    ids, vectors = zip(*store.vectors(space(store)), strict=True)
    every, scores = np.concatenate(ids), np.concatenate(vectors) @ query
    return every[np.argsort(-scores, kind="stable")[:k]].tolist()


def opened(store: Store) -> ChannelIndex:
    index = ChannelIndex(store, space(store))
    index.refresh(space(store))
    return index


def same(store: Store, index: ChannelIndex, queries: np.ndarray) -> bool:
    return all(index.search(query, 5)[0].tolist() == truth(store, query, 5) for query in queries)


def test_it_catches_up_and_is_kept(store: Store) -> None:
    vectors = add(store, "a", 100, 1)
    index = opened(store)
    assert same(store, index, vectors[:5])
    assert index.behind == 100
    index.save()
    assert index.behind == 0
    more = add(store, "b", 50, 2)
    again = ChannelIndex(store, space(store))
    assert len(again) == 100, "read from the file"
    again.refresh(space(store))
    assert again.behind == 50 and same(store, again, np.concatenate([vectors[:3], more[:3]]))


def test_it_follows_deletions(store: Store) -> None:
    add(store, "a", 60, 1)
    kept = add(store, "b", 40, 2)
    index = opened(store)
    index.save()
    remove_video(store, store.records()[0].id)
    fresh = opened(store)
    index.refresh(space(store))
    assert len(index) == len(fresh) == 40
    assert same(store, index, kept[:5]) and same(store, fresh, kept[:5])


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped", "foreign", "garbage"])
def test_a_broken_file_is_replaced(store: Store, tmp_path: Path, damage: str) -> None:
    vectors = add(store, "a", 80, 1)
    index = opened(store)
    index.save()
    whole = index.path.read_bytes()
    if damage == "missing":
        index.path.unlink()
    elif damage == "foreign":  # the cache of another memory with as many rows
        other = Store(tmp_path / "other", read_only=False)
        add(other, "c", 80, 3)
        theirs = opened(other)
        theirs.save()
        index.path.write_bytes(theirs.path.read_bytes())
    else:
        flipped = whole[:3000] + bytes([whole[3000] ^ 255]) + whole[3001:]
        broken = {"empty": b"", "cut": whole[: len(whole) // 2], "flipped": flipped, "garbage": os.urandom(5000)}
        index.path.write_bytes(broken[damage])
    assert len(ChannelIndex(store, space(store))) == 0
    assert same(store, opened(store), vectors[:5])


def test_a_write_that_fails_leaves_the_old_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, "a", 30, 1)
    index = opened(store)
    index.save()
    before = index.path.read_bytes()
    add(store, "b", 30, 2)
    index.refresh(space(store))

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(indexes.os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        index.save()
    assert index.path.read_bytes() == before
    assert not list(index.path.parent.glob("*.tmp"))


def test_large_memories_use_inverted_lists(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "FLAT_UP_TO", 3000)
    vectors = add(store, "a", 6000, 1)
    index = opened(store)
    assert type(index.faiss_index).__name__ == "IndexIVFScalarQuantizer"
    random = np.random.default_rng(5)
    queries = vectors[random.choice(6000, 100)] + 0.1 * random.standard_normal((100, DIM)).astype(np.float32)
    shared = [len(set(index.search(query, 10)[0]) & set(truth(store, query, 10))) for query in queries]
    assert np.mean(shared) / 10 >= 0.95
    # A filtered search looks into every list.
    allowed = np.array(truth(store, queries[0], 6000)[5000:5010])
    assert set(index.search(queries[0], 10, allowed)[0]) == set(allowed)
    assert index.path.exists(), "what was costly to build is kept"
    loaded = ChannelIndex(store, space(store))
    assert len(loaded) == 6000 and loaded.faiss_index.nprobe == index.faiss_index.nprobe
    add(store, "b", 200, 2)
    remove_video(store, store.records()[0].id)
    loaded.refresh(space(store))
    assert len(loaded) == 200 and type(loaded.faiss_index).__name__ == "IndexIDMap2", "small again"


@pytest.mark.parametrize("writable", [True, False])
def test_very_large_memories_leave_their_lists_on_the_disk(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    monkeypatch.setattr(indexes, "FLAT_UP_TO", 300)
    monkeypatch.setattr(indexes, "ON_DISK_ABOVE", 3000)
    monkeypatch.setattr(indexes, "_COMPARED", 5)
    vectors = add(store, "a", 4000, 1)
    store.writable = writable
    index = opened(store)
    assert index.on_disk is not None and len(index) == 4000 and index.faiss_index.ntotal == 0
    random = np.random.default_rng(5)
    queries = vectors[random.choice(4000, 50)] + 0.1 * random.standard_normal((50, DIM)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)

    def recall(index: ChannelIndex) -> float:
        shared = [len(set(index.search(query, 10)[0]) & set(truth(store, query, 10))) for query in queries]
        return float(np.mean(shared)) / 10

    assert recall(index) >= 0.95
    ids, scores = index.search(queries[0], 10)
    of = {id_: vector for some, part in store.vectors(space(store)) for id_, vector in zip(some, part, strict=True)}
    assert np.allclose(scores, [of[id_] @ queries[0] for id_ in ids], atol=1e-6), "cosines are exact"
    for count in (3, 40):  # compared one by one, and by the lists
        allowed = np.array(truth(store, queries[0], 4000)[2000 : 2000 + count])
        assert set(index.search(queries[0], 3, allowed)[0]) <= set(allowed)
    assert index.path.exists() == writable, "what was costly to build is kept"
    assert len(ChannelIndex(store, space(store))) == (4000 if writable else 0)

    # What comes later is found before it is in the lists, and in them once they are written again.
    store.writable = True
    more = add(store, "b", 200, 2)
    index.refresh(space(store))
    assert len(index) == 4200 and index.faiss_index.ntotal == 200
    assert index.search(more[7], 1)[0][0] == truth(store, more[7], 1)[0]
    index.save()
    assert index.behind == 0 and index.faiss_index.ntotal == 0 and len(index) == 4200
    fresh = opened(store)
    assert len(fresh) == 4200 and recall(fresh) >= 0.95
    assert fresh.search(more[7], 1)[0][0] == truth(store, more[7], 1)[0]

    # What is deleted is not found any more, and not in the file once that is written again.
    remove_video(store, next(record.id for record in store.records() if record.name == "b.mp4"))
    for one in (index, fresh):
        one.refresh(space(store))
        assert len(one) == 4000 and not set(one.search(more[7], 10)[0]) & set(range(4001, 4201))
    fresh.save()
    assert len(opened(store)) == 4000
    assert fresh.on_disk is not None and fresh.on_disk.ids().max() == 4000
    # Small again.
    remove_video(store, store.records()[0].id)
    add(store, "c", 50, 3)
    fresh.refresh(space(store))
    assert len(fresh) == 50 and fresh.on_disk is None
    fresh.save()
    assert len(opened(store)) == 50


@pytest.mark.parametrize("damage", ["cut", "flipped", "lengths"])
def test_broken_lists_on_the_disk_are_replaced(store: Store, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(indexes, "FLAT_UP_TO", 100)
    monkeypatch.setattr(indexes, "ON_DISK_ABOVE", 200)
    vectors = add(store, "a", 300, 1)
    index = opened(store)
    whole = index.path.read_bytes()
    if damage == "lengths":  # a whole file, by its checksum, whose lists are not where its stamp says
        stamp = replace(index._stamp, list_bytes=index._stamp.list_bytes + 24)
        write_cache(index.path, lambda file: (file.write(whole), stamp)[1])
    else:
        broken = {"cut": whole[: len(whole) // 2], "flipped": whole[:500] + bytes([whole[500] ^ 255]) + whole[501:]}
        index.path.write_bytes(broken[damage])
    assert len(ChannelIndex(store, space(store))) == 0
    again = opened(store)
    assert again.on_disk is not None and same(store, again, vectors[:5])


def test_a_filter_keeps_to_its_rows(store: Store) -> None:
    vectors = add(store, "a", 200, 1)
    index = opened(store)
    allowed = np.arange(50, 60)
    ids, scores = index.search(vectors[0], 20, allowed)
    assert set(ids) == set(allowed) and (np.diff(scores) <= 0).all()
    assert len(index.search(vectors[0], 20, np.empty(0, np.int64))[0]) == 0
