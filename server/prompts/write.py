"""Write an answer in the form that a prompt wants."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...agent.answer import Answer
from ...agent.parsing.options import letter, letters_in
from ...agent.text_matching import numbers
from ...memory import Box, Span
from ...training.rewards.extraction import ranges
from .filler import Filler
from .prompt import Form, Prompt
from .roles import role_of

_ROUNDING = 0.0501


def write_answer(answer: Answer, prompt: Prompt, *, picture: tuple[int, int] | None = None) -> str:
    """The text of a reply that holds an answer in the form that was asked for.

    An answer that abstains is written as its reason where words are wanted; else it is empty, unless the prompt demands
    an answer from everybody, or a schema has no empty value: then an option is guessed, the same for the same question
    each time.

    Args:
        answer: of the agent.
        prompt: as `read_prompt` gives it.
        picture: width and height of the video's picture, for boxes in pixels; without them those are fractions.
    """
    form = prompt.form
    if form.schema is not None:
        filled = Filler(form.schema, _facts(answer, prompt, picture)).whole()
        return _tagged(json.dumps(filled, ensure_ascii=False), prompt, answer, picture)
    return _tagged(_body(answer, prompt, picture), prompt, answer, picture)


def _tagged(body: str, prompt: Prompt, answer: Answer, picture: tuple[int, int] | None) -> str:
    """The body between the tags that are wanted; of several, each holds what its name says."""
    tags = prompt.form.tags
    if not tags:
        return body
    sign = re.compile(rf"</?\s*(?:{'|'.join(map(re.escape, tags))})\b[^<>]*>", re.IGNORECASE)
    body = _without(sign, body)  # words from a video must not end the tag that they stand in
    if len(tags) == 1:
        return f"<{tags[0]}>{body}</{tags[0]}>"
    facts = _facts(answer, prompt, picture)
    if _has_place(tags):  # the tag for the place holds it, so that the one for the answer has words
        body = _chosen(answer, prompt) if prompt.options else "" if answer.abstained else answer.text.strip()
        facts |= {"time": facts["span"]} if prompt.form.value in ("span", "spans") else {}
    schema = {"type": "object", "properties": {tag: {"type": "string"} for tag in tags}, "required": list(tags)}
    found = Filler(schema, facts | {"answer": body}).fill(schema)
    return "\n".join(f"<{tag}>{_without(sign, found[tag])}</{tag}>" for tag in tags)


def _without(sign: re.Pattern[str], text: str) -> str:
    """A text without what matches, also where that comes together once something is taken out."""
    while (shorter := sign.sub("", text)) != text:
        text = shorter
    return text


def _within(text: str, sentence: str) -> str:
    """Words that cannot be taken for the sentence that is put around them."""
    lead = sentence.format(value="\0").partition("\0")[0].strip()
    if lead:
        anywhere = re.escape(lead) if not lead[-1].isalnum() else rf"\A\s*{re.escape(lead)}\b"
        text = _without(re.compile(anywhere, re.IGNORECASE), text)
    depths = list(itertools.accumulate((sign == "{") - (sign == "}") for sign in text))
    if lead.endswith("{") and depths and (min(depths) < 0 or depths[-1]):
        text = text.replace("{", "").replace("}", "")
    return " ".join(text.split())


def _has_place(names: Iterable[str]) -> bool:
    """Return whether one of the keys or tags is for a place, so that another one is for the answer in words."""
    return any(role_of(name) in ("span", "time", "start", "end", "box", "evidence") for name in names)


def _body(answer: Answer, prompt: Prompt, picture: tuple[int, int] | None) -> str:
    form = prompt.form
    if answer.abstained and form.unknown and not form.demanded:
        return form.unknown
    if form.value in ("span", "spans"):
        return _spans(spans_of(answer), form)
    if form.value in ("choice", "choices", "order"):
        written = _chosen(answer, prompt)
    elif form.value == "number":
        written = _number(answer)
    elif form.value == "times":
        spans = spans_of(answer)
        if not form.clock:
            return json.dumps([_seconds(span.start) for span in spans]) if spans else ""
        written = ", ".join(time_text(span.start, form) for span in spans)
    elif form.value == "time":
        written = next((time_text(span.start, form) for span in spans_of(answer)), "")
    elif form.value in ("box", "boxes"):
        boxes = [_box(box, form, picture) for box in boxes_of(answer)]
        return json.dumps(boxes if form.value == "boxes" else boxes[0]) if boxes else ""
    else:
        written = answer.text.strip()
        short = form.hint and "sentence" not in form.hint and "detail" not in form.hint
        written = written.rstrip(".") if short and "." not in written.rstrip(".") else written
        written = _within(written, form.sentence) if form.sentence else written
    return form.sentence.format(value=written) if form.sentence and written else written


def _chosen(answer: Answer, prompt: Prompt) -> str:
    found = [_shown(index, prompt) for index in chosen(answer, prompt)]
    return (prompt.form.joint if prompt.form.shows == "label" else "\n").join(found)


def chosen(answer: Answer, prompt: Prompt) -> list[int]:
    """The indices of the options that an answer chooses; a guess where it chooses none and the prompt demands one."""
    form, count = prompt.form, len(prompt.options)
    found: Sequence[str] = () if answer.abstained else (answer.option,) if answer.option else ()
    if not answer.abstained and (form.value in ("choices", "order") or not found):
        written = letters_in(answer.text, prompt.options)
        several = form.value in ("choices", "order")
        found = written if several and len(written) > len(found) else found or (written if len(written) == 1 else ())
        if form.value == "order" and len(found) > 1:
            found = sorted(found, key=lambda one: _place(answer.text, one, prompt))
    indices = [ord(one) - ord("A") for one in found]
    if not indices and form.demanded and count:
        indices = [guess(prompt)]
    return [index for index in indices if index < max(count, 1)]


def guess(prompt: Prompt) -> int:
    """An option at random, the same each time for one question."""
    seed = hashlib.sha256("\n".join((prompt.question, *prompt.options)).encode()).digest()
    return int.from_bytes(seed[:8], "big") % len(prompt.options)


def _place(text: str, one: str, prompt: Prompt) -> int:
    option = prompt.options[ord(one) - ord("A")]
    places = [text.find(option), *(text.find(form) for form in (f"{one})", f"{one}.", f"{one},", one))]
    return min((place for place in places if place >= 0), default=len(text))


def _shown(index: int, prompt: Prompt) -> str:
    form = prompt.form
    label = form.labels[index] if index < len(form.labels) else letter(index)
    if form.shows == "label":
        return label
    return prompt.options[index] if form.shows == "text" else f"{label}. {prompt.options[index]}"


def _number(answer: Answer) -> str:
    if answer.abstained:
        return ""
    found = numbers(answer.text)
    return "" if not found else f"{next(iter(found)):g}"


def spans_of(answer: Answer) -> list[Span]:
    """The spans that an answer claims: those that its text names and its evidence meets, else those of its evidence.

    Without any evidence those that its text names. Spans are in seconds; one without length is one moment.
    """
    if answer.abstained:
        return []
    named = [Span(start, end) for start, end in ranges(answer.text) if start < end]
    cited = list(dict.fromkeys(answer.spans))
    met = [
        next((one for one in cited if _rounded(span, one)), span)
        for span in named
        if any(span.overlap(one) > 0 or span.contains(one.start) for one in cited)
    ]
    lasting = [span for span in cited if span.duration > 0]
    return met or lasting or cited or named


def _rounded(named: Span, cited: Span) -> bool:
    """Return whether a span that a text names is one of the evidence, rounded to tenths of a second."""
    return max(abs(named.start - cited.start), abs(named.end - cited.end)) <= _ROUNDING


def boxes_of(answer: Answer) -> list[Box]:
    """The boxes of an answer's evidence, each once; none where it abstains."""
    return [] if answer.abstained else list(dict.fromkeys(answer.boxes))


