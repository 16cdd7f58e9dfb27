"""Options: their texts as given, those inside a question, and which a text chooses."""

from __future__ import annotations

import pytest
from rewatch.agent.parsing.options import choice_in, find_options, letters_in, option_in, split_options
from rewatch.training.data.readers.fields import split_question

CARS = ("Red car", "Blue car", "Green car", "White car")


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (["A. yes", "B. no"], ("yes", "no")),
        (["(a) a cup", "(b) a jug"], ("a cup", "a jug")),
        (["A)red", "B)blue"], ("red", "blue")),
        (["A：红色", "B：蓝色"], ("红色", "蓝色")),
        (["A. A. Milne", "B. B. King"], ("A. Milne", "B. King")),
        (["A. A. Milne", "J. K. Rowling"], ("A. A. Milne", "J. K. Rowling")),
        (["Note: it rains", "Mr. Smith waits. Then he goes."], ("Note: it rains", "Mr. Smith waits. Then he goes.")),
        (["A. one", "B. two", "none of these"], ("A. one", "B. two", "none of these")),
        (["01", "1.5", "e)"], ("01", "1.5", "e)")),
        (["A.M.", "B.C."], ("A.M.", "B.C.")),
        (["A.", "B."], ("A.", "B.")),
        (["I", "a"], ("I", "a")),
        ([1, 2.5], ("1", "2.5")),
        ({"b": "blue", "a": "red"}, ("red", "blue")),
        (None, ()),
    ],
)
def test_the_texts_stay_as_they_are(given: object, texts: tuple[str, ...]):
    assert split_options(given) == texts


@pytest.mark.parametrize("given", ["red or blue", [None, "x"], ["", "x"], {"first": "x"}, 5])
def test_what_are_no_options_is_said(given: object):
    with pytest.raises(ValueError, match="give"):
        split_options(given)


@pytest.mark.parametrize(
    ("text", "question", "options"),
    [
        ("Which is it? A) red B) blue", "Which is it?", ("red", "blue")),
        ("What is it, (a) a cat, (b) a dog or (c) a bird?", "What is it?", ("a cat", "a dog", "a bird")),
        ("Who?\nA. Ann\nB. Bob\nAnswer by letter.", "Who?\nAnswer by letter.", ("Ann", "Bob")),
        ("Which? A. cat B. dog", "Which?", ("cat", "dog")),
        ("Who is A. Smith and B. Jones?", None, ()),
        ("What does plan A) say?", None, ()),
        ("Is it A or B?", None, ()),
        ("What happens in scene A) and scene B)?", None, ()),
        ("What does he do at (a) the start and (b) the end?", None, ()),
    ],
)
def test_options_inside_a_question(text: str, question: str | None, options: tuple[str, ...]):
    assert find_options(text) == (question or text, options)


@pytest.mark.parametrize(
    "text",
    "B|b|(b)|(B).|B.|**B**|`B`|[B]|Ｂ|B. Blue car|B: the blue one|B - Blue car|(B) Blue car|B.Blue car|Option B|"
    "option b|"
    "Answer: B|Answer: **B**|The answer is B|The correct option is b.|So the answer is (B).|It's B|I'd go with B|"
    "B is correct|B because A dog barks|The answer is B because A dog runs by|"
    "The answer is B, since option A shows a dog|"
    "I think it's B, not A|A is wrong, so B.|(A) is wrong. (B) is right.|It is not A; it is B.|"
    "A is not shown. C happens later. So B is best.|Therefore, B.|"
    "\\boxed{B}|"
    "The answer is $\\boxed{\\text{B}}$.|Final answer: B|The answer is A. Wait. Final answer: B|"
    "答案是B|答案：B|选B|B选项正确|"
    "Die Antwort ist B|Respuesta: B|Ответ: B|blue car|A blue car.|It is the blue car.|"
    "Not the red car but the blue car.|"
    "A) Red car B) Blue car C) Green car D) White car. The answer is B".split("|"),
)
def test_a_choice_is_read(text: str):
    assert letters_in(text, CARS) == ("B",)


@pytest.mark.parametrize(
    "text",
    "A, B, C, D#A or B#A/B/C/D#{A|B|C|D}#A B C D#(A) (B) (C) (D)#A. Or B. Or C. Or D.#A-B-C-D#A (or B, C, D)#"
    "A: yes. B: yes. C: yes. D: yes.#"
    "The answer is A. The answer is B.#"
    "A. Red car B. Blue car C. Green car D. White car#It could be A. It could be B.#either A or B#A? B?#B. Red car#"
    "red car, blue car, green car, white car#a dog#A dog#The answer is a dog#The answer is A dog#I do not know#Z##"
    "Plan B#"
    "Vitamin C helps#the car#The answer is not A".split("#"),
)
def test_no_choice_is_none(text: str):
    assert option_in(text, CARS) is None


