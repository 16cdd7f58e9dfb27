"""Messages for tests, and a way to make a random model say what a test needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.local_vlm.generate import Sampler
from rewatch.agent.models.local_vlm.request import Request


def observation(text: str, pictures: list[str], call_id: str = "c0") -> ToolMessage:
    """What a tool that shows frames leaves in the conversation."""
    return ToolMessage(text, name="view_clip", tool_call_id=call_id, artifact={"uris": pictures, "pictures": pictures})


def asked(text: str, *pictures: str) -> HumanMessage:
    """A question with pictures before it."""
    return HumanMessage([*({"type": "image", "url": uri} for uri in pictures), {"type": "text", "text": text}])


def given(message: AIMessage) -> list[int]:
    return message.response_metadata["tokens"]["given"]


def sampled(message: AIMessage) -> list[int]:
    return message.response_metadata["tokens"]["sampled"]


@contextmanager
def steered(policy: VideoLMM, replies: Callable[[str], str | list[int]]) -> Iterator[list[Request]]:
    """The policy made to sample what `replies` says for the prompt's text; ids are taken as they are.

    Only the choice is forced: what is recorded of it is the model's own. Yields the requests as they come.
    """
    engine = policy.engine
    tokenizer = engine.loaded.tokenizer
    requests: list[Request] = []

    class Steered(Sampler):
        def __init__(self, batch: Any, *args: Any) -> None:
            super().__init__(batch, *args)
            self.forced = []
            for request in batch:
                requests.append(request)
                reply = replies(tokenizer.decode(request.ids))
                ids = reply if isinstance(reply, list) else tokenizer(reply, add_special_tokens=False)["input_ids"]
                self.forced.append([*ids, *engine.bounds.ends])

        def choose(self, allowed: Any) -> list[int]:
            return [self._forced(row, scores) if self.open[row] else 0 for row, scores in enumerate(allowed)]

        def _forced(self, row: int, allowed: Any) -> int:
            token = self.forced[row][len(self.completions[row].ids)]
            assert allowed[token] > -1e30, f"{tokenizer.decode([token])!r} cannot be sampled"
            return token

    engine.sampler = Steered
    try:
        yield requests
    finally:
        engine.sampler = Sampler
