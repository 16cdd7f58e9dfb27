"""Chat completions as the official client gets them, from a real server on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_core.messages import AIMessage
from rewatch.agent import VideoAgent
from rewatch.memory import ClipMemory
from rewatch.memory.files.sources import Sources
from rewatch.server.ordinals import numbered_video
from rewatch.server.videos import RequestVideos
from rewatch.tools import Budget
from serving import serving

from ..agent.scripted import Scripted

openai = pytest.importorskip("openai", reason="openai is not installed")
pytest.importorskip("fastapi", reason="the extra serve is not installed")
ASKED = "What is said about the budget?"


def brought(memory: ClipMemory) -> RequestVideos:
    """Videos of requests: those of the folder in which the memory's lie."""
    return RequestVideos(memory, Sources.of([Path(memory.videos()[0].path).parent], ()))


@pytest.fixture(scope="module")
def address(two: ClipMemory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    agent = VideoAgent(two, budget=Budget(frames=20, calls=8, seconds=60), traces=tmp_path_factory.mktemp("runs"))
    with serving(agent, brought(two)) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=60)


def ask(client: Any, content: Any = ASKED, **fields: Any) -> Any:
    messages = content if isinstance(content, list) and "role" in content[0] else [{"role": "user", "content": content}]
    return client.chat.completions.create(**{"model": "rewatch", "messages": messages, **fields})


@pytest.fixture
def video(two_videos: Path) -> Callable[[str], dict[str, Any]]:
    return lambda name: {"type": "video_url", "video_url": {"url": f"file://{two_videos / name}"}}


def test_a_reply_is_never_empty(client: Any):
    told = ask(client, "What color is the submarine?\nA. red\nB. blue\nAnswer with the option's letter directly.")
    assert told.rewatch["abstained"] and told.choices[0].message.content == "-"


def test_an_answer_has_its_usage_and_its_evidence(client: Any, two: ClipMemory):
    told = ask(client)
    choice = told.choices[0]
    assert "ten million" in choice.message.content and choice.message.role == "assistant"
    assert choice.finish_reason == "stop" and told.object == "chat.completion" and told.model == "rewatch"
    assert told.usage.prompt_tokens > 0 and told.usage.completion_tokens > 0
    assert told.usage.total_tokens == told.usage.prompt_tokens + told.usage.completion_tokens
    own = told.rewatch
    assert own["evidence"][0]["quote"] and own["spans"][0][1] > own["spans"][0][0] and not own["abstained"]
    assert own["evidence"][0]["video"] == two.video("fair.mp4").id
    assert own["spend"]["calls"] >= 1 and told.id == f"chatcmpl-{own['trace']}" and own["stopped_by"] == "answer"


def test_a_stream_says_the_same_and_its_usage_where_that_is_asked(client: Any):
    plain = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert ends[-1] == "stop" and not any(ends[:-1])
    assert chunks[-2].rewatch["spans"] == plain.rewatch["spans"]
    assert chunks[-1].choices == [] and chunks[-1].usage == plain.usage
    assert len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in ask(client, stream=True))


def test_the_asynchronous_client_asks_side_by_side(address: str):
    async def all_of_them() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=60) as client:
            return await asyncio.gather(*(ask(client) for _ in range(5)))

    assert len({told.choices[0].message.content for told in asyncio.run(all_of_them())}) == 1


def test_videos_are_those_of_the_message_else_those_that_are_named_else_all(client: Any, two: ClipMemory, video: Any):
    question = {"type": "text", "text": "What is said?"}
    by_message = ask(client, [video("gate.mp4"), question])
    by_name = ask(client, "What is said?", extra_body={"videos": ["gate"]})
    gate = two.video("gate.mp4").id
    for told in (by_message, by_name):
        assert {one["video"] for one in told.rewatch["evidence"]} == {gate}
    assert "noon" in ask(client, "When does the train leave?").choices[0].message.content
    nothing = ask(client, [video("fair.mp4"), {"type": "text", "text": "When does the train leave?"}])
    assert "noon" not in nothing.choices[0].message.content


@pytest.mark.parametrize(
    ("asked", "which"),
    [
        ("What is said in the second video?", [1]),
        ("In video 1, what is said?", [0]),
        ("What is said in the last clip?", [1]),
        ("Is more said in the first video than in the second video?", [0, 1]),
        ("What is said in the third video?", [0, 1]),
    ],
)
def test_one_of_several_videos_is_meant_by_its_number(asked: str, which: list[int]):
    question, videos = numbered_video(asked, ["a", "b"])
    assert videos == ["ab"[n] for n in which]
    assert ("the video" in question) is (len(which) == 1)
    assert numbered_video(asked, ["a"]) == (asked, ["a"])


