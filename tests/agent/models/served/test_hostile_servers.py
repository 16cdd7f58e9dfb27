"""Servers that break every rule: each run ends with an answer or one clear line, and nothing leaves for elsewhere."""

from __future__ import annotations

import gzip
import json
import math
import resource
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_openai", reason="needs the extra: pip install 'rewatch[remote]'")

from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent import Answer, load_policy, read_trace
from rewatch.agent.models.served import endpoints
from rewatch.agent.models.served.completions import Joined
from rewatch.agent.models.served.faults import most_pictures, room_for_reply, topic_of
from rewatch.agent.replay import replay
from rewatch.agent.tool_formats.text_calls import calls_in
from rewatch.memory import CapabilityError

from .servers import Handler, Server, Step, body_of, completion, counted, events, raw, says, sends, status

KEY = "sk-never-to-be-seen-elsewhere"
ARGUMENTS = '{"start": 8, "end": 9}'


def ask(memory: ClipMemory, folder: Path, *steps: Step, **options: Any) -> tuple[Answer, list[Any], Server]:
    """One run over a server; what its own calls brought, and the server."""
    with Server(*steps) as server:
        given = {"pause": 0.0, "timeout": 60.0, "retries": 1, "api_key": KEY, **options}
        policy = load_policy(server.address, **given)
        agent = VideoAgent(
            memory,
            policy=policy,
            budget=Budget(frames=8, calls=6, seconds=240, tokens=200_000),
            registered=False,
            second_look=False,
            traces=folder,
            checkpoints=folder / "checkpoints.sqlite",
        )
        answer = agent.ask("What do tickets cost?", route="search")
    json.dumps(answer.as_dict(), allow_nan=False)
    told = read_trace(answer.trace or "")
    assert KEY not in Path(answer.trace or "").read_text(encoding="utf-8")
    assert 0 <= answer.spend["tokens"] <= 1e6 and replay(answer.trace or "").differences == []
    seen = [event for event in told if event["event"] == "observation" and not event["call_id"].startswith("look_")]
    return answer, seen, server


def _headers(code: int, body: bytes = b"", **headers: str) -> Step:
    return lambda handler, _: handler.send(body, code=code, **headers)


def _packed(handler: Handler, _: Any) -> None:
    body = gzip.compress(b'{"a": "' + b"x" * (100 << 20) + b'"}', 1)
    handler.send(body, Content_Encoding="gzip")


