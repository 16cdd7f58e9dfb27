"""The preset for tiny models: short words, two tools, one-word answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from rewatch.agent.small_loop import DIALECT, small_loop
from rewatch.memory import ClipMemory
from rewatch.training.gym import Environment, build_memory, clips16, sample_environments
from rewatch.training.gym.evaluation import play
from rewatch.training.gym.expert import Expert
from rewatch.training.rewards.answers import is_right, meets


@pytest.fixture(scope="module")
def environments() -> list[Environment]:
    return sample_environments(40, families=list(clips16.FAMILIES), seed=100)


@pytest.fixture(scope="module")
def small(environments: list[Environment], tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    return build_memory(environments, tmp_path_factory.mktemp("clips16"))


def _expert(environments: list[Environment], **settings: float) -> Expert:
    tasks = [one.task for one in environments]
    return Expert.of(tasks, dialect=DIALECT, solvers=clips16.SOLVERS, **settings)


def test_the_expert_is_right_in_a_hundred_characters_a_turn(environments: list[Environment], small: ClipMemory) -> None:
    tasks = [one.task for one in environments]
    for rollout in play(small_loop(small, None), tasks, _expert(environments)):
        assert is_right(rollout) and rollout.answer.stopped_by == "answer"
        assert [made.name for made in rollout.calls] == rollout.task.meta["needs"]
        if rollout.task.meta["needs"]:
            assert all(len(str(message.content)) < 100 for message in rollout.messages)
            assert any(meets(look.uri.span, rollout.task.truth.spans) for look in rollout.looked if look.uri.span)
        pictures = [p for m in rollout.messages if isinstance(m, ToolMessage) for p in m.artifact["pictures"]]
        each = 2 if rollout.task.id.startswith("clips16.first") else 1
        assert len(pictures) == each * ("view_clip" in rollout.task.meta["needs"])


def test_every_clip_looks_like_an_answer_so_that_only_the_right_one_tells(environments: list[Environment]) -> None:
    for one in environments:
        halves = 2 if one.task.id.startswith("clips16.first") else 1
        assert len(one.world.things) == halves * clips16.CLIPS
        assert len(one.world.lines) == clips16.CLIPS
        assert len({line.text for line in one.world.lines}) == clips16.CLIPS


def test_a_word_that_is_not_said_finds_nothing_and_a_clip_that_is_not_there_is_an_error(
    environments: list[Environment], small: ClipMemory
) -> None:
    import asyncio

    box, video = small_loop(small, None).toolbox, small.videos()[0].id

    def call(name: str, **arguments: object) -> tuple[str, bool]:
        seen, _ = asyncio.run(box.call(name, arguments, memory=small, videos=[video], left={}))
        return seen.text, seen.error

    assert call("search_clips", query="zebra") == ("no clip", False)
    assert call("view_clip", clip=16) == ("view_clip: no clip: try another", True)
    assert call("view_clip", clip=15) == ("clip 15", False)
    word = environments[0].world.lines[3].text
    assert call("search_clips", query=word) == ("clip 3", False)


def test_a_tokenizer_of_the_corpus_writes_conversations_in_few_tokens(
    environments: list[Environment], small: ClipMemory
) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(clips16.corpus(sample_environments(400, families=list(clips16.FAMILIES))), trainer)
    tasks = [one.task for one in environments]
    for rollout in play(small_loop(small, None), tasks, _expert(environments)):
        if rollout.task.meta["needs"]:  # held-out seeds: the words are the same, the worlds are not
            assert sum(len(made.encode(str(m.content)).ids) for m in rollout.messages) < 80
            assert all(len(made.encode(m.text).ids) < 32 for m in rollout.messages if isinstance(m, AIMessage))


def test_traces_may_guess(environments: list[Environment], small: ClipMemory, folder: Path) -> None:
    tasks = [one.task for one in environments if one.task.meta["needs"]]
    rollouts = play(small_loop(small, None), tasks, _expert(environments, guess=0.5), seed=2)
    tool_rate = sum(bool(rollout.calls) for rollout in rollouts) / len(rollouts)
    assert tool_rate == pytest.approx(0.5, abs=0.25)
    assert all(is_right(rollout) for rollout in rollouts if rollout.calls)
