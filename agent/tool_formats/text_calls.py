"""Calls that a server has left in the text of a reply, in whatever form the model was taught.

Read are JSON objects that name a tool (Hermes, Qwen, Granite, Phi, Command R, xLAM), a name before its object (Mistral,
DeepSeek, Kimi, gpt-oss, Functionary, Qwen-Agent, ReAct), tags for each argument (Qwen3-Coder, GLM, MiniMax, DeepSeek
V3.2) or of the tool's own name (Cline), and calls as Python writes them (Llama, Gemma, OLMo). The time that this takes
grows with the text's length alone.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..parsing.loose_json import NotJson, objects, read_object
from ..parsing.thoughts import split_thoughts

LONGEST = 60_000
"""Characters of a reply that are looked through, from its end."""
_MOST = 8
"""Calls of one reply."""
_DEEPEST = 40
_TAG = r"(?:tool_calls?|function_calls?|functioncall|toolcall|tools?|action|tool_code|tool_use|use_tool)"
_MARKS = re.compile(
    rf"<[|｜]?/?{_TAG}(?:_?(?:start|end|begin|section_begin|section_end))?[|｜]?>"
    r"|<[|｜]/?(?:tool|python|action|plugin)[▁_]?(?:calls?|tag|outputs?|start|end)?(?:[▁_]?(?:begin|start|end|argument_begin|section_begin|section_end|sep))*[|｜]>"
    r"|<[|｜](?:eom_id|constrain|call|message|channel|START_ACTION|END_ACTION|start)[|｜]>"
    r"|\[/?(?:TOOL_CALLS|ARGS)\]|\[CALL_ID\]\w*|functools(?=\[)|>>>(?=[\w.]+\s*\{)|✿[A-Z]{1,12}✿:?"
    r"|^[ \t]*Action(?: Input)?:",
    re.IGNORECASE | re.MULTILINE,
)
_HARMONY = re.compile(r"<\|(?:constrain|message|channel|start)\|>", re.IGNORECASE)
"""What stands around every text of gpt-oss, calls or not."""
_DSML = re.compile(r"[|｜]DSML[|｜]|(?<=<)\w{1,20}:(?=tool_call|invoke|parameter|function)|(?<=</)\w{1,20}:(?=\w)")
_INVOKED = re.compile(
    r"<(?:function|invoke)(?:=|\s+name=[\"']?)(?P<name>[\w.:-]+)[\"']?\s*>"
    r"(?P<body>.*?)(?:</(?:function|invoke)>|(?=<(?:function|invoke)[=\s])|</tool_call>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_PARAMETER = re.compile(
    r"<(?:parameter|arg)(?:=|\s+name=[\"']?)(?P<key>[\w.-]+)[\"']?[^>]{0,40}>"
    r"(?P<value>.*?)(?:</(?:parameter|arg)>|(?=<(?:parameter|arg)[=\s])|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_KEYED = re.compile(
    r"(?:<tool_call>\s*)?(?P<name>[A-Za-z_][\w.-]*)\s*(?P<body><arg_key>(?:(?!</?tool_call>).)*)(?:</tool_call>)?",
    re.DOTALL,
)
_PAIR = re.compile(r"<arg_key>(?P<key>[^<]{0,100})</arg_key>\s*<arg_value>(?P<value>.*?)(?:</arg_value>|\Z)", re.DOTALL)
_INNER = re.compile(r"<(?P<key>[\w.-]{1,60})>(?P<value>(?:(?!</?(?P=key)>).)*)</(?P=key)>", re.DOTALL)
_ALONE = re.compile(r"<tool_call>\s*(?P<name>[A-Za-z_][\w.-]*)\s*(?:\(\s*\))?\s*</tool_call>")
_BETWEEN = r"(?:\s|\x00|`|json\b|code\b|commentary\b|analysis\b|function\b|:\d+\b)*"
_FENCE = re.compile(r"```[\w-]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_NAMES = ("name", "tool", "tool_name", "function", "function_name", "action")
_ARGUMENTS = ("arguments", "parameters", "args", "params", "input", "action_input")
_RUN = frozenset(("call", "run", "invoke"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCalls:
    """The calls and the other words of a text."""

    calls: tuple[tuple[str, dict[str, Any]], ...]
    broken: tuple[tuple[str, str], ...]
    """What was meant as a call and cannot be read, and why."""
    words: str


def calls_in(text: str, names: Sequence[str]) -> TextCalls:
    """Return the calls that stand in a reply; of tools that were offered (`names`), without any nothing is a call."""
    if not names:
        return TextCalls(calls=(), broken=(), words=text)
    split = split_thoughts(text)
    body = _DSML.sub("", (split.reply or split.cut)[-LONGEST:])
    for reader in (_tagged, _keyed, _named_tags, _before_objects, _objects_that_call, _as_python):
        calls, words = reader(body, names)
        if calls:
            rest = _MARKS.sub("", words)
            rest = re.sub(r"```\w*\s*(?:```)?", "", rest).strip(" \n,[]")
            return TextCalls(calls=tuple(calls[:_MOST]), broken=(), words=rest.strip())
    marks = [mark[0] for mark in _MARKS.finditer(body)]
    prose = all(re.match(r"\s*Action", mark, re.IGNORECASE) for mark in marks)  # of the ReAct form: English words too
    if not prose and not all(_HARMONY.fullmatch(mark) for mark in marks):
        why = "there is no JSON object with a name and arguments"
        return TextCalls(calls=(), broken=((_MARKS.sub("", body).strip(), why),), words="")
    return TextCalls(calls=(), broken=(), words=body.strip() if body != text else text)


_Calls = tuple[list[tuple[str, dict[str, Any]]], str]


def _tagged(body: str, names: Sequence[str]) -> _Calls:
    """`<function=name><parameter=key>value</parameter></function>`, `<invoke name="…">`, and with JSON inside."""
    calls = []
    for match in _INVOKED.finditer(body):
        arguments = {one["key"]: _value(one["value"]) for one in _PARAMETER.finditer(match["body"])}
        if not arguments and "{" in match["body"]:
            try:
                arguments = read_object(match["body"])
            except NotJson:
                continue
        calls.append((_tool_named(match["name"], names) or match["name"], arguments))
    return calls, _INVOKED.sub(" ", body) if calls else body


def _keyed(body: str, names: Sequence[str]) -> _Calls:
    """`<tool_call>name<arg_key>key</arg_key><arg_value>value</arg_value></tool_call>`, and a name alone in the tags."""
    calls = []
    if "<arg_key>" in body:
        for match in _KEYED.finditer(body):
            arguments = {one["key"].strip(): _value(one["value"]) for one in _PAIR.finditer(match["body"])}
            calls.append((_tool_named(match["name"], names) or match["name"], arguments))
        return calls, _KEYED.sub(" ", body)
    for match in _ALONE.finditer(body):
        if name := _tool_named(match["name"], names):
            calls.append((name, {}))
    return calls, _ALONE.sub(" ", body) if calls else body


def _named_tags(body: str, names: Sequence[str]) -> _Calls:
    """`<view_clip><start>1</start></view_clip>`, and with JSON inside."""
    some = "|".join(re.escape(name) for name in names)
    pattern = re.compile(rf"<(?P<name>{some})>(?P<body>(?:(?!</?(?:{some})>).)*)</(?P=name)>", re.DOTALL)
    calls, words, at = [], [], 0
    for match in pattern.finditer(body):
        arguments = {one["key"]: _value(one["value"]) for one in _INNER.finditer(match["body"])}
        if not arguments and match["body"].strip():
            try:
                arguments = read_object(match["body"])
            except NotJson:
                continue
        calls.append((match["name"], arguments))
        words.append(body[at : match.start()])
        at = match.end()
    return calls, " ".join([*words, body[at:]])


def _before_objects(body: str, names: Sequence[str]) -> _Calls:
    """A name, then its arguments as an object: between marks (`[TOOL_CALLS]view_clip{…}`), or where a line begins."""
    flat = _MARKS.sub("\x00", body)
    some = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    before = r"(?<![\w\"'])(?:to=)?" if "\x00" in flat else r"^[ \t]{0,20}(?:\w{1,20}:[ \t]{0,20})?"
    pattern = re.compile(rf"{before}(?:\w{{1,20}}\.)?(?P<name>{some}){_BETWEEN}(?=\{{)", re.MULTILINE)
    calls, words, at = [], [], 0
    for match in pattern.finditer(flat):
        if match.start() < at:
            continue
        end = _end_of(flat, match.end())
        try:
            calls.append((match["name"], read_object(flat[match.end() : end])))
        except NotJson:
            continue
        words.append(flat[at : match.start()])
        at = end
        if len(calls) >= _MOST:
            break
    if not calls:
        return [], body
    rest = "".join([*words, flat[at:]]).replace("\x00", "")
    role = r"^[ \t]*(?:function|assistant|commentary|analysis|json)[ \t]*$|```"
    return calls, re.sub(role, "", rest, flags=re.MULTILINE)


def _objects_that_call(body: str, names: Sequence[str]) -> _Calls:
    marked = any(not _HARMONY.fullmatch(mark[0]) for mark in _MARKS.finditer(body))
    calls: list[tuple[str, dict[str, Any]]] = []
    words, before = [], 0
    for start, end, row in objects(body):
        made = list(_read(row, names, marked=marked))
        if made:
            words.append(body[before:start])
            before = end
        calls += made
        if len(calls) >= _MOST:
            break
    return calls, " ".join([*words, body[before:]])


_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]', re.DOTALL)


def _end_of(text: str, start: int) -> int:
    """Return where the object that begins at `start` ends: the text's end where it is cut off or too deep."""
    depth = 0
    for match in _STRUCTURE.finditer(text, start):
        if match[0] == "{":
            depth += 1
            if depth > _DEEPEST:
                return match.end()
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                return match.end()
    return len(text)


