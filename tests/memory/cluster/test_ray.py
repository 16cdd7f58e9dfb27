"""A Ray cluster on this machine: the memory that one process makes, also where a worker is killed on the way."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory import CapabilityError, ClipMemory, VideoError
from rewatch.memory.cluster.ray_pool import RayCluster
from rewatch.memory.cluster.ray_worker import RayWorker
from rewatch.memory.ingest.jobs import JobDone, ModelSpecs, Probe
from same_rows import assert_same

pytestmark = pytest.mark.timeout(600)
ray_is_here = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'rewatch[cluster]'"
)
SETTINGS = {"channels": ("visual", "speech"), "clip_seconds": 1.0}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable, speak: Callable) -> Path:
    folder = tmp_path_factory.mktemp("ray")
    sound = np.zeros(40 * 16000, np.float32)
    words = speak("The budget for next year is ten million.", folder)
    sound[5 * 16000 : 5 * 16000 + len(words)] = words
    return make_talk(
        folder / "talk.mp4",
        40,
        colors=lambda second: (int(second * 5), 60, 200 - int(second * 5)),
        sound=sound,
        size=(160, 96),
        fps=5,
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with RayCluster(workers=2) as cluster:
        yield cluster


@pytest.mark.slow
@ray_is_here
def test_a_killed_worker_changes_nothing(video: Path, cluster: RayCluster, tmp_path: Path):
    with ClipMemory(tmp_path / "one", text_encoder="hashed") as memory:
        memory.add(video, workers=1, **SETTINGS)
    done: list[tuple[str, float]] = []
    killed: list[int] = []

    def progress(step: object) -> None:
        done.append((step.channel, step.span.start))
        if len(done) in (3, 12):
            workers = sorted(actors())
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    with ClipMemory(tmp_path / "ray", text_encoder="hashed") as memory:
        record = memory.add(video, workers=cluster, progress=progress, **SETTINGS)
        assert record.complete and not record.failures
    assert len(set(killed)) == 2
    assert len(done) == len(set(done)), "a piece has been committed twice"
    assert_same(tmp_path / "ray", tmp_path / "one")
    # The next video finds workers that have everything loaded.
    before = set(actors())
    with ClipMemory(tmp_path / "more", text_encoder="hashed") as memory:
        memory.add(video, workers=cluster, **SETTINGS)
    assert set(actors()) <= before or len(before) < 2
    assert_same(tmp_path / "more", tmp_path / "one")


@pytest.mark.slow
@ray_is_here
def test_a_file_that_is_none_is_told_as_at_home(cluster: RayCluster, tmp_path: Path):
    (tmp_path / "no.mp4").write_bytes(b"no video" * 100)
    with ClipMemory(tmp_path / "memory", text_encoder="hashed") as memory:
        with pytest.raises(VideoError) as here:
            memory.add(tmp_path / "no.mp4", workers=1)
        with pytest.raises(VideoError) as there:
            memory.add(tmp_path / "no.mp4", workers=cluster)
    assert str(here.value) == str(there.value)


def test_a_file_that_is_not_on_the_worker_is_told_in_a_line(tmp_path: Path):
    """The worker's own code, without a cluster: of a file that only the driver has, or that is another one there."""
    worker = RayWorker(ModelSpecs())
    video = tmp_path / "talk.mp4"
    for content, words in ((None, "under the same path"), (b"short", "is another file on the worker")):
        if content is not None:
            video.write_bytes(content)
        (message,) = worker.work(Probe(str(video), ("visual",), None), 100)
        assert isinstance(message, JobDone) and isinstance(message.error, VideoError)
        assert words in str(message.error) and "\n" not in str(message.error)


@pytest.mark.slow
@ray_is_here
@pytest.mark.parametrize(
    ("address", "words"),
    [("127.0.0.1:1", "The Ray cluster 127.0.0.1:1 cannot be used: "), ("talk.mp4", "'talk.mp4' is no address")],
)
def test_a_cluster_that_is_not_there_is_told_in_a_line(address: str, words: str):
    script = (
        "import sys\nfrom rewatch.memory import RewatchError\nfrom rewatch.memory.cluster.ray_pool import RayCluster\n"
        "try:\n    RayCluster(sys.argv[1])\nexcept RewatchError as error:\n    print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, address], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.startswith(words) and run.stdout.count("\n") == 1


def test_ray_is_not_imported_unless_asked_for():
    script = "import sys, rewatch.memory.cluster.ray_pool, rewatch.cli.index\nassert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_without_ray_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CapabilityError, match=r"pip install 'rewatch\[cluster\]'"):
        RayCluster()


def actors() -> list[int]:
    """Workers among the processes below this one."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            names[int(folder.name)] = (folder / "cmdline").read_bytes()
        except OSError:
            continue
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return [pid for pid in below if names.get(pid, b"").startswith(b"ray::RayWorker")]
