"""Fill a JSON schema with what an answer has: by the meaning of its keys, and so that it keeps to the schema."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...tools.times import parse_seconds
from .keeping import keeps_to
from .prompt import PromptError
from .roles import role_of

Facts = Mapping[str, Any]
"""What an answer has to fill with, by roles; `rows` for lists of objects, `names` for enumerations."""
_DEEPEST = 12
_MOST_VALUES = 10_000


class Filler:
    """Fills a schema with what an answer has."""

    def __init__(self, root: Mapping[str, Any], facts: Facts) -> None:
        self.root, self.facts, self.values = root, facts, 0

    def whole(self) -> Any:
        """A value for the whole schema, which it keeps to.

        Raises:
            PromptError: if none is found: the schema has no end, contradicts itself, or is too large.
        """
        for facts in (self.facts, {}):
            self.facts, self.values = facts, 0
            value = self.fill(self.root)
            if keeps_to(value, self.root, self._resolved):
                return value
        raise PromptError("response_format: no value was found that keeps to the schema; give a simpler one.")

    def fill(self, schema: Any, key: str = "", depth: int = 0, facts: Facts | None = None) -> Any:
        """A value that keeps to the schema: by the meaning of its key, else empty in its type."""
        facts = self.facts if facts is None else facts
        self.values += 1 + (len(schema.get("enum", ())) if isinstance(schema, Mapping) else 0)
        if self.values > _MOST_VALUES:
            raise PromptError(f"response_format: the schema has, or demands, more than {_MOST_VALUES} values.")
        if not isinstance(schema, Mapping) or not schema:
            return self._fact(key, facts)
        schema = self._resolved(schema)
        if depth > _DEEPEST:
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
            if name in required or (role_of(name) and depth < 4):
                found[name] = self.fill(one, name, depth + 1, facts)
        for name in required:
            if name not in found:
                found[name] = self.fill(schema.get("additionalProperties", {}), name, depth + 1, facts)
        roles = {name: role_of(name) for name in found}
        if depth == 0 and not {"answer", "choice", "number"} & set(roles.values()):
            unnamed = next(
                (name for name in properties if name in found and found[name] == "" and not roles[name]), None
            )
            if unnamed is not None:  # whatever it is called, it is the answer
                found[unnamed] = self.fill(properties[unnamed], "answer", depth + 1, facts)
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
            rows: list[Facts] = [{**facts, **row, "rows": ()} for row in facts.get("rows", ())]
            rows = rows or ([facts] if least else [])
            found = [self.fill(inner, key, depth + 1, row) for row in rows[:most]]
        elif inner.get("type") == "array":
            found = [
                self._array(inner, "box" if _has_box(row, role) else "span", depth + 1, {**facts, **row, "rows": ()})
                for row in facts.get("rows", ())[:most]
            ]
        else:
            role = "span" if role == "time" and most == 2 else role  # two bounds, whatever the key says
            flat = inner.get("type") in ("number", "integer", None) and role in ("span", "time", "")
            values = self._listed(role, facts)
            values = values if flat or role not in ("span",) else facts.get("span_texts", ())
            found = [self._item(inner, [value], role or key, depth, facts) for value in values[:most]]
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
        """The value of an enumeration that says what the answer says; where none does, null, a guess, or the first."""
        says = [facts.get(role_of(key) or "choice"), *facts.get("names", ())]
        for said in says:
            for value in values:
                if said not in (None, "") and _same(value, said):
                    return value
        text = f" {str(facts.get('answer') or '').casefold()} "
        inside = [value for value in values if value and re.search(rf"\b{re.escape(str(value).casefold())}\b", text)]
        if len(inside) == 1 or None in values:
            return inside[0] if len(inside) == 1 else None
        return next((value for value in values if _same(value, facts.get("guess"))), values[0])

    def _branch(self, branches: Sequence[Mapping[str, Any]], key: str, depth: int, facts: Facts) -> Any:
        """The first branch that says something; null where one is null and none does."""
        can_be_null = any(branch.get("type") == "null" or branch.get("const", 0) is None for branch in branches)
        value = self._fact(key, facts)
        told = value not in (None, "", []) or facts.get("rows") or any(b.get("enum") for b in branches)
        if can_be_null and (not told or not role_of(key)) and depth:
            return None
        found = [self.fill(b, key, depth + 1, facts) for b in branches if b.get("type") != "null"]
        if not found:
            return None
        alike = [one for one in found if type(one) is type(value)]
        telling = [one for one in found if one not in (None, "", [], 0)]
        return (alike or telling or found)[0]


def _has_box(row: Facts, role: str) -> bool:
    """Return whether a list of lists under a key of that role is of boxes, not of spans."""
    return "box" in row and role in ("box", "")


def _same(value: Any, said: Any) -> bool:
    plain = (int, float)
    if isinstance(value, plain) and isinstance(said, plain):
        return value == said
    return str(value).strip().casefold() == str(said).strip().casefold()


def _number(value: Any, schema: Mapping[str, Any], *, whole: bool) -> float | int:
    """A number within the schema's bounds: what is said, or what of the bounds is nearest to it."""
    try:
        if isinstance(value, str):
            value = parse_seconds(value) if ":" in value else re.findall(r"-?\d+(?:\.\d+)?", value)[0]
        said = float(value)
    except (TypeError, ValueError, IndexError):
        said = 0.0
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    if whole:
        low = low + 1 if low == schema.get("exclusiveMinimum") and low == math.floor(low) else low
        high = high - 1 if high == schema.get("exclusiveMaximum") and high == math.ceil(high) else high
        near = min(
            max(round(said), math.ceil(low) if low > -math.inf else low), math.floor(high) if high < math.inf else high
        )
        return int(near)
    number = min(max(round(said, 6), low), high)
    if number in (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")):
        number = (low + high) / 2 if math.isfinite(low + high) else number + (1 if number == low else -1)
    return int(number) if float(number).is_integer() else number


def _text(value: Any, schema: Mapping[str, Any]) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(one) for one in value)
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    most, least = schema.get("maxLength"), int(schema.get("minLength", 0))
    text = text or ("unknown" if least else "")
    text = text if most is None else text[: int(most)]
    return text.ljust(least, ".")
