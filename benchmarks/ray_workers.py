"""Claim: two Ray workers on loopback, of which one is killed on the way, make the rows that one machine makes.

The same file (pictures, on-screen text and speech) is indexed at home, by two workers of a local Ray cluster, and by
two of which one gets SIGKILL after a fifth of the pieces. At home two processes work: how many there are decides where
a run of clips begins, and on-screen text is read afresh there (its scores and the last digit of its boxes differ).
Compared are all rows, ids replaced by what they stand for; counted is how often each piece was committed. Printed
beside it: wall seconds, and those that the cluster takes to start.

    python benchmarks/ray_workers.py [--minutes 3] [VIDEO]
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from index_parallel import slides
from rewatch.memory import ClipMemory, Progress
from rewatch.memory.cluster.ray_pool import RayCluster

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from same_rows import ROWS, rows_of  # noqa: E402


def workers() -> list[int]:
    """Workers of the cluster among the processes below this one."""
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
    return sorted(pid for pid in below if names.get(pid, b"").startswith(b"ray::RayWorker"))


def index(video: Path, folder: Path, by: RayCluster | int, kill_after: float | None) -> tuple[float, Counter, int]:
    """Wall seconds of one ingest, how often each piece was committed, and how many workers were killed."""
    committed: Counter = Counter()
    killed = []

    def progress(step: Progress) -> None:
        committed[step.channel, step.span] += 1
        if kill_after is not None and not killed and step.total and len(committed) >= kill_after:
            killed.append(workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    begin = time.perf_counter()
    with ClipMemory(folder) as memory:
        record = memory.add(video, workers=by, progress=progress)
    assert record.complete and not record.failures, record.failures
    return time.perf_counter() - begin, committed, len(killed)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("video", type=Path, nargs="?", help="a file of your own instead of the rendered one")
    options.add_argument("--minutes", type=float, default=3.0)
    chosen = options.parse_args()
    same = True
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        video = chosen.video or slides(place / "slides.mp4", chosen.minutes)
        took, committed, _ = index(video, place / "home", 2, None)
        pieces = len(committed)
        print(f"at home                      {took:.1f} s   {pieces} pieces", flush=True)
        begin = time.perf_counter()
        with RayCluster("local", workers=2) as cluster:
            print(f"a cluster of two             {time.perf_counter() - begin:.1f} s to start", flush=True)
            for name, kill_after in (("two workers", None), ("two workers, one killed", pieces / 5)):
                folder = place / name.replace(" ", "-")
                took, committed, killed = index(video, folder, cluster, kill_after)
                there, here = rows_of(folder), rows_of(place / "home")
                other = [table for table in ROWS if there[table] != here[table]]
                twice = sum(count > 1 for count in committed.values())
                rows = sum(map(len, there.values()))
                same = same and not other and not twice and len(committed) == pieces and killed == bool(kill_after)
                print(f"{name:28} {took:.1f} s   {len(committed)} pieces, {twice} twice, {killed} killed;", end=" ")
                print(f"{rows} rows, other than at home: {', '.join(other) or 'none'}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores")
    print("met" if same else "MISSED")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
