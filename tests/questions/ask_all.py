"""Ask the natural questions and report what was right, wrong and abstained from, and every false reason.

    python tests/questions/ask_all.py [--split dev|held|all] [--media DIR] [--weights FILE] [--only n03,n10]

Videos are put into temporary memories: those that are a file of `--media` (or the demo, or the rendered talk) into one,
copies that have German or Spanish subtitles laid beside them into another, since a memory knows a file by its content.
Half of the questions are `held`: look at their misses only when the reader is finished.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewatch.agent import Answer, VideoAgent
from rewatch.memory import ClipMemory

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from render_talk import render  # noqa: E402
from scoring import Verdict, false_reason, judge  # noqa: E402

QUESTIONS = HERE / "natural.jsonl"
DEMO = HERE.parent.parent / "examples" / "demo" / "demo.mp4"
COPIES = {
    "flaschen.mp4": ("bottles_table.mp4", "flaschen.de.srt"),
    "tierra.mp4": ("earth_night.mp4", "tierra.es.srt"),
}
"""Copies of a file of the media folder, by their name: of which, and the subtitles beside them."""


@dataclass(frozen=True, slots=True)
class Result:
    """One asked question."""

    row: dict[str, Any]
    answer: Answer
    verdict: Verdict
    false_reason: str | None


def read_rows(split: str = "all", only: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The questions of a split (`dev`, `held` or `all`), or those of the given ids."""
    rows = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    wanted = set(only)
    return [r for r in rows if split in ("all", r["split"]) and (not wanted or r["id"] in wanted)]


def place(name: str, media: Path, folder: Path) -> Path:
    """The file that a question calls `name`; what is rendered or copied goes into `folder`."""
    if name == "demo.mp4":
        return DEMO
    if name == "garden_talk.mp4":
        return render(folder)
    if name in COPIES:
        original, subtitles = COPIES[name]
        shutil.copyfile(media / original, folder / name)
        shutil.copyfile(HERE / subtitles, folder / subtitles)
        return folder / name
    return next(p for p in (media / name, media / "edge" / name) if p.is_file())


def ask_all(rows: list[dict[str, Any]], media: Path, weights: Path | None, folder: Path) -> list[Result]:
    """Index what the questions need into memories under `folder`, and ask them all."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups["copies" if set(row["videos"]) & set(COPIES) else "plain"].append(row)
    results = []
    for group, asked in sorted(groups.items()):
        memory = ClipMemory(folder / group, detector=str(weights) if weights else None)
        names = sorted({name for row in asked for name in row["videos"]})
        ids = {name: memory.add(place(name, media, folder), workers=0).id for name in names}
        agent = VideoAgent(memory)
        for row in asked:
            answer = agent.ask(row["question"], options=row["options"], videos=[ids[name] for name in row["videos"]])
            results.append(Result(row, answer, judge(answer, row), false_reason(answer, row)))
        memory.close()
    return sorted(results, key=lambda r: r.row["id"])


def summary(results: list[Result]) -> dict[str, Any]:
    """Counts over all, by kind and by what is needed."""
    out: dict[str, Any] = {"asked": len(results), "right": 0, "wrong": 0, "abstained": 0, "false_reasons": 0}
    tables: dict[str, dict[str, dict[str, int]]] = {"kind": {}, "needs": {}}
    for result in results:
        out[result.verdict] += 1
        out["false_reasons"] += result.false_reason is not None
        for by, table in tables.items():
            cell = table.setdefault(result.row[by], {"asked": 0, "right": 0, "wrong": 0, "abstained": 0})
            cell["asked"] += 1
            cell[result.verdict] += 1
    return {**out, **tables}


def describe(result: Result) -> str:
    """A miss in a few lines: the question, its truth, and what was said."""
    row, answer = result.row, result.answer
    truth = row["span"] if row["kind"] == "time" else row["accept"] or "no channel holds it"
    spans = ", ".join(str(span) for span in answer.spans[:3])
    reason = f"\n     false reason: {result.false_reason!r}" if result.false_reason else ""
    return (
        f"{row['id']} {result.verdict:<9} {row['kind']:<8} {', '.join(row['videos'])}: {row['question']}\n"
        f"     truth: {truth}\n"
        f"     said:  {answer.option or ''} {answer.text[:300]!r} [{spans}] confidence {answer.confidence:.2f}{reason}"
    )


def main() -> None:
    """Run and print misses, a table, and the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=["dev", "held", "all"], default="dev")
    parser.add_argument("--media", type=Path, default=HERE.parent.parent.parent / "shared" / "media")
    parser.add_argument("--weights", type=Path, default=None, help="weights of the object detector (.onnx or .pt)")
    parser.add_argument("--only", default="", help="ids, with commas between them")
    parser.add_argument("--memory", type=Path, default=None, help="keep the memories here, to ask again quickly")
    parser.add_argument("--everything", action="store_true", help="print what was right, too")
    args = parser.parse_args()
    rows = read_rows(args.split, [x for x in args.only.split(",") if x])
    folder = args.memory or Path(tempfile.mkdtemp(prefix="rewatch-questions-"))
    folder.mkdir(parents=True, exist_ok=True)
    results = ask_all(rows, args.media, args.weights, folder)
    for result in results:
        if args.everything or result.verdict != "right" or result.false_reason:
            print(describe(result))
    counts = summary(results)
    for by in ("kind", "needs"):
        print(f"\n{by:<20} {'asked':>5} {'right':>5} {'wrong':>5} {'abstained':>9}")
        for name, cell in sorted(counts[by].items()):
            print(f"{name:<20} {cell['asked']:>5} {cell['right']:>5} {cell['wrong']:>5} {cell['abstained']:>9}")
    print("\n" + json.dumps(counts))


if __name__ == "__main__":
    main()
