"""The tools that a policy is offered: those that can do something for it, in these videos."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel

from ...tools import VLM_TOOLS, Toolbox
from ...tools.schemas import brief
from ..models.policy import policy_of
from ..questions.question import Question

PICTURES = frozenset({"view_clip", "crop"})
"""Tools that show pictures, and tell hardly anything to one who does not see."""
_ASKING = frozenset(tool.name for tool in VLM_TOOLS)
_OF_PICTURES = frozenset({"image"})
"""Arguments that take a picture."""
_OF_PEOPLE = frozenset({"who"})
"""Arguments that take a person, of no use where nobody was learned."""
_OWN = frozenset({"search_clips", "transcribe", "read_text", "browse", "track_objects", "detect_objects"}) | PICTURES
_RARE = frozenset({"fps", "small", "box", "k"})
"""Arguments of our own tools that a policy which only reads can do without: each lengthens every prompt."""


def useful(toolbox: Toolbox, policy: BaseChatModel, question: Question) -> tuple[str, ...]:
    """Return the names of the tools that are of use here, in the toolbox's order; those of others always are."""
    videos = question.videos
    never: set[str] = set()
    if not policy_of(policy).reads_pictures:
        never |= PICTURES
    if not toolbox.sees:
        never |= _ASKING
    if not any(video.get("has_audio") or "speech" in video.get("channels", ()) for video in videos):
        never.add("transcribe")
    if not any(video.get("width", 1) for video in videos):
        never |= {"read_text", "track_objects", "detect_objects"}
    if not _dated(question):
        never.add("find_habits")
    if not any(video.get("detector") for video in videos):
        never.add("detect_objects")
    return tuple(name for name in toolbox.names if name not in never)


def offered(toolbox: Toolbox, policy: BaseChatModel, question: Question) -> list[dict[str, Any]]:
    """Return schemas of the tools that are of use, ours short."""
    names = useful(toolbox, policy, question)
    pictures = policy_of(policy).reads_pictures
    without = frozenset() if pictures else _OF_PICTURES | _RARE
    if not any(video.get("people") for video in question.videos):
        without |= _OF_PEOPLE
    schemas = toolbox.schemas([video["id"] for video in question.videos])
    by_name = {schema["function"]["name"]: schema for schema in schemas}
    ours = _OWN | _ASKING
    less = {"search_clips": without | ({"level"} if not _dated(question) else set())}  # one search finds clips
    return [brief(by_name[name], without=less.get(name, without)) if name in ours else by_name[name] for name in names]


def _dated(question: Question) -> bool:
    return any(video.get("recorded") is not None for video in question.videos)
