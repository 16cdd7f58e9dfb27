"""A request's text, taken apart: the question, its options, what is given beside it, and how the answer is to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...memory import RewatchError

Value = Literal["words", "choice", "choices", "order", "number", "span", "spans", "time", "times", "box", "boxes"]
"""What an answer is: words, one option, several, all in an order, a number, or places in time or in the picture."""


class PromptError(RewatchError):
    """What a request asks for cannot be kept to."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How an answer is to be written."""

    value: Value = "words"
    labels: tuple[str, ...] = ()
    """How the prompt names its options, in order: `A`, `B`, …, `0`, `1`, …, or the words themselves (`yes`, `no`)."""
    shows: Literal["label", "both", "text"] = "label"
    """What is written of an option: its label, label and text, or its text."""
    joint: str = ", "
    """What stands between several labels."""
    clock: Literal["", "mm:ss", "hh:mm:ss"] = ""
    """How times are written; empty for seconds."""
    box: Literal["fraction", "percent", "thousandth", "pixel"] = "fraction"
    """Unit of a box: of [0, 1], [0, 100], [0, 1000], or pixels of the picture."""
    sized: bool = False
    """True if a box is x, y, width and height, not two corners."""
    sentence: str = ""
    """A sentence to be filled: it holds `{value}`, or `{start}` and `{end}`. Other braces are doubled."""
    tags: tuple[str, ...] = ()
    """XML-like tags around the answer, in order; those for thoughts are left out."""
    schema: Mapping[str, Any] | None = None
    """JSON schema of the object that is asked for."""
    hint: str = ""
    """How long an answer in words is to be, as a sentence for a model; empty where nothing is said."""
    unknown: str = ""
    """What is to be written where no answer was found, such as `unanswerable`; empty where nothing is said."""
    demanded: bool = False
    """True if the prompt wants an answer even from somebody who does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a request's text asks for."""

    question: str
    options: tuple[str, ...] = ()
    """Texts of the options without their labels; option i is chr(65 + i) for the agent."""
    form: Form = field(default_factory=Form)
    context: str = ""
    """What the text gives beside the question, such as subtitles."""

    @property
    def asked(self) -> str:
        """The question as a model is asked it: with how long the answer is to be, where that is said."""
        return f"{self.question}\n{self.form.hint}" if self.form.hint else self.question