FAILS = {
    "500": (status(500, "no \x1b[31m red\n" * 999), "500: no"),
    "404": (status(404), "404: no"),
    "429": (status(429), "429: no"),
    "a page": (raw(b"<html>hello</html>", "text/html"), "no object: <html>"),
    "nothing": (raw(b""), "no JSON"),
    "null": (raw(b"null"), "no object: None"),
    "a list": (raw(b"[]"), "no object: []"),
    "closes": (sends(b""), "running and reachable"),
    "an error with 200": (raw(b'{"error": {"message": "overloaded", "code": 503}}'), "503: overloaded"),
    "200,000 brackets": (raw(b"[" * 200_000), "nested too deeply"),
    "no UTF-8": (raw(b'{"choices": [{"message": {"content": "\xff"}}]}'), "not UTF-8"),
    "no choices": (raw(b'{"choices": [null]}'), "not the form"),
    "message is a number": (raw(b'{"choices": [{"message": 5}]}'), "not the form"),
    "a bomb": (_packed, "does not end"),
    "badly packed": (_headers(200, b"x", Content_Encoding="gzip"), "not compressed as the server says"),
    "oddly packed": (_headers(200, b"x", Content_Encoding="br"), "not asked for"),
    "leads to a file": (_headers(307, Location="file:///etc/passwd"), "redirects to file:///etc/passwd"),
    "leads nowhere": (_headers(307, Location="http://[::1"), "cannot be read"),
    "leads in a circle": (_headers(307, Location="/v1/chat/completions"), "redirects"),
    "makes a GET of it": (_headers(301, Location="/v1/other"), "nothing was sent there"),
    "endless headers": (sends(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 999 + b"\r\n"), "running and reachable"),
    "no status": (sends(b"BANANA\r\n\r\n"), "running and reachable"),
    "length below zero": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nxx"), "running and reachable"),
    "bad chunks": (sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"), "running and reachable"),
    "a long error": (raw(b'{"error": {"message": "' + b"a" * (1 << 20) + b'"}}'), "aaaa"),
}


@pytest.mark.parametrize("name", FAILS)
def test_a_server_that_fails_ends_the_run_with_one_line(notices: ClipMemory, tmp_path: Path, name: str):
    step, says_what = FAILS[name]
    answer, _, server = ask(notices, tmp_path, step)
    assert answer.stopped_by == "policy_error" and answer.failed and answer.abstained
    assert says_what in answer.text and answer.text.isprintable() and len(answer.text) < 700
    assert len(server.requests) <= 7


FAILS_IN_TIME = {
    "continue, for ever": sends(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
    "a header in drops": sends(b"HTTP/1.1 200 OK\r\n", b"X", 0.02),
    "a body in drops": sends(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b" ", 0.02),
    "comments of a stream": events(again=b": still here\n\n" * 100),
    "events that hold nothing": events(again=b"data: {}\n\n" * 100),
}


@pytest.mark.parametrize("name", FAILS_IN_TIME)
def test_a_server_that_only_takes_time_is_left(notices: ClipMemory, tmp_path: Path, name: str):
    streamed = "stream" in name or "events" in name
    answer, _, _ = ask(notices, tmp_path, FAILS_IN_TIME[name], timeout=0.5, retries=0, streamed=streamed, max_tokens=64)
    assert answer.stopped_by == "policy_error" and answer.text.isprintable()


def test_neither_key_nor_conversation_go_to_another_server(notices: ClipMemory, tmp_path: Path):
    with Server(says("stolen")) as other:
        away = _headers(307, Location=f"{other.address}/chat/completions")
        answer, _, _ = ask(notices, tmp_path, away)
        assert answer.failed and "redirects to http://127.0.0.1" in answer.text and not other.requests
    with Server(says("here")) as server:
        on = server.address.replace("/v1", "/v2")
        moved = _headers(308, Location="/v2/chat/completions")
        server.steps.insert(0, moved)
        assert load_policy(f"{server.address}#m").invoke("Hi.").content == "here" and "/v2" in on


def test_a_body_is_unpacked_in_small_parts(notices: ClipMemory, tmp_path: Path):
    ask(notices, tmp_path, says("warm"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Server(raw(gzip.compress(json.dumps(completion({"content": "packed"})).encode()))) as server:
        server.steps = [lambda handler, _: handler.send(
            gzip.compress(json.dumps(completion({"content": "packed"})).encode()), Content_Encoding="gzip"
        )]  # fmt: skip
        assert load_policy(server.address).invoke("Hi.").content == "packed"
    ask(notices, tmp_path, _packed)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < (250 << (20 if sys.platform == "darwin" else 10))


@pytest.mark.parametrize(
    "usage",
    [
        '{"prompt_tokens": NaN, "completion_tokens": NaN}',
        '{"prompt_tokens": 1e308, "completion_tokens": 1e308, "total_tokens": 1e308}',
        '{"prompt_tokens": -1000000, "completion_tokens": 5, "total_tokens": -999995}',
        '{"prompt_tokens": "12", "completion_tokens": {}}',
        '{"prompt_tokens": 1e999, "completion_tokens": 1}',
        '{"prompt_tokens": 123456789012345678901234567890, "completion_tokens": 4}',
        "[]",
        "null",
    ],
)
def test_a_count_that_cannot_be_true_is_an_estimate(notices: ClipMemory, tmp_path: Path, usage: str):
    answer, _, _ = ask(notices, tmp_path, counted(usage))
    assert answer.text == "Blue car" and 500 < answer.spend["tokens"] < 20_000


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, "{" * 200_000, '{"answer": ' + "[" * 50_000, "<tool_call>" * 20_000, "\n" * 200_000 + "x",
     "a\x00b\x1b[31mred", "x\ud800y", "word " * 400_000],
    ids=["brackets", "braces", "deep answer", "marks", "lines", "controls", "half a pair", "long"],
)  # fmt: skip
def test_whatever_is_written_ends_the_run(notices: ClipMemory, tmp_path: Path, text: str):
    answer, _, _ = ask(notices, tmp_path, says(text))
    assert len(answer.text) < 50_000
    answer.text.encode()


def test_odd_metadata_does_no_harm(notices: ClipMemory, tmp_path: Path):
    odd = {"content": [{"token": "a", "logprob": 1e308}, {"token": 1, "logprob": "x"}, 5, {"logprob": math.nan}]}
    row = completion({"content": "Blue car", "role": "user", "refusal": 7}, finish={"a": 1}, logprobs=odd)
    step = raw(json.dumps({**row, "model": {"x": 1}, "id": 5, "system_fingerprint": []}).encode())
    answer, _, _ = ask(notices, tmp_path, step, logprobs=True)
    assert answer.text == "Blue car" and answer.stopped_by == "answer"


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "reasoning_content": "Blue car"},
        {"content": "", "reasoning": "<think>hm</think>Blue car"},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"text": "Blue car"}]},
    ],
)
def test_an_answer_that_stands_among_the_thoughts_is_read(notices: ClipMemory, tmp_path: Path, message: dict[str, Any]):
    answer, _, _ = ask(notices, tmp_path, body_of(message))
    assert answer.text == "Blue car" and answer.stopped_by == "answer"


