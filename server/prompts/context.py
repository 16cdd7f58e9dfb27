"""Set apart what a prompt gives beside its question: placeholders of media, marks of chat templates, subtitles."""

from __future__ import annotations

import re

from .pieces import is_instruction, label_of

_TEMPLATE = re.compile(
    r"\[UNUSED_TOKEN_\d+\](?:(?:user|assistant|system)\b)?|<\|?(?:im_start|im_end|start_header_id|end_header_id|"
    r"eot_id)\|?>"
    r"(?:(?:user|assistant|system)\b)?|<\|(?:vision_start|vision_end|image_pad|video_pad|image|video|user|assistant)\|>"
    r"|\[/?INST\]|<(?:start|end)_of_turn>(?:(?:user|model)\b)?"
)
_MEDIA = re.compile(
    r"</?(?:image|video|audio|img|vid|frame|image_placeholder|ImageHere)(?:[ _-]?\d{1,4})?\s?/?>", re.IGNORECASE
)
_NAMED_MEDIA = re.compile(
    r"^[ \t]*(?:frame|image|picture|video|clip)[ _-]?\d{1,4}[ \t]*[:：][ \t]*(?:\n|$)", re.I | re.M
)
"""A line that only names a picture which was sent: `Frame1:`."""
_MANY_MEDIA = 2
_CUE = re.compile(
    r"(?:^|(?<=[.!?] ))[ \t>*_#\[(]{0,6}(?:[^\n.:?]{0,80}\b)?(?:subtitles?|transcripts?|transcription|"
    r"closed captions|speech|dialogues?|"
    r"narrations?|asr)\b[^\n.:?]{0,60}[:：][*_ \t\])]*",
    re.IGNORECASE | re.MULTILINE,
)
"""A line, or the beginning of one, after which subtitles stand."""
_TIMED = re.compile(
    r"^[ \t]*(?:\d{1,6}[ \t]*\n[ \t]*)?[\[(<]?(?:\d{1,4}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?|"
    r"\d{1,6}(?:\.\d{1,3})?\s?s)[^\n\w]{1,12}"
    r"(?:(?:\d{1,4}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?|\d{1,6}(?:\.\d{1,3})?\s?s)[\])>]?)?[^\n?]{0,400}$",
    re.MULTILINE,
)
"""A line that begins with a time of a clock, as those of subtitles do."""


_WRAPPED = (
    (re.compile(r"<(?:question|query)>\s*", re.IGNORECASE), "\nQuestion: "),
    (re.compile(r"<(?:options|choices|candidates)>\s*", re.IGNORECASE), "\nOptions:\n"),
    (re.compile(r"(?<!\s)\s*</(?:question|query|options|choices|candidates)>", re.IGNORECASE), "\n"),
)
_BLANKS = re.compile(r"(?<![ \t\n])[ \t]+(?=\n)|(?<![ \t\n])[ \t]{2,}|(?<=\n)[ \t]{12,}")
_BLANK_LINES = re.compile(r"\n{3,}")
_LONGEST = 24_000
"""Characters that are searched for what is asked, a third of them at the beginning."""
_CUT = "\ue000"
"""Stands for lines that were taken out of the middle; a character of the private use area."""
_SOFT_BREAK = re.compile(r"(?m)^([^\n]{60,400}[a-z,])[ \t]*\n(?=[a-z])")
"""A line end inside a sentence, where a prompt was wrapped."""
_ASKS = re.compile(r"[?？]|^[ \t]*[(\[]?[B1][.):\]]", re.MULTILINE)
"""What a question has, or options."""


def plain_text(text: str) -> str:
    """The text without marks of chat templates, with plain line ends."""
    text = _TEMPLATE.sub("", text.replace(_CUT, " ").replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " "))
    text = _BLANK_LINES.sub("\n\n", _BLANKS.sub(" ", text))
    for pattern, plain in _WRAPPED:
        text = pattern.sub(plain, text)
    return _SOFT_BREAK.sub(r"\g<1> ", text)


def set_apart(text: str) -> tuple[str, str]:
    """A text without placeholders of media, in two: what asks, and what is only given beside it.

    What is given: subtitles behind a line that announces them, up to the next instruction or the question; lines that
    begin with times; and words between placeholders of media.
    """
    text, middle = _without_middle(text)
    text, between = _without_media(text)
    found = [between] if between else []
    cue = next((cue for cue in _CUE.finditer(text) if not label_of(cue[0])), None)
    if cue:
        end = _end_of_context(text, cue.end())
        found.append(text[cue.end() : end].strip().strip('"').strip())
        text = f"{text[: cue.start()]}\n{text[end:]}"
    timed = list(_TIMED.finditer(text))
    if len(timed) > 2:
        found.append("\n".join(line[0].strip() for line in timed))
        text = _TIMED.sub("", text)
    context = "\n".join(part for part in found if part)
    if middle:
        context = context.replace(_CUT, middle) if _CUT in context else f"{context}\n{middle}".strip()
        text = text.replace(_CUT, "\n")
    return text.strip(), context


def _without_middle(text: str) -> tuple[str, str]:
    """A long text with a mark instead of the lines in its middle, and these: what asks stands at one of its ends."""
    if len(text) <= _LONGEST:
        return text, ""
    start = text.rfind("\n", 0, _LONGEST // 3) + 1 or _LONGEST // 3
    end = text.find("\n", len(text) - _LONGEST * 2 // 3)
    end = end if 0 <= end < len(text) - _LONGEST // 3 else len(text) - _LONGEST * 2 // 3
    return f"{text[:start]}{_CUT}{text[end:]}", text[start:end].strip()


def _without_media(text: str) -> tuple[str, str]:
    marks = list(_MEDIA.finditer(text))
    between = ""
    if len(marks) > _MANY_MEDIA:
        inside = text[marks[0].end() : marks[-1].start()]
        words = [part.strip() for part in _MEDIA.split(inside)]
        spoken = [
            part for part in words if len(part.split()) > 1 and not re.fullmatch(r"[\w ]{0,20}\d{1,4}[:.]?", part)
        ]
        if spoken and len(spoken) * 3 > len(words) and "?" not in spoken[-1]:
            between = "\n".join(spoken)
            text = f"{text[: marks[0].start()]}\n{text[marks[-1].end() :]}"
    return _NAMED_MEDIA.sub("", _MEDIA.sub(" ", text)), between


def _end_of_context(text: str, start: int) -> int:
    """Where subtitles end that begin at `start`: at their closing quotation mark, an instruction, or the question."""
    begin = start + len(text[start:]) - len(text[start:].lstrip())
    if text[begin : begin + 1] == '"':
        closing = re.compile(r'"[ \t]*(?:\n|$)').search(text, begin + 1)
        if closing:
            return closing.end()
    at, end = text.find("\n", begin), len(text)
    while at >= 0:
        line = text[at + 1 : text.find("\n", at + 1) if "\n" in text[at + 1 :] else len(text)]
        if label_of(line):
            return at
        if is_instruction(line):
            end = at
            break
        at = text.find("\n", at + 1)
    if _ASKS.search(text, end):
        return end
    asks = [match.start() for match in re.finditer(r"\n[^\n]*[?？]", text[begin:end])]
    if asks:
        return begin + asks[-1]
    paragraphs = [match.end() for match in re.finditer(r"\n[ \t]*\n", text[begin:end])]
    return begin + paragraphs[-1] if paragraphs else end
