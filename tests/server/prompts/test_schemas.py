"""JSON schemas of a request: what is written keeps to them, and what cannot be kept to is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from given_answers import REGION, SPAN, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rewatch.server.prompts import PromptError, read_prompt, write_answer
from rewatch.server.prompts.keeping import keeps_to

jsonschema = pytest.importorskip("jsonschema")

Schema = dict[str, Any]
KEYS = "answer start end spans bboxes confidence reason evidence choice abstained timestamps count x legend".split()
LEAVES: st.SearchStrategy[Schema] = st.sampled_from(
    [
        {"type": "string"}, {"type": "string", "minLength": 3}, {"type": "string", "maxLength": 4}, {"type": "boolean"},
        {"type": "number", "minimum": 0.5, "maximum": 7.5}, {"type": "number", "exclusiveMinimum": 0}, {"type": "null"},
        {"type": "integer", "minimum": 0.5}, {"type": "integer", "exclusiveMaximum": 20}, {"const": "k"}, {},
        {"type": ["string", "null"]}, {"enum": ["A", "B"]}, {"enum": ["yes", "no", None]}, {"enum": [1, 2, 3]},
    ]
)  # fmt: skip


def request(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}


def grown(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    """Objects, lists, tuples and alternatives of schemas."""
    objects = st.dictionaries(st.sampled_from(KEYS), inner, max_size=4).map(
        lambda rows: {"type": "object", "properties": rows, "required": list(rows)[::2], "additionalProperties": False}
    )
    lists = st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least, "maxItems": 3},
                      inner, st.integers(0, 2))  # fmt: skip
    tuples = st.lists(inner, min_size=1, max_size=3).map(lambda row: {"type": "array", "prefixItems": row})
    return st.one_of(objects, lists, tuples, st.lists(inner, min_size=1, max_size=3).map(lambda row: {"anyOf": row}))


ASKED = [
    "Which? A) red B) blue",
    "When is it? Answer with start and end time.",
    "Who is it?",
    "Where? Give its bounding box.",
]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    schema=st.recursive(LEAVES, grown, max_leaves=6),
    text=st.sampled_from(ASKED),
    said=st.sampled_from(["three dogs", "", "blue", "12 - 13"]),
    abstained=st.booleans(),
    uris=st.lists(st.sampled_from([SPAN, REGION, "video:v1"]), max_size=2),
)
def test_what_is_written_keeps_to_the_schema(schema: Schema, text: str, said: str, abstained: bool, uris: list[str]):
    prompt = read_prompt(text, response_format=request(schema))
    reply = json.loads(write_answer(answer(said, *uris, abstained=abstained), prompt))
    jsonschema.validate(reply, schema)


VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, 2.5, 20, "", "k", "A", "yes", "three dogs"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS[:4]), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=st.recursive(LEAVES, grown, max_leaves=5), value=VALUES)
def test_a_value_keeps_to_a_schema_where_jsonschema_says_so(schema: Schema, value: Any):
    assert keeps_to(value, schema, lambda one: one) == jsonschema.Draft202012Validator(schema).is_valid(value)


def test_keys_are_filled_by_their_meaning():
    schema = {
        "type": "object",
        "properties": {
            "finalAnswer": {"type": "string"},
            "letter": {"enum": ["A", "B", "C"]},
            "clip": {"$ref": "#/$defs/clip"},
            "all_moments": {"type": "array", "items": {"$ref": "#/$defs/clip"}},
            "confidence": {"type": "number"},
            "explanation": {"type": ["string", "null"]},
            "legend": {"type": "string"},
            "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        },
        "$defs": {
            "clip": {
                "type": "object",
                "properties": {"start": {"type": "number"}, "end_time": {"type": "integer"}},
                "required": ["start", "end_time"],
            }
        },
        "required": ["finalAnswer", "letter", "clip", "all_moments", "confidence", "explanation", "legend", "next"],
    }
    prompt = read_prompt("What is it?\nA. a cat\nB. a dog", response_format=request(schema))
    reply = json.loads(write_answer(answer("a dog", SPAN, option="B"), prompt))
    assert reply == {
        "finalAnswer": "B",
        "letter": "B",
        "clip": {"start": 72.5, "end_time": 75},
        "all_moments": [{"start": 72.5, "end_time": 75}],
        "confidence": 0.8,
        "explanation": "she waves",
        "legend": "",
        "next": None,
    }


def test_json_without_a_schema():
    plain = {"type": "json_object"}
    assert write_answer(answer("Ann"), read_prompt("Who waves?", response_format=plain)) == '{"answer": "Ann"}'
    named = read_prompt("Who waves? Use the keys 'name_of_answer' and 'why'.", response_format=plain)
    assert json.loads(write_answer(answer("Ann"), named)) == {"name_of_answer": "Ann", "why": "she waves"}
    assert write_answer(answer("Ann"), read_prompt("Who waves?", response_format={"type": "text"})) == "Ann"
    bare = read_prompt(
        "Return a JSON object with the fields who (text), start_time (mm:ss) and unsure. Question: Who waves?"
    )
    assert json.loads(write_answer(answer("Ann"), bare)) == {"who": "Ann", "start_time": "01:12", "unsure": False}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$ref": "#/$defs/none"}, "does not hold"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "circle"),
        ({"type": "strin"}, "no type 'strin'"),
        ({"enum": []}, "enum"),
        ({"type": "array", "minItems": 10**9}, "minItems"),
        ({"type": "array", "minItems": 900, "items": {"type": "array", "minItems": 900}}, "more than 10000 values"),
        ({"type": "string", "pattern": "^x"}, "'pattern'"),
        ({"properties": []}, "properties"),
        ({"anyOf": [3]}, "'3'"),
        (None, "json_schema.schema"),
        ({"enum": list(range(20_000))}, "more than 10000 values"),
        ({"anyOf": [{"enum": list(range(6_000))}, {"enum": list(range(6_000))}]}, "more than 10000 values"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "simpler"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 5e-324}, "simpler"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "simpler"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "simpler"),
        ({"type": "array", "minItems": 2, "items": False}, "simpler"),
        ({"type": "array", "minItems": 4, "prefixItems": [{"type": "string"}]}, "simpler"),
        ({"type": "string", "enum": [1, 2]}, "simpler"),
        ({"type": "integer", "const": True}, "simpler"),
        ({"type": "object", "minProperties": 5}, "simpler"),
        ({"type": "object", "properties": {}, "required": ["b"], "additionalProperties": False}, "simpler"),
        ({"type": "object", "properties": {"a": {}}, "required": ["b"], "additionalProperties": False}, "simpler"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "simpler"),
        ({"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 9}]}, "simpler"),
        ({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, "simpler"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}}}, "circle"),
    ],
)
def test_what_cannot_be_kept_to_is_refused(schema: Any, reason: str):
    with pytest.raises(PromptError, match=reason):
        read_prompt("Who waves?", response_format=request(schema))


@pytest.mark.parametrize(
    ("schema", "reply"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}, {"b": ""}),
        (
            {"type": "object", "properties": {"a": {}}, "required": ["n"], "additionalProperties": {"type": "integer"}},
            {"n": 0},
        ),
        ({"anyOf": [{"enum": ["Ann", 1.0]}, {"type": "null"}]}, "Ann"),
        (
            {"type": "object", "properties": {"answer": {"const": {"a": [1]}}}, "required": ["answer"]},
            {"answer": {"a": [1]}},
        ),
        ({"oneOf": [{"type": "string", "maxLength": 2}, {"type": "integer"}]}, "An"),
    ],
)
def test_odd_schemas_that_can_be_kept_to(schema: Any, reply: Any):
    written = json.loads(write_answer(answer("Ann"), read_prompt("Who waves?", response_format=request(schema))))
    jsonschema.validate(written, schema)
    assert written == reply


def test_an_unknown_format_is_refused():
    with pytest.raises(PromptError, match="no type 'grammar'"):
        read_prompt("Who waves?", response_format={"type": "grammar"})