# --- calls


def _call(name: Any, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"id": "a", "type": "function", "function": {"name": name, "arguments": arguments}, **more}


WHOLE = {
    "null": ([_call("browse", None)], True),
    "nothing": ([{"id": "a", "type": "function", "function": {"name": "browse"}}], True),
    "a list of nothing": ([_call("browse", [])], True),
    "an object": ([_call("view_clip", {"start": 8, "end": 9})], True),
    "one level higher": ([{"id": "a", "name": "view_clip", "arguments": {"start": 8, "end": 9}}], True),
    "twice over": ([_call("view_clipview_clip", ARGUMENTS)], True),
    "with its space": ([_call("functions.view_clip", ARGUMENTS)], True),
    "no id": ([_call("browse", "{}", id=None), _call("browse", "{}", id="")], True),
    "one id": ([_call("browse", "{}"), _call("view_clip", ARGUMENTS)], True),
    "no numbers": ([_call("view_clip", '{"start": NaN, "end": 1e999}')], False),
    "deep": ([_call("search_clips", '{"query": ' + "[" * 50_000 + "]" * 50_000 + "}")], False),
    "somewhat deep": ([_call("search_clips", '{"query": ' + "[" * 100 + "]" * 100 + "}")], False),
    "long": ([_call("search_clips", json.dumps({"query": "a " * 500_000}))], False),
    "a long name": ([_call("x" * 100_000, "{}")], False),
    "no name": ([_call(None, "{}")], False),
}


@pytest.mark.parametrize("name", WHOLE)
def test_calls_are_run_or_are_observations(notices: ClipMemory, tmp_path: Path, name: str):
    rows, works = WHOLE[name]
    answer, seen, server = ask(notices, tmp_path, body_of({"content": None, "tool_calls": rows}), says("Blue car"))
    assert answer.text == "Blue car" and [event["error"] for event in seen] == [not works] * len(rows)
    ids = [event["call_id"] for event in seen]
    assert len(set(ids)) == len(ids) and all(ids)
    assert all(len(event["text"]) < 3000 for event in seen)
    assert len(server.requests) in (2, 3)


def test_a_call_as_it_was_written_before_there_were_several(notices: ClipMemory, tmp_path: Path):
    step = body_of({"content": None, "function_call": {"name": "browse", "arguments": None}})
    answer, seen, _ = ask(notices, tmp_path, step, says("Blue car"))
    assert answer.text == "Blue car" and [event["error"] for event in seen] == [False]


def _part(name: str | None, arguments: Any, **more: Any) -> tuple[dict[str, Any], None]:
    return {"tool_calls": [{**more, "function": {"name": name, "arguments": arguments}}]}, None


