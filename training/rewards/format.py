"""Format: was every turn written the way its tool format wants it?"""

from __future__ import annotations

import re

from langchain_core.messages import AIMessage

from ...agent.parsing.draft import parse_draft
from ...agent.parsing.final_json import abstains, answer_text, json_answer, option_text
from ...agent.parsing.reply import last_boxed
from ...agent.parsing.thoughts import thinks_beside
from ...agent.tool_formats import ToolFormat, load_tool_format
from ..rollouts.rollout import Rollout
from .reward import Reward, too_long

_NOTHING = re.compile(r"[\s.…·_\-<>\[\]{}|\"':]*")
_ALONE = re.compile(r"(?:```\w{0,9}\s*)?\{[\s\S]*\}\s*(?:```)?")
"""A JSON object without words around it."""
_TEMPLATE = re.compile(
    r"(?:(?:your |final )?answer(?: here)?|reasoning process here|(?:your )?reasoning|thoughts?|thinking)",
    re.IGNORECASE,
)
"""What prompts put between tags to show where something belongs."""


def format_reward(dialect: str) -> Reward:
    """1 if every turn is well formed and the last one is an answer of fewer than 1000 characters, else 0.

    VITAL's rule (thoughts first, the answer last, only known tags, nothing between them), turn by turn. Stricter than
    its code, which lets text stand before the first tag and behind the last, and tags be empty.

    Args:
        dialect: the name of a tool format.

    Raises:
        CapabilityError: if there is none of that name.
    """
    tool_format = load_tool_format(dialect)

    def score(rollout: Rollout) -> float:
        own = rollout.own
        if not own or not rollout.final or too_long(rollout):
            return 0.0
        return float(all(_well_formed(message, tool_format, last=message is own[-1]) for message in own))

    return Reward(name=f"format:{dialect}", score=score)


def _well_formed(message: AIMessage, tool_format: ToolFormat, *, last: bool) -> bool:
    """Return whether a turn is thoughts (where the format wants them) and then one call, or the answer and no more.

    Nothing may stand outside the tags but the words of a boxed answer, and in hermes those beside a call. Tags that are
    empty, or hold what a template puts there, are not well formed. A structured call counts as written. The last turn
    must be an answer.
    """
    text, call = message.text.strip(), tool_format.call_tag
    if re.match(r"(?:(?!<think>).)*?</think>", text, re.DOTALL):  # the chat template opened the thought
        text = f"<think>{text}"
    parts = _tagged_parts(text, tool_format)
    if parts is None or any(_is_blank(body) for _, body in parts):
        return False
    if parts and parts[0][0] == "think":
        parts = parts[1:]
    elif tool_format.thinks and not thinks_beside(message):
        return False
    kinds = [kind for kind, _ in parts]
    structured = bool(message.tool_calls or message.invalid_tool_calls) and call not in kinds
    if not structured and call not in kinds:
        return _is_answer(parts, tool_format)
    if tool_format.answer_style == "cited":  # hermes: words beside the calls, and several of them, are allowed
        return not last and set(kinds) <= {call, ""}
    return not last and kinds == ([] if structured else [call])


def _tagged_parts(text: str, tool_format: ToolFormat) -> list[tuple[str, str]] | None:
    """The tags with what they hold, and the words outside as kind `""`; None where tags do not pair."""
    tags = f"think|{tool_format.call_tag}" + ("|answer" if tool_format.answer_style == "tag" else "")
    found, at = [], 0
    for match in re.finditer(rf"<({tags})>((?:(?!</?(?:{tags})>).)*)</\1>", text, re.DOTALL):
        found += [("", text[at : match.start()]), (match[1], match[2])]
        at = match.end()
    found = [(kind, body) for kind, body in [*found, ("", text[at:])] if kind or body.strip()]
    outside = " ".join(body for kind, body in found if not kind)
    return None if re.search(rf"</?(?:{tags}|answer|information|tool_response)>", outside) else found


def _is_answer(parts: list[tuple[str, str]], tool_format: ToolFormat) -> bool:
    if len(parts) != 1:
        return False
    kind, body = parts[0]
    if tool_format.answer_style == "tag" or kind:
        return kind == "answer"
    if tool_format.answer_style == "boxed":
        boxed = last_boxed(body)
        return boxed is not None and not _is_blank(boxed) and body.rstrip().rstrip(".$").endswith("}")
    row = json_answer(body)
    if row is not None:
        answer = f"{answer_text(row)} {option_text(row)}"
        return bool(_ALONE.fullmatch(body.strip())) and (abstains(row) or not _is_blank(answer.strip()))
    draft = parse_draft(body, pieces={})
    return draft.abstained or (bool(draft.unknown) and not _is_blank(draft.text))


def _is_blank(text: str) -> bool:
    """Return whether a text says nothing: dots, brackets, or what a template puts where something belongs."""
    return bool(_NOTHING.fullmatch(text)) or bool(_TEMPLATE.fullmatch(text.strip(" .…<>[]{}\"'")))