def test_a_question_about_the_second_video_is_answered_from_it(client: Any, two: ClipMemory, video: Any):
    question = {"type": "text", "text": "In the second video, what is said?"}
    for names in (("fair", "gate"), ("gate", "fair")):
        told = ask(client, [*(video(f"{name}.mp4") for name in names), question])
        assert {one["video"] for one in told.rewatch["evidence"]} == {two.video(f"{names[1]}.mp4").id}


def test_a_follow_up_knows_what_it_follows_also_where_that_was_about_one_of_several_videos(client: Any, video: Any):
    text = {"type": "text", "text": "In the second video, what is said about the gate?"}
    asked = [{"role": "user", "content": [video("fair.mp4"), video("gate.mp4"), text]}]
    first = {"role": "assistant", "content": ask(client, asked).choices[0].message.content}
    then = ask(client, [*asked, first, {"role": "user", "content": "And what is said after that?"}])
    assert "noon" in then.choices[0].message.content


def test_a_conversation_keeps_its_video_and_a_follow_up_knows_what_it_follows(client: Any, video: Any):
    asked = [{"role": "user", "content": [video("fair.mp4"), {"type": "text", "text": "Who is welcomed?"}]}]
    asked[0]["content"][1]["text"] = "What is said about the spring fair?"
    first = ask(client, asked)
    assert "Welcome" in first.choices[0].message.content
    again = [*asked, {"role": "assistant", "content": first.choices[0].message.content}]
    then = ask(client, [*again, {"role": "user", "content": "And what is said after that?"}])
    assert "ten million" in then.choices[0].message.content


def test_nothing_after_now_is_seen(client: Any):
    before = ask(client, extra_body={"now": 4, "videos": ["fair"]})
    assert "ten million" not in before.choices[0].message.content
    clock = ask(client, extra_body={"now": "0:07.5", "videos": ["fair"]})
    assert "ten million" in clock.choices[0].message.content


def test_several_answers_share_the_budget_and_each_has_its_own_trace(client: Any):
    told = ask(client, n=3, extra_body={"budget": {"calls": 6, "seconds": 30}})
    assert [choice.index for choice in told.choices] == [0, 1, 2]
    assert len({choice.rewatch["trace"] for choice in told.choices}) == 3
    assert all(choice.rewatch["spend"]["calls"] <= 2 for choice in told.choices)


def test_an_answer_ends_where_it_is_told_to(client: Any):
    whole = ask(client).choices[0].message.content
    stopped = ask(client, stop=["million", "zzz"]).choices[0]
    assert stopped.message.content == whole[: whole.index("million")] and stopped.finish_reason == "stop"
    cut = ask(client, max_tokens=3).choices[0]
    assert whole.startswith(cut.message.content) and len(cut.message.content) < len(whole)
    assert cut.finish_reason == "length"
    assert ask(client, max_completion_tokens=500, max_tokens=1).choices[0].message.content == whole


def test_the_answer_has_the_form_that_is_asked_for(client: Any):
    options = "How large is the budget?\nA. two million\nB. ten million\nC. a dozen euros\n"
    assert ask(client, f"{options}Answer with the option's letter directly.").choices[0].message.content == "B"
    by_system = [
        {"role": "system", "content": "Answer with the option's letter only."},
        {"role": "user", "content": options},
    ]
    assert ask(client, by_system).choices[0].message.content == "B"
    properties = {"answer": {"type": "string"}, "start": {"type": "number"}, "end": {"type": "number"}}
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "found", "schema": schema}}
    found = json.loads(ask(client, response_format=wanted).choices[0].message.content)
    assert set(found) == set(properties) and "million" in found["answer"] and found["start"] < found["end"]
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, response_format={"type": "poem"})
    assert caught.value.param == "response_format"


def test_a_stream_of_several_answers_keeps_them_apart(client: Any):
    chunks = list(ask(client, n=2, stream=True))
    texts = {0: "", 1: ""}
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts[0] == texts[1] == ask(client).choices[0].message.content
    assert sum(choice.finish_reason == "stop" for chunk in chunks for choice in chunk.choices) == 2


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "../fair.mp4", "concat:a|b", "http://127.0.0.1:9/x.mp4", "data:,"]
)
def test_a_video_that_may_not_be_named_is_refused(client: Any, url: str):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, [{"type": "video_url", "video_url": {"url": url}}, {"type": "text", "text": ASKED}])
    assert caught.value.code == "invalid_video" and caught.value.param == "messages"


