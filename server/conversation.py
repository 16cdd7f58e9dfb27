"""The messages of a request: the question, what was said before it, and the videos that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .faults import RequestFault
from .videos.parts import is_picture
from .videos.times import stamp

LONGEST = 1_000_000
"""Characters of all texts: a prompt may bring the subtitles of hours."""
_MEDIA = ("video_url", "image_url")
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A request's messages, read."""

    prompt: str
    """The text of the last message of the user's, as it stands."""
    begun: str
    """How the answer begins already, where the last message is the assistant's; it goes on from there."""
    system: str
    """What system messages say."""
    earlier: tuple[tuple[str, str], ...]
    """Texts of the user's and the assistant's replies to them, oldest first."""
    parts: tuple[Mapping[str, Any], ...]
    """Those of the last of the user's messages that has a `video_url` or `image_url`; texts may say when frames are."""

    @property
    def characters(self) -> int:
        """How long all of its texts are."""
        return sum(map(len, (self.prompt, self.begun, self.system, *(text for turn in self.earlier for text in turn))))


def read_messages(messages: Sequence[Mapping[str, Any]]) -> Conversation:
    """Return what messages say.

    Raises:
        RequestFault: 400 if there is no question, a part is of a kind that is not taken, or all is too long.
    """
    system: list[str] = []
    turns: list[tuple[str, str]] = []
    asked: str | None = None
    reply = ""
    media: tuple[Mapping[str, Any], ...] = ()
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        role = message.get("role")
        if role not in _ROLES:
            raise RequestFault(400, f"{where}.role: {str(role)[:40]!r} is no role of a message.", param=f"{where}.role")
        text, parts = _content(message.get("content"), f"{where}.content", media=role == "user")
        if role in ("system", "developer"):
            system.append(text)
        elif role == "user":
            if asked is not None and reply:
                turns.append((asked, reply))
                asked, reply = None, ""
            asked = text if asked is None else f"{asked}\n{text}"  # two of the user's in a row are one
            media = parts or media
        elif role == "assistant":
            reply = f"{reply}\n{text}".strip() if asked is not None else ""  # a greeting answers nothing
    if asked is None or not asked.strip():
        message_text = "messages: there is no question in a message of the user's; write one."
        raise RequestFault(400, message_text, param="messages", code="no_question")
    found = Conversation(prompt=asked, begun=reply, system="\n".join(system), earlier=tuple(turns), parts=media)
    if found.characters > LONGEST:
        raise RequestFault(
            400,
            f"messages: {found.characters} characters are more than the {LONGEST} that are read; send less.",
            param="messages",
            code="context_length_exceeded",
        )
    return found


def _content(content: Any, where: str, *, media: bool) -> tuple[str, tuple[Mapping[str, Any], ...]]:
    """The text of a message, and its parts where videos and pictures are among them."""
    if content is None:
        return "", ()
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list):
        raise RequestFault(400, f"{where}: write a text, or a list of parts.", param=where)
    texts: list[str] = []
    parts: list[Mapping[str, Any]] = []
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        at = f"{where}.{number}"
        if kind == "text" and isinstance(part.get("text"), str):
            parts.append(part)
            following = content[number + 1] if number + 1 < len(content) else None
            if not (media and is_picture(following) and stamp(part["text"]) is not None):
                texts.append(part["text"])
        elif kind == "refusal" and not media:
            texts.append(str(part.get("refusal", "")))
        elif kind in _MEDIA and media:
            parts.append(part)
        else:
            raise _unread(kind, at)
    return "\n".join(texts), tuple(parts) if any(part["type"] in _MEDIA for part in parts) else ()


def _unread(kind: Any, at: str) -> RequestFault:
    """The fault of a part that is none of those that are read."""
    if kind == "text":
        message = f'{at}.text: write a text, {{"type": "text", "text": "…"}}.'
        return RequestFault(400, message, param=f"{at}.text", code="invalid_value")
    named = f"parts of type {str(kind)[:40]!r}" if kind else "such a part"
    message = f"{at}: {named} cannot be read here; send text, video_url or image_url (these by the user)."
    return RequestFault(400, message, param=at, code="not_supported")