LOOK = ["view_clip"]
STREAMED = {
    "again and again": ([_part("view_clip", '{"start": 8,', index=0, id="a"),
                         _part("view_clip", ' "end": 9}', index=0, id="a")], LOOK),
    "in pieces": ([_part("view_", "", index=0, id="a"), _part("clip", ARGUMENTS, index=0)], LOOK),
    "growing": ([_part("view_", "", index=0, id="a"), _part("view_clip", '{"start"', index=0),
                 _part("view_clip", ARGUMENTS, index=0)], LOOK),
    "without index": ([_part("view_clip", '{"start": 8,', id="a"), _part(None, ' "end": 9}')], LOOK),
    "another id each": ([_part("view_clip", '{"start": 8,', index=0, id="a"),
                         _part(None, ' "end": 9}', index=0, id="b")], LOOK),
    "an object": ([_part("view_clip", {"start": 8, "end": 9}, index=0, id="a")], LOOK),
    "null": ([_part("browse", None, index=0, id="a")], ["browse"]),
    "one index for all": ([_part("view_clip", ARGUMENTS, index=0, id="a"),
                           _part("browse", "{}", index=0, id="b")], ["view_clip", "browse"]),
    "neither id nor index": ([_part("view_clip", ARGUMENTS), _part("browse", "{}")], ["view_clip", "browse"]),
    "an empty object first": ([_part("view_clip", {}, index=0, id="a"), _part(None, ARGUMENTS, index=0)], LOOK),
    "as text": ([({"content": "<tool_call>"}, None),
                 ({"content": f'{{"name": "view_clip", "arguments": {ARGUMENTS}}}</tool_call>'}, None)], LOOK),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMED)
def test_streamed_calls_are_put_together(notices: ClipMemory, tmp_path: Path, name: str):
    rows, made = STREAMED[name]
    answer, seen, _ = ask(notices, tmp_path, events(*rows, ({}, "tool_calls")), says("Blue car"), streamed=True)
    assert answer.text == "Blue car" and [(e["tool"], e["error"]) for e in seen] == [(tool, False) for tool in made]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (events(({"content": "Bl"}, None), {"error": {"message": "oops", "code": 500}}), "500: oops"),
        (events({"error": "oops"}), "oops"),
        (events(b'data: {"choices": [{"delta": {"content": "\xff"}}]}'), "not UTF-8"),
        (events(b'data: {"choices": ['), "no JSON"),
        (events(b"data: " + b"[" * 100_000), "nested too deeply"),
        (events(({"content": "Blue"}, None), ends=False), "the stream ended"),
        (events(again=b"data: xxxx" * 5000), "does not end"),
    ],
    ids=["error", "error as text", "no UTF-8", "half", "deep", "cut", "one endless line"],
)
def test_streams_that_fail_are_one_line(notices: ClipMemory, tmp_path: Path, step: Step, told: str):
    answer, _, _ = ask(notices, tmp_path, step, streamed=True)
    assert answer.stopped_by == "policy_error" and told in answer.text and answer.text.isprintable()


def test_a_stream_that_says_done_is_whole_without_a_reason(notices: ClipMemory, tmp_path: Path):
    rows = [({"content": "Blue "}, None), ({"content": "car"}, None)]
    answer, _, _ = ask(notices, tmp_path, events(*rows), streamed=True)
    assert (answer.text, answer.stopped_by) == ("Blue car", "answer")


def test_streams_count_once_and_may_think(notices: ClipMemory, tmp_path: Path):
    def row(text: str, made: int) -> dict[str, Any]:
        usage = {"prompt_tokens": 10, "completion_tokens": made, "total_tokens": 10 + made}
        return {"id": "x", "choices": [{"index": 0, "delta": {"reasoning_content": text}}], "usage": usage}

    answer, _, _ = ask(notices, tmp_path, events(row("Blue ", 1), row("car", 2), ({}, "stop")), streamed=True)
    assert answer.text == "Blue car" and answer.spend["tokens"] == 12 * 2  # it is sent back once for evidence


def test_a_stream_of_calls_is_bounded():
    from langchain_core.messages import AIMessageChunk
    from langchain_core.messages.tool import tool_call_chunk

    joined = Joined(["browse"])
    for n in range(500):
        part = tool_call_chunk(name="browse", args="{}", id=f"i{n}", index=n)
        joined.add(AIMessageChunk(content="", tool_call_chunks=[part]))
    assert len(joined.message(cut="").tool_calls) == 64


