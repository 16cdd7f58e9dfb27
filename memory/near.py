"""What a mistyped name may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def close(names: Iterable[str], word: str) -> str | None:
    """The name that comes nearest to a mistyped one; None where none is near."""
    plain = {name.casefold(): name for name in names}
    found = difflib.get_close_matches(word[:100].casefold(), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def did_you_mean(names: Iterable[str], word: str) -> str:
    """` Did you mean …?`, or nothing."""
    near = close(names, word)
    return f" Did you mean {near}?" if near and near != word else ""
