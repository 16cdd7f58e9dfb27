"""Dialects: how replies are taken apart, and the published formats carried over to our tools and back."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from rewatch.agent.parsing.draft import parse_draft
from rewatch.agent.parsing.loose_json import NotJson, read_object
from rewatch.agent.prompts import SYSTEM
from rewatch.agent.tool_formats import TOOL_FORMATS, ParsedTurn, ToolFormat, draft, load_tool_format, with_prompt
from rewatch.memory import CapabilityError
from rewatch.tools import BUILT_IN, INTERNAL_TOOLS, VLM_TOOLS

from ..speaking import asked, calls_of, error_of, result, video

SCHEMAS = [convert_to_openai_tool(tool) for tool in (*BUILT_IN, *VLM_TOOLS)]
HERMES, VITAL = load_tool_format("hermes"), load_tool_format("vital")


# JSON as models write it


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"a": [1.5, -2e3, true, null], "c": {"d": "e"}}', {"a": [1.5, -2000.0, True, None], "c": {"d": "e"}}),
        ("{'a': 'it\\'s', \"b\": False,}", {"a": "it's", "b": False}),
        ("so: {a: None, b: (1, 2,),} and on", {"a": None, "b": [1, 2]}),
        ('{"a": {"b": [1, 2]', {"a": {"b": [1, 2]}}),
        ('{"a": "x", "b": {"c": "d"', {"a": "x", "b": {"c": "d"}}),
        ('{"a": "\\u00e9 \\ud83d\\ude00 \\ud83d \\n \\""}', {"a": 'é 😀 \ufffd \n "'}),
        ('{"a": "line\nbreak"}', {"a": "line\nbreak"}),
        ("{}", {}),
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}),
    ],
)  # fmt: skip
def test_json_is_read_as_models_write_it(text: str, read: dict[str, Any]):
    assert read_object(text) == read


@pytest.mark.parametrize(
    "text",
    ["", "view", '{"a": 12', '{"a": "cut o', '{"a"', '{"a" 1}', '{"a": 1e999}', "{" * 99, '{"a": }'],
)
def test_what_is_no_json_is_told(text: str):
    with pytest.raises(NotJson):
        read_object(text)


@settings(derandomize=True)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(string.ascii_letters, min_size=1), inner, max_size=3),
        max_leaves=8,
    )
)  # fmt: skip
def test_all_json_is_read(value: Any):
    assert read_object(json.dumps({"x": value})) == {"x": value}
    assert read_object(json.dumps({"x": value}, ensure_ascii=False)) == {"x": value}


# Replies


def test_a_reply_is_taken_apart():
    said = HERMES.read(
        '<think>Where? <tool_call>{"name": "browse"}</tool_call></think>I look.\n'
        '<tool_call>\n{"name": "view_clip", "arguments": {"start": 1, "end": 4}}\n</tool_call>'
        "<tool_call>{'name': 'crop', 'arguments': {'time': 2, 'box': [0, 0, .5, .5,],}}",
        [],
    )
    assert said.thought.startswith("Where?") and said.content == "I look."
    assert [(c["name"], c["args"]) for c in said.calls] == [
        ("view_clip", {"start": 1, "end": 4}),
        ("crop", {"time": 2, "box": [0, 0, 0.5, 0.5]}),
    ]
    assert [c["id"] for c in said.calls] == ["call_0", "call_1"] and not said.invalid


def test_ids_go_on_through_the_conversation():
    earlier = AIMessage(
        "",
        tool_calls=[
            {"name": "a", "args": {}, "id": "call_0", "type": "tool_call"},
            {"name": "b", "args": {}, "id": "call_3", "type": "tool_call"},
        ],
        invalid_tool_calls=[{"name": "c", "args": "", "id": "call_1", "error": "", "type": "invalid_tool_call"}],
    )
    text = "<tool_call>{'name': 'd'}</tool_call><tool_call>{oops}</tool_call>"
    said = HERMES.read(text, [earlier])
    assert said.calls[0]["id"] == "call_4" and said.invalid[0]["id"] == "call_5"  # call_3 is taken
    assert HERMES.read(text, [earlier]) == said


@pytest.mark.parametrize(
    ("text", "content", "thought"),
    [
        ("<answer>A</answer> no, <answer> B </answer> I think", "B", ""),
        ("<think>x <answer>A</answer></think><answer>B</answer>", "B", "x <answer>A</answer>"),
        ("opened by the template</think> so <answer>B</answer>", "B", "opened by the template"),
        ("<think>never closed <answer>B</answer>", "B", "never closed"),
        ("<think>a</think><think>b</think>B", "B", "a\nb"),
        ("<answer>cut", "cut", ""),
        ('{"answer": "B"}', '{"answer": "B"}', ""),
        ('<answer>B</answer><tool_call>{"name": "crop"}</tool_call>', "B", ""),
        ("", "", ""),
    ],
)
def test_only_the_last_answer_counts(text: str, content: str, thought: str):
    assert HERMES.read(text, []) == ParsedTurn(content=content, thought=thought)


def test_an_echo_of_the_template_is_no_call():
    said = HERMES.read('<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>', [])
    assert not said.calls and not said.invalid


@pytest.mark.parametrize(
    "body",
    [
        "view it",
        '{"arguments": {}}',
        '{"name": 3}',
        '{"name": "a", "arguments": [1]}',
        '{"name": "crop", "arguments": {"time": 1',
    ],
)
def test_a_call_that_cannot_be_read_says_how_to_write_it(body: str):  # fmt: skip
    error = error_of(HERMES, f"<tool_call>{body}</tool_call>")
    assert "cannot be read" in error and '{"name"' in error


# For all dialects

NAMES = tuple(TOOL_FORMATS)
PIECES = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool>", "</tool>", "<answer>", "</answer>"]
PIECES += [
    "<information>",
    "\\boxed{",
    "}",
    '{"name": "',
    '", "arguments": {"',
    '": ',
    "DAY1_00000100",
    "select_frames",
]
PIECES += [
    "rag",
    "vlm",
    "crop_video",
    "crop_image_normalized",
    "start_time",
    "target_image",
    "bbox_2d",
    "[1, 2",
    "null",
]
MESSAGES = [
    asked(video(), options=("red", "blue")),
    result("view_clip", ["video:0a1b2c3d#t=1,4"], ["video:0a1b2c3d#t=1"]),
]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text() | st.lists(st.sampled_from(PIECES) | st.text(max_size=5)).map("".join))
def test_no_text_is_too_much(name: str, text: str):
    dialect = load_tool_format(name)
    for messages in ([], MESSAGES):
        said = dialect.read(text, messages)
        ids = [call["id"] for call in (*said.calls, *said.invalid)]
        assert len(set(ids)) == len(ids)
        assert all(call["error"] for call in said.invalid)
        assert isinstance(parse_draft(draft(said, messages)).text, str)
        json.dumps([call["args"] for call in said.calls], allow_nan=False).encode()  # can be stored


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "call",
    [
        ("published", {"start_time": "x"}),
        ("get_video_clip_frame", {"start_time": [], "end_time": {}}),
        ("ask_video_clip_question", {"start_time": 1, "end_time": 2, "question": None}),
        ("crop_video", {}),
        ("rag", {"level": 5, "keywords": {"a": 1}}),
        ("rag", {"level": "week", "keywords": None, "query_time": "DAY0_00000000"}),
        ("video_llm", {"range": 7}),
        ("vlm", {"timestamp": True}),
        ("terminate", {}),
        ("select_frames", {"target_frames": [True, None]}),
        ("crop_image_normalized", {"bbox_2d": "here", "target_image": {}}),
    ],
)
def test_wrong_types_are_told(name: str, call: tuple[str, dict[str, Any]]):
    dialect = load_tool_format(name)
    for messages in ([], MESSAGES):
        body = json.dumps({"name": call[0], "arguments": call[1]})
        for tag in ("tool", "tool_call"):
            dialect.read(f"<{tag}>{body}</{tag}>", messages)


TIMES = st.integers(0, 11_000).map(lambda t: t / 20)
WORDS = st.text(min_size=1, max_size=20).filter(str.strip) | st.sampled_from(
    ["<answer>", "</tool_call>", "a</tool>b", "<think>"]
)
OF_OURS: dict[str, st.SearchStrategy[Any]] = {
    "start": TIMES,
    "end": TIMES,
    "time": TIMES,
    "times": st.lists(TIMES, min_size=1, max_size=9, unique=True).map(sorted),
    "box": st.just([0.25, 0.25, 0.75, 0.5]),
    **dict.fromkeys(("query", "question", "claim", "find", "what", "who"), WORDS),
    "labels": st.lists(WORDS, max_size=2),
    "level": st.sampled_from(["clip", "chapter", "hour", "day"]),
    **dict.fromkeys(("k", "frames", "beams", "max_tokens"), st.integers(1, 32)),
    "fps": st.sampled_from([0.5, 1, 2.0]),
    "role": st.just("answerer"),
    "inside": st.just([1.0, 2.0]),
    "method": st.just("ward"),
    "small": st.booleans(),
    **dict.fromkeys(("of", "image"), st.just("video:0a1b2c3d#t=2&xywh=percent:10,20,30,40")),
    "video": st.just("0a1b2c3d"),
}
DENSITY = {"fps", "frames", "beams", "k"}
"""How much a published tool looks at is its own business."""


@st.composite
def calls_of_ours(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    tool = draw(st.sampled_from([*BUILT_IN, *VLM_TOOLS, *INTERNAL_TOOLS]))
    parameters = convert_to_openai_tool(tool)["function"]["parameters"]
    required = parameters.get("required", [])
    names = [n for n in parameters["properties"] if n in required or draw(st.booleans())]
    arguments = {n: draw(OF_OURS[n]) for n in names}
    if arguments.get("start", 0.0) > arguments.get("end", 1e9):
        arguments["start"], arguments["end"] = arguments["end"], arguments["start"]
    return tool.name, arguments


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=300, deadline=None, derandomize=True)
@given(call=calls_of_ours())
def test_our_calls_survive_being_written_and_read(name: str, call: tuple[str, dict[str, Any]]):
    dialect = load_tool_format(name)
    for messages in ([], MESSAGES):
        written = dialect.write_call(*call, messages)
        ((tool, arguments),) = calls_of(dialect, written, messages)
        assert tool == call[0]
        meant = {k: v for k, v in call[1].items() if k not in DENSITY}
        kept = {k: v for k, v in arguments.items() if k not in DENSITY}
        if name == "ego_r1":  # said or not, the video's own bounds are the same
            for row in (meant, kept):
                for bound in [b for b, value in (("start", 0.0), ("end", 600.0)) if messages and row.get(b) == value]:
                    row.pop(bound)
        if tool == "browse" and "level" not in meant:
            kept.pop("level", None)
        if name == "ego_r1" and tool == "search_clips":
            meant["query"], kept["query"] = meant["query"].strip(), kept["query"].strip()
        if "video" in meant and name != "hermes":
            meant.pop("video"), kept.pop("video", None)  # needless with one video
        assert kept == meant
        again = dialect.write_call(tool, arguments, messages)
        assert calls_of(dialect, again, messages) == [(tool, arguments)]


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith(("hermes", "qwen"))])
def test_only_published_tools_are_offered_and_their_calls_are_read(name: str):
    dialect = load_tool_format(name)
    offered = {s["function"]["name"] for s in dialect.tools(SCHEMAS)}
    assert (
        offered
        == {
            "vital": {"get_video_clip_frame", "get_video_clip_caption", "ask_video_clip_question"},
            "ego_r1": {"rag", "video_llm", "vlm"},
            "pixel_reasoner": {"select_frames", "crop_image_normalized"},
            "longvt": {"crop_video"},
        }[name]
    )
    assert not dialect.tools([]) and not dialect.cites and "«" in (dialect.system or "")
    seen = [s for s in SCHEMAS if s["function"]["name"] in {t.name for t in BUILT_IN}]
    assert {s["function"]["name"] for s in dialect.tools(seen)} < offered or name in ("pixel_reasoner", "longvt")


def test_several_videos_add_which_one():
    schemas = [json.loads(json.dumps(s)) for s in SCHEMAS]
    for schema in schemas:
        schema["function"]["parameters"]["properties"]["video"] = {"type": "string", "enum": ["a", "b"]}
    (frame, *_) = VITAL.tools(schemas)
    assert frame["function"]["parameters"]["properties"]["video"]["enum"] == ["a", "b"]
    assert "video" not in VITAL.tools(SCHEMAS)[0]["function"]["parameters"]["properties"]


# Drafts


@pytest.mark.parametrize(
    ("said", "option", "text"),
    [
        ("B", "B", "blue"),
        (" (b). ", "B", "blue"),
        ("B. blue", "B", "B. blue"),
        ("The answer is **B**", "B", "The answer is **B**"),
        ("Blue.", "B", "Blue."),
        ("A dog", None, "A dog"),
        ("F", None, "F"),
        ("", None, ""),
    ],
)
def test_a_letter_chooses_an_option(said: str, option: str | None, text: str):
    made = parse_draft(draft(ParsedTurn(content=said), [asked(video(), options=("red", "blue"))]))
    assert (made.option, made.text, made.evidence) == (option, text, ())


def test_what_was_last_looked_at_is_the_evidence():
    messages = [
        asked(video()),
        result("view_clip", ["video:0a1b2c3d#t=1,4", "video:0a1b2c3d#t=1"], ["video:0a1b2c3d#t=1"]),
        result("search_clips", ["video:0a1b2c3d#t=100,110"]),
        result("crop", ["video:0a1b2c3d#t=9"], status="error"),
    ]
    made = parse_draft(draft(ParsedTurn(content="a cup"), messages), unsure=0.7)
    assert [(e.uri, e.tool, e.claim) for e in made.evidence] == [("video:0a1b2c3d#t=1,4", "view_clip", "a cup")]
    assert made.confidence == 0.7 and made.option is None  # none is stated: the likelihood of its words stands for it
    searched = parse_draft(draft(ParsedTurn(content="a cup"), [messages[0], messages[2]]))
    assert [e.uri for e in searched.evidence] == ["video:0a1b2c3d#t=100,110"]


def test_a_draft_that_cites_is_left_alone():
    cited = json.dumps({"answer": "x", "confidence": 0.9, "evidence": ["video:0a1b2c3d#t=5,6"]})
    assert draft(ParsedTurn(content=cited), MESSAGES) == cited


# Names and prompts


def test_dialects_are_loaded_by_name():
    assert load_tool_format("Pixel-Reasoner") is TOOL_FORMATS["pixel_reasoner"] and all(
        d.name == n for n, d in TOOL_FORMATS.items()
    )
    with pytest.raises(CapabilityError, match="hermes, hermes-text, qwen3-vl, vital, ego_r1, pixel_reasoner, longvt"):
        load_tool_format("klingon")


def test_a_prompt_may_come_from_a_file(tmp_path: Path):
    (tmp_path / "published.txt").write_text("Answer in <answer>.\n", encoding="utf-8")
    changed = with_prompt(VITAL, tmp_path / "published.txt")
    assert changed.system == "Answer in <answer>." and VITAL.system != changed.system
    assert (changed.name, changed.stop) == (VITAL.name, VITAL.stop)
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.txt", "empty.txt", "binary.txt", "."):
        with pytest.raises(CapabilityError, match="give a text file, or video_of_thought") as error:
            with_prompt(VITAL, str(tmp_path / name))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("dialect", [HERMES, VITAL], ids=lambda d: d.name)
def test_video_of_thought_is_added_to_what_the_dialect_says(dialect: ToolFormat):
    system = with_prompt(dialect, "video_of_thought").system or ""
    assert system.startswith(dialect.system or SYSTEM)
    steps = system.split("Work from seeing to understanding")[1]
    places = [steps.index(step) for step in ("Task and target", "Track", "Act.", "rank", "Verify")]
    assert places == sorted(places)
