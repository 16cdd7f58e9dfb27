"""A driver that only reads and a model that sees, each on a server of its own: VideoDeepResearch's division of work."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("langchain_openai", reason="needs the extra: pip install 'rewatch[remote]'")

from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.cli.app import app

from .servers import Server, answers, calls, says

ASK = ("ask_clip", {"start": 8.0, "end": 10.0, "question": "What stands on the card?", "frames": 3})
CAPTION = ("caption_clip", {"start": 8.0, "end": 10.0, "frames": 2})
PRICED = {"prompt_tokens": 1000, "completion_tokens": 7, "total_tokens": 1007}


def pictures(request: dict[str, Any]) -> int:
    contents = [m["content"] for m in request["messages"] if isinstance(m.get("content"), list)]
    return sum(part["type"] == "image_url" for content in contents for part in content)


def test_the_driver_reads_and_the_viewer_sees(notices: ClipMemory) -> None:
    asked_twice = calls(ASK), calls(CAPTION), calls(ASK), calls(("view_clip", {"start": 8.0, "end": 9.0}))
    seen = says("a price of 12 euros", usage=PRICED), says("a card with a price", usage=PRICED)
    with Server(*asked_twice, answers("12 euros")) as driver, Server(*seen) as viewer:
        agent = VideoAgent(
            notices,
            policy=f"{driver.address}?sees=false",
            viewer=viewer.address,
            second_look=False,
            budget=Budget(calls=9),
        )
        answer = agent.ask("What do tickets cost?")
    assert answer.text == "12 euros" and answer.stopped_by == "answer"
    # The model that sees was asked twice, with the frames that it was to be shown and nothing of the conversation.
    assert [pictures(request) for request in viewer.requests] == [3, 2]
    assert all(len(request["messages"]) == 1 and "tools" not in request for request in viewer.requests)
    assert "What stands on the card?" in json.dumps(viewer.requests[0])
    # The driver got words, never a picture, not even of view_clip.
    assert sum(pictures(request) for request in driver.requests) == 0
    told = [m["content"] for m in driver.requests[-1]["messages"] if m["role"] == "tool"]
    assert "a price of 12 euros" in told[0] and "a card with a price" in told[1]
    assert told[2] == told[0], "the same question of the same span comes from the cache"
    # Both models' tokens and the frames looked at count; what came from the cache costs no tokens.
    assert answer.spend["tokens"] == 120 * len(driver.requests) + 2 * 1007
    assert answer.spend["frames"] == 3 + 2 + 3 + 1 and answer.spend["calls"] == 5


def test_without_a_viewer_a_driver_that_only_reads_is_offered_no_tool_that_sees(notices: ClipMemory) -> None:
    with Server(calls(ASK), answers("I cannot tell")) as driver:
        answer = VideoAgent(notices, policy=f"{driver.address}?sees=false", second_look=False).ask("What is there?")
    offered = {tool["function"]["name"] for tool in driver.requests[0]["tools"]}
    assert not offered & {"ask_clip", "caption_clip"} and "read_text" in offered
    assert answer.text == "I cannot tell"
    assert "ask_clip: there is no such tool" in next(
        m["content"] for m in driver.requests[-1]["messages"] if m["role"] == "tool"
    )


def test_the_command_takes_a_policy_and_a_viewer(notices: ClipMemory) -> None:
    seen = says("a price of 12 euros", usage=PRICED)
    with Server(calls(ASK), answers("12 euros")) as driver, Server(seen) as viewer:
        given = ["--policy", f"{driver.address}?sees=false", "--viewer", viewer.address]
        asked = ["ask", "What do tickets cost?", "--memory", str(notices.folder), *given, "--json"]
        result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout.splitlines()[-1])["text"] == "12 euros"
    assert pictures(viewer.requests[0]) == 3  # a second look may follow
    assert sum(pictures(request) for request in driver.requests) == 0