def _read(row: dict[str, Any], names: Sequence[str], *, marked: bool) -> Iterable[tuple[str, dict[str, Any]]]:
    for _ in range(3):
        inner = next((row[key] for key in ("function", "function_call") if isinstance(row.get(key), dict)), None)
        if inner is None:
            break
        row = inner
    listed = row.get("tool_calls")
    if isinstance(listed, list):
        rows = [one for one in listed if isinstance(one, dict) and "tool_calls" not in one]
        return [call for one in rows for call in _read(one, names, marked=marked)]
    name = next((row[key] for key in _NAMES if isinstance(row.get(key), str) and row[key].strip()), None)
    if name is None:
        only = next(iter(row), "") if len(row) == 1 else ""
        if only in names and isinstance(row[only], dict):
            return [(only, row[only])]
        return []
    arguments: Any = next((row[key] for key in _ARGUMENTS if key in row), None)
    if isinstance(arguments, str):
        try:
            arguments = read_object(arguments)
        except NotJson:
            arguments = None
    tool = _tool_named(name, names)
    if isinstance(arguments, dict):
        if arguments.get("type") == "object" and "properties" in arguments:
            return []  # the schema itself, repeated
        return [(tool or name, arguments)] if tool or marked or set(row) <= {*_NAMES, *_ARGUMENTS, "id", "type"} else []
    rest = {key: value for key, value in row.items() if key not in (*_NAMES, *_ARGUMENTS, "type", "id")}
    return [(tool, rest)] if tool and "answer" not in row else []


