"""Reading replies: citations, options, abstentions, JSON, and calls in whatever form they stand in a text."""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from rewatch.agent.evidence import Piece
from rewatch.agent.parsing.citations import cited_numbers, without_citations
from rewatch.agent.parsing.draft import draft_of, parse_draft
from rewatch.agent.parsing.reply import parse_reply
from rewatch.agent.questions.question import Question
from rewatch.agent.tool_formats.text_calls import calls_in
from rewatch.agent.verifier import check

PIECES = {
    1: Piece(n=1, uri="video:ab#t=1,4", text="Welcome to the spring fair.", channel="speech", tool="search_clips"),
    2: Piece(n=2, uri="video:ab#t=9,13", text="The budget is ten million.", channel="speech", tool="search_clips"),
    3: Piece(n=3, uri="video:ab#t=16,20", text="", channel="", tool="view_clip"),
}
NAMES = ("search_clips", "transcribe")
VIDEO = {"id": "ab", "name": "a.mp4", "start": 0.0, "end": 60.0}


def conversation(*said: AIMessage, options: tuple[str, ...] = ()) -> list:
    question = Question(text="How large is the budget?", options=options, videos=(VIDEO,))
    rows = [piece.as_dict() for piece in PIECES.values()]
    artifact = {"evidence": rows, "uris": [piece.uri for piece in PIECES.values()], "data": {}}
    text = "\n".join(f"[{piece.n}] {piece.text}" for piece in PIECES.values())
    asked = HumanMessage("?", additional_kwargs={"question": question.as_dict()})
    return [asked, ToolMessage(text, tool_call_id="look", name="search_clips", artifact=artifact), *said]


def verdict(*texts: str, options: tuple[str, ...] = ()):
    messages = conversation(*map(AIMessage, texts), options=options)
    question = Question.from_dict(messages[0].additional_kwargs["question"])
    return check(draft_of(messages[-1], messages), question, messages)


@pytest.mark.parametrize(
    ("text", "numbers", "rest"),
    [
        ("Ten million [2].", (2,), "Ten million."),
        ("A fair [1], ten million [2].", (1, 2), "A fair, ten million."),
        ("Ten million [1, 2]", (1, 2), "Ten million"),
        ("Ten million [1][2]", (1, 2), "Ten million"),
        ("Ten million [1-3]", (1, 2, 3), "Ten million"),
        ("Ten million [line 2]", (2,), "Ten million"),
        ("Ten million (2).", (2,), "Ten million."),
        ("Ten million 【2】", (2,), "Ten million"),
        ("Ten million 【2†talk】", (2,), "Ten million"),
        ("Ten million [[2]].", (2,), "Ten million."),
        ("Ten million [^2]", (2,), "Ten million"),
        ("Ten million [2] of (3) people.", (2,), "Ten million of (3) people."),
        ("There are three (3) cups", (), "There are three (3) cups"),
        ("There are three (3).", (), "There are three (3)."),
        ("Ten million (7).", (), "Ten million (7)."),  # no line has such a number
        ("It opened in [1963].", (), "It opened in [1963]."),
        ("From [40, 55] s", (), "From [40, 55] s"),  # a span: no line has such a number
        ("[0.1, 0.2, 0.3, 0.4]", (), "[0.1, 0.2, 0.3, 0.4]"),
    ],
)
def test_citations(text: str, numbers: tuple[int, ...], rest: str):
    assert cited_numbers(text, PIECES) == numbers and without_citations(text, PIECES) == rest


@pytest.mark.parametrize(
    ("message", "text", "uris", "unknown"),
    [
        ("Ten million [2].", "Ten million.", ["video:ab#t=9,13"], ()),
        ("Answer: Ten million [2]", "Ten million", ["video:ab#t=9,13"], ()),
        ("<think>[1]?</think> <answer>ten million [2]</answer>", "ten million", ["video:ab#t=9,13"], ()),
        ("Ten million [7].", "Ten million.", [], (7,)),
        ('{"answer": "ten", "evidence": [2]}', "ten", ["video:ab#t=9,13"], ()),
        ('{"answer": "ten", "evidence": ["[2]", {"n": 3}]}', "ten", ["video:ab#t=9,13", "video:ab#t=16,20"], ()),
        ('```json\n{"answer": "ten [2]"}\n```', "ten", ["video:ab#t=9,13"], ()),
        ("00:09-00:13 speech: «The budget is ten million.» [2]", "The budget is ten million.", ["video:ab#t=9,13"], ()),
        ("It says «ten million» [2].", "It says “ten million”.", ["video:ab#t=9,13"], ()),
        ("See video:ab#t=1,4", "See video:ab#t=1,4", ["video:ab#t=1,4"], ()),
    ],
)  # fmt: skip
def test_answers(message: str, text: str, uris: list[str], unknown: tuple[int, ...]):
    draft = parse_draft(message, pieces=PIECES)
    assert (draft.text, [e.uri for e in draft.evidence], draft.unknown) == (text, uris, unknown)
    assert not draft.abstained


