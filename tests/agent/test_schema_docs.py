"""docs/trace.md and docs/json.md name exactly the fields that are produced, with their types; the examples are real."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from rewatch.agent import VideoAgent
from rewatch.agent.answer import Answer, Draft, Evidence
from rewatch.agent.graph import observed_message
from rewatch.agent.replay import replay
from rewatch.agent.report import write_report
from rewatch.agent.test_time_scaling.calibration import Calibration
from rewatch.agent.trace import events_of, observation_row, read_trace
from rewatch.memory import Span
from rewatch.memory.coverage import Coverage
from rewatch.memory.types import VideoRecord
from rewatch.tools import Observation, Spend

from .recorded import VIDEO, Recorder
from .scripted import in_turn

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
TYPES = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
    "any object": dict,
    "null": type(None),
}


class Field(NamedTuple):
    """One row of a table."""

    types: tuple[str, ...]
    example: str


def tables(document: str) -> dict[str, dict[str, Field]]:
    """Per section heading, the fields of its table: path to types and example."""
    found: dict[str, dict[str, Field]] = {}
    section = ""
    for line in (DOCS / document).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ").strip("` ")
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 5 and cells[0].startswith("`"):
            fields = found.setdefault(section, {})
            assert cells[0].strip("`") not in fields, f"{cells[0]} stands twice in {section}"
            assert cells[3] and cells[4], f"{document}, {section}, {cells[0]}: meaning and example must be there"
            example = cells[4].strip("`").replace("\\|", "|")
            fields[cells[0].strip("`")] = Field(tuple(cells[1].split(" or ")), example)
    return found


def leaves(value: Any, fields: dict[str, Field], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a JSON value with its value; what is documented as `any object` is not looked into."""
    if path:
        yield path, value
    if path and "any object" in fields.get(path, Field((), "")).types:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, fields, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                for key, inner in item.items():
                    yield from leaves(inner, fields, f"{path}[].{key}")


def compare(produced: list[dict[str, Any]], fields: dict[str, Field], where: str) -> None:
    """Produced fields, their types and the documented ones are the same."""
    seen: set[str] = set()
    for row in produced:
        for path, value in leaves(row, fields):
            assert path in fields, f"{where}: {path} is produced, but not documented"
            seen.add(path)
            kinds = fields[path].types
            fits = any(isinstance(value, TYPES[k]) and (k == "boolean" or not isinstance(value, bool)) for k in kinds)
            assert fits, f"{where}: {path} is documented as {' or '.join(kinds)}, and {value!r} is produced"
    assert set(fields) - seen == set(), f"{where}: documented, but never produced"


@dataclass
class _Memory:
    """Just enough of a memory for a run whose first look finds nothing."""

    record: VideoRecord
    detector_stamp: str = ""

    folder: str = ""
    on = False
    revision = ()

    @property
    def people(self) -> _Memory:
        return self

    def names(self, video: str) -> list[str]:
        return ["Anna"]

    def until(self, now: Any) -> _Memory:
        return self

    def require_sound(self) -> None:
        pass

    def search(self, query: str, **how: Any) -> list[Any]:
        return []

    def coverage(self, video: str) -> Coverage:
        return Coverage(video, self.record.span, {"speech": (Span(0.0, 5.0),)})

    def now_of(self, video: str) -> float:
        return 5.0

    def videos(self) -> list[VideoRecord]:
        return [self.record]

    def video(self, name: str) -> VideoRecord:
        return self.record


