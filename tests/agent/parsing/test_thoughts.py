"""Thoughts are split off before anything is read, and JSON answers are read as loosely as models write them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from rewatch.agent.evidence import Piece
from rewatch.agent.parsing.draft import parse_draft
from rewatch.agent.parsing.final_json import confidence_of, json_object
from rewatch.agent.parsing.options import find_options
from rewatch.agent.parsing.reply import parse_reply
from rewatch.agent.parsing.thoughts import split_thoughts, thought_of
from rewatch.agent.tool_formats.text_calls import calls_in
from rewatch.training.rewards.extraction import ranges

PIECES = {
    n: Piece(n=n, uri=f"video:ab#t={n},{n + 3}", text=f"line {n}", channel="speech", tool="search_clips")
    for n in range(1, 4)
}
OPTIONS = ("red", "blue", "green")
FORMS = {
    "think": "<think>{}</think>{}",
    "thinking": "<thinking>\n{}\n</thinking>\n\n{}",
    "thought": "<thought>{}</thought> {}",
    "reasoning": '<reasoning effort="high">{}</reasoning>{}',
    "capitals": "<THINK>{}</THINK>{}",
    "only closed": "{}</think>\n{}",
    "nested": "<think>a <think> b </think> {} </think> {}",
    "several": "<think>first</think><think>{}</think>{}",
    "closed twice": "<think>first</think> {} </think> {}",
    "magistral": "[THINK]{}[/THINK]{}",
    "kimi": "◁think▷{}◁/think▷{}",
    "command": "<|START_THINKING|>{}<|END_THINKING|>{}",
    "gemma": "<|channel>thought\n{}<channel|>{}",
    "gpt-oss": "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>",
    "gpt-oss, bare": "analysisHm. {}assistantfinal{}",
    "granite": "Here is my thought process: {} Here is my response: {}",
}
THOUGHTS = ("Is it <answer>A</answer>?", "The answer is A [1].", '{"answer": "red", "option": "A"}', "NOT FOUND: hm",
            "\\boxed{A} video:ab#t=1,4", "B\nA. red")  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("thought", THOUGHTS)
def test_a_thought_is_never_the_answer(form: str, thought: str):
    for said in (
        "<answer>C</answer> [2]",
        "C [2]",
        "The answer is C [2].",
        json.dumps({"answer": "C", "evidence": [2]}),
    ):
        reply = FORMS[form].format(thought, said)
        draft = parse_draft(reply, pieces=PIECES, options=OPTIONS)
        assert (draft.option, draft.abstained) == ("C", False), reply
        assert [e.uri for e in draft.evidence] == [PIECES[2].uri] and not draft.unknown
        assert parse_reply(reply).letters(OPTIONS, PIECES) == ("C",)
        assert thought.split()[0] in split_thoughts(reply).thought
    assert parse_draft(FORMS[form].format(thought, "NOT FOUND: no car"), pieces=PIECES).abstained
    assert json_object(FORMS[form].format(thought, '{"abstained": true}'))["abstained"] is True


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<think>I could write <answer>A</answer>, but", ""),
        ("<think>The answer tags are <answer> and more", ""),
        ("<think>so <answer>B</answer>", "B"),
        ("<think>\n<answer>B", "B"),
        ("<answer>B</answer>\n<think>done</think>", "B"),
        ("<think>x</think><answer>B</answer></think>", "B"),
        ("The slide shows <think> tags", "The slide shows <think> tags"),
        ('{"answer": "the tag <think> is shown"}', "the tag <think> is shown"),
        ("<think>x", ""),
    ],
)
def test_thoughts_that_are_cut_or_quoted(reply: str, answer: str):
    assert parse_reply(reply).written() == parse_draft(reply).text == answer


def test_calls_in_thoughts_are_none_and_thoughts_beside_the_text_count():
    call = '{"name": "crop", "arguments": {"time": 1}}'
    assert not calls_in(f"<reasoning>{call}</reasoning>It is red.", ("crop",)).calls
    assert parse_reply(f"[THINK]<tool_call>{call}</tool_call>[/THINK]B", "tool_call").calls == ()
    assert parse_reply(f"<think>look <tool_call>{call}", "tool_call").calls == (call,)
    message = AIMessage("<think>b</think>c", additional_kwargs={"reasoning_content": "a"})
    assert thought_of(message) == "a\nb"
    assert thought_of(AIMessage([{"type": "thinking", "thinking": "a"}, {"type": "text", "text": "c"}])) == "a"


ROW: dict[str, Any] = {"answer": "blue", "confidence": 0.8, "evidence": [2]}


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps(ROW), f"Here it is:\n{json.dumps(ROW)}\nThat is all.", f"```JSON\n{json.dumps(ROW)}\n```", str(ROW),
        "{'answer': 'blue', 'abstained': False, 'confidence': .8, 'evidence': [2,],}", f"[{json.dumps(ROW)}]",
        json.dumps({"Final Answer": "blue", "Confidence": "80%", "Evidence": "[2]"}), json.dumps({"result": ROW}),
        json.dumps({"answer": "red"}) + "\n" + json.dumps(ROW), json.dumps(ROW)[:-1],
        '{"answer": "blue", "confidence": 0.8, "evidence": [2], "note": "cut o', f"<answer>{json.dumps(ROW)}</answer>",
        json.dumps({"name": "final_answer", "arguments": ROW}), json.dumps({**ROW, "evidence": {"line": 2}}),
        json.dumps({**ROW, "evidence": "video:ab#t=2,5"}),
        json.dumps({"answer": {"text": "blue"}, "confidence": 0.8, "evidence": 2}),
    ],
)  # fmt: skip
def test_json_is_read_as_models_write_it(reply: str):
    draft = parse_draft(reply, pieces=PIECES, options=OPTIONS)
    assert (draft.text, draft.option, draft.confidence, draft.abstained) == ("blue", "B", 0.8, False)
    assert [e.uri for e in draft.evidence] == [PIECES[2].uri]


@pytest.mark.parametrize(
    ("said", "confidence"),
    [(0.7, 0.7), (1, 1.0), ("0.7", 0.7), ("85%", 0.85), (85, 0.85), ("8/10", 0.8), ("8 out of 10", 0.8), ("0,7", 0.7),
     ("high", 0.9), ("Very low.", 0.1), ("0.8 (high)", 0.8), ("high (90%)", 0.9), ({"value": 0.7}, 0.7), (True, 0.5),
     (7, 0.5), (-0.2, 0.5), (1000, 0.5), (math.nan, 0.5), (math.inf, 0.5), ("Infinity", 0.5), ("NaN", 0.5), (None, 0.5),
     ([], 0.5), ("who knows", 0.5), (10**400, 0.5), ("120%", 0.5), ("9/0", 0.5)],
)  # fmt: skip
def test_confidences(said: Any, confidence: float):
    assert confidence_of(said, 0.5) == pytest.approx(confidence)


@pytest.mark.parametrize(
    ("said", "abstained"),
    [("false", False), ("no", False), ("0", False), ("False", False), ("", False), (None, False), (0, False),
     ([], False), (True, True), ("true", True), ("Yes.", True), (1, True), (2, False), ({"x": 1}, False)],
)  # fmt: skip
def test_abstentions(said: Any, abstained: bool):
    assert parse_draft(json.dumps({"answer": "blue", "abstained": said})).abstained is abstained


@pytest.mark.parametrize(
    ("answer", "text"),
    [(None, ""), (3, "3"), (True, "yes"), (["red", "blue"], "red, blue"), ([1, 2], "[1, 2]"), ({"a": 1}, "a: 1"),
     (math.nan, ""), ({"option": "B", "text": "blue"}, "blue"), ([], "")],
)  # fmt: skip
def test_answers_of_any_kind(answer: Any, text: str):
    assert parse_draft(json.dumps({"answer": answer})).text == text


def test_what_is_no_answer_chooses_nothing_and_every_text_can_be_stored():
    assert parse_draft('{"a": 1}', options=OPTIONS).option is None
    parse_draft('{"answer": "half a pair \\ud800"}').text.encode()


@pytest.mark.parametrize(
    "evidence", [None, "", "none", {}, [], [None, True, math.nan, {}, [1], {"n": "x"}], 7.5, "[99]"]
)
def test_evidence_of_any_kind(evidence: Any):
    assert not parse_draft(json.dumps({"answer": "blue", "evidence": evidence}), pieces=PIECES).evidence


def steps(read: Callable[[str], Any], text: str) -> int:
    """Python calls and lines that a reading takes."""
    count = 0

    def tracer(frame: Any, event: str, arg: Any) -> Any:
        nonlocal count
        count += 1
        return tracer

    sys.settrace(tracer)
    try:
        read(text)
    finally:
        sys.settrace(None)
    return count


HOSTILE = ("[", "{", "{\"a\":", "[1, ", "1", "<think>", "</think>", "<answer>", "```json\n", "\\boxed{", "A or ", "A) ",
           "video:ab#t=1 ", "(1) ", "the answer is A ", "{\"answer\": 1}", "1:00 to ", " ")  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_reading_takes_time_in_proportion(unit: str):
    def read(text: str) -> None:
        parse_draft(text, pieces=PIECES, options=OPTIONS)
        parse_reply(text).letters(OPTIONS, PIECES)
        calls_in(text, ("crop",))
        find_options(text)
        ranges(text)

    few, many = (steps(read, unit * (size // len(unit))) for size in (1_000, 8_000))
    assert many <= 12 * few + 3_000, (few, many)
    read(unit * (200_000 // len(unit)))


@pytest.mark.parametrize(
    "form",
    [
        "<|START_THINKING|>{}<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
        "<|begin_of_thought|>{}<|end_of_thought|>\n<|begin_of_solution|>{}<|end_of_solution|>",
        "<think>{}</think><response>{}</response>",
        "<think>{}</think>{}<|im_end|>",
        "<longcat_think>{}</longcat_think>{}",
        "<|inner_prefix|>{}<|inner_suffix|>{}",
        "<|think|>{}<|/think|>{}",
        "<unused94>thought\n{}<unused95>{}",
        "<cot>{}</cot>{}",
        "analysis{}assistantfinal{}",
        "Here are my reasoning steps:\n{}\n[BEGIN FINAL RESPONSE]\n{}\n[END FINAL RESPONSE]",
        "```thinking\n{}\n```\n{}",
        "**Thinking:**\n{}\n\n**Answer:** {}",
        "Reasoning: {}\nFinal answer: {}",
    ],
)
@pytest.mark.parametrize(
    "thought", ["The answer is A. Hmm.", '{"answer": "red", "option": "A", "abstained": true}', "\\boxed{A} first"]
)
def test_marks_and_headings_of_more_models(form: str, thought: str):
    options = ("red", "blue", "green")
    for said in ("B", "blue", '{"answer": "blue"}', "<answer>B</answer>"):
        draft = parse_draft(form.format(thought, said), options=options)
        assert (draft.option, draft.abstained) == ("B", False)
    assert parse_draft(form.format(thought, "NOT FOUND: too dark"), options=options).abstained


def test_headings_without_an_answer_are_words():
    assert split_thoughts("Analysis: two cars pass.").reply == "Analysis: two cars pass."
    assert split_thoughts("<response> is a tag").reply == "is a tag"