def test_each_citation_has_the_words_before_it_as_its_claim():
    draft = parse_draft("There is a spring fair [1]. The budget is ten million [2].", pieces=PIECES)
    assert [e.claim for e in draft.evidence] == ["There is a spring fair", "The budget is ten million"]
    assert [e.quote for e in draft.evidence] == [PIECES[1].text, PIECES[2].text]


@pytest.mark.parametrize("text", ["NOT FOUND: no price is told.", "Not found.", "**NOT FOUND**: and what is missing."])
def test_an_abstention_in_plain_words(text: str):
    draft = parse_draft(text, pieces=PIECES)
    assert draft.abstained and draft.confidence == 0 and draft.text in ("no price is told.", "It was not found.")


def test_an_abstention_that_points_at_a_line_tells_what_is_closest():
    draft = parse_draft("NOT FOUND\nline [2]", pieces=PIECES)
    assert draft.text == f"Closest: {PIECES[2].text}" and not draft.abstained and draft.confidence <= 0.2
    assert draft.evidence[0].uri == PIECES[2].uri


@pytest.mark.parametrize(
    ("text", "option", "said"),
    [
        ("B. ten million [2]", "B", "ten million"),
        ("B [2]", "B", "ten million"),
        ("(B) ten million [2]", "B", "ten million"),
        ("ten million [2]", "B", "ten million"),
        ("It is ten million [2].", "B", "It is ten million."),
        ("A fair is told of [1]", None, "A fair is told of"),
    ],
)
def test_the_letter_comes_first(text: str, option: str | None, said: str):
    draft = parse_draft(text, pieces=PIECES, options=("nine euros", "ten million"))
    assert (draft.option, draft.text) == (option, said)


def test_what_is_wrong_with_an_answer_is_said_with_the_line_that_is_right():
    assert "no line [9]" in verdict("Ten million [9].").missing[0] and not verdict("Ten million [9].").draft.evidence
    uncited = verdict("It is ten million.")
    assert uncited.missing[0].endswith("stand in line [2].")
    assert uncited.draft.evidence[0].uri == PIECES[2].uri and uncited.draft.evidence[0].supported
    assert not verdict("It is a whale.").draft.evidence
    stray = verdict("The train leaves at nine [1].")
    assert "does not say" in stray.missing[0] and stray.draft.confidence < 0.5
    other = verdict("It is ten million [1].")  # the number is of another line than the words
    assert not other.missing and [e.uri for e in other.draft.evidence] == [PIECES[1].uri, PIECES[2].uri]
    assert not verdict("Yes [2].").missing and not verdict("It is shown [3].").missing


def test_numbers_alone_are_about_the_draft_before_them():
    assert verdict("It is ten million.", "[2]").draft.text == "It is ten million."
    assert verdict("[2]").draft.text == PIECES[2].text and not verdict("[2]").missing


def test_written_answers_keep_spans_in_brackets():
    assert parse_reply("Ten million [2].").written(PIECES) == "Ten million."
    assert (
        parse_reply("[[1, 2]]").written() == "[[1, 2]]" and parse_reply("<answer>[1, 2]</answer>").written() == "[1, 2]"
    )


CALL = {"name": "search_clips", "arguments": {"query": "fair"}}
WRITTEN = json.dumps(CALL)


@pytest.mark.parametrize(
    "text",
    [
        WRITTEN,
        f"<tool_call>{WRITTEN}</tool_call>",
        f"<tool_call>\n{WRITTEN}",  # cut off by a stop word
        f"Let me look. <tool_call>{WRITTEN}</tool_call>",
        f"```json\n{WRITTEN}\n```",
        f"```\n{WRITTEN}",
        f"<|python_tag|>{json.dumps({'name': 'search_clips', 'parameters': {'query': 'fair'}})}",
        f"[TOOL_CALLS] [{WRITTEN}]",
        f"[TOOL_CALLS][{WRITTEN}]",
        '<function=search_clips>{"query": "fair"}</function>',
        "{'name': 'search_clips', 'arguments': {'query': 'fair',}}",
        json.dumps({"function": CALL, "type": "function"}),
        json.dumps({"tool_calls": [CALL]}),
        json.dumps({"search_clips": {"query": "fair"}}),
        json.dumps({**CALL, "arguments": json.dumps(CALL["arguments"])}),
        json.dumps({"name": "serach_clips", "arguments": {"query": "fair"}}),
        '```python\nsearch_clips(query="fair")\n```',
        'search_clips("fair")',
    ],
)
def test_a_call_is_found_in_whatever_form(text: str):
    found = calls_in(text, NAMES)
    assert found.calls == (("search_clips", {"query": "fair"}),) and not found.broken
    assert "{" not in found.words and "search" not in found.words


