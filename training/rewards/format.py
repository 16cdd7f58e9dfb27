"""Format: was every turn written the way its dialect wants it?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from langchain_core.messages import AIMessage

from ...agent.parsing.final_json import abstains, answer_text, json_answer, option_text
from ...agent.parsing.reply import last_boxed, parse_draft
from ...agent.parsing.thoughts import thinks_beside
from ...memory import CapabilityError
from ..rollouts.rollout import Rollout
from .reward import Reward, too_long

_NOTHING = re.compile(r"[\s.…·_\-<>\[\]{}|\"':]*")
_ALONE = re.compile(r"(?:```\w{0,9}\s*)?\{[\s\S]*\}\s*(?:```)?")
"""A JSON object without words around it."""
_TEMPLATE = {
    "answer",
    "answer here",
    "your answer",
    "final answer",
    "your answer here",
    "reasoning",
    "reasoning process here",
    "your reasoning",
    "thought",
    "thoughts",
    "thinking",
}
"""What prompts put between tags to show where something belongs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a dialect writes a turn."""

    call: str = "tool_call"
    """The tag of a call."""
    answer: Literal["tag", "cited", "boxed"] = "tag"
    """`cited`: plain words that cite `[3]`, or a JSON object."""
    thinks: bool = True
    """Whether each turn must begin with `<think>`."""


FORMS = {
    "vital": Form(),
    "longvt": Form(),
    "ego_r1": Form(call="tool"),
    "pixel_reasoner": Form(answer="boxed", thinks=False),
    "hermes": Form(answer="cited", thinks=False),
    "qwen3_vl": Form(answer="cited", thinks=False),
}
"""The form of each dialect."""


def form_of(dialect: str) -> Form:
    """The form of a dialect.

    Raises:
        CapabilityError: if there is none of that name.
    """
    name = dialect.lower().replace("-", "_").removesuffix("_text")
    if name not in FORMS:
        raise CapabilityError(f"There is no format for the dialect {dialect!r}; use {', '.join(FORMS)}.")
    return FORMS[name]


def is_blank(text: str) -> bool:
    """Whether a text says nothing: dots, brackets, or what a template puts where something belongs."""
    return bool(_NOTHING.fullmatch(text)) or text.strip(" .…<>[]{}\"'").lower() in _TEMPLATE


def well_formed(message: AIMessage, form: Form, *, last: bool) -> bool:
    """Whether one turn is thoughts (where the form wants them) and then one call, or the answer and nothing behind it.

    Nothing may stand outside the tags but the words of a boxed answer, and in hermes those beside a call. Tags that are
    empty, or hold what a template puts there, are not well formed. A structured call counts as written.

    Args:
        message: of the model.
        form: of its dialect.
        last: whether it ends the run; then it must be an answer.
    """
    text = message.text.strip()
    opened = re.match(r"(?:(?!<think>).)*?</think>", text, re.DOTALL)
    if opened:  # the chat template opened the thought
        text = f"<think>{text}"
    parts = _parts(text, form)
    if parts is None:
        return False
    kinds = [kind for kind, _ in parts]
    structured = bool(message.tool_calls or message.invalid_tool_calls) and form.call not in kinds
    if any(is_blank(body) for _, body in parts):
        return False
    if kinds[:1] == ["think"]:
        kinds, parts = kinds[1:], parts[1:]
    elif form.thinks and not thinks_beside(message):
        return False
    called = structured or form.call in kinds
    if called and form.answer == "cited":  # hermes: words beside the calls, and several of them, are allowed
        return not last and set(kinds) <= {form.call, ""}
    if called:
        return not last and kinds == ([] if structured else [form.call])
    return _answers(parts, form)


def _parts(text: str, form: Form) -> list[tuple[str, str]] | None:
    """The tags with what they hold, and the words outside as kind `""`; None where tags do not pair."""
    tags = f"think|{form.call}" + ("|answer" if form.answer == "tag" else "")
    found, at = [], 0
    for match in re.finditer(rf"<({tags})>((?:(?!</?(?:{tags})>).)*)</\1>", text, re.DOTALL):
        found += [("", text[at : match.start()]), (match[1], match[2])]
        at = match.end()
    found.append(("", text[at:]))
    found = [(kind, body) for kind, body in found if kind or body.strip()]
    outside = " ".join(body for kind, body in found if not kind)
    return None if re.search(rf"</?(?:{tags}|answer|information|tool_response)>", outside) else found


def _answers(parts: list[tuple[str, str]], form: Form) -> bool:
    """Whether what follows the thoughts is an answer and nothing else."""
    if len(parts) != 1:
        return False
    kind, body = parts[0]
    if form.answer == "tag":
        return kind == "answer"
    if kind:
        return False
    if form.answer == "cited":
        row = json_answer(body)
        if row is not None:
            said = f"{answer_text(row)} {option_text(row)}"
            return bool(_ALONE.fullmatch(body.strip())) and (abstains(row) or not is_blank(said.strip()))
        told = parse_draft(body, pieces={})
        return told.abstained or (bool(told.unknown) and not is_blank(told.text))
    boxed = last_boxed(body)
    return boxed is not None and not is_blank(boxed) and body.rstrip().rstrip(".$").endswith("}")


def format_reward(dialect: str) -> Reward:
    """1 if every turn is well formed and the last one is an answer of fewer than 1000 characters, else 0.

    VITAL's rule (thoughts first, the answer last, only known tags, nothing between them), turn by turn. Stricter than
    its code, which lets text stand before the first tag and behind the last, and tags be empty.
    """
    form = form_of(dialect)

    def score(rollout: Rollout) -> float:
        own = rollout.own
        if not own or not rollout.final or too_long(rollout):
            return 0.0
        return float(all(well_formed(m, form, last=m is own[-1]) for m in own))

    return Reward(name=f"format:{dialect}", score=score)
