"""JSON that a prompt or a request's `response_format` asks for: as a schema, and filled with what an answer has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .prompt import PromptError

_KEY = re.compile(r"[\"'“”‘’]([A-Za-z_][\w .-]{0,40})[\"'“”‘’]\s*:\s*")
_KEYS = re.compile(
    r"\b(?:keys?|fields?|properties|attributes)\b[^\n\"'`“.]{0,40}((?:[\"'`“][\w .-]{1,40}[\"'`”](?:\s*\([^()\n]{0,60}\))?[\s,]*(?:and\s+|or\s+)?){1,12})",
    re.IGNORECASE,
)
_LISTS = re.compile(
    r"\[\s?(?:\[[^\[\]\n]{1,80}\]|[\"'][^\[\]\n]{1,80}[\"'])\s?(?:,[^\[\]]{0,20}(?:\[[^\[\]\n]{1,80}\][,\s.…]{0,9}){0,3})?\]"
)
"""An example of a JSON list: `["A", "C"]`, `[["start", "end"], …]`."""
_EACH = re.compile(r"\b(?:list|array|sequence)\s+of\b[^\[\]{}]{0,30}$", re.IGNORECASE)
ASKS_JSON = re.compile(r"\bjson\b|\b(?:as|return|output)\s+an?\s+(?:object|dictionary|dict)\b", re.IGNORECASE)
_REFUSED = ("not", "if", "then", "else", "pattern", "patternProperties", "dependentRequired", "dependentSchemas", "contains",
            "uniqueItems", "multipleOf", "propertyNames", "unevaluatedProperties", "allOf", "format")  # fmt: skip
_DEEPEST = 12

Facts = Mapping[str, Any]
"""What an answer has to fill with: see `fill`."""

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
    (r"answer|response|result|prediction|output|text|caption|description|summary|event|content|value|^pred|final", "answer"),
)  # fmt: skip


def json_form(text: str, response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The schema of the JSON that is asked for by a request's `response_format` or in its words; None where none is.

    Raises:
        PromptError: if the schema is none, or has what cannot be kept to.
    """
    kind = (response_format or {}).get("type", "text")
    if kind == "json_schema":
        named = (response_format or {}).get("json_schema")
        schema = named.get("schema") if isinstance(named, Mapping) else None
        if not isinstance(schema, Mapping):
            raise PromptError("response_format: json_schema.schema is missing or no object; give a JSON schema.")
        _check(schema, 0)
        return schema
    if kind not in ("text", "json_object"):
        raise PromptError(f"response_format: there is no type {kind!r}; give text, json_object or json_schema.")
    if kind == "json_object" or ASKS_JSON.search(text):
        found = _in_words(text)
        if found is not None:
            return found
    if kind == "json_object":
        return _object({"answer": {"type": "string"}})
    return None


def example_in(text: str) -> tuple[int, int] | None:
    """Where the example of a JSON object begins and ends that a prompt shows; None where it shows none."""
    for opening in [m.start() for m in re.finditer(r"[\[{]", text)][:40]:
        end = _closing(text, opening)
        if end is not None and _KEY.search(text, opening, end):
            return opening, end + 1
    return None


def _in_words(text: str) -> Mapping[str, Any] | None:
    """The schema of an example of JSON in a prompt, or of the keys that it names."""
    example = example_in(text)
    if example:
        shape = _shape(text[slice(*example)])
        each = _EACH.search(text[max(0, example[0] - 40) : example[0]])
        return {"type": "array", "items": shape} if each and shape.get("type") == "object" else shape
    listed = _LISTS.search(text)
    if listed:
        return _shape(listed[0])
    named = _KEYS.search(text)
    if named:
        keys = re.findall(r"[\"'`“]([\w .-]{1,40})[\"'`”]", named[1])
        return _object({key: _guessed(key) for key in keys})
    found = list(dict.fromkeys(_KEY.findall(text)))
    return _object({key: _guessed(key) for key in found}) if found else None


def _closing(text: str, opening: int) -> int | None:
    depth = 0
    for at in range(opening, min(len(text), opening + 4000)):
        depth += text[at] in "[{"
        depth -= text[at] in "]}"
        if depth == 0:
            return at
    return None


def _shape(written: str, depth: int = 0) -> dict[str, Any]:
    """The schema of a value that a prompt shows, placeholders and all."""
    written = written.strip()
    while written.startswith("{{") and written.endswith("}}"):
        written = written[1:-1].strip()
    if written.startswith("{") and depth < _DEEPEST:
        properties: dict[str, Any] = {}
        at = 0
        while key := _KEY.search(written, at):
            at = _value_end(written, key.end())
            properties[key[1]] = _typed(key[1], _shape(written[key.end() : at], depth + 1))
        return _object(properties)
    if written.startswith("[") and depth < _DEEPEST:
        inside = written[1:-1] if written.endswith("]") else written[1:]
        first = inside[: _value_end(inside, 0)].strip()
        return {"type": "array", "items": _shape(first, depth + 1)} if first else {"type": "array"}
    if re.fullmatch(r"(?:true|false|<?bool(?:ean)?>?|true\s*[/|]\s*false)\W*", written, re.IGNORECASE):
        return {"type": "boolean"}
    if re.match(r"[<{(]?\s*(?:-?\d|float|int\b|integer|number|seconds)", written, re.IGNORECASE):
        return {"type": "number"}
    return {"type": "string"} if written[:1] in "\"'“‘" else {}


