"""What the keys and tags of a form mean by their names."""

from __future__ import annotations

import re

_ROLES: tuple[tuple[str, str], ...] = (
    (r"^(?:thoughts?|thinking|think|chain_?of_?thought|cot)$", "thought"),
    (r"reason|explan|rationale|justif|analysis|why", "why"),
    (r"evidence|citation|source|quote|support", "evidence"),
    (r"confiden|certain|probab|likelihood", "confidence"),
    (r"abstain|unanswerable|unknown|unsure|not_?found", "abstained"),
    (r"options?$|choice|letter|selected|^label$|option_?(?:id|index|label)|correct_?answers?$", "choice"),
    (r"bbox|box|region|coordinate|rect", "box"),
    (r"(?:start|begin|from)(?:_?(?:time|s|sec|seconds?|timestamps?|ing))*$|^(?:t?0|t_?start|s)$", "start"),
    (r"(?:end|stop|finish|until)(?:_?(?:time|s|sec|seconds?|timestamps?|ing))*$|^(?:t?1|t_?end|e)$", "end"),
    (r"span|segment|interval|moment|window|range|timestamps|time_?stamps|clips?$|^times$", "span"),
    (r"time|second|when|moment", "time"),
    (r"count|number|how_?many|total|quantity|^n$", "number"),
    (r"question|query", "question"),
    (r"answer|response|result|prediction|output|text|caption|description", "answer"),
    (r"summary|event|content|value|pred|final", "answer"),
)  # fmt: skip


def role_of(key: str) -> str:
    """What a key means; empty where its name does not tell."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key)
    name = re.sub(r"[\s.-]+", "_", name.strip()).lower()
    return next((role for pattern, role in _ROLES if re.search(rf"(?<![a-z])(?:{pattern})", name)), "")
