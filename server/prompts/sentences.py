"""The sentence in which a prompt wants its answer, as a template, such as `It happens in {start} - {end} seconds`."""

from __future__ import annotations

import re

_QUOTED = re.compile(
    r"[\"“](?P<a>[^\"“”\n]{3,300})[\"”]|(?<!\w)['‘](?P<b>[^\n]{3,300}?)['’](?!\w)|`(?P<c>[^`\n]{3,300})`"
)
_FORMAT = re.compile(
    r"\b(?:format(?:ted)?|form|template|structure|style|pattern|follows|exactly|output|sentence|example|e\.g\.|"
    r"i\.e\.|like|with|say|write|as)\b"
    r"[^\n\"“'‘`]{0,80}$",
    re.IGNORECASE,
)
"""What stands before a quoted sentence that is a form of the answer."""
_BEHIND = re.compile(
    r"\b(?:format|form|template|(?:finally|then|only)\s+output|exactly\s+like|(?:end|conclude|finish|close)\s+with|as\s+follows|"
    r"exactly\s+as)\b[^\n:：]{0,60}[:：](?!\w\w\b)\s*(?P<d>[^\n]{3,300})",
    re.IGNORECASE,
)
"""A form that stands behind a colon, without quotation marks."""
_NUMBER = (
    r"\d{1,5}(?::\d{2}){1,2}(?:\.\d{1,3})?|\d{1,6}(?:\.\d{1,3})?"
    r"|\bx{1,3}(?:\.x{1,2})?(?![\w'])|(?:hh:)?mm:ss(?:\.\w{1,3})?"
)
_OPEN, _SHUT = r"(?P<{0}o>[<\[({{$]{{0,2}})", r"(?P<{0}c>[>\])}}]{{0,2}})"
_PLACE = (
    r"(?:the\s+|predicted\s+)?(?:%s)(?:[_\s-]?(?:time|timestamp)s?|[_-]?sec(?:ond)?s?)?"
    r"(?:[_\s]?(?:\d|in[_\s]seconds|\(s\)))?(?![\w'])"
)
_START = _PLACE % r"start(?:ing)?|begin(?:ning)?|t_?start|from|(?-i:[sS]|T)" + rf"|t_?s\b|t_?[01]\b|{_NUMBER}"
_END = _PLACE % r"end(?:ing)?|finish|stop|t_?end|to|(?-i:[eE])" + rf"|t_?e\b|t_?[12]\b|{_NUMBER}"
_PAIR = re.compile(
    rf"{_OPEN.format('s')}(?<!\w)(?P<start>{_START}){_SHUT.format('s')}(?P<unit>\s*(?:s|secs?|seconds?)\b)?"
    rf"(?P<joint>\s*(?:-|–|—|~|→|,|;|\bto\b|\band\b|\buntil\b|\btill\b)\s*(?:ends?\s+at\s+|at\s+)?)"
    rf"{_OPEN.format('e')}(?P<end>{_END}){_SHUT.format('e')}",
    re.IGNORECASE,
)
_MORE_PAIRS = re.compile(rf"(?:\s*,?\s*(?:and\s+)?{re.sub(r'[?]P<[a-z]+>', '?:', _PAIR.pattern)})+", re.IGNORECASE)
"""Further pairs behind the first one: a form, or an example, of several spans."""
_SLOT = re.compile(
    r"(?P<lead>(?:\b(?:is|be|are|in|at|times?|count|occurs|happens)|[:：=])\s*)(?P<open>[<\[({$*]{0,2})"
    r"(?P<slot>(?:\b(?:the|your|final|correct|best|selected|chosen|predicted|option|answer|single)\s+){0,4}"
    r"\b(?:letter|answer|option|choice|label|number|integer|count|value|response|timestamp|time|seconds?|digit|"
    r"index|X{1,3}|N|n)(?:[_ ](?:letter|here|label|id|number))?\b"
    r"|[A-H](?:\s?[/|]\s?[A-H])+|[A-H](?![\w'])|\.{3}|…|_{2,})(?P<close>[>\])}$*]{0,2})(?P<rest>[.\s]*)$",
    re.IGNORECASE,
)
_BRACKETED = re.compile(
    r"\b(?:hh:)?mm:ss\s?(?:-|–|to)\s?(?:hh:)?mm:ss\b|"
    r"(?<![\[(])(?<!\],)(?<!\],\s)[\[(]\s?(?:start|begin|t_?start|s|t1)\w{0,12}\s?,\s?(?:end|t_?end|e|t2)\w{0,12}\s?[\])]",
    re.I,
)
_BOTH = re.compile(r"<[^<>\n]{0,20}(?:number|letter|label)>\W{1,3}<[^<>\n]{0,20}(?:text|content)>")
"""Two places for one option: its label and its text."""
_WRAPPED = re.compile(
    r"(?P<open><<|\[\[|\(\(|\*\*|[(\[])(?:X|N|[A-H]|(?:the )?letter|option)(?P<close>>>|\]\]|\)\)|\*\*|[)\]])",
    re.IGNORECASE,
)
"""Brackets around the answer alone, as `(X)` or `<<A>>`."""
_SHOWS_WRAPPED = re.compile(
    r"\b(?:e\.g\.|example|like|as|format|brackets)[^\n\"'“‘`(\[<]{0,20}(?P<shown>(?:<<|\[\[|\(\()[A-HX](?:>>|\]\]|\)\)))"
)
_TOLD_OF = re.compile(r"[,:]\s*<?(?:event\s+)?(?:description|caption|sentence)>?\W*$", re.IGNORECASE)
"""A place behind a span for words about it, which are not written."""
_DRESS = re.compile(r"\\boxed\s?\{")
_SECONDS = re.compile(r"\A\s*(?:s|secs?|seconds?)\b")


