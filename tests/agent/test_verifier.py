"""What counts as evidence."""

from __future__ import annotations

import pytest
from langchain_core.messages import ToolMessage
from rewatch.agent.answer import Draft, Evidence
from rewatch.agent.parsing.draft import parse_draft
from rewatch.agent.questions.question import Question
from rewatch.agent.verifier import check

VIDEO = {"id": "abc", "name": "a.mp4", "start": 0.0, "end": 60.0, "width": 64, "height": 48, "has_audio": True}
SEEN = ("video:abc#t=0,10", "video:abc#t=10,20", "video:abc#t=40,50", "video:abc#t=55")


def verdict(uri: str, quote: str | None = None, options: tuple[str, ...] = (), **draft: object):
    heard = ToolMessage("«ten million»", tool_call_id="c", artifact={"uris": list(SEEN), "data": {"said": "two cats"}})
    question = Question(text="?", options=options, videos=({**VIDEO, "channels": []},))
    evidence = (Evidence(claim="x", uri=uri, quote=quote),)
    return check(Draft(text="x", evidence=evidence, **draft), question, [heard])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "uri, holds",
    [
        ("video:abc#t=2,8", True),
        ("video:abc#t=5,15", True),  # over two observed clips that touch
        ("video:abc#t=45", True),  # a frame in an observed span
        ("video:abc#t=55", True),
        ("video:abc#t=9.8,10.4", True),
        ("video:abc#t=0,20.4", True),  # within the slack
        ("video:abc#t=15,45", False),  # a gap between
        ("video:abc#t=25,30", False),
        ("video:abc#t=55,58", False),
        ("video:abc", False),  # the whole video was not looked at
        ("video:abc#t=70,80", False),  # past its end
        ("video:other#t=2,8", False),
    ],
)
def test_only_what_was_observed_may_be_cited(uri: str, holds: bool):
    result = verdict(uri)
    assert result.draft.evidence[0].supported is holds and bool(result.missing) is not holds


@pytest.mark.parametrize(
    "quote, holds",
    [("ten million", True), ("Ten, Million!", True), ("two cats", True), ("eleven million", False), (None, True)],
)
def test_a_quote_stands_in_an_observation(quote: str | None, holds: bool):
    assert verdict("video:abc#t=2,8", quote).draft.evidence[0].supported is holds


@pytest.mark.parametrize(
    "named, letter", [("B", "B"), ("b)", "B"), ("(B)", "B"), ("dogs", "B"), ("Z", None), ("birds", None), (None, None)]
)
def test_an_option_is_one_of_the_options(named: str | None, letter: str | None):
    result = verdict("video:abc#t=2,8", options=("cats", "dogs"), option=named)
    assert result.draft.option == letter and bool(result.missing) is (letter is None)


@pytest.mark.parametrize(
    "message, text, uris",
    [
        ('{"answer": "ten", "evidence": ["video:abc#t=1,2"]}', "ten", ["video:abc#t=1,2"]),
        ('```json\n{"answer": "ten", "evidence": [{"uri": "video:abc#t=1"}]}\n```', "ten", ["video:abc#t=1"]),
        ("<answer>ten</answer> see video:abc#t=1,2", "ten", ["video:abc#t=1,2"]),
        ("It is ten [video:abc#t=1,2].", "It is ten [video:abc#t=1,2].", ["video:abc#t=1,2"]),
        ('{"answer": "ten", "evidence": [{"uri": "nonsense"}, 7], "confidence": "high"}', "ten", []),
        ('{"not": "an answer"}', "not: an answer", []),
    ],
)
def test_drafts_in_every_form(message: str, text: str, uris: list[str]):
    draft = parse_draft(message)
    assert draft.text == text and [e.uri for e in draft.evidence] == uris


def test_an_empty_answer_claims_nothing():
    verdict = check(Draft(text=" ", confidence=0.9), Question(text="?"), [])
    assert verdict.draft.abstained and verdict.draft.confidence == 0 and verdict.draft.text == "No answer was written."
    assert "The answer is empty." in verdict.missing


def test_a_quote_of_the_calls_own_words_is_no_quote():
    uri = "video:ab#t=0,9"
    facts = {"id": "ab", "end": 20.0}
    question = Question(text="?", videos=(facts,))

    def observed(text: str, data: dict) -> ToolMessage:
        artifact = {"arguments": {"find": "money for nothing"}, "uris": [uri], "data": data}
        return ToolMessage(text, name="transcribe", tool_call_id="1", artifact=artifact)

    quoting = Draft(text="t", evidence=(Evidence(claim="c", uri=uri, quote="Money for nothing"),))
    echoed = observed("'money for nothing' was not found", {"find": "money for nothing", "utterances": []})
    assert not check(quoting, question, [echoed]).draft.evidence[0].supported
    heard = observed("found: «money for nothing»", {"utterances": [{"text": "Money for nothing!"}]})
    assert check(quoting, question, [heard]).draft.evidence[0].supported
