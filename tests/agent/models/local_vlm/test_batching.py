"""Turns that are asked for at the same time share one `generate`; whatever fails, nobody is left waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from rewatch.agent.models.local_vlm import VideoLMM
from rewatch.agent.models.local_vlm.batch import Batcher

from .steering import sampled, steered


def _counting(policy: VideoLMM, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each batch, as they come."""
    policy.engine.batcher.linger = 0.2  # so that a busy machine does not pull apart what came at once
    calls: list[int] = []
    plain = policy.engine.batcher.run

    def run(batch: Any) -> Any:
        calls.append(len(batch))
        return plain(batch)

    monkeypatch.setattr(policy.engine.batcher, "run", run)
    return calls


def test_coroutines_share_one_batch(small: VideoLMM, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _counting(small, monkeypatch)

    async def all_at_once() -> list[Any]:
        asked = [[HumanMessage(f"Question {'!' * k}")] for k in range(8)]
        return await asyncio.gather(*(small.ainvoke(m, max_tokens=2 + k) for k, m in enumerate(asked)))

    together = asyncio.run(all_at_once())
    assert calls == [8]
    assert [len(sampled(m)) for m in together] == [2 + k for k in range(8)]
    alone = [small.invoke([HumanMessage(f"Question {'!' * k}")], max_tokens=2 + k) for k in range(8)]
    assert [sampled(m) for m in alone] == [sampled(m) for m in together]


def test_threads_and_loops_share_one_batch(small: VideoLMM, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _counting(small, monkeypatch)
    barrier = threading.Barrier(6)

    def sync(k: int) -> str:
        barrier.wait()
        return small.invoke([HumanMessage("Go.")], max_tokens=3).text

    def own_loop(k: int) -> str:
        barrier.wait()
        return asyncio.run(small.ainvoke([HumanMessage("Go.")], max_tokens=3)).text

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(lambda k: (sync if k % 2 else own_loop)(k), range(6)))
    assert len(set(said)) == 1
    assert calls == [6]


def test_the_limit_of_rows_and_kinds_are_kept_apart(small_saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = VideoLMM.load(str(small_saved), rows="3")
    calls = _counting(policy, monkeypatch)
    policy.batch([[HumanMessage("Go.")]] * 7, {"max_concurrency": 7}, max_tokens=2)
    assert sum(calls) == 7 and max(calls) == 3

    calls.clear()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda beams: policy.invoke([HumanMessage("Go.")], max_tokens=2, beams=beams), [1, 2, 1, 2]))
    assert sum(calls) == 4


@pytest.mark.parametrize("error", [StopIteration("pads"), RuntimeError("boom"), SystemExit(1)])
def test_an_exception_reaches_all_callers_and_the_next_turn_works(
    small: VideoLMM, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fails(**inputs: Any) -> Any:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(small.engine.loaded.model, "forward", fails)

        async def all_at_once() -> list[Any]:
            asked = (small.ainvoke([HumanMessage("Go.")]) for _ in range(4))
            return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 30)

        failed = asyncio.run(all_at_once())
        assert all(isinstance(f, RuntimeError) for f in failed)
        assert str(error) in str(failed[0]) or repr(error) in str(failed[0])
    assert small.invoke([HumanMessage("Go.")], max_tokens=2).usage_metadata


def test_a_caller_who_fails_to_prepare_does_not_hold_up_the_others(small: VideoLMM) -> None:
    with ThreadPoolExecutor(2) as pool:
        broken = pool.submit(small.invoke, [HumanMessage([{"type": "image", "url": "video:ab#t=1"}])])
        whole = pool.submit(small.invoke, [HumanMessage("Go.")], max_tokens=2)
        assert whole.result(30).usage_metadata
        with pytest.raises(Exception, match="no memory"):
            broken.result(30)


def test_a_cancelled_turn_ends_the_row(small: VideoLMM) -> None:
    steps: list[None] = []
    forward = small.engine.loaded.model.get_output_embeddings().register_forward_hook(
        lambda *_: (time.sleep(0.01), steps.append(None))[0]
    )

    async def cut_off() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(small.ainvoke([HumanMessage("Go.")], max_tokens=4000), 0.3)

    try:
        with steered(small, lambda prompt: [100] * 4000):
            asyncio.run(cut_off())
            before = -1
            while len(steps) > before:
                before = len(steps)
                time.sleep(0.5)
            assert before < 4000
    finally:
        forward.remove()
    assert small.invoke([HumanMessage("Go.")], max_tokens=2).usage_metadata


def test_batcher_waits_for_those_who_come_but_not_for_ever() -> None:
    sizes: list[int] = []

    def run(items: list[int]) -> list[int]:
        sizes.append(len(items))
        return [item + 1 for item in items]

    batcher: Batcher[int, int] = Batcher(run, patience=120)
    with batcher.coming() as first, batcher.coming() as second:
        one = first(1)
        time.sleep(0.1)
        assert not one.done()
        two = second(2)
        assert (one.result(120), two.result(120)) == (2, 3)
    assert sizes == [2]
    batcher = Batcher(run, patience=0.2)
    with batcher.coming() as first, batcher.coming():  # the second never comes
        assert first(5).result(120) == 6


def test_batcher_tells_everyone_when_results_are_missing() -> None:
    batcher: Batcher[int, int] = Batcher(lambda items: [])
    with batcher.coming() as submit, pytest.raises(RuntimeError, match="0 replies"):
        submit(1).result(120)


def test_batcher_forgets_those_who_leave() -> None:
    batcher: Batcher[int, int] = Batcher(lambda items: list(items), patience=60)
    with batcher.coming() as late:
        pass
    assert late(1).cancelled()
    with batcher.coming() as submit:
        assert submit(2).result(120) == 2  # nobody is waited for
