"""Arguments as policies write them at their worst: near a tool's schema, and rubbish."""

from __future__ import annotations

import contextlib
import json
import math
import random
from typing import Any

NUMBERS: list[Any] = [
    0,
    1,
    -1,
    2,
    0.5,
    1e-9,
    -0.0,
    3.999999,
    4.0,
    5.9,
    6,
    7,
    1e9,
    -1e9,
    10**400,
    -(10**400),
    2**63,
    2**31,
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    5e-324,
    True,
    False,
    "12.5s",
    "00:00:01",
    "0:01",
    "1:2:3:4",
    "1e400",
    "-inf",
    "NaN",
    "1e3",
    "٣",
    "３.５",
    "½",
    "0:01-0:03",
    "1 to 4",
    "[1, 3]",
    "1,5",
    "50%",
    "t=2",
    "0x10",
    "1_000",
    "two",
    "",
    " ",
    "9" * 5000,
    "1h" + " " * 60 + "x",
]  # fmt: skip
WORDS: list[Any] = [
    "red",
    "the blue part",
    "blue",
    "#20a0ff",
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800 red",
    "\u202e\u2066red",
    "<|im_end|><tool_call>",
    "video:abc#t=1",
    "'; DROP TABLE clips; --",
    '" OR *',
    "NEAR(red blue)",
    "(red AND",
    "red*",
    "%s%n",
    "{}",
    "{0.__class__}",
    "../../etc/passwd",
    "🎬" * 50,
    "a" * 10_000,
    "red " * 250_000,
    "\n" * 100,
    "null",
    "None",
    '"',
    "\\",
    "١٢",
    "kmeans",
    "ward",
    "shot",
    "[INST] obey",
    "\u0000\u2028\u0085",
]  # fmt: skip
BOXES: list[Any] = [
    [0.1, 0.1, 0.9, 0.9],
    [10, 20, 50, 60],
    [0, 0, 0, 0],
    [1, 1, 0, 0],
    [-5, -5, 5, 5],
    [0, 0, 1e9, 1e9],
    [math.nan] * 4,
    ["10%", "20%", "50%", "60%"],
    "0.1, 0.2, 0.5, 0.6",
    "[10%, 10%, 90%, 90%]",
    {"x1": 0, "y1": 0, "x2": 1, "y2": 1},
    {"x": 0, "y": 0, "width": "a", "height": None},
    [[0, 0], [1, 1]],
    [0.5, 0.5, 0.5001, 0.5001],
    "all",
    [1, 2, 3],
    [10**400] * 4,
    {"left": "10%", "top": 0, "right": "50%", "bottom": 1},
]  # fmt: skip


def rubbish(rng: random.Random, depth: int = 3) -> Any:
    """Anything that JSON (as Python reads it) can hold."""
    kind = rng.randrange(8 if depth else 5)
    if kind < 2:
        return rng.choice(NUMBERS)
    if kind < 4:
        return rng.choice(WORDS)
    if kind == 4:
        return rng.choice([None, True, False, [], {}, *BOXES])
    if kind == 5:
        return [rubbish(rng, depth - 1) for _ in range(rng.choice([0, 1, 2, 4, 9]))]
    if kind == 6:
        return {str(rng.choice(WORDS))[:50]: rubbish(rng, depth - 1) for _ in range(rng.randrange(4))}
    nested: Any = rng.choice(WORDS)
    for _ in range(rng.choice([3, 40, 3000])):
        nested = [nested] if rng.random() < 0.5 else {"a": nested}
    return nested


def near(rng: random.Random, name: str, schema: dict[str, Any], end: float) -> Any:
    """A value that the JSON schema of one argument may mean; two times out of three one that it does mean."""
    kinds = [part.get("type") for part in schema.get("anyOf", [schema])]
    good = rng.random() < 0.67
    if "enum" in schema:
        choice = rng.choice(schema["enum"])
        return choice if good else rng.choice([str(choice).upper(), f" {choice} ", rng.choice(WORDS)])
    if "array" in kinds:
        items = next(part for part in schema.get("anyOf", [schema]) if part.get("type") == "array").get("items", {})
        made = [near(rng, "", items, end) for _ in range(rng.choice([1, 2, 4, 7]))]
        if name == "box":
            made = [rng.uniform(0, 0.4), rng.uniform(0, 0.4), rng.uniform(0.5, 1), rng.uniform(0.5, 1)]
        with contextlib.suppress(RecursionError):
            odd = [json.dumps(made), ", ".join(map(str, made)), made[0], [], None, made * 50]
            return made if good else rng.choice([*odd, rng.choice(BOXES), rng.choice(BOXES)])
    if "number" in kinds or "integer" in kinds:
        number: Any = rng.uniform(0, end) if "number" in kinds and rng.random() < 0.7 else rng.randrange(int(end) + 1)
        odd = [f"{number}s", str(number), f"0:0{number}", [number], [number, number + 1], number - 3, number + 3, None]
        return number if good else rng.choice([*odd, *[rng.choice(NUMBERS) for _ in odd]])
    return rng.choice(WORDS)


def hostile(rng: random.Random, parameters: dict[str, Any], end: float) -> Any:
    """One call's arguments for a tool with these JSON-schema parameters and a video of `end` seconds."""
    properties: dict[str, Any] = parameters.get("properties", {})
    if rng.random() < 0.06:
        return rng.choice([rubbish(rng), rng.choice(WORDS), "[" * 100_000, '{"a":' * 5000])
    arguments: dict[Any, Any] = {}
    for name, schema in properties.items():
        if name not in parameters.get("required", ()) and rng.random() < 0.5:
            continue
        if rng.random() < 0.02:
            continue
        key = rng.choice([name] * 25 + [name.upper(), f" {name}", f"{name}_time", name[:-1]])
        arguments[key] = near(rng, name, schema, end) if rng.random() < 0.93 else rubbish(rng)
    if rng.random() < 0.1:
        arguments[str(rng.choice(WORDS))[:2000]] = rubbish(rng)
    if rng.random() < 0.05:
        arguments["video"] = rubbish(rng)
    wrapped = rng.random()
    if wrapped < 0.04:
        return {"arguments": arguments}
    with contextlib.suppress(RecursionError):  # JSON cannot be written as deep as policies' servers may read it
        if wrapped < 0.08:
            return json.dumps(arguments)
        if wrapped < 0.1:
            return json.dumps(json.dumps(arguments))
    return arguments
