"""The token record: what the model was given and what it sampled, turn by turn.

Every message of the policy carries its part. The prompt of the next turn is all parts in order with what is new behind
them, so that the ids which the model once sampled are the ids it reads, whatever their text would be tokenised to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from .vision_adapter import Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTokens:
    """One turn of the record."""

    given: tuple[int, ...]
    """Ids since the last sampled one: the prompt, or an observation, and the start of the reply."""
    pictures: tuple[str, ...]
    """Names of the pictures in `given`, in order."""
    grids: tuple[Grid, ...]
    sampled: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Of each sampled id under the model's own distribution: nothing suppressed, temperature 1."""
    after: int
    """How many messages stood before this one."""
    start: int
    """How many ids stood before `given`."""
    vocabulary: str
    """Which tokenizer the ids are of."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for `response_metadata["tokens"]`."""
        return {
            "given": list(self.given),
            "pictures": list(self.pictures),
            "grids": [list(grid) for grid in self.grids],
            "sampled": list(self.sampled),
            "logprobs": list(self.logprobs),
            "after": self.after,
            "start": self.start,
            "vocabulary": self.vocabulary,
        }

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> TurnTokens:
        """The part that `as_dict` wrote."""
        return cls(
            given=tuple(row["given"]),
            pictures=tuple(row["pictures"]),
            grids=tuple((int(t), int(h), int(w)) for t, h, w in row["grids"]),
            sampled=tuple(row["sampled"]),
            logprobs=tuple(row["logprobs"]),
            after=row["after"],
            start=row["start"],
            vocabulary=row["vocabulary"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """The parts of a conversation, in order."""

    parts: tuple[TurnTokens, ...] = ()

    @property
    def ids(self) -> list[int]:
        """All ids: given and sampled in turn."""
        return [i for turn in self.parts for i in (*turn.given, *turn.sampled)]

    @property
    def mask(self) -> list[bool]:
        """For each of `ids`, whether the model sampled it."""
        return [own for turn in self.parts for own in (*[False] * len(turn.given), *[True] * len(turn.sampled))]

    @property
    def logprobs(self) -> list[float]:
        """Of the sampled ids, in order."""
        return [p for turn in self.parts for p in turn.logprobs]

    @property
    def pictures(self) -> list[tuple[str, Grid]]:
        """Names and grids of all pictures, in the order of their tokens."""
        return [pair for turn in self.parts for pair in zip(turn.pictures, turn.grids, strict=True)]

    @classmethod
    def of(cls, messages: Sequence[BaseMessage], vocabulary: str = "") -> tuple[TokenRecord, int]:
        """The record of a conversation, and how many of its messages it covers.

        A part counts only where it was made: behind the same number of messages and ids, and by a model with the same
        vocabulary. From the first message that breaks this on, messages are rendered from their text.
        """
        parts: list[TurnTokens] = []
        covered = length = 0
        for index, message in enumerate(messages):
            row = message.response_metadata.get("tokens") if isinstance(message, AIMessage) else None
            if row is None:
                continue
            turn = TurnTokens.from_dict(row)
            if turn.after != index or turn.start != length or (vocabulary and turn.vocabulary != vocabulary):
                break
            parts.append(turn)
            length += len(turn.given) + len(turn.sampled)
            covered = index + 1
        return cls(parts=tuple(parts)), covered


def vocabulary_of(tokenizer: Any) -> str:
    """A name for a tokenizer's vocabulary: its size, and ids of some words and of every added token."""
    import hashlib

    probe = tokenizer("The quick brown fox 0123 日本 <tool_call>", add_special_tokens=False)["input_ids"]
    added = sorted((i, token.content) for i, token in tokenizer.added_tokens_decoder.items())
    digest = hashlib.sha256(repr((len(tokenizer), probe, added)).encode()).hexdigest()[:8]
    return f"{len(tokenizer)}-{digest}"
