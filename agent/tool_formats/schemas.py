"""Published tool schemas, and which of them are offered: those whose counterpart of ours there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Schema = dict[str, Any]


def function(name: str, description: str, required: Sequence[str] | None = None, /, **properties: Schema) -> Schema:
    """An OpenAI function schema; every property is required unless `required` names fewer."""
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": list(properties if required is None else required),
            },
        },
    }


def offered(schemas: Sequence[Schema], published: Mapping[str, Sequence[Schema]]) -> list[Schema]:
    """The published schemas whose counterpart is among ours, in the order of `published`.

    A question about several videos adds our argument `video`, which no published schema knows.

    Args:
        schemas: our tools.
        published: by our tool's name, the published schemas that stand for it.
    """
    ours = {schema["function"]["name"]: schema["function"] for schema in schemas}
    found: dict[str, Schema] = {}
    for name, theirs in published.items():
        if name not in ours:
            continue
        video = ours[name].get("parameters", {}).get("properties", {}).get("video")
        for schema in theirs:
            found.setdefault(schema["function"]["name"], _with_video(schema, video) if video else schema)
    return list(found.values())


def _with_video(schema: Schema, video: Schema) -> Schema:
    parameters = schema["function"]["parameters"]
    properties = {**parameters["properties"], "video": video}
    return {**schema, "function": {**schema["function"], "parameters": {**parameters, "properties": properties}}}