def _value_end(text: str, at: int) -> int:
    """Where the value ends that begins at `at`: at the comma, bracket or line end outside of brackets and quotes."""
    depth, quote = 0, ""
    for place in range(at, len(text)):
        sign = text[place]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and depth == 0 and text[at:place].strip() == "":
            quote = sign
        elif sign in "[{(<":
            depth += 1
        elif sign in "]})>":
            if depth == 0:
                return place
            depth -= 1
        elif sign == "," and depth == 0:
            return place
    return len(text)


def _typed(key: str, shape: dict[str, Any]) -> dict[str, Any]:
    return shape or _guessed(key)


def _guessed(key: str) -> dict[str, Any]:
    """The type that a key without an example asks for."""
    kinds = {"start": "number", "end": "number", "confidence": "number", "number": "number", "abstained": "boolean"}
    return {
        "box": {"type": "array", "items": {"type": "number"}},
        "span": {"type": "array"},
        "evidence": {"type": "array"},
    }.get(role_of(key), {"type": kinds.get(role_of(key), "string")})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def role_of(key: str) -> str:
    """What a key means; empty where its name does not tell."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key)
    name = re.sub(r"[\s.-]+", "_", name.strip()).lower()
    return next((role for pattern, role in _ROLES if re.search(pattern, name)), "")


def _check(schema: Any, depth: int) -> None:
    if depth > 40:
        raise PromptError("response_format: the schema is nested too deeply.")
    if isinstance(schema, list):
        for one in schema:
            _check(one, depth + 1)
    if not isinstance(schema, Mapping):
        return
    for name, value in schema.items():
        if name in _REFUSED:
            raise PromptError(f"response_format: the schema uses {name!r}, which cannot be kept to; leave it out.")
        if name in ("properties", "$defs", "definitions") and isinstance(value, Mapping):
            for one in value.values():
                _check(one, depth + 1)
        elif name not in ("enum", "const", "default", "examples", "example"):
            _check(value, depth + 1)


class Filler:
    """Fills a schema with what an answer has."""

    def __init__(self, root: Mapping[str, Any], facts: Facts) -> None:
        self.root, self.facts = root, facts

    def fill(self, schema: Any, key: str = "", depth: int = 0, facts: Facts | None = None) -> Any:
        """A value that keeps to the schema: by the meaning of its key, else empty in its type."""
        facts = self.facts if facts is None else facts
        if not isinstance(schema, Mapping) or not schema:
            return self._fact(key, facts)
        schema = self._resolved(schema)
        if depth > _DEEPEST * 2:
            raise PromptError("response_format: the schema never ends; its references go in a circle.")
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._chosen(list(schema["enum"]), key, facts)
        for name in ("anyOf", "oneOf"):
            if schema.get(name):
                return self._branch([self._resolved(one) for one in schema[name]], key, depth, facts)
        kinds = schema.get("type", "object" if "properties" in schema else "")
        if isinstance(kinds, list):
            return self._branch([{**schema, "type": kind} for kind in kinds], key, depth, facts)
        return self._of_type(kinds, schema, key, depth, facts)

    def _of_type(self, kind: str, schema: Mapping[str, Any], key: str, depth: int, facts: Facts) -> Any:
        if kind == "object":
            return self._object(schema, key, depth, facts)
        if kind == "array":
            return self._array(schema, key, depth, facts)
        if kind == "null":
            return None
        value = self._fact(key, facts)
        if kind == "boolean":
            return value if isinstance(value, bool) else str(value).strip().lower() in ("yes", "true")
        if kind in ("number", "integer"):
            return _number(value if not isinstance(value, list) else None, schema, whole=kind == "integer")
        if kind == "string":
            return _text(value, schema)
        return value

    def _object(self, schema: Mapping[str, Any], key: str, depth: int, facts: Facts) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = list(schema.get("required") or ())
        if not properties and not required and schema.get("additionalProperties", True) is not False:
            return {"answer": self._fact("answer", facts)}
        found = {}
        for name, one in properties.items():
            if name in required or (role_of(name) and depth < _DEEPEST):
                found[name] = self.fill(one, name, depth + 1, facts)
        for name in required:
            found.setdefault(name, self._fact(name, facts))
        if len(properties) == 1 and len(found) == 1 and not role_of(next(iter(found))) and depth == 0:
            only = next(iter(found))  # whatever it is called, it is the answer
            found[only] = self.fill(properties[only], "answer", depth + 1, facts)
        return found

    def _array(self, schema: Mapping[str, Any], key: str, depth: int, facts: Facts) -> list[Any]:
        shape = schema.get("prefixItems")
        least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 1000))
        items = schema.get("items", {})
        inner = self._resolved(items) if isinstance(items, Mapping) else {}
        role = role_of(key)
        if shape:
            whole = self._listed(role, facts)
            return [self._item(one, whole[n : n + 1], key, depth, facts) for n, one in enumerate(shape)]
        if inner.get("type") == "object" or "properties" in inner:
            rows = [{**facts, **row} for row in facts["rows"]] or ([facts] if least else [])
            found = [self.fill(inner, key, depth + 1, row) for row in rows[:most]]
        elif inner.get("type") == "array":
            found = [self._array(inner, key, depth + 1, {**facts, **row}) for row in facts["rows"][:most]]
        else:
            flat = inner.get("type") in ("number", "integer", None) and role in ("span", "time", "")
            values = self._listed(role, facts)
            values = values if flat or role not in ("span",) else facts["span_texts"]
            found = [self._item(inner, [value], key, depth, facts) for value in values[:most]]
        while len(found) < least:
            found.append(self.fill(inner, key, depth + 1, facts))
        return found

    def _item(self, schema: Any, value: Sequence[Any], key: str, depth: int, facts: Facts) -> Any:
        """One item of a list, filled with its own value whatever role its key has."""
        role = role_of(key) or "answer"
        return self.fill(schema, key or "answer", depth + 1, {**facts, role: value[0] if value else None})

    def _listed(self, role: str, facts: Facts) -> list[Any]:
        value = facts.get(f"{role or 'answer'}_list", facts.get(role or "answer"))
        return list(value) if isinstance(value, (list, tuple)) else [] if value in (None, "") else [value]

    def _fact(self, key: str, facts: Facts) -> Any:
        role = role_of(key)
        return facts.get(role or "answer") if role or not key else ""

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        for _ in range(20):
            target = schema.get("$ref") if isinstance(schema, Mapping) else None
            if target is None:
                return schema if isinstance(schema, Mapping) else {}
            place: Any = self.root
            for part in str(target).lstrip("#/").split("/"):
                place = place.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(place, Mapping) else None
                if part == "":
                    place = self.root
            if not isinstance(place, Mapping):
                raise PromptError(f"response_format: the schema refers to {target}, which it does not hold.")
            schema = place
        raise PromptError("response_format: the schema never ends; its references go in a circle.")

    def _chosen(self, values: list[Any], key: str, facts: Facts) -> Any:
        """The value of an enumeration that says what the answer says; where none does, null or the first."""
        says = [facts.get(role_of(key) or "choice"), *facts["names"]]
        for said in says:
            for value in values:
                if said not in (None, "") and str(value).strip().casefold() == str(said).strip().casefold():
                    return value
        text = f" {str(facts.get('answer') or '').casefold()} "
        inside = [value for value in values if value and re.search(rf"\b{re.escape(str(value).casefold())}\b", text)]
        return inside[0] if len(inside) == 1 else None if None in values else values[0] if values else None

    def _branch(self, branches: Sequence[Mapping[str, Any]], key: str, depth: int, facts: Facts) -> Any:
        """The first branch that says something; null where one is null and none does."""
        can_be_null = any(branch.get("type") == "null" or branch.get("const", 0) is None for branch in branches)
        found = [self.fill(b, key, depth + 1, facts) for b in branches if b.get("type") != "null"]
        value = self._fact(key, facts)
        if can_be_null and (value in (None, "", []) or not found):
            return None
        alike = [one for one in found if type(one) is type(value)]
        telling = [one for one in found if one not in (None, "", [], 0)]
        return (alike or telling or found)[0]


def _number(value: Any, schema: Mapping[str, Any], *, whole: bool) -> float | int:
    try:
        number = float(value) if not isinstance(value, str) else float(re.findall(r"-?\d+(?:\.\d+)?", value)[0])
    except (TypeError, ValueError, IndexError):
        number = 0.0
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    step = 1 if whole else 1e-6
    if low is not None:
        number = max(number, low + step * ("minimum" not in schema))
    if high is not None:
        number = min(number, high - step * ("maximum" not in schema))
    rounded = round(number) if whole else round(number, 6)
    return int(rounded) if whole or float(rounded).is_integer() else rounded


def _text(value: Any, schema: Mapping[str, Any]) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(one) for one in value)
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    most, least = schema.get("maxLength"), int(schema.get("minLength", 0))
    text = text if most is None else text[: int(most)]
    return text if len(text) >= least else text.ljust(least, "-")
