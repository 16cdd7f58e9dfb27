"""A chat model that plays back replies as text, read by a dialect: a trained checkpoint in small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from rewatch.agent.tool_formats import ToolFormat, draft


class Speaking(BaseChatModel):
    """Says each of `replies` in turn; the dialect makes calls and drafts of them."""

    dialect: Any
    replies: list[str]
    reads_pictures: bool = True
    """It is shown frames, though nobody can ask it about them."""
    offered: list[dict[str, Any]] = []
    told: list[BaseMessage] = []

    @property
    def _llm_type(self) -> str:
        return "speaking"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        self.offered = self.dialect.tools(tools)
        return self.bind(tools_bound=True)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self.told = list(messages)
        text = self.replies.pop(0)
        said = self.dialect.read(text, messages)
        if kwargs.get("tools_bound") and (said.calls or said.invalid):
            message = AIMessage(text, tool_calls=list(said.calls), invalid_tool_calls=list(said.invalid))
        else:
            message = AIMessage(text, additional_kwargs={"draft": draft(said, messages)})
        return ChatResult(generations=[ChatGeneration(message=message)])


def asked(*videos: dict[str, Any], options: Sequence[str] = (), now: float | None = None) -> HumanMessage:
    """The loop's first message, about these videos."""
    row = {"text": "What?", "options": list(options), "videos": list(videos), "now": now}
    return HumanMessage("What?", additional_kwargs={"question": row})


def video(name: str = "talk.mp4", end: float = 600.0, ident: str = "0a1b2c3d") -> dict[str, Any]:
    """The facts of a video, as the loop gives them."""
    facts = {"width": 640, "height": 360, "has_audio": True, "channels": ["speech"]}
    return {"id": ident, "name": name, "start": 0.0, "end": end, **facts}


def result(name: str, uris: Sequence[str], pictures: Sequence[str] = (), **fields: Any) -> ToolMessage:
    """What a tool gave back."""
    artifact = {"uris": list(uris), "pictures": list(pictures), "data": {}}
    return ToolMessage("seen", name=name, tool_call_id="x", artifact=artifact, **fields)


def calls_of(dialect: ToolFormat, text: str, messages: Sequence[BaseMessage] = ()) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments of the calls in a reply, of which none may be unreadable."""
    said = dialect.read(text, messages)
    assert not said.invalid, said.invalid
    return [(call["name"], call["args"]) for call in said.calls]


def error_of(dialect: ToolFormat, text: str, messages: Sequence[BaseMessage] = ()) -> str:
    """What is wrong with the only call in a reply."""
    said = dialect.read(text, messages)
    assert not said.calls and len(said.invalid) == 1
    return said.invalid[0]["error"] or ""