def _tool_named(name: str, names: Sequence[str]) -> str | None:
    plain = name.strip()[:100].partition(":")[0].rpartition(".")[2]
    close = difflib.get_close_matches(plain, names, n=1, cutoff=0.8)
    return plain if plain in names else close[0] if close else None


def _value(written: str) -> Any:
    """An argument between tags: lists, objects and constants as JSON has them, all else as text."""
    text = written.strip()
    if text[:1] in ("[", "{") or text in ("true", "false", "null", "True", "False", "None"):
        try:
            return read_object('{"value": ' + text + "}")["value"]
        except (NotJson, KeyError):
            return text
    return text


def _as_python(body: str, names: Sequence[str]) -> _Calls:
    """`search_clips(query="fair")`, a list of such calls, where the text or a fence in it is nothing else."""
    flat = _MARKS.sub("", body)
    alone = _python(flat, names)
    if alone:
        return alone, ""
    calls: list[tuple[str, dict[str, Any]]] = []
    words = flat
    for fence in _FENCE.finditer(flat):
        found = _python(fence[1], names)
        calls += found
        words = words.replace(fence[0], " ", 1) if found else words
        if len(calls) >= _MOST:
            break
    if calls:
        return calls, words
    some = "|".join(re.escape(name) for name in names)
    listed = re.search(rf"\[\s*(?:\w{{1,20}}\.)?(?:{some})\s*\(", flat)
    end = flat.rfind("]") + 1
    if listed and end > listed.start() and (found := _python(flat[listed.start() : end], names)):
        return found, flat[: listed.start()] + flat[end:]
    return [], body


def _python(text: str, names: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    text = text.strip()
    if len(text) > 8000 or "(" not in text or not any(name in text for name in names):
        return []
    try:
        lines = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    calls = []
    for line in lines:
        if not isinstance(line, (ast.Expr, ast.Assign)):
            return []
        value: Any = line.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print" and value.args:
            value = value.args[0]
        for one in value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]:
            call = _python_call(one, names)
            if call is None:
                return []
            calls.append(call)
    return calls


def _python_call(node: ast.AST, names: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    if not isinstance(node, ast.Call):
        return None
    function: Any = node.func
    name = getattr(function, "id", None) or getattr(function, "attr", None)
    if isinstance(function, ast.Attribute) and name in _RUN:
        name = getattr(function.value, "id", None) or getattr(function.value, "attr", None)
    if name not in names:
        return None
    try:
        arguments = {key.arg: ast.literal_eval(key.value) for key in node.keywords if key.arg}
        positional = [ast.literal_eval(value) for value in node.args]
        json.dumps(arguments)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    if positional and isinstance(positional[0], dict) and not arguments:
        arguments = positional[0]
    elif positional and "query" not in arguments and isinstance(positional[0], str):
        arguments["query"] = positional[0]
    return str(name), arguments