@pytest.mark.parametrize(
    ("options", "text", "option"),
    [
        (("K. Rowling", "A. K. Rowling", "J. Smith"), "A. K. Rowling wrote it", "B"),
        (("K. Rowling", "A. K. Rowling", "J. Smith"), "B. A. K. Rowling", "B"),
        (("01", "1", "10"), "1", "B"),
        (("1", "1.5", "15"), "It is 1.5.", "B"),
        (("the", "a", "an"), "a", "B"),
        (("you", "I"), "I", "B"),
        (("C", "C++", "C#"), "C#", "C"),
        (("Blue", "Blue car"), "It is a blue car", "B"),
        (("Vitamin A", "Vitamin C"), "Vitamin C is shown", "B"),
        (("red", "blue", "None of the above"), "None of the above", "C"),
        (("红色", "蓝色"), "答案是蓝色", "B"),
        (("red", "red", "blue"), "red", "A"),
        (("A dog", "A cat"), "A cat is seen", "B"),
        (tuple(f"item {n}" for n in range(26)), "I think it is Z", "Z"),
        (tuple(f"item {n}" for n in range(26)), "I", "I"),
        (("no", "yes"), "Yes, it is.", "B"),
    ],
)
def test_the_words_of_an_option_and_its_letter(options: tuple[str, ...], text: str, option: str):
    assert option_in(text, options) == option


def test_several_are_told_and_the_letter_alone_is_no_answer_for_people():
    assert letters_in("A, C and D", CARS) == letters_in("ACD", CARS) == ("A", "C", "D")
    assert letters_in("a red car and a green car", CARS) == ("A", "C")
    assert choice_in("The answer is (B).", CARS) == ("B", "Blue car")
    assert choice_in("B. Blue car", CARS) == ("B", "Blue car")
    assert choice_in("something else", CARS) == (None, "something else")


@pytest.mark.parametrize(
    "text",
    [
        "Choose:\n- A. red\n- B. blue",
        "Choose:\n- A) red\n- B) blue",
        "Choose:\n* **A.** red\n* **B.** blue",
        "Choose:\n**A.** red\n**B.** blue",
        "Choose:\n**A**. red\n**B**. blue",
        "Choose:\n• (A) red\n• (B) blue",
    ],
)
def test_options_behind_bullets_and_in_bold(text: str):
    assert find_options(text) == ("Choose:", ("red", "blue"))
    assert split_question(text, "problem") == ("Choose:", ("red", "blue"))


def test_options_that_name_others_and_letters_that_are_the_question():
    asked = "Which? A) red B) blue C) both A) and B)"
    assert find_options(asked) == ("Which?", ("red", "blue", "both A) and B)"))
    assert find_options("Which sign: A. or B. or C.?")[1] == ()


VEHICLES = ("a red bus", "a blue van", "a green tram", "none of these")


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("A: no. B: no. C: yes. D: no.", "C"),
        ("A) false B) false C) true D) false", "C"),
        ("A ✗ B ✗ C ✓ D ✗", "C"),
        ("A (bus) can be ruled out, so can B; that leaves C.", "C"),
        ("A, B and D are wrong, so C", "C"),
        ("Eliminating A, B and D, we are left with C", "C"),
        ("Option A is a bus; option C is a tram. So C.", "C"),
        ("A shows a bus, B a van. Hence option C.", "C"),
        ("The answer is A. Wait, actually C.", "C"),
        ("I'd pick C over A", "C"),
        ("Definitely c.", "C"),
        ("option a is correct", "A"),
        ("choice c is correct", "C"),
        ("La respuesta correcta es la C.", "C"),
        ("the answer's C", "C"),
        ("<b>C</b>", "C"),
        ("The third option", "C"),
        ("Option 3", "C"),
        ("The last option", "D"),
        ("Option 7", ""),
        ("On track 3 a tram stands", ""),
        ("A, B, C, D", "ABCD"),
    ],
)
def test_what_is_concluded_and_what_is_denied(text: str, letters: str):
    assert "".join(letters_in(text, VEHICLES)) == letters


@pytest.mark.parametrize(
    ("options", "text", "option"),
    [
        (("At 3:05", "At 3:50", "At 4:05"), "3:50", "B"),
        (("5 people", "6 people", "56 people"), "6", "B"),
        (("5 people", "5 dogs"), "5", None),
        (("Not shown", "Shown", "Half"), "A: not shown", "A"),
        (("Yes", "No", "Unclear"), "B: No, he does not.", "B"),
    ],
)
def test_a_number_of_one_option_and_options_that_deny(options: tuple[str, ...], text: str, option: str | None):
    assert option_in(text, options) == option
