"""Saying again what was said: a conversation made true by running it, never by editing its text.

What a teacher was told on the side, or what a run could have done without, is left out by having the loop run anew
with the messages that stay: the tools answer again, and the check looks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from ...agent.graph import Loop
from ...agent.models.policy import policy_of
from ...agent.steps import Call
from ...tools import Budget
from ..data.task import Task
from ..rollouts.collector import Collector
from ..rollouts.rollout import Rollout


class ScriptedPolicy(BaseChatModel):
    """Says some messages in turn, whatever comes back, and the last one again where it is asked once more."""

    script: tuple[AIMessage, ...]
    reads_pictures: bool = True
    """As the policy that is to learn from it: the prompt and the tools on offer depend on that."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Its calls are in its script."""
        return self.bind()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        turn = sum(isinstance(m, AIMessage) and "by" not in m.additional_kwargs for m in messages)
        return ChatResult(generations=[ChatGeneration(message=self.script[min(turn, len(self.script) - 1)])])


def rerun(
    loop: Loop,
    task: Task,
    script: Sequence[AIMessage],
    *,
    budget: Budget,
    meta: Mapping[str, Any] | None = None,
) -> Rollout:
    """The run in which the policy says `script`, without records of tokens: those were of another conversation.

    Args:
        loop: memory, tools and words; its policy is not asked.
        task: what is asked.
        script: messages of a policy, the last one an answer.
        budget: limits of the run.
        meta: facts to keep with it.
    """
    bare = tuple(_bare(message, number) for number, message in enumerate(script))
    collect = Collector(
        loop=replace(loop, policy=ScriptedPolicy(script=bare, reads_pictures=policy_of(loop.policy).reads_pictures)),
        budget=budget,
    )
    return collect([task], 1, meta=meta)[0]


def script_of(*runs: Rollout) -> list[AIMessage]:
    """The calls that worked, run after run, none twice, and the last words of the last run.

    A message of several calls stays as it is, as long as one of them is new.
    """
    script: list[AIMessage] = []
    used: set[str] = set()
    for run in runs:
        valid = {_key(made.name, made.arguments) for made in run.calls if made.valid}
        for message in run.own:
            keys = {_key(call["name"], call["args"]) for call in message.tool_calls}
            if keys and keys <= valid and not message.invalid_tool_calls and not keys <= used:
                script.append(message)
                used |= keys
    own = runs[-1].own if runs else ()
    return [*script, own[-1]] if own and not own[-1].tool_calls else script


def _key(name: str, arguments: dict[str, Any]) -> str:
    return Call(name, arguments).key


def _bare(message: AIMessage, number: int) -> AIMessage:
    """The message as the loop takes it from a policy: words, calls with ids of their own, and its draft."""
    calls = [{**call, "id": f"call_{number}_{k}"} for k, call in enumerate(message.tool_calls)]
    draft = message.additional_kwargs.get("draft")
    return AIMessage(
        content=message.content, tool_calls=calls, additional_kwargs={"draft": draft} if draft is not None else {}
    )
