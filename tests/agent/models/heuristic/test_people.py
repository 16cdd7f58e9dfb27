"""Questions about who speaks, answered without a model."""

import pytest
from rewatch import ClipMemory, VideoAgent


@pytest.fixture
def named(people_memory: ClipMemory) -> ClipMemory:
    first = people_memory.videos()[0].id
    people_memory.people.name(people_memory.people.turns(first)[0].identity, "Anna")
    return people_memory


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What does Anna say about the budget?", "The budget for next year is ten million."),
        ("what did anna say about the chairs?", "We should buy new chairs for the garden."),
        ("Who talks about the chairs first?", "voice 2: “We should buy new chairs for the garden.”"),
        ('Who says "ten million" first?', "Anna: “The budget for next year is ten million.”"),
        ("Who speaks last?", "voice 2"),
    ],
)
def test_who_and_what(named: ClipMemory, question: str, expected: str):
    answer = VideoAgent(named).ask(question, videos=["talk0.mp4"])
    assert answer.text == expected
    assert answer.evidence and all(item.supported for item in answer.evidence)
    assert any("who it is" in item.claim for item in answer.evidence)


@pytest.mark.parametrize("question", ["What does Anna say about the budget?", "Does Anna mention the budget?"])
def test_what_somebody_else_says_is_not_denied(named: ClipMemory, question: str):
    first = named.videos()[0].id
    named.people.split("Anna", [named.people.turns(first)[0].uri])  # so that only others speak of the budget
    answer = VideoAgent(named).ask(question, videos=[first])
    told = [answer.text, *(item.claim for item in answer.evidence)]
    assert "in what Anna is heard to say" in answer.text and not any("in the speech" in text for text in told)


def test_words_of_somebody_unknown_are_told_with_who_says_them(named: ClipMemory):
    answer = VideoAgent(named).ask("What does Carol say about the budget?", videos=["talk0.mp4"])
    assert "ten million" in answer.text and "nobody here goes by Carol" in answer.text and answer.confidence < 0.5
    assert any(item.claim == "who it is: Anna" for item in answer.evidence)
    sure = VideoAgent(named).ask("What does she say about the budget?", videos=["talk0.mp4"])
    assert "nobody here" not in sure.text


def test_when_somebody_speaks(named: ClipMemory):
    first = named.videos()[0].id
    answer = VideoAgent(named).ask("When does Anna speak?", videos=[first])
    turns = [turn for turn in named.people.turns(first) if turn.label == "Anna"]
    assert answer.text == "Anna: " + "; ".join(f"from {turn.start:.1f} s to {turn.end:.1f} s" for turn in turns)
    assert {turn.uri for turn in turns} <= {item.uri for item in answer.evidence}


def test_a_guess_is_told_as_one_with_its_score_and_what_it_rests_on(named: ClipMemory):
    first, second, _ = (record.id for record in named.videos())
    everywhere = VideoAgent(named).ask("What does Anna say about the keys?")
    assert "the keys of the blue car" in everywhere.text and "(probably Anna (0." in everywhere.text
    assert any(item.uri.startswith(f"video:{first}#") and "not confirmed" in item.claim for item in everywhere.evidence)
    here = VideoAgent(named).ask("When does Anna speak?", videos=[second])
    assert here.text.startswith("probably Anna (0.") and all(item.supported for item in here.evidence)
    assert any(f"by video:{first}#t=" in item.claim for item in here.evidence)


def test_a_question_up_to_now_knows_nothing_later(named: ClipMemory):
    first = named.videos()[0].id
    turns = named.people.turns(first)
    now = turns[2].start + 0.5
    answer = VideoAgent(named).ask("When does Anna speak?", videos=[first], now=now)
    assert answer.text == f"Anna: from {turns[0].start:.1f} s to {turns[0].end:.1f} s"
    before = VideoAgent(named).ask("What does Anna say?", videos=[first], now=turns[0].end - 0.5)
    assert "Anna" not in before.text or before.abstained


def test_a_name_that_is_a_word_is_one_only_where_it_is_written_so(people_memory: ClipMemory):
    first = people_memory.videos()[0].id
    people_memory.people.name(people_memory.people.turns(first)[1].identity, "Will")
    agent = VideoAgent(people_memory)
    assert "ten million" in agent.ask("What will they say about the budget?", videos=[first]).text
    chairs = agent.ask("What does Will say about the chairs?", videos=[first])
    assert chairs.text == "We should buy new chairs for the garden."
    assert any("who it is: Will" == item.claim for item in chairs.evidence)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What does Anna say?", "The budget for next year is ten million. We should buy new chairs for the garden."),
        ("What does Anna say last?", "We should buy new chairs for the garden."),
        ("What does Anna say first?", "The budget for next year is ten million."),
    ],
)
def test_all_that_somebody_says_needs_no_words_to_search_for(named: ClipMemory, question: str, expected: str):
    first = named.videos()[0].id
    others = [turn for turn in named.people.turns(first) if turn.label == "voice 2"]
    answer = VideoAgent(named).ask(question, videos=[first])
    assert answer.text.replace("\n", " ") == expected
    assert not any(turn.uri == item.uri for turn in others for item in answer.evidence)


def test_last_is_by_the_clock_over_videos_and_who_is_not_heard_is_no_text_on_the_screen(named: ClipMemory):
    first, second, third = (record.id for record in named.videos())
    for video, day in ((first, 3), (second, 2), (third, 1)):
        named.set_recording(video, f"2026-05-0{day}T09:00")
    for turns in map(named.people.turns, (second, third)):
        named.people.merge("Anna", next(turn for turn in turns if "Anna" in turn.label).identity)
    agent = VideoAgent(named)
    last = agent.ask("What did Anna say last?")
    assert "chairs" in last.text and {item.uri.partition("#")[0] for item in last.evidence} == {f"video:{first}"}
    yesterday = agent.ask("What did Anna say yesterday?")
    assert "keys of the blue car" in yesterday.text and "budget" not in yesterday.text
