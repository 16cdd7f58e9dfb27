"""What a request's text asks, its options and what it gives beside the question; worded as harnesses and people do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rewatch.server.prompts import Form, read_prompt

Q = "What does she do next?"
FOUR = ("opens the box", "leaves", "sits down", "waves")


def lines(form: str, labels: str = "ABCD") -> str:
    """The four options, one a line, each label and text put into `form`."""
    return "\n".join(form.format(label, text) for label, text in zip(labels, FOUR, strict=True))


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (lines("{}. {}"), "ABCD"),
        (lines("({}) {}"), "ABCD"),
        (lines("{}) {}"), "ABCD"),
        (lines("{}: {}"), "ABCD"),
        (lines("{}:{}"), "ABCD"),
        (lines("- {}) {}"), "ABCD"),
        (lines("* **{}.** {}"), "ABCD"),
        (lines("[{}] {}"), "ABCD"),
        (lines("{} {}"), "ABCD"),
        (lines("{} : {}"), "ABCD"),
        (lines("{}) {}", "abcd"), "abcd"),
        (lines("{}. {}", "0123"), "0123"),
        (lines("{}. {}", "1234"), "1234"),
        (lines("({}) {}", "1234"), "1234"),
        ("i. opens the box\nii. leaves\niii. sits down\niv. waves", ("i", "ii", "iii", "iv")),
        ("A. opens the box; B. leaves; C. sits down; D. waves;", "ABCD"),
        ("(A) opens the box (B) leaves (C) sits down (D) waves", "ABCD"),
        ("(0) opens the box (1) leaves (2) sits down (3) waves", "0123"),
        ("0: opens the box 1: leaves 2: sits down 3: waves", "0123"),
        ("['opens the box', 'leaves', 'sits down', 'waves']", "ABCD"),
        ('["A. opens the box", "B. leaves", "C. sits down", "D. waves"]', "ABCD"),
        ("{'A': 'opens the box', 'B': 'leaves', 'C': 'sits down', 'D': 'waves'}", "ABCD"),
        ('{"a": "opens the box", "b": "leaves", "c": "sits down", "d": "waves"}', "abcd"),
    ],
)
def test_options_in_every_notation(options: str, labels: Sequence[str]):
    prompt = read_prompt(f"{Q}\nChoices: {options}\nPick the best choice and write its label only.")
    own_line = read_prompt(f"{Q}\nChoices:\n{options}\nPick the best choice and write its label only.")
    for found in (prompt, own_line) if "\n" not in options else (own_line,):
        assert (found.question, found.options) == (Q, FOUR)
        assert found.form.labels == tuple(labels)


def test_options_without_labels_and_those_of_several_lines():
    plain = read_prompt(f"{Q}\nPossible answers:\n- opens the box\n- leaves\nReply with the wording of one answer.")
    assert (plain.options, plain.form.shows) == (("opens the box", "leaves"), "text")
    numbered = read_prompt(f"{Q}\nChoices: ['opens the box', 'leaves']\nGive the index (0-1) of the best choice.")
    assert (numbered.options, numbered.form.labels) == (("opens the box", "leaves"), ("0", "1"))
    listed = read_prompt(f"{Q}\nChoose one of these options: opens the box, leaves, or waves.")
    assert (listed.options, listed.form.shows) == (("opens the box", "leaves", "waves"), "text")
    long = read_prompt("Which text fits?\nA. She opens the box\nand looks inside.\nB. She leaves.\nLetter only.")
    assert long.options == ("She opens the box and looks inside.", "She leaves.")
    named = read_prompt("Which sentence is true?\nSentence A: she waves\nSentence B: she leaves\nGive the best one:")
    assert (named.options, named.form.labels) == (("she waves", "she leaves"), ("Sentence A", "Sentence B"))


@pytest.mark.parametrize(
    "text",
    [
        "Please follow these rules:\n1. Watch it all.\n2. Be brief.\n\nWho waves?",
        "How many letters stand on the sign?",
        "What format does the speaker choose for the talk?",
        "Who answers the phone, and what is the answer?",
        "Is it plan A or plan B that she chooses?",
        "Which number is on the jersey?",
        "Describe the following: the room, the people, the mood.",
        "Describe the labels: what they say, who reads them",
        "He names three options: tea, coffee or milk. What does he take?",
        "What time is it on the clock? Give the time and the date.",
        'What does the text "Way out" on the door mean?',
        "Who is there when 'Day 2' is shown?",
        "Real or fake: the plant in the back?",
        "What does he choose from: the menu, the board or the list?",
        'She asks "options: tea, coffee or milk". What does he take?',
        "What does the JSON in the terminal contain?",
        "The video lasts 3 minutes. What happens in the end?",
    ],
)
def test_no_options_where_there_are_none(text: str):
    prompt = read_prompt(text)
    assert prompt.options == ()
    assert prompt.question.endswith(text.rpartition("\n")[2])
    assert prompt.form.value == "words"


@pytest.mark.parametrize(
    "before",
    [
        "Choose the best option for the multiple-choice question below, using what you see in the clip.\n",
        "You are an assistant for long videos. Watch closely and pay attention to details.\n",
        "Here are 32 frames of a video, sampled evenly.\n",
        "The following frames are taken from one video, in order.\n<image><image><image>\n",
        "Answer the following question about this recording:\n",
        "[UNUSED_TOKEN_1]user\n",
        "Analyze all frames first. Compare sizes and distances between them.\n\n",
        "The video lasts for 9.00 seconds, and 3 frames are uniformly sampled from it. These frames are located at "
        "0.00s,4.50s,9.00s.Please answer the following questions related to this video.\n",
        "The timestamps of these frames are: 0.0, 4.5, 9.0\n",
        "Question: ",
        "**Question:** ",
        "Now answer the following question based on the clip: ",
    ],
)
@pytest.mark.parametrize(
    "behind",
    [
        "",
        "\nAnswer with the letter of one option only.",
        "\nWrite nothing but one letter: A, B, C, or D.",
        "\nThe best answer is:",
        "\nBest option: (",
        "\nAnswer:",
        "\nBitte nur den Buchstaben nennen.",
        " Answer this question with A, B, C, or D.[UNUSED_TOKEN_2]\n[UNUSED_TOKEN_1]assistant\n",
        "\nEven if you are not sure, always choose one option. Do not explain.",
    ],
)
def test_what_stands_around_a_question(before: str, behind: str):
    prompt = read_prompt(f"{before}{Q}\n{lines('{}. {}')}{behind}")
    assert (prompt.question, prompt.options) == (Q, FOUR)
    assert prompt.form.demanded is behind.endswith("explain.")


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("The subtitles of this video:\nHi there.\nA. or B.?\nBye.\nQuestion: {}", "Hi there.\nA. or B.?\nBye."),
        (
            'These are frames. The transcript is given below:\n"Hi there.\nA. or B.?"\nPick one option.\n{}',
            "Hi there.\nA. or B.?",
        ),
        ("**Subtitles:**\nHi there.\nWhere were you?\nBye.\n\n{}", "Hi there.\nWhere were you?\nBye."),
        (
            "1\n00:00:01,000 --> 00:00:02,500\nHi.\n\n2\n00:00:03,000 --> 00:00:04,000\nBye.\n\n"
            "3\n00:00:05,000 --> 00:00:06,000\nOh.\n\nQuestion: {}",
            None,
        ),
        ("[0.0s - 2.0s] Hi.\n[2.0s - 4.0s] Bye.\n[4.5s - 6.0s] Oh.\n{}", "[0.0s - 2.0s] Hi."),
        (
            "<image>\nHi there you.\n<image>\nA. or B. then.\n<image> <image>\nBye for now.\n<image>\n{}",
            "Hi there you.",
        ),
    ],
)
def test_subtitles_are_set_apart(text: str, context: str | None):
    asked = f"{Q}\n{lines('{}. {}')}\nLetter only."
    prompt = read_prompt(text.format(asked))
    assert (prompt.question, prompt.options) == (Q, FOUR)
    assert context is None or prompt.context.startswith(context)


def test_a_long_text_is_read_at_its_ends():
    said = "\n".join(f"line {n} of what was said" for n in range(4000))
    prompt = read_prompt(f"The subtitles are listed below:\n{said}\nQuestion: {Q}\n{lines('{}. {}')}\nLetter only.")
    assert (prompt.question, prompt.options) == (Q, FOUR)
    assert prompt.context == said


@pytest.mark.parametrize(
    "text",
    [
        'Find when this happens: "a dog barks". Reply as "From s to e seconds".',
        "Determine the start and end time of the event 'a dog barks' in this video. Write it as [start, end].",
        "Locate the moment of this sentence in the video and give its start and end time. Sentence: a dog barks",
        "Return the start and end time of this event in the form <start> - <end>: a dog barks",
    ],
)
def test_what_is_looked_for_becomes_a_question(text: str):
    prompt = read_prompt(text)
    assert (prompt.question.rstrip("."), prompt.form.value) == ("When does this happen: a dog barks", "span")


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Find the moment when 'way out' is said. The format is 'It happens at <time>'.", "'way out' is said."),
        ("Identify all the moments where a dog barks. Write them as [[start, end], ...].", "a dog barks."),
        (
            "Find the event described by the sentence: 'a dog barks'. The format of your response should be: 'It "
            "happens in <start time> - <end time>'.",
            "a dog barks",
        ),
    ],
)
def test_what_is_looked_for_is_asked_as_a_whole(text: str, question: str):
    assert read_prompt(text).question == f"When does this happen: {question}"


@pytest.mark.parametrize(
    ("text", "question", "options"),
    [
        ("Does she leave? yes/no", "Does she leave?", ("yes", "no")),
        ("Does she leave (Yes or No)?", "Does she leave?", ("Yes", "No")),
        ("True or False: she leaves the room.", "Is it true that she leaves the room?", ("True", "False")),
        ('Is this statement true? "She waves." Answer yes or no.', "Is it true that She waves?", ("yes", "no")),
        ("Is the caption correct?\nCaption: she waves.\nYes or no?", "Is it true that she waves?", ("Yes", "no")),
        ("Hi there! Who waves? Thanks a lot!", "Who waves?", ()),
        ("Hi! Look at the man. Who waves? Thanks!", "Look at the man. Who waves?", ()),
        ("Thank you.", "Thank you.", ()),
        ("Tell whether she waves. Answer yes or no.", "Tell whether she waves.", ("yes", "no")),
        ("Is it left or right?", "Is it left or right?", ()),
        ("Who waves? Choose from: Ann, Bob or Cid.", "Who waves?", ("Ann", "Bob", "Cid")),
        ("Choose from the following options: Ann or Bob. Who waves?", "Who waves?", ("Ann", "Bob")),
        ("How many?\nChoices: one or two, three or more. Thanks!", "How many?", ("one or two", "three or more")),
        ("Pick one: which word comes first? 'sun', 'moon', 'star'", "Pick one: which word comes first?",
         ("sun", "moon", "star")),
        ("What does the text \"Way out\", \"exit\" mean?", "What does the text \"Way out\", \"exit\" mean?", ()),
        ("Frame1: \nFrame2: \nWho waves?", "Who waves?", ()),
        ("Who waves, as JSON please", "Who waves", ()),
        ("When does she wave (mm:ss)?", "When does she wave?", ()),
        ("At which second does she wave? Give just the number.", "At which second does she wave?", ()),
        ("What is her name? Say \"untold\" if the video does not tell.", "What is her name?", ()),
        ("When is it? If it never happens, answer [-1, -1]. Otherwise [start, end].", "When is it?", ()),
    ],
)  # fmt: skip
def test_what_people_add_to_a_question(text: str, question: str, options: Sequence[str]):
    prompt = read_prompt(text)
    assert (prompt.question, prompt.options) == (question, options)


def test_a_task_beside_an_example_of_json_stays():
    prompt = read_prompt('List every moment the word sun is said. Output JSON: [{"start": 1.0, "end": 2.0}]')
    assert prompt.question == "List every moment the word sun is said."


@pytest.mark.parametrize(
    "text",
    [
        "Look at the man. What does he hold?",
        "Ignore the music. Who speaks first?",
        "You will see two of them. Is one tall?",
        "Give me a list of all the people.",
        "Hello",
        "and after that?",
    ],
)
def test_somebody_who_talks_is_left_as_he_is(text: str):
    prompt = read_prompt(text)
    assert (prompt.question, prompt.options, prompt.form) == (text, (), Form())


def test_a_question_that_is_a_task_stays():
    for text in ("Describe the video in one sentence.", "Count the jumps in this video.", "Provide a caption of it."):
        assert read_prompt(text).question == text
    read = read_prompt("Watch the clip and count how often she waves. Give the count as a single integer.")
    assert (read.question, read.form.value) == ("Watch the clip and count how often she waves.", "number")
    assert read_prompt("", system="Tell what you see.").question == "Tell what you see."
    assert read_prompt("他在做什么？\nA. 开门\nB. 关门\n请只回答选项字母。").question == "他在做什么？"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Who waves? Answer in a single word or phrase.", "Answer with a single word or a short phrase."),
        ("Who waves?\nKeep the answer short and concise.", "Answer with a short phrase."),
        ("Who waves?\nAnswer in one sentence.", "Answer in one sentence."),
        ("Who waves?", ""),
    ],
)
def test_how_long_words_are_to_be(text: str, hint: str):
    prompt = read_prompt(text)
    assert (prompt.question, prompt.form.hint) == ("Who waves?", hint)
    assert prompt.asked == f"Who waves?\n{hint}".strip()


ATOMS = ("A. ", "(", "[", '"', "'", "<answer>", "a) ", '{"a": ', "start - end ", "0. ", "。", "answer with ", "\n", " ")


@pytest.mark.parametrize("atom", ATOMS)
@pytest.mark.timeout(20)
def test_no_text_takes_long(atom: str):
    assert read_prompt(atom * (12_000 // len(atom)) + "\nWho waves?", system=atom * 1000) is not None
