"""Ask every question of a `qa.jsonl` beside real videos, and report what was right, hit and abstained from, per need.

    python benchmarks/media_questions.py ../shared/media [--file QA.jsonl] [--detector WEIGHTS] [--memory FOLDER]
        [--needs objects] [--only q023,q050] [--fit FILE]

`--file` takes questions from anywhere; their videos are named relative to the media folder (or absolutely). Entries on
files that cannot be added (sound only, missing, broken) are reported and left out. Of each question, `id`, `span`,
`options` and `needs` may be missing.

Right: the option; the number; for times a tIoU of at least 0.5; for words at least 0.6 of the truth's content words
(all of them when there are no more than three). Hit: some evidence has a tIoU of at least 0.3 with the truth's span,
or is a frame inside it. A question without a span counts for `right` only.

Of the answers that claim something, the expected calibration error and the Brier score of their confidence are printed;
`--fit FILE` saves the map that would mend it (with its error by leave-one-out), `--calibration FILE` runs with one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from rewatch.agent import Answer, Calibration, VideoAgent
from rewatch.agent.test_time_scaling.calibration import brier, ece, reliability
from rewatch.agent.text_matching import numbers, stem, tokens
from rewatch.memory import ClipMemory, MediaURI, RewatchError, Span


def is_right(answer: Answer, row: dict[str, Any]) -> bool:
    """Return whether the answer is the truth of `row`."""
    if answer.abstained:
        return False
    kind, truth = row["kind"], row["answer"]
    if kind == "mcq":
        return bool(answer.option == truth)
    if kind == "count":
        return numbers(answer.text)[:1] == [float(truth)]
    if kind == "temporal":
        return bool(answer.spans) and answer.spans[0].iou(Span(*row["span"])) >= 0.5
    wanted = {stem(t) for t in tokens(str(truth))}
    said = {stem(t) for t in tokens(answer.text)}
    share = len(wanted & said) / max(len(wanted), 1)
    return share == 1.0 if len(wanted) <= 3 else share >= 0.6


def is_hit(answer: Answer, row: dict[str, Any]) -> bool | None:
    """Return whether some evidence hits the truth's span; None without one."""
    if row["span"] is None:
        return None
    slack = float(row.get("span_tolerance_s") or 0.0)
    truth = Span(max(row["span"][0] - slack, 0), row["span"][1] + slack)
    exact = Span(*row["span"])
    places = [MediaURI.parse(e.uri) for e in answer.evidence]
    spans = [p.span for p in places if p.span is not None]
    return any(s.iou(exact) >= 0.3 or (s.duration == 0 and truth.contains(s.start)) for s in spans)


def read_questions(path: Path) -> list[dict[str, Any]]:
    """The questions of a file, one JSON object a line; what a row leaves out is filled in."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    missing = {"options": None, "span": None, "needs": "-"}
    return [{"id": f"#{number}", **missing, **json.loads(line)} for number, line in enumerate(lines, 1)]


def add_videos(memory: ClipMemory, media: Path, rows: list[dict[str, Any]], workers: int | None) -> dict[str, str]:
    """Ids of the videos that the questions are about, by name; prints what cannot be added."""
    ids = {}
    for name in sorted({row["video"] for row in rows}):
        try:
            ids[name] = memory.add(media / name, workers=workers).id
        except RewatchError as error:
            print(f"left out: {', '.join(r['id'] for r in rows if r['video'] == name)}: {error}")
    return ids


def main() -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("media", type=Path)
    parser.add_argument("--file", type=Path, default=None)
    parser.add_argument("--detector", default=None)
    parser.add_argument("--memory", type=Path, default=None)
    parser.add_argument("--only", default="")
    parser.add_argument("--needs", default="")
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--fit", type=Path, default=None)
    parser.add_argument("--calibration", type=Path, default=None)
    args = parser.parse_args()
    rows = read_questions(args.file or args.media / "qa.jsonl")
    rows = [r for r in rows if not args.only or r["id"] in args.only.split(",")]
    rows = [r for r in rows if not args.needs or r["needs"] == args.needs]
    memory = ClipMemory(args.memory or tempfile.mkdtemp(prefix="rewatch-media-"), detector=args.detector)
    ids = add_videos(memory, args.media, rows, args.workers)
    rows = [row for row in rows if row["video"] in ids]
    agent = VideoAgent(memory, calibration=Calibration.load(args.calibration) if args.calibration else None)
    stated: list[tuple[float, bool]] = []
    table: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        answer = agent.ask(row["question"], options=row["options"], videos=[ids[row["video"]]])
        right, hit = is_right(answer, row), is_hit(answer, row)
        if not answer.abstained:
            stated.append((answer.confidence, right))
        cell = table[row["needs"]]
        cell["asked"] += 1
        cell["right"] += right
        cell["abstained"] += answer.abstained
        cell["wrong"] += not right and not answer.abstained
        cell["with span"] += hit is not None
        cell["hit"] += bool(hit)
        verdict = "right" if right else "abstained" if answer.abstained else "WRONG"
        shown = {True: "hit", False: "miss", None: "-"}[hit]
        spans = ", ".join(str(s) for s in answer.spans[:3])
        print(f"{row['id']} {row['needs']:<11} {verdict:<9} {shown:<4} {row['question']}")
        print(f"     truth: {row['answer']} {row['span']}")
        print(f"     said:  {answer.option or ''} {answer.text[:200]!r} [{spans}]")
    print(f"\n{'needs':<12} {'asked':>5} {'right':>5} {'wrong':>5} {'abstained':>9} {'evidence hit':>12}")
    for need, cell in sorted(table.items()):
        share = f"{cell['hit']}/{cell['with span']}"
        print(f"{need:<12} {cell['asked']:>5} {cell['right']:>5} {cell['wrong']:>5} {cell['abstained']:>9} {share:>12}")
    report_calibration(stated, args.fit)


def report_calibration(stated: list[tuple[float, bool]], fit: Path | None) -> None:
    """Print how far confidences are from the share that is right; fit a map and save it if asked to."""
    confidences, correct = [c for c, _ in stated], [r for _, r in stated]
    print(f"\nconfidence of {len(stated)} answers: ECE {ece(confidences, correct):.3f}, ", end="")
    print(f"Brier {brier(confidences, correct):.3f}, mean {sum(confidences) / max(len(stated), 1):.3f}, ", end="")
    print(f"right {sum(correct) / max(len(stated), 1):.3f}")
    for row in reliability(confidences, correct, bins=5):
        if row.count:
            span = f"({row.low:.1f}, {row.high:.1f}]"
            print(f"  {span}  n {row.count:>3}  says {row.confidence:.2f}  right {row.accuracy:.2f}")
    if fit is not None:
        left_out = [
            Calibration.fit(confidences[:i] + confidences[i + 1 :], correct[:i] + correct[i + 1 :])(confidences[i])
            for i in range(len(stated))
        ]
        print(
            f"  fitted, each left out in turn: ECE {ece(left_out, correct):.3f}, Brier {brier(left_out, correct):.3f}"
        )
        Calibration.fit(confidences, correct).save(fit)


if __name__ == "__main__":
    main()
