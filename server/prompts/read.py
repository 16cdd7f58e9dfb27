"""Read a request's text: the question, its options and the form that the answer is to have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...agent.parsing.options import letter
from .choices import Choices, read_choices, without_cue
from .context import plain_text, set_apart
from .form import closed_words, offered, read_form
from .objects import ASKS_JSON, example_in
from .phrases import phrases
from .pieces import CUE, greets, is_about_answer, is_instruction, lead, pieces, writes
from .prompt import Form, Prompt

_NAMES = r"(?:questions?|query|queries|sentence|event|description|moment|caption|text)"
_ASKED = phrases(
    rf"\b(?:{_NAMES}|happens|occurs)\b[^\n\"“.?!]{{0,60}}[:：]?\s*[\"“](?P<double>[^\"“”\n]{{3,600}})[\"”]",
    rf"\b(?:{_NAMES}|when|of)\s*[:：]? ['‘](?P<single>[^\n]{{3,600}}?)['’](?![\w’'])",
)
"""What is asked in quotation marks: `the question: "…"`, `the event described as "…"`."""
_AS_INDEX = re.compile(
    r"\b(?:index|indices|option\s+number|number\s+of\s+the\s+(?:\w+\s+){0,2}(?:option|choice|answer))\b", re.I
)
_FROM_ONE = re.compile(r"\b1\s*(?:,\s*2|-|to)\b", re.IGNORECASE)
_LETTERS = re.compile(r"\bletters?\b|\bA\s*,\s*B\b", re.IGNORECASE)
_BEHIND_COLON = re.compile(r"[\w\"'”’)\]}>][:：][ \t]+(?P<text>[^\n\"“”<>\[\]{}:：]{8,400})$", re.MULTILINE)
"""What stands behind the colon of an instruction, where nothing else is asked."""
_FINDS = phrases(
    r"\b(?:find|locate|determin\w+|start and end|starting and ending|answer the question)\b",
)
_CLOCK = re.compile(r"\bmm:ss\b", re.IGNORECASE)
_ASIDE = re.compile(
    r"\s*[(\[](?:in\s+)?(?:hh:)?mm:ss[)\]]|"
    r"[,;]?\s+(?:as|in)\s+(?:valid\s+|an?\s+)?(?:(?:hh:)?mm:ss|json)(?:\s+(?:format|object))?[,\s]*(?:please|pls)?(?=\W*$)",
    re.IGNORECASE,
)
"""How a question itself says how the answer is written: `at what time (mm:ss) …?`, `who is it, as JSON?`."""
_GOES_ON = phrases(
    r"\s+(?:is|are|was|were|gets?) "
    r"(?:said|spoken|heard|mentioned|read|written|shown|displayed|visible|seen|announced|sung)\b"
)
"""What stands behind quotation marks that are only a part of what is asked: `when "hello" is said`."""
_IN_QUOTES = re.compile(r"(?P<mark>[\"'])(?P<inside>[^\n\"]{3,600})(?P=mark)[.]?", re.DOTALL)
_PLAIN_NOUNS = frozenset(("option", "choice", "answer", "candidate"))
_ASKS = phrases(
    r"[?？]|^\W*(?:when|what|where|which|who|how|at|find|locate|tell|give|show|list|say|name|return|provide|output|"
    r"determine|identify|detect|please|can|could)\b",
)
_STATEMENT = "When does this happen: {}"
_FIND_WHEN = phrases(
    r"\W*(?:please )?(?:identify|find|detect|locate|localize|determine|spot|list|retrieve|give|tell) "
    r"(?:(?:me|all|every|each|any|of|the|exact|relevant|highlight|precise) ){0,4}"
    r"(?:moments?|times?|segments?|intervals?|instances?|occurrences?|timestamps?) "
    r"(?:when|where|(?:in|at|during) which)\b\s*"
)
"""A task that looks for when something happens, which stands behind it."""
_CLAIM = phrases(
    r"is (?:the |this )?(?:following )?(?:statement|claim|sentence|description|caption) (?:\w+ ){0,4}"
    r"(?:true|correct|right|accurate)\b"
    r"[^\"“\n]{0,40}\s*(?:[\"“](?P<claim>[^\"“”\n]{3,400})[\"”]\W*|"
    r"\n(?:statement|claim|sentence|description|caption)[:：] ?(?P<behind>[^\n]{3,400}))"
)


def read_prompt(text: str, *, system: str = "", response_format: Mapping[str, Any] | None = None) -> Prompt:
    """Take a request's text apart.

    Args:
        text: of the user's message; where it has several parts, joined by line ends.
        system: of the system message. It may say how the answer is to look; it asks only where the text is empty.
        response_format: as in a request of OpenAI's API.

    Raises:
        PromptError: if `response_format` has no form that can be kept to.
    """
    system = set_apart(plain_text(system))[0]
    body, context = set_apart(plain_text(text))
    if not body:
        body, system = system, ""
    choices = read_choices(body)
    before, after = (choices.before, choices.after) if choices else without_cue(body)
    question, told = _question(before, after)
    told = "\n".join(part for part in (system, told) if part)
    labels, options, lettered = _named(choices, told)
    if not options and response_format is None:
        question, words = offered(question)
        question = _as_claim(question, stated=bool(words))
        words = words or closed_words(told)
        labels, options = (words, words) if words else (labels, options)
        lettered = bool(words)
    says_how = _ASIDE.search(question) or _CLOCK.search(question)
    imperative = "" if re.search(r"[?？]", question) and not says_how else question
    question = _ASIDE.sub("", question).strip() or question
    form = read_form(
        f"{told}\n{imperative}", labels, question=question, lettered=lettered, response_format=response_format
    )
    if form.value in ("span", "spans", "time", "times"):
        question = _as_when(question, statement=form.value in ("span", "spans"))
    if form == Form() and question in body:  # no harness, but somebody who talks: "Look at the man. What does he hold?"
        question = _whole_lines(body, question)
    return Prompt(question=question, options=options, form=form, context=context)


def _as_claim(question: str, *, stated: bool) -> str:
    """A question whether a claim is true, where it stands in quotation marks, or alone in its place (`stated`)."""
    quoted = _CLAIM.fullmatch(question)
    if quoted is None and (not stated or re.search(r"[?？\n]", question)):
        return question
    claim = (quoted["claim"] or quoted["behind"] if quoted else question).strip().rstrip(".")
    return f"Is it true that {claim}?"


def _as_when(question: str, *, statement: bool) -> str:
    """What is looked for in time, asked for: a task to find when something happens, and a statement that is given."""
    task = _FIND_WHEN.match(question)
    if task and question[task.end() :].strip():
        return _STATEMENT.format(question[task.end() :])
    return _STATEMENT.format(question) if statement and not _ASKS.search(question) else question


def _named(choices: Choices | None, told: str) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """The labels of options, their texts, and whether a label is what is written."""
    if choices is None:
        return (), (), False
    if choices.labels:
        nouns = {noun.lower() for noun in (label.rpartition(" ")[0] for label in choices.labels) if noun}
        bare = nouns and (_LETTERS.search(told) or (nouns <= _PLAIN_NOUNS and not choices.labels[0][-1].isdigit()))
        labels = tuple(label.rpartition(" ")[2] if bare else label for label in choices.labels)
        return labels, choices.texts, True
    if _AS_INDEX.search(told):
        first = 1 if _FROM_ONE.search(told) else 0
        return tuple(str(first + i) for i in range(len(choices.texts))), choices.texts, True
    labels = tuple(letter(i) for i in range(len(choices.texts)))
    return labels, choices.texts, bool(_LETTERS.search(told))


def _question(before: str, after: str) -> tuple[str, str]:
    """What is asked, and what is said of the answer, in what stands before and behind the options."""
    (before, shown), (after, also) = _without_example(before), _without_example(after)
    said = f"{before}\n{after}".strip()
    quoted = next((found for found in _ASKED.finditer(said) if not _looks_like_form(said, found)), None)
    labels = _labels(before)
    if labels:
        question, instructions = _parted(before[labels[-1] :])
        told = "\n".join((before[: labels[-1]], instructions, after))
        question = question or before[labels[-1] :].strip()
        inside = _IN_QUOTES.fullmatch(question)
        question = inside["inside"] if inside else question
    elif quoted and _only_frames(said, quoted):
        question = (quoted["double"] or quoted["single"]).strip()
        told = f"{said[: quoted.start()]} {said[quoted.end() :]}"
    else:
        question = _parted(_without_preamble(before))[0]
        behind, more = _parted(after)
        told = "\n".join((_parted(before)[1], more, behind))
        question = question or behind  # behind options stands what asks only where nothing stands before them
        behind_colon = None if question else _BEHIND_COLON.search(told)
        question = behind_colon["text"].strip() if behind_colon else question
    if len(question.split()) < 2 and not re.search(r"[?？]|[^\x00-\x7f]", question):
        question = _without_cues(before) or _without_cues(said)
    return question, "\n".join(part for part in (told, shown, also) if part)


def _without_example(text: str) -> tuple[str, str]:
    """A text without the example of JSON that it shows, and this."""
    place = example_in(text) if ASKS_JSON.search(text) else None
    if place is None:
        return text, ""
    start, end = place
    lead_in = text[text.rfind("\n", 0, start) + 1 : start][-40:]
    return re.sub(r"```(?:json)?\s*```", "", text[:start] + text[end:]), f"JSON: {lead_in}{text[start:end]}"


def _labels(text: str) -> list[int]:
    """Where questions begin behind a label, in order."""
    found, at = [], 0
    for piece in pieces(text):
        label = lead(piece)
        if label is not None and text[at + len(label) :].strip():
            found.append(at + len(label))
        at += len(piece)
    return found


def _only_frames(text: str, quoted: re.Match[str]) -> bool:
    """Return whether what stands around a quotation asks for nothing by itself: it is about the answer."""
    piece = next((one for one in pieces(text) if quoted[0] in one), quoted[0])
    if _GOES_ON.match(text, quoted.end()):
        return False
    around = piece.replace(quoted["double"] or quoted["single"], "…")
    return is_instruction(around) or (bool(_FINDS.search(around)) and "?" not in around)


def _looks_like_form(text: str, quoted: re.Match[str]) -> bool:
    return bool(
        re.search(
            r"\b(?:format|form|example|e\.g\.|such\s+as|exactly|like)\b",
            text[max(0, quoted.start() - 40) : quoted.end() - len(quoted[quoted.lastgroup or 0])],
            re.I,
        )
    )


def _parted(text: str) -> tuple[str, str]:
    """The pieces of a text that ask, as they are separated in it, and those that are instructions."""
    asks, tells = "", ""
    for piece in pieces(text):
        if is_instruction(piece) or not re.search(r"[^\W\d_]|[?？]", piece):
            tells += piece
        else:
            asks += piece
    return asks.strip(), tells.strip()


def _whole_lines(text: str, part: str) -> str:
    """A part of a text with the lines in which it stands but for greetings, where these do not tell how to write."""
    start, end = text.index(part), text.index(part) + len(part)
    before, behind = text[text.rfind("\n", 0, start) + 1 : start], text[end:].partition("\n")[0]
    around = [[piece for piece in pieces(rest) if not greets(piece)] for rest in (before, behind)]
    if any(writes(piece) or lead(piece) for rest in around for piece in rest):
        return part
    return "".join([*around[0], part, *around[1]]).strip()


def _without_preamble(text: str) -> str:
    """A text without the paragraphs before the one that asks, where they begin with an instruction."""
    *preamble, last = re.split(r"\n[ \t]*\n", text)
    if not preamble or not re.search(r"[?？]", last):
        return text
    return "\n\n".join(
        [one for one in preamble if re.search(r"[?？]", one) or not is_instruction(pieces(one)[0])] + [last]
    )


def _without_cues(text: str) -> str:
    """A text without what opens an answer or is about nothing but the answer; all of it where nothing is left."""
    kept = [piece for piece in pieces(text) if not CUE.match(piece.strip())]
    return "".join([piece for piece in kept if not is_about_answer(piece)] or kept).strip()
