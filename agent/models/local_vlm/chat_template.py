"""A checkpoint's chat template, and text as ids: control tokens come from the template only.

What a person asks or a video shows may contain `<|im_end|>` or `<|image_pad|>`. Such places are broken by a mark before
the template is rendered; the rendered text is tokenised piece by piece between the marks, so that the same characters
reach the model as ordinary text, and nothing else about the tokenisation changes.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ....memory import CapabilityError

Conversation = list[dict[str, Any]]
"""Messages as chat templates read them, with lists of blocks as content."""

_BREAK = "\ufdd0"  # noncharacters of Unicode: no text has a meaning for them
_REPLY = "\ufdd1"
_CONTROL = re.compile(r"<\|.*\|>", re.DOTALL)


class ChatTemplate:
    """Renders conversations for one checkpoint."""

    def __init__(self, name: str, processor: Any) -> None:
        self.name = name
        self._processor = processor
        self._tokenizer = getattr(processor, "tokenizer", processor)
        self._blocks = self._tokenizer is not processor
        """Whether the template takes lists of blocks; those of models that only read take texts."""
        self._lock = threading.Lock()

    def ids(self, text: str) -> list[int]:
        """Ids of a rendered text; nothing is added to it."""
        ids: list[int] = []
        with self._lock:  # a tokenizer that changes its own settings for a call is not safe between threads
            for piece in text.split(_BREAK):
                if piece:
                    ids += self._tokenizer(piece, add_special_tokens=False)["input_ids"]
        return ids

    def plain(self, text: str, *, tags: bool = False) -> str:
        """`text` with every control token in it broken, so that `ids` reads it as ordinary characters.

        Args:
            text: what is to be shown to the model.
            tags: whether added tokens that control nothing (`<tool_call>`) may stand: for our own words.
        """
        text = text.replace(_BREAK, "").replace(_REPLY, "")
        pattern = self._specials if tags else self._added
        while pattern.search(text):  # a break may uncover a token that the match had hidden
            text = pattern.sub(lambda match: match[0][0] + _BREAK + match[0][1:], text)
        return text

    def render(self, conversation: Conversation, *, tools: Sequence[dict[str, Any]] = (), reply: bool = True) -> str:
        """The conversation as text, up to where the model's reply begins (`reply`) or to its end.

        Raises:
            CapabilityError: if the template refuses it.
        """
        try:
            text: str = self._processor.apply_chat_template(
                conversation if self._blocks else _texts(conversation),
                tools=list(tools) or None,
                add_generation_prompt=reply,
                tokenize=False,
            )
        except Exception as error:  # templates raise on roles and orders that they were not written for
            reason = " ".join(str(error).split())[:200]
            raise CapabilityError(
                f"Policy {self.name}: its chat template refuses the conversation: {reason}"
            ) from error
        return text

    def first(self, conversation: Conversation, tools: Sequence[dict[str, Any]]) -> str:
        """The first prompt, with what the tokenizer puts before every text."""
        text = self.render(conversation, tools=tools)
        begin = self._tokenizer.bos_token
        if (
            begin
            and not text.startswith(begin)
            and self._tokenizer("")["input_ids"][:1] == [self._tokenizer.bos_token_id]
        ):
            return f"{begin}{text}"
        return text

    def after_reply(self, conversation: Conversation) -> str:
        """Return what the template puts behind the text of a reply: its end, `conversation`, and the next turn.

        The reply itself is not rendered: the ids that were sampled stand in its place.
        """
        before = [text_message("user", "?"), text_message("assistant", _REPLY)]
        text = self.render([*before, *conversation])
        return text.rpartition(_REPLY)[2]

    @cached_property
    def close(self) -> str:
        """Return what the template writes behind the last reply of a conversation."""
        text = self.render([text_message("user", "?"), text_message("assistant", _REPLY)], reply=False)
        return text.rpartition(_REPLY)[2]

    @cached_property
    def before_reply(self) -> str:
        """Return what the template writes between the generation prompt and the text of a reply; often nothing."""
        question = [text_message("user", "?")]
        prompt, whole = self.render(question), self.render([*question, text_message("assistant", _REPLY)], reply=False)
        return whole.removeprefix(prompt).partition(_REPLY)[0] if whole.startswith(prompt) else ""

    @cached_property
    def writes_tools(self) -> bool:
        """Return whether tools that are handed to the template end up in the prompt."""
        tool = {"type": "function", "function": {"name": "t", "description": _REPLY, "parameters": {}}}
        question = [text_message("user", "?")]
        return self._renders(question, tools=[tool]) != self._renders(question)

    @cached_property
    def has_tool_role(self) -> bool:
        """Return whether results of tools have a form of their own, and are not just written with their role's name."""
        before = [text_message("user", "?"), text_message("assistant", "!")]
        result, other = (
            self._renders([*before, text_message("tool", "=")]),
            self._renders([*before, text_message("qqqq", "=")]),
        )
        if result is None:
            return False
        return other is None or other.replace("qqqq", "tool").replace("Qqqq", "Tool") != result

    @cached_property
    def has_system(self) -> bool:
        """Return whether a system prompt is shown."""
        text = self._renders([text_message("system", _REPLY), text_message("user", "?")])
        return text is not None and _REPLY in text

    @cached_property
    def in_line(self) -> str:
        """Return what to write among the words for a picture, where the template would put all pictures first.

        Empty where it keeps the order: then the template writes the picture itself.
        """
        picture = str(self._processor.image_token)
        content = [
            *text_message("user", _REPLY)["content"],
            {"type": "image"},
            *text_message("user", _REPLY)["content"],
        ]
        text = self.render([{"role": "user", "content": content}])
        before, _, behind = text.partition(_REPLY)
        return "" if picture in behind.partition(_REPLY)[0] else f"{picture}\n"

    @cached_property
    def takes_runs(self) -> bool:
        """Return whether two messages of one role may follow each other."""
        return self._renders([text_message("user", "?"), text_message("user", "!")]) is not None

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Ids of tokens that control: special ones, those written `<|…|>`, and those that part the turns."""
        added = self._tokenizer.added_tokens_decoder
        control = {i for i, token in added.items() if token.special or _CONTROL.fullmatch(token.content)}
        marks = {i for i in self.ids(self.close) if i in added and added[i].content.strip()}
        return frozenset(control | marks | set(self._tokenizer.all_special_ids))

    @cached_property
    def _added(self) -> re.Pattern[str]:
        return _pattern(t.content for t in self._tokenizer.added_tokens_decoder.values())

    @cached_property
    def _specials(self) -> re.Pattern[str]:
        added = self._tokenizer.added_tokens_decoder
        return _pattern(t.content for i, t in added.items() if i in self.special_ids)

    def _renders(self, conversation: Conversation, tools: Sequence[dict[str, Any]] = ()) -> str | None:
        try:
            return self.render(conversation, tools=tools)
        except CapabilityError:
            return None


def text_message(role: str, text: str) -> dict[str, Any]:
    """A message of one text block."""
    return {"role": role, "content": [{"type": "text", "text": text}]}


def _texts(conversation: Conversation) -> Conversation:
    """The conversation with each message's text blocks as one text."""
    return [{**row, "content": "".join(block["text"] for block in row["content"])} for row in conversation]


def _pattern(tokens: Any) -> re.Pattern[str]:
    """Matches any of the tokens that can be told from ordinary text; nothing if there are none."""
    words = sorted({t for t in tokens if len(t) > 1 and t.strip(" \n\t\u2581")}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)) if words else r"(?!)")
