"""What the conversation so far tells a dialect: the question with its videos, and the pictures shown."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from ...memory import MediaURI
from ...tools.times import parse_seconds
from ..parsing.reply import question_of as question_of
from .reply import BadCall


def pictures_of(message: BaseMessage) -> list[MediaURI]:
    """The frames and crops that a message shows, in order."""
    if isinstance(message, ToolMessage):
        named = (message.artifact or {}).get("pictures", ())
    elif isinstance(message, HumanMessage) and isinstance(message.content, list):
        named = [b.get("url") for b in message.content if isinstance(b, dict) and b.get("type") == "image"]
    else:
        named = ()
    found = [MediaURI.find_all(str(uri)) for uri in named]
    return [uris[0] for uris in found if uris and uris[0].span is not None]


def which_video(arguments: dict[str, Any]) -> dict[str, Any]:
    """The argument `video`, where the model named one (questions about several videos)."""
    return {"video": arguments["video"]} if arguments.get("video") else {}


def seconds(arguments: dict[str, Any], *names: str) -> float:
    """The time that stands under the first of `names` that is there.

    Raises:
        BadCall: if none is there, or it is not a time.
    """
    value = next((arguments[name] for name in names if arguments.get(name) is not None), None)
    try:
        return parse_seconds(value)
    except ValueError:
        raise BadCall(f"{names[0]} must be a number of seconds, such as 12.50") from None


def text_of(arguments: dict[str, Any], name: str) -> str:
    """A text that must not be empty.

    Raises:
        BadCall: if it is missing.
    """
    value = arguments.get(name)
    if value is None or not str(value).strip():
        raise BadCall(f"{name} is missing: write it as a text")
    return str(value)