# --- lists of models


@pytest.mark.parametrize(
    "listed",
    [
        b"[" * 200_000, b"null", b"<html>", b'{"data": {"id": "x"}}', b'{"data": [{"id": 5}]}', b"\xff\xfe",
        b'{"data": [' + b'{"id": "a"},' * 500_000 + b'{"id": "b"}]}',
        b'{"data": [{"id": "a\\u001b[31m\\n"}, {"id": "' + b"b" * 99_999 + b'"}]}',
    ],
    ids=["deep", "null", "page", "object", "number", "no UTF-8", "endless", "controls"],
)  # fmt: skip
def test_a_list_of_models_is_read_with_care(listed: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Handler, "do_GET", lambda self: self.send(listed))
    with Server(says("x")) as server, pytest.raises(CapabilityError, match="name one: ") as caught:
        load_policy(server.address)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 1000


def test_a_list_of_models_must_come_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(endpoints, "_LISTING_SECONDS", 0.3)
    for step in FAILS_IN_TIME.values():
        monkeypatch.setattr(Handler, "do_GET", lambda self, step=step: step(self, {}))
        with Server(says("x")) as server, pytest.raises(CapabilityError) as caught:
            load_policy(server.address)
        assert str(caught.value).isprintable()


# --- what is read in refusals and replies


@pytest.mark.parametrize(
    ("text", "topic", "allowed"),
    [
        ("At most 3 image(s) may be provided in one prompt.", "many", 3),
        ("Too many images in request: 9 > 2", "many", 2),
        ("too many images", "many", None),
        ("A maximum of 5 images is allowed. Got 9 (request 3f2a-77)", "many", 5),
        ("images_max=2", "many", 2),
        ('[{"loc":["body","images"],"msg":"List should have at most 3 items after validation, not 9"}]', "many", 3),
        ("gpt-4o takes only one image per request", "many", 1),
        ("图片数量超过限制，最多支持５张", "many", 5),
        ("单次请求最多上传两张图片", "many", 2),
        ("画像は最大3枚までです", "many", 3),
        ("Es sind höchstens 4 Bilder erlaubt", "many", 4),
        ("more than 3 images are not supported by this model", "many", 3),
        ("image dimensions 768x432 exceed 512x512 pixels", "large", None),
        ("Image size exceeds 5 MB", "large", None),
        ("At most 0 image(s) may be provided", "blind", 0),
        ("messages[1]: unknown variant `image_url`, expected `text`", "blind", None),
        ("This model's maximum context length is 8192 tokens. The 9 images take 9000 tokens", "long", None),
        ("invalid temperature", "", None),
    ],
)
def test_what_a_refusal_of_pictures_means(text: str, topic: str, allowed: int | None):
    assert (topic_of(text, 9), most_pictures(text, 9)) == (topic, allowed)


@pytest.mark.parametrize(
    ("text", "most", "prompt", "left"),
    [
        ("maximum context length is 2500 tokens and your request has 1000 input tokens (2048 > 2500 - 1000)",
         2048, 1100, 1500),
        ("maximum context length is 4097 tokens. However, you requested 4927 tokens (3927 in the messages, 1000 in "
         "the completion)", 1000, 4000, 170),
        ("maximum context length of 8,192 tokens. You requested a total of 9,000 tokens: 7,000 from the messages",
         2000, 6000, 1192),
        ("request (9000 tokens) exceeds the available context size (8192 tokens)", 2048, 8500, 0),
        ("`inputs` + `max_new_tokens` must be <= 4096. Given: 3000 `inputs` tokens and 2048", 2048, 2500, 1096),
        ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", 20000, 150_000, 10_000),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 1000]", 2048, 900, 1000),
        ("输入长度超过上下文限制：最大4096 tokens，当前输入3000，max_tokens 2048", 2048, 2500, 1096),
        ("context length exceeded", 2048, 4000, None),
    ],
)  # fmt: skip
def test_what_is_left_for_the_reply(text: str, most: int, prompt: int, left: int | None):
    room = room_for_reply(text, most=most, prompt=prompt)
    assert (None if room is None else room.reply) == left


