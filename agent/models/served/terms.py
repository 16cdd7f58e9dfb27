"""What a server takes, as it is found out by being refused: fewer pictures, smaller ones, shorter replies."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .refusals import most_pictures, room_for_reply
from .retries import Fault

LEAST_REPLY = 32
"""Tokens below which no reply is worth asking for."""
USEFUL_REPLY = 256
"""Tokens below which pictures are rather given up than the reply made shorter."""
_LEAST_SIDE = 128
"""Pixels of the longest side below which pictures are not made smaller at a server's wish."""
_DISPENSABLE = ("temperature", "seed", "top_logprobs", "logprobs", "stream_options")
"""What a request can do without, where a server refuses it."""
_UNKNOWN = re.compile(r"unsupported|not supported|unknown|unrecognized|unexpected", re.IGNORECASE)
"""How servers say that they know no such argument."""


@dataclass(slots=True)
class Limits:
    """What one call may send and ask for, as far as the server has told by now."""

    pictures: int
    reply: int = sys.maxsize
    """Tokens of the reply."""
    guessed: bool = False
    """Whether the reply was made shorter without a number."""


@dataclass(slots=True)
class Terms:
    """What a server has said it takes; kept from call to call."""

    pictures: int = sys.maxsize
    """Pictures in one request."""
    side: int = sys.maxsize
    """Pixels of the longest side of one."""
    window: int = sys.maxsize
    """Tokens of conversation and reply together."""
    reply: int = sys.maxsize
    """Tokens of a reply."""
    limit: str = ""
    """What it calls the limit of a reply, where that is not the usual name."""
    unwanted: set[str] = field(default_factory=set)
    """Arguments that it has refused."""

    def give_way(
        self,
        fault: Fault,
        limits: Limits,
        *,
        pictures: int,
        prompt: int,
        most: int,
        side: int,
        given: Mapping[str, Any],
    ) -> bool:
        """Ask for less, as a refusal wishes; False where nothing is left to give.

        The room for the reply goes before pictures do, since it costs nothing.

        Args:
            fault: the refusal.
            limits: those of this call; they are changed.
            pictures: how many were sent.
            prompt: tokens of what was sent, as an estimate.
            most: tokens that the reply was allowed.
            side: pixels of the longest side of the pictures.
            given: the other arguments.
        """
        named = {"stream_options" if name == "stream_usage" else name for name in given}
        unwanted = {name for name in _DISPENSABLE if name in named and name in fault.told}
        topic = fault.about(pictures)
        if unwanted:
            self.unwanted |= unwanted | ({"stream_usage"} if "stream_options" in unwanted else set())
        elif "max_tokens" in given and "max_completion_tokens" in fault.told and _UNKNOWN.search(fault.told):
            self.limit = "max_completion_tokens"
        elif topic == "many":
            told = most_pictures(fault.told, pictures)
            self.pictures = min(self.pictures, told or self.pictures)
            limits.pictures = told or pictures // 2
        elif topic == "large" and side > _LEAST_SIDE:
            self.side = max(side // 2, _LEAST_SIDE)
        elif topic in ("long", "large"):
            return self._shorten(fault, limits, pictures, prompt, most)
        else:
            return False
        return True

    def _shorten(self, fault: Fault, limits: Limits, pictures: int, prompt: int, most: int) -> bool:
        """Ask for a shorter reply, else show fewer pictures; False where neither is left."""
        room = room_for_reply(fault.told, most=most, prompt=prompt)
        if room is not None and room.reply >= (USEFUL_REPLY if pictures else LEAST_REPLY):
            limits.reply = room.reply
            if room.window is None:
                self.reply = min(self.reply, room.reply)
            else:
                self.window = min(self.window, room.window)
        elif room is None and fault.status != 413 and most > 2 * USEFUL_REPLY and not limits.guessed:
            limits.guessed, limits.reply = True, max(most // 4, USEFUL_REPLY)
        elif pictures:
            limits.pictures = pictures // 2
        else:
            return False
        return True