def read_sentence(text: str, *, spans: bool) -> str:
    """The template of the sentence that a prompt wants, with `{start}` and `{end}`, or `{value}`; empty without one.

    A form of several spans has `{value}` for all of them.

    Of several forms the first is taken; where an example has a unit behind the times that the form leaves out, it is
    written too.
    """
    forms = _forms(text)
    if spans:
        found = [template for form in forms if (template := _pair(form))]
        if found:
            bare = found[0].endswith(("{end}", "{value}"))
            unit = bare and any(re.search(r"\{(?:end|value)\}\s*seconds", other) for other in found[1:])
            unit = unit or (bare and bool(re.search(r"\d(?:\.\d)?\s*(?:-|to|and)\s*\d[\d.]*\s*seconds", text)))
            return f"{found[0]} seconds." if unit else found[0]
        return ""
    found = [template for form in forms if (template := _slot(form))]
    if found:
        return found[0]
    shown = _SHOWS_WRAPPED.search(text)
    if shown:
        return _wrapped(shown["shown"])
    return "\\boxed{{{value}}}" if _DRESS.search(text) else ""


def _forms(text: str) -> list[str]:
    found: list[tuple[int, str]] = []
    for match in _QUOTED.finditer(text):
        if _FORMAT.search(text[max(0, match.start() - 100) : match.start()]):
            found.append((match.start(), next(filter(None, match.group("a", "b", "c")))))
    taken = [place for place, _ in found]
    for match in _BEHIND.finditer(text):
        if not any(match.start("d") - 1 <= place <= match.end("d") for place in taken):
            found.append((match.start("d"), match["d"].strip().strip("'\"`").removesuffix(".")))
    found += [(match.start(), match[0]) for match in _BRACKETED.finditer(text)]
    return [_BOTH.sub("<answer>", form) for _, form in sorted(found)]


def _pair(form: str) -> str:
    match = _PAIR.search(form)
    if match is None or (match["joint"].strip() == "," and re.match(r"\s*,\s*\d", form[match.end() :])):
        return ""  # no span, or a row of numbers
    more = _MORE_PAIRS.match(form, match.end())
    if more:
        return f"{_bare(form[: match.start()])}{{value}}{_bare(form[more.end() :])}"
    before, behind = form[: match.start()], _TOLD_OF.sub("", form[match.end() :])
    opened, closed = match["so"], match["ec"]
    alone = bool(match["sc"]) and bool(match["eo"])  # brackets around each: placeholders
    keeps = not alone and opened.strip("<{$") and closed.strip(">}")
    open_, close = (opened, closed) if keeps else ("", "")
    unit = match["unit"] or ""
    template = f"{_bare(before)}{open_}{{start}}{unit}{match['joint']}{{end}}{close}{_bare(behind)}"
    return template if "{{" not in template.replace("{start}", "").replace("{end}", "") else ""


def _slot(form: str) -> str:
    match = _SLOT.search(form)
    if _WRAPPED.fullmatch(form.strip()):
        return _wrapped(form.strip())
    if match is None or "boxed" in form:
        return "\\boxed{{{value}}}" if _DRESS.search(form) else ""
    rest = match["rest"].strip()
    keeps = match["open"] in ("(", "[", "**") and match["slot"].strip().isupper() and len(match["slot"].strip()) == 1
    open_, close = (match["open"], match["close"]) if keeps else ("", "")
    return f"{_bare(form[: match.start()])}{match['lead']}{open_}{{value}}{close}{rest}"


def _wrapped(shown: str) -> str:
    match = _WRAPPED.fullmatch(shown)
    return "" if match is None else f"{match['open']}{{value}}{match['close']}"


def _bare(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
