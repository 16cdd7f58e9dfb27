"""Answers that were given, found again when their text comes back as an earlier turn of a conversation.

Clients send a conversation as texts. With the answer itself a follow-up ("and after that?") is understood from its
evidence too.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from ..agent.answer import Answer

_KEPT = 1024


class EarlierAnswers:
    """The last answers, by what was asked and what was sent back, and of which videos: those alone who sent both."""

    def __init__(self) -> None:
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()

    def keep(self, asked: str, sent: str, videos: Sequence[str], answer: Answer) -> None:
        """Keep an answer."""
        key = _key(asked, sent, videos)
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)

    def find(self, asked: str, sent: str, videos: Sequence[str]) -> Answer | None:
        """Return the answer that was sent so; None where it is not kept, or was somebody else's words."""
        return self._answers.get(_key(asked, sent, videos))


def _key(asked: str, sent: str, videos: Sequence[str]) -> bytes:
    return hashlib.sha256("\0".join([*sorted(videos), "", asked.strip(), sent.strip()]).encode()).digest()
