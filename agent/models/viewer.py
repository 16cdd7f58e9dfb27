"""The model that sees, as the tools know it (`tools.Viewer`), made of any chat model that takes pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from ...tools.viewer import Reply, VisualQuestion
from ..models.failures import contained
from ..parsing.thoughts import without_thoughts
from . import contact_sheet
from .content_blocks import Block, data_url, picture
from .policy import policy_of
from .settling import usable
from .usage import price_of, tokens_of

MAX_AT_ONCE = 32
"""Questions that are with the model at the same time."""

YES_OR_NO = "Answer with one word: Yes or No."
_YES_NO = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


class ChatViewer:
    """Answers questions about frames with a chat model.

    Args:
        model: a chat model that takes pictures. With `takes_turn = True` it is given arrays, and told `max_tokens`,
            `beams` and (where its `roles` have it) `role`; with `weighs = True` it is asked to weigh `choices`. Any
            other is given JPEG data URLs and nothing besides.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self.model = model
        self._policy = policy_of(model)

    @property
    def sees(self) -> bool:
        """Return whether the model takes pictures, as far as is known by now."""
        return self._policy.sees is not False

    def ask(
        self,
        questions: Sequence[VisualQuestion],
        *,
        max_tokens: int = 256,
        beams: int = 1,
        yes_no: bool = False,
    ) -> list[Reply]:
        """One reply for each question; those of one role go to the model side by side."""
        weigh = yes_no and self._policy.weighs
        replies: dict[int, Reply] = {}
        roles = [q.role if q.role in self._policy.roles else "" for q in questions]
        for role in dict.fromkeys(roles):
            chosen = [i for i, its in enumerate(roles) if its == role]
            ask = partial(
                self.model.batch,
                [self._messages(questions[i], yes_no) for i in chosen],
                {"max_concurrency": min(len(chosen), MAX_AT_ONCE)},
                **self._arguments(max_tokens, beams, role, weigh),
            )
            answers = contained(ask)
            replies.update({i: _reply(message, yes_no, weigh) for i, message in zip(chosen, answers, strict=True)})
        return [replies[i] for i in range(len(questions))]

    def _arguments(self, max_tokens: int, beams: int, role: str, weigh: bool) -> dict[str, Any]:
        arguments: dict[str, Any] = {"max_tokens": max_tokens, "beams": beams} if self._policy.takes_turn else {}
        if role:
            arguments["role"] = role
        if weigh:
            arguments["choices"] = ("Yes", "No")
        return arguments

    def _messages(self, question: VisualQuestion, yes_no: bool) -> list[BaseMessage]:
        content: list[str | Block] = []
        height, width = question.frames[0].image.shape[:2] if question.frames else (1, 1)
        each = self._policy.frames_per_picture((width, height))
        for text, image in contact_sheet.pictures(question.frames, each):
            block: Block = {"type": "image", "image": image}
            if not self._policy.takes_turn:
                block = {"type": "image_url", "image_url": {"url": data_url(picture(block, None))}}
            content += [{"type": "text", "text": text}, block]
        question_text = question.text
        if yes_no and not re.search(r"\byes\W+or\W+no\b", question_text, re.IGNORECASE):
            question_text = f"{question_text}\n{YES_OR_NO}"
        return [HumanMessage([*content, {"type": "text", "text": question_text}])]


def _reply(message: AIMessage, yes_no: bool, weighed: bool) -> Reply:
    text = without_thoughts(usable(message)).strip()
    tokens, price = tokens_of(message), price_of(message)
    if not yes_no:
        return Reply(text=text, tokens=tokens, price=price)
    weights = message.response_metadata.get("choices") if weighed else None
    yes = said_yes(text) if weights is None else _share(weights["Yes"], weights["No"])
    return Reply(text=text, tokens=tokens, price=price, yes=yes)


def _share(yes: float, no: float) -> float:
    return yes / (yes + no) if yes + no > 0 else 0.5


def said_yes(text: str) -> float:
    """1.0 for a yes, 0.0 for a no, 0.5 where the reply is neither: by its first word, else by the only one in it."""
    reply = without_thoughts(text).lstrip(" \n\t*_\"'`(")
    found = [match.lower() for match in _YES_NO.findall(reply)]
    if not found or (len(set(found)) > 1 and not _YES_NO.match(reply)):
        return 0.5
    return 1.0 if found[0] == "yes" else 0.0
