"""Ego-CoTT (Ego-R1): the traces as generated, and the rows made of them for SFT and RL.

Seen: the code that writes and reads them. A trace has ID, question (with `<timestamp>DAYX_HHMMSSFF</timestamp>` and,
mostly, the options as lines), sometimes options, cot (steps of thought, tool {name, arguments}, observation; the last
one thought and answer), ground_truth, reasoning_span {query_time, target_time, …}. RL rows have question, prompt,
golden_answer, reward_model {ground_truth: {target}}, extra_info; in them instructions stand before the question, which
is taken from prompt. The released files were not seen (inferred: they keep these fields).

The question's time is `now`: a moment of the timeline of the videos, which EgoLife's file names date (or
`rewatch index --recorded "DAY1 00:00"`). target_time is one moment, kept in meta; it is no span.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ....agent.tool_formats.ego_time import moment
from ....agent.tool_formats.tool_format import BadCall
from ....memory import parse_moment
from ..task import Task, TaskError, Truth
from .fields import Skip, answer_of, choice, kept, split_question, text_of

_STAMP = re.compile(r"<timestamp>\s*(.*?)\s*</timestamp>")


def read_ego_cott(row: Mapping[str, Any], name: str) -> Task:
    """One trace or RL row as a task; the steps are kept in `meta["cot"]`."""
    if "instruction" in row and "output" in row:
        raise Skip("turn of a trace")
    text = _question(row)
    stamp = _STAMP.search(text)
    span = _inside(row, "reasoning_span")
    time = stamp[1] if stamp else span.get("query_time")
    try:
        now = None if time is None else _now(str(time))
    except BadCall as problem:
        raise TaskError("question", str(problem)) from None
    listed = f"\n{row['options']}" if isinstance(row.get("options"), str) else ""
    question, options = split_question(_STAMP.sub("", text).strip() + listed, "question")
    if not options:
        raise TaskError("question", "lists no options, and the answer is to choose one")
    answer, field = _answer(row)
    ident = row["ID"] if "ID" in row else _inside(row, "extra_info").get("index")
    return Task(
        id=f"{name}-{ident}",
        question=question,
        kind="mcq",
        truth=Truth(answer=choice(answer, options, field)),
        options=options,
        now=now,
        source=name,
        meta={**kept(row, "cot"), **kept(span, "target_time")},
    )


def _now(time: str) -> float | str:
    """A stamp as it stands; any other time in seconds since day 1 began."""
    seconds = moment(time, "timestamp")
    try:
        parse_moment(time)
    except ValueError:
        return seconds
    return time


def _question(row: Mapping[str, Any]) -> str:
    """The question without the instructions that RL rows put before it."""
    prompt = row.get("prompt")
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], Mapping):
        return text_of(prompt[-1], "content")
    return text_of(row, "question")


def _inside(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside a row; an empty one where there is none."""
    found = row.get(name)
    return found if isinstance(found, Mapping) else {}


def _answer(row: Mapping[str, Any]) -> tuple[str, str]:
    if row.get("ground_truth"):
        return answer_of(text_of(row, "ground_truth")), "ground_truth"
    golden = row.get("golden_answer")
    if isinstance(golden, list) and len(golden) == 1 and isinstance(golden[0], str):
        return answer_of(golden[0]), "golden_answer"
    target = _inside(_inside(row, "reward_model"), "ground_truth").get("target")
    if isinstance(target, str) and target.strip():
        return answer_of(target), "reward_model"
    raise TaskError("ground_truth", "is missing, leave the row out or mend it")
