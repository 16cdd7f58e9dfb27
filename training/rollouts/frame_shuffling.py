"""Runs that see their frames out of order, for T-GRPO: each picture stands behind another picture's time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable

from ...agent.models.content_blocks import moment
from ..data.task import Task
from .collector import Collector, seed_of
from .rollout import Rollout


class Shuffled(BaseChatModel):
    """A policy that is shown what the loop shows, with the frames of every observation permuted under their times."""

    takes_turn: ClassVar[bool] = True
    policy: Any
    """The policy that is asked."""

    @property
    def _llm_type(self) -> str:
        return f"shuffled-{self.policy._llm_type}"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """As the policy binds them."""
        return self.bind(**self.policy.bind_tools(tools, **kwargs).kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        made: ChatResult = self.policy._generate([out_of_order(m) for m in messages], stop, run_manager, **kwargs)
        return made

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        shown = [out_of_order(m) for m in messages]
        made: ChatResult = await self.policy._agenerate(shown, stop, run_manager, **kwargs)
        return made


def out_of_order(message: BaseMessage) -> BaseMessage:
    """The message with its pictures permuted, never as they were, and the times where they stood."""
    artifact = message.artifact if isinstance(message, ToolMessage) else None
    pictures = list((artifact or {}).get("pictures", ()))
    if artifact is None or len(set(pictures)) < 2:
        return message
    rng, mixed = random.Random(seed_of(*pictures)), list(pictures)
    while mixed == pictures:
        rng.shuffle(mixed)
    shown: list[Any] = [{"type": "text", "text": message.text}]
    for time, uri in zip(pictures, mixed, strict=True):
        shown += [{"type": "text", "text": moment(time)}, {"type": "image", "url": uri}]
    return message.model_copy(update={"content": shown, "artifact": {**artifact, "pictures": []}})


@lru_cache(maxsize=4)
def _shuffling(collect: Collector) -> Collector:
    loop = replace(collect.loop, policy=Shuffled(policy=collect.loop.policy))
    object.__setattr__(loop, "pixels", collect.loop.pixels)  # what is decoded is decoded for both
    return replace(collect, loop=loop)


def collect_shuffled(collect: Collector, tasks: Sequence[Task], group_size: int, seed: int) -> list[Rollout]:
    """Half as many runs of each task (Video-R1), out of order; nothing is learnt from their tokens."""
    return _shuffling(collect)(tasks, max(1, group_size // 2), seed=seed_of("shuffled", seed), meta={"shuffled": True})
