"""Each published format, by an example conversation of our own, carried over to our tools and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from rewatch.agent.parsing.draft import parse_draft
from rewatch.agent.tool_formats import ParsedTurn, draft, load_tool_format
from rewatch.tools import BUILT_IN, VLM_TOOLS

from ..speaking import asked, calls_of, error_of, result, video

SCHEMAS = [convert_to_openai_tool(tool) for tool in (*BUILT_IN, *VLM_TOOLS)]
HERMES, VITAL, EGO, PIXEL, LONG = map(load_tool_format, ("hermes", "vital", "ego_r1", "pixel_reasoner", "longvt"))


# Hermes


def test_hermes_writes_calls_as_qwen_templates_do():
    assert HERMES.write_call("crop", {"time": 1.5, "box": [0, 0, 1, 1]}) == (
        '<tool_call>\n{"name": "crop", "arguments": {"time": 1.5, "box": [0, 0, 1, 1]}}\n</tool_call>'
    )
    assert HERMES.tools(SCHEMAS) == SCHEMAS and HERMES.tool_block(SCHEMAS) is None and HERMES.cites
    block = load_tool_format("hermes-text").tool_block(SCHEMAS) or ""
    assert [line.partition("(")[0] for line in block.splitlines()[-len(SCHEMAS) :]] == [
        schema["function"]["name"] for schema in SCHEMAS
    ]
    assert HERMES.read(block, []).calls[0]["name"] == "search_clips"  # the worked example is a call


# VITAL


def test_vital_as_published():
    frame, caption, ask = (s["function"] for s in VITAL.tools(SCHEMAS))
    assert frame["parameters"]["required"] == caption["parameters"]["required"] == ["start_time", "end_time"]
    assert ask["parameters"]["required"] == ["start_time", "end_time", "question"]
    assert VITAL.stop == ("</tool_call>", "</answer>") and VITAL.result == ("tool", "", "")
    first = (
        "<think> The notice comes second. I zoom in. </think> <tool_call>"
        '{"name": "get_video_clip_frame", "arguments": {"start_time": 8.00, "end_time": 15.50}}</tool_call>'
    )
    assert calls_of(VITAL, first) == [("view_clip", {"start": 8.0, "end": 15.5, "fps": 2.0})]
    caption_call = (
        '<tool_call>{"name": "get_video_clip_caption", "arguments": {"start_time": 8, "end_time": 15}}</tool_call>'
    )
    assert calls_of(VITAL, caption_call) == [("caption_clip", {"start": 8.0, "end": 15.0})]
    ask_call = (
        "<tool_call>{'name': 'ask_video_clip_question', "
        "'arguments': {'start_time': '0:08', 'end_time': '15s', 'question': 'What?'}}"
    )
    assert calls_of(VITAL, ask_call) == [("ask_clip", {"start": 8.0, "end": 15.0, "question": "What?"})]
    last = "<think> Now it is clear. </think> <answer> B </answer>"
    assert VITAL.read(last, []) == ParsedTurn(content="B", thought="Now it is clear.")


def test_vital_shows_at_most_64_frames_of_a_clip():
    text = '<tool_call>{"name": "get_video_clip_frame", "arguments": {"start_time": 0, "end_time": 640}}</tool_call>'
    assert calls_of(VITAL, text)[0][1]["fps"] == pytest.approx(0.1)


def test_vital_writes_ours_as_published():
    written = VITAL.write_call("view_clip", {"start": 8.0, "end": 15.5, "fps": 1})
    assert '"get_video_clip_frame", "arguments": {"start_time": 8.0, "end_time": 15.5}' in written
    assert '"ask_video_clip_question"' in VITAL.write_call("ask_clip", {"start": 1, "end": 2, "question": "?"})
    assert '"search_clips"' in VITAL.write_call("search_clips", {"query": "fair"})


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"end_time": 3}, "start_time must be a number of seconds"),
        ({"start_time": "soon", "end_time": 3}, "start_time"),
        ({"start_time": 1, "end_time": None}, "end_time"),
    ],
)
def test_vital_says_what_is_wrong(arguments: dict[str, Any], named: str):
    body = json.dumps({"name": "get_video_clip_frame", "arguments": arguments})
    said = VITAL.read(f"<tool_call>{body}</tool_call>", [])
    assert named in (said.invalid[0]["error"] or "") and said.invalid[0]["name"] == "view_clip"


# LongVT


def test_longvt_as_published():
    (crop,) = LONG.tools(SCHEMAS)
    assert crop["function"]["parameters"]["required"] == ["video_path", "start_time", "end_time"]
    text = (
        "<think>Near the end.</think> <tool_call>"
        '{"name": "crop_video", "arguments": {"video_path": "/data/talk.mp4", "start_time": 500.0, "end_time": 560}}'
        "</tool_call>"
    )
    assert calls_of(LONG, text, [asked(video())]) == [("view_clip", {"start": 500.0, "end": 560.0, "fps": 1.0})]
    long = text.replace("560", "756")
    assert calls_of(LONG, long, [asked(video())])[0][1]["fps"] == pytest.approx(0.5)  # 128 frames at most
    written = LONG.write_call("view_clip", {"start": 1, "end": 2}, [asked(video())])
    assert '"crop_video", "arguments": {"video_path": "0a1b2c3d", "start_time": 1, "end_time": 2}' in written


def test_longvt_tells_videos_apart_by_their_path():
    messages = [asked(video(), video("yard.mp4", ident="11111111"))]

    def crop(path: str) -> str:
        arguments = {"video_path": path, "start_time": 1, "end_time": 2}
        return f"<tool_call>{json.dumps({'name': 'crop_video', 'arguments': arguments})}</tool_call>"

    for path in ("11111111", "yard.mp4", "/videos/yard.mp4", "C:\\videos\\yard.mp4", "video:11111111"):
        assert calls_of(LONG, crop(path), messages)[0][1]["video"] == "11111111"
    assert "video_path must be one of 0a1b2c3d, 11111111" in error_of(LONG, crop("street.mp4"), messages)


# Pixel-Reasoner


def pixel(name: str, **arguments: Any) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def test_pixel_reasoner_as_published():
    select, crop = (s["function"] for s in PIXEL.tools(SCHEMAS))
    assert select["parameters"]["properties"]["target_frames"]["items"]["type"] == "integer"
    assert crop["parameters"]["required"] == ["bbox_2d", "target_image"]
    assert PIXEL.result[0] == "user" and PIXEL.stop == ("</tool_call>",)
    first = [f"video:0a1b2c3d#t={10 * k}" for k in range(1, 17)]
    messages = [asked(video(), options=("red", "blue")), result("view_frames", ["video:0a1b2c3d#t=10,160"], first)]
    look = "Let me look closer at frames 3 and 4. " + pixel("select_frames", target_frames=[3, 4])
    assert calls_of(PIXEL, look, messages) == [("view_frames", {"times": [30.0, 40.0]})]
    messages.append(result("view_frames", ["video:0a1b2c3d#t=30,40"], ["video:0a1b2c3d#t=30", "video:0a1b2c3d#t=40"]))
    zoom = pixel("crop_image_normalized", bbox_2d=[0.5, 0.0, 1.0, 0.5], target_image=18)
    assert calls_of(PIXEL, zoom, messages) == [("crop", {"time": 40.0, "box": [0.5, 0.0, 1.0, 0.5]})]
    messages.append(result("crop", [], ["video:0a1b2c3d#t=40&xywh=percent:50,0,50,50"]))
    again = pixel("crop_image", bbox_2d=[0.5, 0.5, 1, 1], target_image=19)  # a part of the part
    assert calls_of(PIXEL, again, messages) == [("crop", {"time": 40.0, "box": [0.75, 0.25, 1.0, 0.5]})]
    assert calls_of(PIXEL, pixel("select_frames", target_frames=[1]), messages)[0][1] == {"times": [10.0]}
    said = PIXEL.read(r"The card is blue, so the answer is \boxed{\text{B}}.", messages)
    assert said.content == "B" and said.thought.startswith("The card is blue")


def test_pixel_reasoner_numbers_an_even_grid_where_nothing_was_shown():
    messages = [asked(video(end=160.0))]
    assert calls_of(PIXEL, pixel("select_frames", target_frames=[1, 16]), messages)[0][1] == {"times": [5.0, 155.0]}
    cut = [asked(video(end=160.0), now=80.0)]
    assert calls_of(PIXEL, pixel("select_frames", target_frames=[16]), cut)[0][1] == {"times": [77.5]}


def test_pixel_reasoner_writes_numbers_where_it_can():
    messages = [asked(video()), result("view_frames", [], ["video:0a1b2c3d#t=10", "video:0a1b2c3d#t=20"])]
    assert '"target_frames": [2]' in PIXEL.write_call("view_frames", {"times": [20.0]}, messages)
    assert '"target_image": 1' in PIXEL.write_call("crop", {"time": 10.0, "box": [0, 0, 1, 1]}, messages)
    assert '"view_frames"' in PIXEL.write_call("view_frames", {"times": [21.0]}, messages)
    assert '"crop"' in PIXEL.write_call("crop", {"time": 10.0, "box": [0, 0, 1, 1]})


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (pixel("select_frames", target_frames=[0]), "from 1 to 16"),
        (pixel("select_frames", target_frames=[17]), "from 1 to 16"),
        (pixel("select_frames", target_frames=list(range(1, 10))), "1 to 8 frames"),
        (pixel("select_frames"), "target_frames"),
        (pixel("crop_image_normalized", bbox_2d=[0, 0, 1], target_image=1), "bbox_2d must be four fractions"),
        (pixel("crop_image_normalized", bbox_2d=[0, 0, 1, 1], target_image=17), "target_image"),
    ],
)
def test_pixel_reasoner_says_what_is_wrong(call: str, named: str):
    assert named in error_of(PIXEL, call, [asked(video())])


@pytest.mark.parametrize(
    ("text", "answer"),
    [(r"\boxed{B}", "B"), (r"\boxed{A} or rather \boxed{ {x} y }", "{x} y"), (r"\boxed{cut", "cut"), ("none", "none")],
)
def test_the_last_box_is_the_answer(text: str, answer: str):
    assert PIXEL.read(text, []).content == answer


# Ego-R1


def ego(name: str, **arguments: Any) -> str:
    return f"<think>I look.</think>\n<tool>\n{json.dumps({'name': name, 'arguments': arguments}, indent=4)}\n</tool>"


WEEK = [asked(video(end=200_000.0))]


def test_ego_r1_as_published():
    rag, video_llm, vlm = (s["function"] for s in EGO.tools(SCHEMAS))
    assert rag["parameters"]["required"] == ["level", "keywords", "start_time", "query_time"]
    assert video_llm["parameters"]["required"] == ["question", "range"]
    assert vlm["parameters"]["required"] == ["question", "timestamp"]
    assert EGO.stop == ("</tool>", "</answer>")
    assert EGO.result == ("user", "<information>", "</information>")
    search = ego(
        "rag", level="day", keywords=["screwdriver", "table"], start_time="DAY1_11210217", query_time="DAY2_09000000"
    )
    assert calls_of(EGO, search, WEEK) == [("search_clips", {"query": "screwdriver table", "end": 86400.0})]
    look = ego("video_llm", question="Who holds it?", range="DAY1_11210210-DAY1_11220210")
    assert calls_of(EGO, look, WEEK) == [
        ("ask_clip", {"start": 40862.5, "end": 40922.5, "question": "Who holds it?", "frames": 16})
    ]
    moment = ego("vlm", question="Which colour?", timestamp="DAY2_00000119")
    assert calls_of(EGO, moment, WEEK) == [
        ("ask_clip", {"start": 86401.95, "end": 86401.95, "question": "Which colour?", "frames": 1})
    ]
    assert EGO.read("<think>Jake.</think>\n<answer>\nA.\n</answer>", WEEK) == ParsedTurn(content="A.", thought="Jake.")


@pytest.mark.parametrize(
    ("level", "start", "query", "bounds"),
    [
        ("week", "DAY1_00000000", "DAY2_09000000", {"end": 118_800.0}),
        ("week", "DAY2_00000000", "DAY7_09000000", {}),
        ("day", "DAY2_11000000", "DAY2_12000000", {"start": 86_400.0, "end": 129_600.0}),
        ("day", "DAY1_11000000", "DAY1_12000000", {"end": 43_200.0}),
        ("hour", "DAY1_11300000", "DAY2_12000000", {"start": 41_400.0, "end": 45_000.0}),
        ("hour", "DAY1_11300000", "DAY1_11450000", {"start": 41_400.0, "end": 42_300.0}),
    ],
)
def test_a_level_searches_its_bounds_and_never_after_the_query(
    level: str, start: str, query: str, bounds: dict[str, float]
):
    text = ego("rag", level=level, keywords=["cup"], start_time=start, query_time=query)
    assert calls_of(EGO, text, WEEK) == [("search_clips", {"query": "cup", **bounds})]
    browse = ego("rag", level=level, keywords=[], start_time=start, query_time=query)
    ours = {"week": "day", "day": "hour", "hour": "chapter"}[level]
    assert calls_of(EGO, browse, WEEK) == [("browse", {"level": ours, **bounds})]


LIFE = [
    asked(
        {**video("a.mp4", end=7200.0), "recorded": 86_400.0 + 9 * 3600, "timeline": "main", "zone": None},
        {**video("b.mp4", end=7200.0, ident="11111111"), "recorded": 2 * 86_400.0 + 14 * 3600, "timeline": "main",
         "zone": None},
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("level", "start", "query", "ours"),
    [
        ("week", "DAY1_00000000", "DAY2_15000000", {"level": "day", "end": "DAY2 15:00:00"}),
        ("day", "DAY2_14300000", "DAY2_15000000",
         {"level": "hour", "start": "DAY2 00:00:00", "end": "DAY2 15:00:00"}),
        ("hour", "DAY2_14000000", "DAY3_00000000",
         {"level": "chapter", "start": "DAY2 14:00:00", "end": "DAY2 15:00:00"}),
        ("10min", "DAY2_14100000", "DAY3_00000000",
         {"level": "clip", "start": "DAY2 14:10:00", "end": "DAY2 14:20:00"}),
    ],
)  # fmt: skip
def test_a_level_is_one_call_over_all_videos_of_a_timeline(level: str, start: str, query: str, ours: dict[str, str]):
    text = ego("rag", level=level, keywords=["red", "cup"], start_time=start, query_time=query)
    assert calls_of(EGO, text, LIFE) == [("search_clips", {"query": "red cup", **ours})]
    if level != "10min":
        written = EGO.write_call("search_clips", {"query": "red cup", **ours}, LIFE)
        assert f'"level": "{level}"' in written and calls_of(EGO, written, LIFE) == [
            ("search_clips", {"query": "red cup", **ours})
        ]
        browse = ego("rag", level=level, keywords=[], start_time=start, query_time=query)
        assert calls_of(EGO, browse, LIFE) == [("browse", ours)]
    look = ego("video_llm", question="Who?", range="DAY2_14001000-DAY2_14001500")
    assert calls_of(EGO, look, LIFE)[0][1] == {
        "start": 10.0, "end": 15.0, "question": "Who?", "frames": 16, "video": "11111111",
    }  # fmt: skip


def test_days_with_dates_are_counted_from_the_first_recording():
    first = 1777845600.0 + 9 * 3600  # 2026-05-04 09:00 at UTC+2
    asks = [asked({**video(end=200_000.0), "recorded": first, "timeline": "main", "zone": 7200})]
    text = ego("rag", level="day", keywords=["cup"], start_time="DAY2_08000000", query_time="DAY2_09000000")
    bounds = {"start": "2026-05-05 00:00:00+02:00", "end": "2026-05-05 09:00:00+02:00"}
    assert calls_of(EGO, text, asks) == [("search_clips", {"query": "cup", "level": "hour", **bounds})]


def test_a_video_whose_name_carries_a_stamp_begins_there():
    morning = video("A1_JAKE_DAY2_11000000.mp4", end=30.0)
    later = video("A1_JAKE_DAY2_11003000.mp4", end=30.0, ident="11111111")
    look = ego("video_llm", question="Who?", range="DAY2_11001000-DAY2_11001500")
    assert calls_of(EGO, look, [asked(morning)])[0][1]["start"] == 10.0
    second = ego("vlm", question="Who?", timestamp="DAY2_11003510")
    found = calls_of(EGO, second, [asked(morning, later)])[0][1]
    assert (found["start"], found["video"]) == (5.5, "11111111")
    written = EGO.write_call("ask_clip", {"start": 10.0, "end": 15.0, "question": "Who?"}, [asked(morning)])
    assert '"DAY2_11001000-DAY2_11001500"' in written


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (ego("video_llm", question="?", range="DAY1_00000000-DAY1_00000010"), "range must be longer than 1 second"),
        (ego("video_llm", question="?", range="DAY1_00000000-DAY1_00100001"), "under 10 minutes"),
        (ego("video_llm", question="?", range="DAY1_00000100"), "DAYX_HHMMSSFF-DAYX_HHMMSSFF"),
        (ego("video_llm", range="DAY1_00000000-DAY1_00000500"), "question is missing"),
        (ego("vlm", question="?", timestamp="noon"), "timestamp must be a stamp"),
        (ego("rag", level="month", keywords=["x"]), "level must be one of week, day, hour"),
        (ego("rag", level="day", keywords=["x"], start_time="DAY3_00000000", query_time="DAY2_00000000"), "later than"),
    ],
)
def test_ego_r1_says_what_is_wrong(call: str, named: str):
    assert named in error_of(EGO, call, WEEK)


def test_terminate_is_an_answer():
    said = EGO.read(ego("terminate", answer="N/A"), WEEK)
    assert not said.calls and not said.invalid and said.content == "N/A"
    assert parse_draft(draft(said, WEEK)).abstained


def test_a_result_of_its_own_invention_is_not_read():
    text = ego("vlm", question="?", timestamp="DAY1_00000100") + "<information>blue</information><answer>B</answer>"
    said = EGO.read(text, WEEK)
    assert len(said.calls) == 1 and said.content == ""


def test_ego_r1_writes_ours_as_published():
    written = EGO.write_call("ask_clip", {"start": 3661.5, "end": 3700.0, "question": "Who?"})
    assert '"video_llm", "arguments": {"question": "Who?", "range": "DAY1_01010110-DAY1_01014000"}' in written
    assert '"vlm"' in EGO.write_call("ask_clip", {"start": 5, "end": 5, "question": "Who?"})
    assert '"ask_clip"' in EGO.write_call("ask_clip", {"start": 0, "end": 700, "question": "Who?"})
    assert '"level": "week", "keywords": ["cup"]' in EGO.write_call("search_clips", {"query": "cup"}, WEEK)
    assert '"search_clips"' in EGO.write_call("search_clips", {"query": "cup"})  # it is not known when the video ends
    block = EGO.tool_block(SCHEMAS) or ""
    assert all(name in block for name in ('"rag"', '"video_llm"', '"vlm"', "<tool>", "</tool>"))
