"""The cost that a model states for a reply, taken only where it can be true: no statement pays a budget back."""

from __future__ import annotations

import math
from typing import Any

from langchain_core.messages import BaseMessage

MOST_TOKENS = 100_000_000
"""More than any model takes and gives in one reply."""


def whole_number(value: Any) -> int | None:
    """A count of tokens; None where there is none, -1 where it cannot be true (a text, NaN, below 0, 1e308)."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_TOKENS:
        return -1
    return int(value)


def tokens_of(message: BaseMessage) -> int:
    """Tokens of prompt and reply together, as the message says; 0 where it says none that can be true."""
    usage = getattr(message, "usage_metadata", None)
    if not isinstance(usage, dict):
        return 0
    counts = [whole_number(usage.get(key)) or 0 for key in ("total_tokens", "input_tokens", "output_tokens")]
    total, prompt, completion = (max(count, 0) for count in counts)
    return max(total, prompt + completion)


def price_of(message: BaseMessage) -> float:
    """Return what the reply has cost, where its policy has prices; 0 where that is no amount."""
    cost = (getattr(message, "response_metadata", None) or {}).get("cost", 0.0)
    if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not math.isfinite(cost):
        return 0.0
    return max(float(cost), 0.0)
