"""The one parser of a model's reply, for the loop and for the rewards: thoughts, calls, answer, option.

Thoughts are split off first (`thoughts`), then calls and the answer are found by their tags, as JSON (`final_json`) or
in plain words; options are read by `options`, citations by `citations`, and the draft with its evidence by `draft`.
Nothing here raises, whatever was written, and every step is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from .citations import without_citations
from .final_json import answer_text, object_in, option_text
from .options import letters_in
from .thoughts import split_thoughts

_PLACE = re.compile(r"\(?\bvideo:[\w-]{1,64}(?:#[\w.,:&=%-]{0,200})?\)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply, taken apart."""

    text: str
    """All of it but the thoughts."""
    thought: str
    calls: tuple[str, ...]
    """What stands in each pair of call tags; the last one may be cut off."""
    answer: str | None
    """What stands in the last answer tags."""
    rest: str
    """The words outside all tags."""

    @property
    def row(self) -> dict[str, Any] | None:
        """The JSON object that the reply is; None where it is none."""
        return object_in(self.text)

    @property
    def words(self) -> str:
        """Return what stands in the last answer tags, else in the last box, else outside of thoughts and calls."""
        if self.answer is not None:
            return self.answer
        boxed = last_boxed(self.rest)
        return self.rest if boxed is None else boxed

    def written(self, lines: Container[int] | None = None) -> str:
        """Return the answer in the model's own words; empty where the reply is a thought or a call only.

        Citations of `lines` are taken out; with None brackets are words like any other.
        """
        row = self.row
        return without_citations(answer_text(row) if row is not None and "answer" in row else self.words, lines)

    def letters(self, options: Sequence[str], lines: Container[int] | None = None) -> tuple[str, ...]:
        """Return the letters of the options that the reply chooses: of its JSON, its answer tags, or its words."""
        row = self.row
        if row is not None and "answer" in row:
            return row_letters(row, options, lines)
        return letters_in(without_places(self.written(lines)), options)


def parse_reply(text: str, call_tag: str = "(?:tool_call|tool)") -> Reply:
    """Split `text` at its thoughts, `<answer>` and `<call_tag>`.

    Thoughts are what `split_thoughts` takes for them, calls and answers in them included. Calls and answers end at
    their own closing tag, where the next tag opens, or with the text. What follows the last answer is dropped.
    """
    split = split_thoughts(text)
    more = split_thoughts(split.reply)  # thoughts in tags, and then such under a heading
    text, kind, start = more.reply, "", 0
    found: list[tuple[str, str]] = []
    for mark in re.finditer(rf"<(/?)(answer|{call_tag})>", text, re.IGNORECASE):
        closes, tag = bool(mark[1]), mark[2].lower()
        if kind and closes and tag != kind:
            continue  # a stray closing tag inside a call or an answer
        found.append((kind, text[start : mark.start()].strip()))
        kind, start = ("" if closes else tag), mark.end()
    found.append((kind, text[start:].strip()))
    answers = [n for n, (kind, _) in enumerate(found) if kind == "answer"]
    found = found[: answers[-1] + 1] if answers else found
    return Reply(
        text=more.reply,
        thought="\n".join(filter(None, (split.thought, more.thought))),
        calls=tuple(words for kind, words in found if kind not in ("", "answer")),
        answer=found[-1][1] if answers else None,
        rest="\n".join(words for kind, words in found if not kind and words),
    )


def row_letters(row: dict[str, Any], options: Sequence[str], lines: Container[int] | None) -> tuple[str, ...]:
    """The letters that a JSON answer chooses: those of its `option`, or of its answer where that names none."""
    answer = without_places(without_citations(answer_text(row), lines))
    return letters_in(option_text(row), options) or letters_in(answer, options)


def without_places(text: str) -> str:
    """A text without media URIs, whose letters choose nothing."""
    return _PLACE.sub("", text)


def last_boxed(text: str) -> str | None:
    r"""Return what stands in the last `\boxed{…}`, without a `\text{…}` around it; None where there is none."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, body = 1, text[start + len("\\boxed{") :]
    for n, here in enumerate(body):
        depth += (here == "{") - (here == "}")
        if depth == 0:
            body = body[:n]
            break
    body = body.strip()
    return body[len("\\text{") : -1].strip() if body.startswith("\\text{") and body.endswith("}") else body