def test_what_other_servers_take_is_taken(client: Any):
    told = ask(
        client, top_p=0.9, user="me", presence_penalty=0.1, tools=[], metadata={"a": "b"}, logprobs=False, seed=4,
        temperature=0, extra_body={"media_io_kwargs": {"video": {"num_frames": 8}}, "chat_template_kwargs": {}},
    )  # fmt: skip
    assert "ten million" in told.choices[0].message.content


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": "gpt-4o"}, 404, "model"),
        ({"n": 99}, 400, "n"),
        ({"temperature": 9}, 400, "temperature"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "system", "content": "Be brief."}]}, 400, "messages"),
        ({"messages": [{"role": "cook", "content": "x"}]}, 400, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 3}]}, 400, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, 400, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, 400, "messages.0.content.0.text"),
        ({"extra_body": {"budget": {"frames": 21}}}, 400, "budget.frames"),
        ({"extra_body": {"budget": {"frame": 1}}}, 400, "budget.frame"),
        ({"extra_body": {"videos": ["no such"]}}, 400, "videos"),
        ({"extra_body": {"route": "around"}}, 400, "route"),
        ({"extra_body": {"route": "direct"}}, 400, "route"),
        ({"extra_body": {"scale": "vote"}}, 400, "scale"),
        ({"extra_body": {"now": "tomorrow"}}, 400, "now"),
        ({"extra_body": {"now": -1}}, 400, "now"),
        ({"tool_choice": "required"}, 400, "tool_choice"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_answered_is_told_in_openais_form(
    client: Any, fields: dict[str, Any], status: int, param: str | None, stream: bool
):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, **{"messages": [{"role": "user", "content": ASKED}], "stream": stream, **fields})
    assert caught.value.status_code == status
    assert caught.value.param == param and caught.value.type == "invalid_request_error"
    assert set(caught.value.body) == {"message", "type", "param", "code"} and "\n" not in caught.value.body["message"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"budget": {"frame": 1}}, "budget.frame: there is no such limit; write frames, calls, tokens, seconds."),
        ({"messages": None}, "messages: Input should be a valid list (given: None)."),
        ({"now": "tomorrow"}, "now is 'tomorrow': give seconds of the video, such as 12.5."),
    ],
)
def test_an_error_says_what_to_write(client: Any, fields: dict[str, Any], says: str):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, extra_body=fields)
    assert caught.value.body["message"] == says


def test_models_are_listed(client: Any):
    assert [model.id for model in client.models.list()] == ["rewatch"]
    assert client.models.retrieve("rewatch").object == "model"
    with pytest.raises(openai.NotFoundError, match="There is no model"):
        client.models.retrieve("other")


@pytest.mark.parametrize("stream", [False, True])
def test_a_policy_that_fails_is_an_error_and_no_answer(two: ClipMemory, stream: bool):
    def fail(*_: Any) -> AIMessage:
        raise RuntimeError("out of order")

    with serving(VideoAgent(two, policy=Scripted(step=fail)), brought(two)) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        with pytest.raises(openai.APIError, match="out of order") as caught:
            list(ask(client, stream=stream))
    assert caught.value.code == "policy_error"


def test_temperature_and_seed_reach_the_policy_and_tokens_are_counted(two: ClipMemory):
    seen: list[Any] = []

    class Sampled(Scripted):
        takes_turn: ClassVar[bool] = True

        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
            seen.append((kwargs["turn"].temperature, kwargs["turn"].seed))
            return super()._generate(messages, **kwargs)

    usage = {"input_tokens": 70, "output_tokens": 30, "total_tokens": 100}
    policy = Sampled(step=lambda *_: AIMessage("It is ten million.", usage_metadata=usage))
    with serving(VideoAgent(two, policy=policy), brought(two)) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        told = ask(client, n=2, temperature=0.5, seed=7)
    assert set(seen) == {(0.5, 7), (0.5, 8)}
    assert told.usage.total_tokens % 100 == 0 and told.usage.total_tokens == 100 * len(seen)
    assert told.usage.completion_tokens == 30 * len(seen)
    assert 0 < told.usage.completion_tokens_details.reasoning_tokens < told.usage.completion_tokens
