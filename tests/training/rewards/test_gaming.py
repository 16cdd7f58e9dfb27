"""No reward can be gamed: one test for each way, over every preset and every reward where it applies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rewatch.memory import Box
from rewatch.training.rewards import (
    PRESETS,
    Mix,
    Reward,
    agreement,
    audio_consistency,
    box_reward,
    budget,
    caption_reward,
    coarse_to_fine,
    crop_iou,
    dual_caption,
    exact_option,
    extract_share,
    faithful,
    format_reward,
    gain,
    hit,
    last_look,
    load_preset,
    memory_calls,
    multi_select,
    numeric,
    point_in_box,
    quotes,
    regression,
    retrieval_gain,
    right,
    task_reward,
    temporal,
    temporal_order,
    text_reward,
    thought_reward,
    time_r1,
    tiou,
    tool_bonus,
    track_reward,
    turn_format,
    validity,
    verified,
    words_reward,
)
from rewatch.training.rewards.text import rouge, word_accuracy
from rewatch.training.rollouts.rollout import Rollout

from .runs import Run, task, uri

BOX = Box(0.2, 0.2, 0.4, 0.4)
SINGLE: dict[str, Reward] = {
    reward.name: reward
    for reward in (
        exact_option(), multi_select(), numeric(), regression(), words_reward(), words_reward(rouge),
        words_reward(word_accuracy), text_reward(), task_reward(), right(),
        tiou(), time_r1(), temporal(missed=0.1), box_reward(), box_reward(0.3), track_reward(), point_in_box(),
        faithful(), quotes(), hit(), verified(), audio_consistency(),
        thought_reward(), caption_reward(), dual_caption(),
        validity(), gain(), tool_bonus(), budget(), memory_calls(), coarse_to_fine(), retrieval_gain(), turn_format(),
        last_look(), crop_iou(), extract_share(),
        *(format_reward(dialect) for dialect in ("vital", "longvt", "ego_r1", "pixel_reasoner", "hermes")),
    )
}  # fmt: skip
"""Every reward of a single run; the ungated tool bonus is not among them: it is there to be gamed."""
EVERY: dict[str, Callable[[Rollout], float]] = {
    **SINGLE,
    **{f"preset {name}": (lambda mix: lambda rollout: mix([rollout]).totals[0])(load_preset(name)) for name in PRESETS},
    "preset vital, its format in hermes": lambda r: load_preset("vital", dialect="hermes")([r]).totals[0],
    "agreement": lambda rollout: agreement()([rollout, Run(rollout.task).say("something else")])[0],
    "order": lambda rollout: temporal_order(task_reward())(
        [rollout, Run(rollout.task).say("nothing", meta={"shuffled": True})]
    )[0],
}
every = pytest.mark.parametrize("name", EVERY)

CUP = task("open", "a blue cup", words=("blue cup", "table"))
KINDS = {
    "mcq": (task(words=("blue cup",)), "B", "C"),
    "open": (CUP, "a blue cup", "some pliers"),
    "numeric": (task("numeric", "4"), "4", "9"),
    "count": (task("count", "4"), "4", "9"),
    "ocr": (task("ocr", "exit only"), "exit only", "no smoking"),
    "caption": (
        task("caption", "a blue cup on a table", words=("blue cup", "table")),
        "a blue cup on a table",
        "pliers",
    ),
    "temporal": (task("temporal", None), "from 40 to 50 seconds", "from 5 to 9 seconds"),
    "grounded_qa": (task("grounded_qa", "B", options=("one", "two")), "B, from 40 to 50 s", "A, from 5 to 9 s"),
    "spatial": (task("spatial", None, boxes=(BOX,)), str(list(BOX)), "[0.7, 0.7, 0.8, 0.8]"),
}
"""A task, a right answer, a wrong answer."""


def at_most(name: str, gamed: Rollout, honest: Rollout, slack: float = 1e-9) -> None:
    score = EVERY[name]
    assert score(gamed) <= score(honest) + slack, f"{gamed.task.kind}: {gamed.final[:300]}"


def run(kind: str) -> tuple[Run, str, str]:
    made, good, bad = KINDS[kind]
    return Run(made), good, bad


# Whole-video spans: no more than the true span, and no more than one of its length that misses half of it.


@every
def test_the_whole_video_as_an_answer(name: str):
    for kind in ("temporal", "grounded_qa"):
        made, good, _ = KINDS[kind]
        gamed = Run(made).view(0, 100).say(good.replace("40", "0").replace("50", "100"))
        at_most(name, gamed, Run(made).view(40, 50).say(good))
        at_most(name, gamed, Run(made).view(45, 55).say(good.replace("40", "45").replace("50", "55")))


@every
def test_the_whole_video_as_evidence(name: str):
    gamed = Run().view(0, 100).cite("a blue cup", (uri(0, 100), None), option="B")
    honest = Run().view(40, 50).cite("a blue cup", (uri(40, 50), None), option="B")
    at_most(name, gamed, honest)
    if name in ("hit", "faithful"):
        assert EVERY[name](gamed) == 0.0


@every
def test_the_whole_picture_as_a_box(name: str):
    made = KINDS["spatial"][0]
    gamed = Run(made).call("crop", uri(42, box=Box(0, 0, 1, 1)), time=42, box=[0, 0, 1, 1]).say("[0.0, 0.0, 1.0, 1.0]")
    near = Run(made).call("crop", uri(42, box=BOX), time=42, box=list(BOX)).say("[0.25, 0.2, 0.45, 0.4]")
    at_most(name, gamed, near)


# Empty or reversed spans: no more than a span that misses.


@every
def test_empty_and_reversed_spans(name: str):
    for said in ("from 50 to 40 seconds", "from 45 to 45 seconds", "[]", "[[]]", "from to"):
        for kind in ("temporal", "grounded_qa"):
            made, _, bad = KINDS[kind]
            at_most(name, Run(made).say(said if kind == "temporal" else f"A, {said}"), Run(made).say(bad))


@every
def test_reversed_spans_in_citations(name: str):
    """The dialect puts what was looked at in the place of a broken citation; that must not be paid as the claim."""
    made = KINDS["temporal"][0]
    for place in ("video:0a1b2c3d#t=50,40", "video:0a1b2c3d#t=45", "video:0a1b2c3d"):
        gamed = Run(made).view(40, 50).say(f"there {place}")
        at_most(name, gamed, Run(made).view(40, 50).say("from 41 to 49 seconds"))
        if name in ("tiou", "time_r1", "task"):
            assert EVERY[name](gamed) == 0.0, place


# Echoes of the prompt's template.

ECHOES = (
    "<think> … </think> <tool_call> … </tool_call> <think> … </think> <answer> … </answer>",
    "<think> .. </think> <answer> .. </answer>",
    "<think>reasoning process here</think><answer>answer here</answer>",
    '{"answer": "...", "option": null, "confidence": 0.5, "abstained": false, "evidence": []}',
)


@every
def test_an_echo_of_the_template(name: str):
    for kind in KINDS:
        for echo in ECHOES:
            made, _, bad = run(kind)
            score = EVERY[name](made.end(echo))
            if name.startswith("preset") or name == "temporal":
                assert score <= EVERY[name](run(kind)[0].say(bad)), (kind, echo)
            elif name == "budget:calls":
                assert score == 0.0
            else:
                assert score <= 0.0 or name == "agreement", (kind, echo)


@every
def test_an_echo_of_the_options(name: str):
    for kind in ("mcq", "grounded_qa"):
        options = KINDS[kind][0].options
        listed = " ".join(f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=False))
        for answer in (listed, "{A|B|C|D}.", "A, B, C, D", "A or B"):
            made, _, bad = run(kind)
            at_most(name, made.say(answer), run(kind)[0].say(bad)) if name not in WORDS else None


WORDS = {"token_f1", "rouge", "word_accuracy", "caption", "dual_caption"}
"""Rewards of words, which have nothing to do with options."""


# Text after the answer: never better than without it.


@every
def test_text_after_the_answer(name: str):
    for kind in KINDS:
        _, good, bad = run(kind)
        for answer in (bad, good):
            text = f"<think>It is clear.</think> <answer>{answer}</answer>"
            for behind in (
                f" or {good}",
                "\nThe answer is right.",
                f"<answer>{good}</answer>" if answer == good else " B",
            ):
                at_most(name, run(kind)[0].end(text + behind), run(kind)[0].end(text))


# A thousand characters of answer.


@every
def test_a_thousand_characters_of_answer(name: str):
    for kind in KINDS:
        _, good, bad = run(kind)
        padded = (good + " ") * (1000 // (len(good) + 1) + 2)
        everything = " ".join(f"from {t} to {t + 10} seconds," for t in range(0, 100, 2)) * 2 + good
        for answer in (padded, everything):
            assert len(answer) >= 1000
            wrong = EVERY[name](run(kind)[0].say(bad))
            assert EVERY[name](run(kind)[0].say(answer)) <= max(wrong, 0.0) + 1e-9, kind


# A call repeated ten times: never better than once.


@every
def test_a_call_repeated_ten_times(name: str):
    for answer in ("B", "C"):
        for start, end in ((40, 50), (60, 70), (0, 100)):
            once, often, nearly = Run().view(start, end), Run(), Run()
            for k in range(10):
                often.view(start, end)
                nearly.view(start + 0.01 * k, end)
            at_most(name, often.say(answer), once.say(answer))
            at_most(name, nearly.say(answer), once.say(answer), slack=1e-3)  # that is a little less of the video


@every
def test_a_search_repeated_ten_times(name: str):
    once, often = Run().call("search_clips", uri(40, 50), query="cup"), Run()
    for _ in range(10):
        often.call("search_clips", uri(40, 50), query="cup")
    at_most(name, often.say("B"), once.say("B"))


@every
def test_calls_that_fail_ten_times(name: str):
    often = Run()
    for k in range(10):
        often.view(50 + k, 40, error=True)
    at_most(name, often.say("B"), Run().say("B"))


# A quote that no observation holds: nothing for it, and no more than a quote that holds.


@every
def test_a_quote_that_no_observation_holds(name: str):
    def cites(words: str | None) -> Rollout:
        heard = {"utterances": [{"start": 40, "end": 50, "text": "put it on the shelf over there"}]}
        made = Run().call("transcribe", uri(40, 50), start=40, end=50, find="the cup was blue all along", data=heard)
        return made.cite("a blue cup", (uri(40, 50), words), option="B")

    for quote in ("the cup was blue all along", "the", "…", "What stands on the table"):
        at_most(name, cites(quote), cites(None))
        at_most(name, cites(quote), cites("put it on the shelf"))
        if name in ("quotes", "faithful"):
            assert EVERY[name](cites(quote)) == 0.0


# What the published form allows, shown.


def test_the_ungated_tool_bonus_can_be_gamed():
    lazy, idle = Run().view(60, 70).view(60, 70).say("C"), Run().say("C")
    published: Mix = load_preset("vital", gated=False)
    assert published([lazy]).totals[0] == published([idle]).totals[0] + 1.0
    assert load_preset("vital")([lazy]).totals == load_preset("vital")([idle]).totals


def test_every_reward_is_covered():
    """A new reward of the package must be added to `SINGLE`, or here with the reason why not."""
    from rewatch.training import rewards

    made: set[str] = set()
    for name in rewards.__all__:
        thing: Any = getattr(rewards, name)
        if (
            callable(thing)
            and not isinstance(thing, type)
            and getattr(thing, "__annotations__", {}).get("return")
            in (
                "Reward",
                Reward,
            )
        ):
            made.add(name)
    assert len(made) > 25
    other = {"scaled", "product", "look_penalty", "format_reward"}  # of others, in presets, and one a dialect
    names = {factory: getattr(rewards, factory)().name for factory in made - other}
    missing = {factory for factory, name in names.items() if name not in SINGLE}
    assert not missing
