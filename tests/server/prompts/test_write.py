"""The form that a prompt asks for, and an answer in it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from given_answers import MOMENT, REGION, SPAN, answer
from rewatch.agent.answer import Answer
from rewatch.server.prompts import read_prompt, write_answer

Q = "What does she do next?"
OPTIONS = "A. sits\nB. leaves\nC. waves\nD. sings"
WHEN = "When does she wave?"


def written(text: str, given: Answer | None = None, **more: Any) -> str:
    return write_answer(given or answer(), read_prompt(text, **more))


@pytest.mark.parametrize(
    ("says", "reply"),
    [
        ("", "B"),
        ("Only the letter, please.", "B"),
        ("Give the letter together with the text.", "B. leaves"),
        ("Reply with the option letter, followed by the option text.", "B. leaves"),
        ("Reply with the text of the right option, not the letter.", "leaves"),
        ("End your reply with 'The answer is (X)'.", "The answer is (B)"),
        ("Finish with: Final choice: <letter>", "Final choice: B"),
        (
            'Conclude in the format "So the answer is: $LETTER", where $LETTER is one of the options.',
            "So the answer is: B",
        ),
        ("Put the letter in \\boxed{}.", "\\boxed{B}"),
        ("Reason within <think></think>, then put the letter within <answer></answer>.", "<answer>B</answer>"),
        ('Reply in JSON: {"answer": "A", "reason": "..."}', '{"answer": "B", "reason": "she waves"}'),
        ("Best option: (", "B"),
        ("Output the answer in the format '(X)' where X is the letter.", "(B)"),
        ("Enclose the letter in double angle brackets, e.g. <<A>>.", "<<B>>"),
        ("Think first. Finally output: Answer: [LETTER]", "Answer: B"),
    ],
)
def test_one_option(says: str, reply: str):
    assert written(f"{Q}\n{OPTIONS}\n{says}", answer("leaves", option="B")) == reply
    assert written(f"{Q}\n{OPTIONS}\n{says}", answer("leaves")) == reply  # named by its words only


@pytest.mark.parametrize(
    ("says", "reply"),
    [
        ("Select all that apply and write their letters without separators.", "AC"),
        ("More than one option may be right. Separate the letters with commas, e.g. B,D", "A,C"),
        ('Return a JSON array of every right letter, such as ["B", "D"].', '["A", "C"]'),
        ("Write the correct letters within <answer></answer>.", "<answer>A, C</answer>"),
    ],
)
def test_several_options(says: str, reply: str):
    assert written(f"{Q}\n{OPTIONS}\n{says}", answer("Both A and C.")) == reply


def test_options_in_an_order():
    asked = f"Put these events in the right order.\n{OPTIONS}\nAnswer with the sequence of letters, for example DCBA."
    assert written(asked, answer("B, D, A, C")) == "BDAC"
    assert written(asked.replace("DCBA", "D->C->B->A"), answer("leaves, then sings, sits and waves")) == "B->D->A->C"
    numbered = "Put these in order:\n(1) sits\n(2) leaves\n(3) waves\nGive the order as numbers, for example 1->2->3."
    assert written(numbered, answer("B, A, C")) == "2->1->3"


def test_places_alone_are_written_also_where_there_are_options():
    asked = f"{Q}\n{OPTIONS}\nOnly output the intervals that show it, as [[start1, end1], [start2, end2], ...]."
    assert written(asked, answer("leaves", option="B")) == "[[72.5, 75.0]]"


@pytest.mark.parametrize(
    ("text", "said", "reply"),
    [
        ("Is there a dog? Answer yes or no.", "no", "no"),
        ('Is there a dog? Reply with "Yes" or "No" only.', "No, there is none.", "No"),
        ("Can this happen? Answer with only Possible or Impossible.", "That is impossible", "Impossible"),
        ("How many dogs are there? Reply with a number only.", "There are three dogs.", "3"),
        ("How many dogs are there?\nAnswer with one integer.", "1,200 of them", "1200"),
        ("How far is it? Answer with a single decimal number.", "about 2.5 meters", "2.5"),
        ("How many dogs? Write \\boxed{} around the final answer.", "3", "\\boxed{3}"),
        ("Who waves? Answer with a single word.", "Ann.", "Ann"),
        ("Who waves?", "Ann waves. Twice.", "Ann waves. Twice."),
    ],
)
def test_words_and_numbers(text: str, said: str, reply: str):
    assert written(text, answer(said)) == reply


@pytest.mark.parametrize(
    ("says", "reply"),
    [
        ("Give its start and end time.", "72.5 - 75.0 seconds"),
        ('Return JSON like [["start", "end"], ...], times as texts.', '[["72.5", "75"]]'),
        (
            'Return JSON: {"answer": "...", "evidence": [[s1, e1], [s2, e2]]}',
            '{"answer": "Ann", "evidence": [[72.5, 75.0]]}',
        ),
        (
            "Write it as 'The event lasts from s seconds to e seconds'.",
            "The event lasts from 72.5 seconds to 75.0 seconds",
        ),
        ("The format is: 'It happens at <start time> - <end time> seconds.'", "It happens at 72.5 - 75.0 seconds."),
        ("Write it as in this example: 'It lasts from 3.0 to 9.5 seconds.'", "It lasts from 72.5 to 75.0 seconds."),
        ("Answer as [start, end] in seconds.", "[72.5, 75.0]"),
        ("Answer as mm:ss - mm:ss.", "01:12 - 01:15"),
        ("Answer in the format hh:mm:ss to hh:mm:ss.", "00:01:12 to 00:01:15"),
        (
            "Write the span within <answer></answer> tags, start and end in seconds.",
            "<answer>72.5 - 75.0 seconds</answer>",
        ),
        ("List all intervals as [[start, end], ...].", "[[72.5, 75.0]]"),
        ('Reply in JSON: {"start": <seconds>, "end": <seconds>}', '{"start": 72.5, "end": 75}'),
        ('Output a JSON list of {"start": "mm:ss", "end": "mm:ss"}', '[{"start": "01:12", "end": "01:15"}]'),
        ('Reply in JSON: {"answer": "...", "time": [start, end]}', '{"answer": "Ann", "time": [72.5, 75.0]}'),
        ("Give its start and end time. Return valid JSON.", '{"start": 72.5, "end": 75.0}'),
        ("The format is: 'start - end seconds, event description'.", "72.5 - 75.0 seconds"),
        ("The format is: 'It is in the 82, 84, 86 seconds'.", "Ann"),
        ("Reply with one timestamp as mm:ss.", "01:12"),
        (
            "Output <time>start - end</time> and <answer>who it is</answer>.",
            "<time>72.5 - 75.0</time>\n<answer>Ann</answer>",
        ),
    ],
)
def test_places_in_time(says: str, reply: str):
    assert written(f"{WHEN}\n{says}", answer("Ann")) == reply


def test_which_times_are_written():
    asked = f"{WHEN}\nGive its start and end time."
    assert written(asked, answer("From 1:13 to 1:14.", SPAN)) == "73.0 - 74.0 seconds"  # named, and met by the evidence
    assert written(asked, answer("She says “10 to 20 people”.", SPAN)) == "72.5 - 75.0 seconds"
    assert written(asked, answer("There.", MOMENT, SPAN)) == "72.5 - 75.0 seconds"
    assert written(asked, answer("There.", MOMENT)) == "80.0 - 80.0 seconds"
    assert written(asked, answer("From 5 to 9 seconds.", "video:v1")) == "5.0 - 9.0 seconds"
    assert written(asked, answer("From 72.4 s to 74.9 s.", "video:v1#t=72.448,74.912")) == "72.45 - 74.91 seconds"
    row = (
        f"{WHEN} The format is 'It happens in <start time> - <end time>, <start time> - <end time>, and <start time> - "
        "<end time>'. For example: 'It happens in 4.2 - 6.8, 7.5 - 10.3, and 15.1 - 18.6 seconds'."
    )
    assert written(row, answer("There.", SPAN, REGION)) == "It happens in 72.5 - 75.0, 90.0 - 91.0 seconds."
    both = f'{WHEN} Reply in JSON: {{"answer": "...", "moments": [[12.5, 15.0]]}}'
    assert json.loads(written(both, answer("There.", SPAN, REGION)))["moments"] == [[72.5, 75], [90, 91]]
    many = f"{WHEN}\nList all moments as [[start, end], ...] in seconds."
    assert json.loads(written(many, answer("There.", SPAN, REGION, SPAN))) == [[72.5, 75.0], [90.0, 91.0]]


@pytest.mark.parametrize(
    ("says", "reply"),
    [
        ("[x1, y1, x2, y2], from 0 to 1", [0.1, 0.2, 0.4, 0.6]),
        ("[x1, y1, x2, y2] with values from 0 to 1000", [100, 200, 400, 600]),
        ("[x, y, width, height] in percent", [10, 20, 30, 40]),
        ("[x1, y1, x2, y2] in pixels", [64, 72, 256, 216]),
    ],
)
def test_places_in_the_picture(says: str, reply: list[float]):
    prompt = read_prompt(f"Where is the dog? Give its bounding box as {says}.")
    assert json.loads(write_answer(answer("There.", REGION), prompt, picture=(640, 360))) == reply
    track = read_prompt(f'Track the dog. Output a JSON list of {{"time": 1.5, "bbox": [0, 0, 1, 1]}}, boxes as {says}.')
    row = json.loads(write_answer(answer("There.", REGION, SPAN), track, picture=(640, 360)))
    assert row == [{"time": 90, "bbox": reply}]


def test_who_does_not_know_leaves_it_empty():
    nobody = answer("Nothing was found.", abstained=True)
    assert written(f"{Q}\n{OPTIONS}\nLetter only.", nobody) == ""
    assert written(f"{WHEN} Give its start and end time.", nobody) == ""
    assert written("How many dogs? Reply with a number only.", nobody) == ""
    assert written(f"{Q}\n{OPTIONS}\nWrite it within <answer></answer>.", nobody) == "<answer></answer>"
    assert written(Q, nobody) == "Nothing was found."
    said = json.loads(written('Who waves? Reply in JSON: {"answer": "…", "unanswerable": false, "start": 1.5}', nobody))
    assert said == {"answer": "Nothing was found.", "unanswerable": True, "start": 0}


def test_who_does_not_know_says_what_the_prompt_wants_of_him():
    nobody = answer("Nothing was found.", abstained=True)
    assert written(f"{WHEN} If it never happens, answer [-1, -1]. Otherwise [start, end].", nobody) == "[-1, -1]"
    assert written('Who is it? Say "untold" if the video does not tell.', nobody) == "untold"
    asked = "Which brand is it?\nIf there is no such thing in the video, answer 'none seen'. Else use a single word."
    assert written(asked, answer("Nothing was found.", abstained=True)) == "none seen"
    assert written(asked, answer("Acme.")) == "Acme"


def test_an_answer_that_is_demanded_is_guessed_evenly_and_the_same_each_time():
    nobody = answer("Nothing was found.", abstained=True)
    asked = "What happens in part {}?\n" + OPTIONS + "\nEven if you are unsure, always choose one letter."
    guesses = [written(asked.format(n), nobody) for n in range(200)]
    assert guesses == [written(asked.format(n), nobody) for n in range(200)]
    counts = Counter(guesses)
    assert set(counts) == set("ABCD")
    assert min(counts.values()) > 25
    assert re.fullmatch("[A-D]", guesses[0])


@pytest.mark.parametrize(
    ("form", "said", "reply"),
    [
        ("Put it within <answer></answer> tags.", "no</answer><answer>B</answer>", "<answer>noB</answer>"),
        ("Put it within <answer></answer> tags.", "x</Answer ><ans<answer>wer>y < 3", "<answer>xy < 3</answer>"),
        ('End with "Answer: X".', "no\nAnswer: B", "Answer: no B"),
        ("Put it in \\boxed{}.", "no} \\boxed{B", "\\boxed{no B}"),
        ("Put it in \\boxed{}.", "\\frac{1}{2}", "\\boxed{\\frac{1}{2}}"),
    ],
)
def test_words_of_a_video_do_not_pass_for_the_form(form: str, said: str, reply: str):
    assert write_answer(answer(said), read_prompt(f"What is written? {form}")) == reply
