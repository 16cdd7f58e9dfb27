"""Ask the questions about states (`state`), chains of follow-ups (`chains`) and answer modes (`modes`) of this folder.

    python tests/questions/streams/ask_streams.py [state|chains|modes ...] [--split dev|held|all] [--policy NAME]

Prints what was not right, and the counts. Half of the questions are `held`: look at their misses only when the reader
is finished; `--split held` prints counts alone unless `--everything` is given.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewatch.agent import Answer, VideoAgent
from rewatch.memory import ClipMemory, MediaURI, Span

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent)]

from scenes import scene_memory  # noqa: E402
from scoring import Verdict, judge  # noqa: E402

KINDS = ("state", "chains", "modes")


@dataclass(frozen=True, slots=True)
class Result:
    """One asked question."""

    row: dict[str, Any]
    answer: Answer
    verdict: Verdict


def read_rows(kind: str, split: str = "all") -> list[dict[str, Any]]:
    """The questions of a kind and a split (`dev`, `held` or `all`)."""
    rows = [json.loads(line) for line in (HERE / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if split in ("all", row["split"])]


def ask(agent: VideoAgent, kind: str, rows: list[dict[str, Any]], ids: dict[str, str]) -> list[Result]:
    """Ask the rows of one kind; chains go on from the answers before."""
    if kind == "chains":
        chains: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            chains[row["chain"]].append(row)
        return [result for turns in chains.values() for result in _chain(agent, turns, ids)]
    results = []
    for row in rows:
        mode = {"mode": row["asked"]} if row.get("asked") else {}
        answer = agent.ask(row["question"], videos=[ids[row["video"]]], now=row["now"], **mode)
        results.append(Result(row, answer, _verdict(kind, answer, row)))
    return results


def _chain(agent: VideoAgent, turns: list[dict[str, Any]], ids: dict[str, str]) -> list[Result]:
    results: list[Result] = []
    for row in turns:
        history = [result.answer for result in results]
        answer = agent.ask(row["question"], videos=[ids[row["video"]]], history=history)
        results.append(Result(row, answer, judge(answer, row)))
    return results


def _verdict(kind: str, answer: Answer, row: dict[str, Any]) -> Verdict:
    """A state must also be told of the true last sighting, and a mode be the expected one."""
    verdict = judge(answer, row)
    if verdict != "right" or row["kind"] == "abstain":
        return verdict if kind == "state" or answer.mode == row["mode"] else "wrong"
    if kind == "modes":
        return "right" if answer.mode == row["mode"] else "wrong"
    seen = answer.validity and answer.validity.last_seen
    place = MediaURI.parse(seen.uri).span if seen else None
    return "right" if place is not None and place.overlap(Span(*row["span"])) > 0 else "wrong"


def describe(result: Result) -> str:
    """A miss in a few lines."""
    row, answer = result.row, result.answer
    spans = ", ".join(str(span) for span in answer.spans[:3])
    more = f"\n     {answer.validity.text}" if answer.validity else ""
    return (
        f"{row['id']} {result.verdict:<9} {row['video']} now={row.get('now')} {row['question']!r} -> "
        f"{answer.question!r} [{answer.mode}]\n     truth: {row['accept']} {row['span']}\n"
        f"     reply: {answer.text[:300]!r} [{spans}] {answer.confidence:.2f}{more}"
    )


def main() -> None:
    """Run and print misses and counts."""
    from talks import write_talk

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--split", choices=["dev", "held", "all"], default="dev")
    parser.add_argument("--policy", default="heuristic")
    parser.add_argument("--memory", type=Path, default=None, help="keep the memory here, to ask again quickly")
    parser.add_argument("--everything", action="store_true", help="print what was right, too")
    args = parser.parse_args()
    folder = args.memory or Path(tempfile.mkdtemp(prefix="rewatch-streams-"))
    folder.mkdir(parents=True, exist_ok=True)
    there = (folder / "memory").is_dir()
    memory = ClipMemory(folder / "memory") if there else scene_memory(folder, write_talk)
    ids = {Path(record.name).stem: record.id for record in memory.videos()}
    agent = VideoAgent(memory, policy=args.policy)
    for kind in args.kinds:
        results = ask(agent, kind, read_rows(kind, args.split), ids)
        for result in results:
            if args.everything or (result.verdict != "right" and args.split != "held"):
                print(describe(result))
        counts = {name: sum(r.verdict == name for r in results) for name in ("right", "wrong", "abstained")}
        print(f"{kind} {args.split}: {len(results)} asked, {counts}")


if __name__ == "__main__":
    main()