@pytest.mark.parametrize("limit", [700, 1500])
def test_a_reply_gives_way_before_pictures_do(notices: ClipMemory, tmp_path: Path, limit: int):
    def full(handler: Handler, request: Any) -> None:
        most, prompt = request["max_tokens"], 3000
        window = prompt + limit
        if most > limit:
            text = f"The maximum context length is {window}; {prompt} tokens of input, {most} of output were asked for."
            handler.send({"error": {"message": text}}, code=400)
        else:
            handler.send(completion({"content": "Blue car"}))

    look = body_of({"content": None, "tool_calls": [_call("view_clip", ARGUMENTS)]})
    answer, _, server = ask(notices, tmp_path, look, full)
    assert answer.text == "Blue car" and server.requests[2]["max_tokens"] == limit
    shown = [json.dumps(request).count('"image_url": {') for request in server.requests[1:3]]
    assert shown[0] == shown[1] > 0


A, V = ARGUMENTS, ("view_clip", {"start": 8, "end": 9})
W = ("view_clip", {"start": "8", "end": "9"})


@pytest.mark.parametrize(
    ("text", "call"),
    [
        (f"[TOOL_CALLS]view_clip{A}", V),
        (f"[TOOL_CALLS]view_clip[CALL_ID]x1[ARGS]{A}", V),
        ("<|python_tag|>view_clip.call(start=8, end=9)", V),
        ("<tool_call>\n<function=view_clip>\n<parameter=start>\n8\n</parameter>\n<parameter=end>\n9\n</parameter>\n"
         "</function>\n</tool_call>", W),
        ("Now I look.\n[view_clip(start=8, end=9)]", V),
        (f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>view_clip\n```json\n{A}\n```"
         "<｜tool▁call▁end｜><｜tool▁calls▁end｜>", V),
        ('<｜DSML｜invoke name="view_clip"><｜DSML｜parameter name="start" string="false">8</｜DSML｜parameter>'
         '<｜DSML｜parameter name="end" string="false">9</｜DSML｜parameter></｜DSML｜invoke>', W),
        ("<tool_call>view_clip\n<arg_key>start</arg_key>\n<arg_value>8</arg_value>\n<arg_key>end</arg_key>\n"
         "<arg_value>9</arg_value>\n</tool_call>", W),
        (f"<|tool_call_begin|>functions.view_clip:0<|tool_call_argument_begin|>{A}<|tool_call_end|>", V),
        (f"<|channel|>commentary to=functions.view_clip <|constrain|>json<|message|>{A}<|call|>", V),
        ('<minimax:tool_call><invoke name="view_clip"><parameter name="start">8</parameter>'
         '<parameter name="end">9</parameter></invoke></minimax:tool_call>', W),
        (f"Thought: look.\nAction: view_clip\nAction Input: {A}", V),
        (f'<|START_ACTION|>[{{"tool_name": "view_clip", "parameters": {A}}}]<|END_ACTION|>', V),
        ('<tool_call>{"name": "browse", "arguments": null}</tool_call>', ("browse", {})),
        ("<tool_call>browse</tool_call>", ("browse", {})),
        ("<tool_code>view_clip(start=8, end=9)</tool_code>", V),
        (f"<view_clip>{A}</view_clip>", V),
        ("I look.\n<view_clip>\n<start>8</start>\n<end>9</end>\n</view_clip>", W),
        ("<browse></browse>", ("browse", {})),
        (f"✿FUNCTION✿: view_clip\n✿ARGS✿: {A}", V),
        (f"view_clip{A}", V),
        (f"I look.\nCall: view_clip {A}", V),
        (f'{{"function_call": {{"name": "view_clip", "arguments": {json.dumps(A)}}}}}', V),
        ("The tool <view_clip> shows more.", None),
        ("I would call view_clip {start, end} next.", None),
        ("The car is red {see 2}.", None),
        ("Action: the man opens the door.", None),
        ("<|channel|>final<|message|>The car is red.", None),
    ],
)  # fmt: skip
def test_calls_in_every_form_are_found(text: str, call: tuple[str, Any] | None):
    found = calls_in(text, ["view_clip", "browse", "search_clips"])
    assert list(found.calls) == ([call] if call else []) and not found.broken
    assert not call or not any(mark in found.words for mark in "{<")