@pytest.mark.parametrize(
    "text",
    [
        "The fair is in spring [1].",
        '{"answer": "spring", "evidence": [1]}',
        "```json\n{\"answer\": \"spring\"}\n```",
        "It costs {about} ten.",
        json.dumps({"name": "search_clips", "parameters": {"type": "object", "properties": {"query": {}}}}),
        "search_clips(query=open('x'))",
    ],
)  # fmt: skip
def test_what_is_no_call_is_none(text: str):
    assert not calls_in(text, NAMES).calls
    assert calls_in(WRITTEN, ()).words == WRITTEN, "without tools nothing is a call"


def test_two_calls_and_a_broken_one():
    two = calls_in(f"<tool_call>{WRITTEN}</tool_call><tool_call>{WRITTEN.replace('fair', 'room')}</tool_call>", NAMES)
    assert [arguments["query"] for _, arguments in two.calls] == ["fair", "room"]
    broken = calls_in('<tool_call>{"name": "search_clips", "arguments": {"query": </tool_call>', NAMES)
    assert not broken.calls and broken.broken and broken.words == ""


def test_a_quote_needs_words_and_a_place_its_words():
    def said(**evidence: str):
        row = {"answer": "Ten million.", "evidence": [{"claim": "x", "uri": "video:ab#t=9,13", **evidence}]}
        return verdict(json.dumps(row))

    assert not said(quote="ten million").missing and not said().missing
    for quote in ("…", " -- ", "!?"):
        assert "no words" in said(quote=quote).missing[0] and not said(quote=quote).draft.evidence[0].supported
    assert "in no observation" in said(quote="get").missing[0]  # inside of `budget`
    row = {"answer": "A whale swims", "evidence": [{"claim": "x", "uri": "video:ab#t=9,13"}]}
    assert "does not say" in verdict(json.dumps(row)).missing[0]
    row["evidence"][0]["uri"] = "video:ab#t=16,20"  # seen, not told in words
    assert not verdict(json.dumps(row)).missing


def test_one_reading_of_the_option_in_every_form():
    options = ("nine euros", "ten million", "a fair")
    for text in ("B [2]", "<answer>B</answer> [2]", "The answer is (B) [2].", "<thinking>A?</thinking>It's B. [2]",
                 json.dumps({"answer": "ten million", "option": None, "evidence": [2]}),
                 json.dumps({"answer": "x", "option": "(B) ten million", "evidence": [2]}),
                 "\\boxed{B} [2]"):  # fmt: skip
        found = verdict(text, options=options)
        assert found.draft.option == "B", text
    assert "Choose one" in verdict("A or B [2]", options=options).missing[0]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ('{"4": [0.1, 0.2, 0.3, 0.4], "5": [[0, 0, 1, 1]]}', "4: [0.1, 0.2, 0.3, 0.4]; 5: [[0, 0, 1, 1]]"),
        ('{"start": 3, "end": 7.5}', "start: 3; end: 7.5"),
        ('{"evidence": ["video:ab#t=1,4"], "boxes": [], "steps": [[], "x"]}', ""),
    ],
)
def test_json_without_an_answer_keeps_words_times_and_boxes(message: str, text: str):
    assert parse_draft(message).text == text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ('{"answer": "He said "stop" loudly", "confidence": 0.8}', 'He said "stop" loudly'),
        ("{'answer': 'It's a blue car', 'confidence': 0.8}", "It's a blue car"),
        ('{"answer": "Blue car", // sure\n "confidence": 0.8}', "Blue car"),
        ('{"answer": "Blue car" "confidence": 0.8}', "Blue car"),
        ('{"answer": "Blue car"; "confidence": 0.8}', "Blue car"),
        ("{“answer”: “Blue car”, “confidence”: 0.8}", "Blue car"),
        ('{"answer": """Blue car""", "confidence": 0.8}', "Blue car"),
        ('{"answer": `Blue car`, "confidence": 0.8}', "Blue car"),
        ('{"answer": Blue car, "confidence": 80%}', "Blue car"),
        ('{"answer": "Blue car", "confidence": ".8"}', "Blue car"),
        ('"{\\"answer\\": \\"Blue car\\", \\"confidence\\": 0.8}"', "Blue car"),
        ('{"name": "final_answer", "arguments": "{\\"answer\\": \\"Blue car\\", \\"confidence\\": 0.8}"}', "Blue car"),
        ("answer: Blue car\nconfidence: 0.8", "Blue car"),
    ],
)
def test_answers_in_json_as_models_write_it(message: str, text: str):
    draft = parse_draft(message)
    assert (draft.text, draft.confidence) == (text, pytest.approx(0.8))


@pytest.mark.parametrize(
    "said",
    [
        "The likely answer, by words alone, to be repeated with its number if the lines bear it out:\nred car [1]",
        "The likely answer is: red car [1]",
        "A possible answer: red car [1]",
        "red car [1]",
    ],
)
def test_the_head_of_a_hint_is_no_part_of_the_answer(said: str) -> None:
    assert parse_draft(said, pieces=PIECES).text == "red car"
