"""Small language models driving the loop over real videos: what is right, and how many turns are well formed.

    python benchmarks/small_models.py ../shared/media --policy http://127.0.0.1:8080/v1
    python benchmarks/small_models.py ../shared/media --gguf qwen2.5-coder-1.5b.gguf --python VENV/bin/python

Asked are the questions of `qa.jsonl` that speech or on-screen text answers. A turn is well formed if it is a call that
could be made, an answer that cites lines that there are, or one that says that nothing was found in the form that the
prompt asks for. Whether an answer is right is judged as in `media_questions.py`. Seconds are wall-clock time, indexing
left out; with `--gguf` the server's processor seconds are told too, which a busy machine does not change.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from rewatch.agent import VideoAgent, read_trace
from rewatch.agent.parsing.draft import draft_of
from rewatch.memory import ClipMemory
from rewatch.tools import Budget

sys.path.insert(0, str(Path(__file__).resolve().parent))
from media_questions import is_right  # noqa: E402

NEEDS = ("speech", "screen_text")
_PATIENCE = 300.0  # seconds that a server may take to load its model


def turns(events: list[dict[str, Any]]) -> list[bool]:
    """Return whether each turn of the model was well formed, in order."""
    failed = {e["call_id"] for e in events if e["event"] == "observation" and e["error"] and not e.get("skipped")}
    messages: list[BaseMessage] = []
    found: list[bool] = []
    for event in events:
        if event["event"] == "plan":
            messages += [
                HumanMessage(row["content"], additional_kwargs=row.get("metadata", {}))
                for row in event["prompt"]
                if row["role"] == "human"
            ]
        elif event["event"] == "observation":
            artifact = {"evidence": event.get("evidence", [])}
            messages.append(ToolMessage(event["text"], tool_call_id=event["call_id"], artifact=artifact))
        elif event["event"] == "policy" and event["role"] == "ai" and "by" not in event:
            draft = {"draft": event["draft"]} if "draft" in event else {}
            said = AIMessage(event["content"], additional_kwargs=draft)
            calls, broken = event.get("tool_calls", []), event.get("invalid_tool_calls", [])
            if calls or broken:
                found.append(not broken and not any(call["id"] in failed for call in calls))
            else:
                told = draft_of(said, messages)
                found.append(told.abstained or (bool(told.evidence) and not told.unknown))
            messages.append(said)
    return found


@contextmanager
def served(gguf: Path, python: str, threads: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """llama.cpp's server over one model file, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"model": gguf, "n_ctx": 8192, "port": port, "n_threads": threads, "n_threads_batch": threads}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [python, "-m", "llama_cpp.server", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}/v1"
    try:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"{address}/models", timeout=5).read()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{python} -m llama_cpp.server did not start with {gguf}.") from None
                time.sleep(0.5)
        yield address, process
    finally:
        process.terminate()
        process.wait()


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """User and system time of a running process (Linux)."""
    import os

    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def indexed(folder: Path, media: Path, names: list[str], transcriber: str | None) -> tuple[ClipMemory, dict[str, str]]:
    """The memory with these videos, and their ids; only read where it has them all: several runs can share it."""
    if (folder / "memory.sqlite").is_file():
        memory = ClipMemory(folder, read_only=True)
        known = {video.name: video.id for video in memory.videos() if video.complete}
        if set(names) <= known.keys():
            return memory, {name: known[name] for name in names}
        memory.close()
    memory = ClipMemory(folder)
    how = {"transcriber": transcriber} if transcriber else {}
    return memory, {name: memory.add(media / name, **how).id for name in names}


def main() -> None:
    """Ask, and print a table row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("media", type=Path)
    parser.add_argument("--policy", default="")
    parser.add_argument("--gguf", type=Path, default=None)
    parser.add_argument("--python", default=sys.executable, help="one that has llama-cpp-python[server]")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=Path, required=True, help="folder that the videos are indexed into, once")
    parser.add_argument("--transcriber", default=None)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--traces", type=Path, default=None)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    if bool(args.policy) == bool(args.gguf):
        parser.error("give either --policy or --gguf")
    rows = [json.loads(line) for line in (args.media / "qa.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["needs"] in NEEDS and (not args.only or row["id"] in args.only.split(","))]
    memory, ids = indexed(args.memory, args.media, sorted({row["video"] for row in rows}), args.transcriber)
    if args.gguf:
        with served(args.gguf, args.python, args.threads) as (address, process):
            run(address, rows, ids, memory, args, process)
    else:
        run(args.policy, rows, ids, memory, args, None)


def run(
    policy: str,
    rows: list[dict[str, Any]],
    ids: dict[str, str],
    memory: ClipMemory,
    args: argparse.Namespace,
    process: subprocess.Popen[bytes] | None,
) -> None:
    """Ask every question, and print what came of it."""
    traces = args.traces or args.memory / "runs"
    agent = VideoAgent(memory, policy=policy, traces=traces, budget=Budget(seconds=args.seconds))
    began = processor_seconds(process) if process else 0.0
    formed: list[bool] = []
    right = abstained = 0
    tokens = seconds = 0.0
    for row in rows:
        answer = agent.ask(row["question"], options=row["options"], videos=[ids[row["video"]]])
        own = turns(read_trace(answer.trace or ""))
        good = is_right(answer, row)
        formed += own
        right += good
        abstained += answer.abstained and not good
        tokens += answer.spend["tokens"]
        seconds += answer.spend["seconds"]
        verdict = "right" if good else "abstained" if answer.abstained else "WRONG"
        print(f"{row['id']} {row['needs']:<11} {verdict:<9} turns {sum(own)}/{len(own)}  {row['question']}")
        print(f"     truth: {row['answer']}")
        print(f"     said:  {answer.option or ''} {answer.text[:160]!r}", flush=True)
    count = max(len(rows), 1)
    cpu = f", {(processor_seconds(process) - began) / count:.1f} processor seconds" if process else ""
    print(
        f"\n{agent.policy._llm_type}: {right} of {len(rows)} right, {abstained} abstained, "
        f"{sum(formed)} of {len(formed)} turns well formed ({sum(formed) / max(len(formed), 1):.2f}); "
        f"a question {tokens / count:.0f} tokens, {seconds / count:.1f} s{cpu}"
    )


if __name__ == "__main__":
    main()