@pytest.fixture(scope="module")
def produced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Every kind of event, with every optional field, made by the code that makes them in a run."""
    folder = tmp_path_factory.mktemp("produced")
    record = VideoRecord(
        content_id="ab",
        path="/videos/talk.mp4",
        fps=25.0,
        codec="h264",
        recorded=1777798800.0,
        zone=7200,
        **{**VIDEO, "channels": {"speech": "stamp"}},
    )
    agent = VideoAgent(_Memory(record), policy=in_turn(AIMessage("No.")), traces=folder)  # type: ignore[arg-type]
    events = read_trace(agent.ask("What is said?", options=["yes", "no"], now=5.0).trace or "")
    agent.calibration = Calibration.fit([0.2, 0.8] * 20, [False, True] * 20)
    events += read_trace(agent.ask("What is said?", scale="refine", width=2).trace or "")

    run = Recorder(folder / "more.jsonl", "What is said?")
    run.say("Listen.", ("transcribe", {"start": 0, "end": 5}), ("transcribe", {"start": 0, "end": 5}), tokens=10)
    run.observe("00:01-00:02 «yes»", "video:0a1b2c3d#t=0,5", data={"found": []})
    run.observe("Not run: the budget of calls is spent.", call=1, error=True, skipped=True)
    run.say(Draft(text="Yes.").as_message())
    run.send_back()
    boxed = Evidence(claim="c", uri="video:0a1b2c3d#t=1&xywh=percent:0,0,50,50", tool="crop", quote="q")
    whole = Evidence(claim="c", uri="video:0a1b2c3d", tool="browse")
    run.end(Draft(text="Yes.", option="A", evidence=(boxed, whole)))
    events += read_trace(folder / "more.jsonl")

    bad = {"name": "crop", "args": "{", "id": "x", "error": None, "type": "invalid_tool_call"}
    extra = {"by": "route", "draft": "{}"}
    message = AIMessage("", invalid_tool_calls=[bad], response_metadata={"model": "m"}, additional_kwargs=extra)
    events += [{"t": 1.0, "spend": {}, **e} for e in events_of("policy", {"messages": [message, HumanMessage("x")]})]
    call = {"id": "second_look_3_0", "name": "verify_clip", "args": {"start": 0.0, "end": 1.0, "claim": "c"}}
    look = observation_row(
        observed_message(call, Observation(text="yes", data={"yes": 0.9}), "yes", [], Spend(calls=1))
    )
    spend = {"frames": 8, "calls": 1, "tokens": 5, "seconds": 0.1}
    events += [{"t": 1.0, "spend": spend, **e} for e in events_of("check", {"second_looks": [look], "messages": []})][
        :1
    ]
    events.append({"t": 1.0, "event": "bug", "traceback": "Traceback …", "spend": spend})  # as a run tells it
    events.append({"t": 0.0, "event": "resume", "run_id": "r"})  # as `VideoAgent.resume` tells it
    grouped: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        grouped.setdefault(event["event"], []).append(event)
    return grouped


def test_every_field_of_every_event_is_documented(produced: dict[str, list[dict[str, Any]]]) -> None:
    documented = tables("trace.md")
    common = documented.pop("Every event")
    assert set(documented) == set(produced)
    for kind, fields in documented.items():
        of_all = {k: v for k, v in common.items() if k in ("event", "t") or kind not in ("run", "resume")}
        assert not set(of_all) & set(fields)
        compare(produced[kind], {**of_all, **fields}, f"docs/trace.md, {kind}")


def test_every_field_of_the_answer_is_documented(produced: dict[str, list[dict[str, Any]]]) -> None:
    documented = tables("json.md")
    compare([event["answer"] for event in produced["answer"]], documented["The object"], "docs/json.md")


@pytest.mark.parametrize("document", ["trace.md", "json.md"])
def test_examples_are_json_of_the_documented_type(document: str) -> None:
    for section, fields in tables(document).items():
        for path, field in fields.items():
            value = json.loads(field.example)
            assert any(isinstance(value, TYPES[kind]) for kind in field.types), (section, path)


def test_the_example_trace_replays(tmp_path: Path) -> None:
    """The example lines of docs/trace.md are one sound trace: replayed, reported, and with each documented event."""
    [block] = re.findall(r"```jsonl\n(.*?)```", (DOCS / "trace.md").read_text(encoding="utf-8"), re.DOTALL)
    trace = tmp_path / "run.jsonl"
    trace.write_text(block, encoding="utf-8")
    result = replay(trace)
    assert result.differences == [] and result.answer is not None
    assert {e["event"] for e in result.events} == set(tables("trace.md")) - {
        "Every event",
        "attempt",
        "second_look",
        "bug",
        "resume",
    }
    assert result.answer.text in write_report(trace, tmp_path / "run.html").read_text(encoding="utf-8")


def test_the_example_answer_is_read_back() -> None:
    [block] = re.findall(r"```json\n(.*?)```", (DOCS / "json.md").read_text(encoding="utf-8"), re.DOTALL)
    row = json.loads(block)
    assert Answer.from_dict(row).as_dict() == row