def _spans(spans: Sequence[Span], form: Form) -> str:
    if not spans:
        return ""
    texts = [(time_text(span.start, form), time_text(span.end, form, up=True)) for span in spans]
    if form.value == "spans" and not form.sentence:
        if form.clock:
            return ", ".join(f"{start} - {end}" for start, end in texts)
        return json.dumps([[_seconds(span.start), _seconds(span.end)] for span in spans])
    sentence = form.sentence or ("{start} - {end}" if form.clock else "{start} - {end} seconds")
    kept = texts if form.value == "spans" else texts[:1]
    if "{value}" in sentence:
        return sentence.format(value=", ".join(f"{start} - {end}" for start, end in kept))
    return "\n".join(sentence.format(start=start, end=end) for start, end in kept)


def time_text(seconds: float, form: Form, *, up: bool = False) -> str:
    """A time as the form wants it; a clock's whole seconds are rounded down, for the end of a span (`up`) up."""
    if not form.clock:
        return str(_seconds(seconds))
    whole = max(0, math.ceil(seconds - 1e-6) if up else math.floor(seconds))
    hours, rest = divmod(whole, 3600)
    if form.clock == "hh:mm:ss":
        return f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{whole // 60:02d}:{whole % 60:02d}"


def _seconds(seconds: float) -> float:
    return round(float(seconds), 2)


def _box(box: Box, form: Form, picture: tuple[int, int] | None) -> list[float | int]:
    """Left, top, right and bottom, or left, top, width and height, in the form's unit."""
    left, top, right, bottom = box
    sides = (left, top, right - left, bottom - top) if form.sized else (left, top, right, bottom)
    if form.box == "pixel" and picture:
        return [round(side * picture[n % 2]) for n, side in enumerate(sides)]
    if form.box == "thousandth":
        return [round(side * 1000) for side in sides]
    return [round(side * 100, 2) if form.box == "percent" else round(side, 4) for side in sides]


def _facts(answer: Answer, prompt: Prompt, picture: tuple[int, int] | None) -> dict[str, Any]:
    """What JSON and tags are filled with, by the roles of `roles.role_of`."""
    form = prompt.form
    spans, number = spans_of(answer), _number(answer)
    boxes = [_box(box, form, picture) for box in boxes_of(answer)]
    times = [[_time(span.start, form), _time(span.end, form, up=True)] for span in spans]
    texts = [f"{start} - {end}" for start, end in times]
    first = times[0] if times else [None, None]
    indices = chosen(answer, prompt) if prompt.options else []
    labels = [form.labels[i] if i < len(form.labels) else letter(i) for i in indices]
    shown = [_shown(i, prompt) for i in indices]
    evidence = [e.quote or e.claim for e in answer.evidence]
    says: Any = form.joint.join(shown) if prompt.options else answer.text.strip()
    listed: list[Any] = shown if prompt.options else [says] if says else []
    if form.value in ("span", "spans", "number", "time") and not _has_place(
        (form.schema or {}).get("properties") or ()
    ):
        says = _body(answer, prompt, picture)
        listed = first if times and form.value == "span" else [says] if says else []
    rows = [_row(start, end, text) for (start, end), text in zip(times, texts, strict=True)]
    if boxes and (form.value in ("box", "boxes") or "box" in map(role_of, _keys(form.schema))):
        rows = [_box_row(e.span, e.box, form, picture) for e in answer.evidence if e.box]
    return {
        "answer": says, "answer_list": listed,
        "choice": form.joint.join(labels), "choice_list": labels,
        "guess": form.labels[guess(prompt)] if form.labels else None,
        "names": [*labels, *(prompt.options[i] for i in indices)],
        "start": first[0], "end": first[1], "time": first[0], "time_list": [start for start, _ in times],
        "span": texts[0] if texts else "", "span_list": first if times else [], "span_texts": texts,
        "box": boxes[0] if boxes else None, "rows": rows,
        "number": float(number) if number else None,
        "confidence": round(answer.confidence, 3), "abstained": answer.abstained,
        "evidence": "; ".join(evidence), "evidence_list": evidence,
        "why": "; ".join(evidence) or (answer.text if answer.abstained else ""), "thought": "",
        "question": prompt.question,
    }  # fmt: skip


def _keys(schema: Any) -> Iterator[str]:
    """The keys of the objects that a schema describes, however deep they lie in it."""
    if isinstance(schema, Mapping):
        for name, value in schema.items():
            if name in ("properties", "$defs", "definitions"):
                yield from value
            yield from _keys(value)
    elif isinstance(schema, (list, tuple)):
        for value in schema:
            yield from _keys(value)


def _row(start: float | str, end: float | str, text: str) -> dict[str, Any]:
    """What one span fills one object of a list with."""
    pair = [start, end]
    return {
        "start": start,
        "end": end,
        "time": start,
        "span": text,
        "span_list": pair,
        "span_texts": pair,
        "answer_list": pair,
    }


def _box_row(span: Span | None, box: Box, form: Form, picture: tuple[int, int] | None) -> dict[str, Any]:
    """What one cited region fills one object of a list with."""
    sides = _box(box, form, picture)
    start, end = (None, None) if span is None else (_time(span.start, form), _time(span.end, form, up=True))
    return {"start": start, "end": end, "span": [start, end], "span_list": [start, end], "time": start,
            "box": sides, "box_list": sides, "answer_list": sides}  # fmt: skip


def _time(seconds: float, form: Form, *, up: bool = False) -> float | str:
    return time_text(seconds, form, up=up) if form.clock else _seconds(seconds)
