"""Two hundred requests, eight at a time, some taken back, some about broken videos: nothing leaks."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

openai = pytest.importorskip("openai", reason="openai is not installed")
pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytestmark = pytest.mark.slow


@contextmanager
def server_process(memory: Path, *words: str) -> Iterator[tuple[str, int]]:
    """`rewatch serve` in a process of its own: its address, and its number."""
    command = [sys.executable, "-m", "rewatch", "serve", "--memory", str(memory), "--port", "0", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "60"})
    try:
        assert process.stderr is not None
        printed = ""
        while "http://" not in printed:
            line = process.stderr.readline()
            assert line, f"it ended: {printed}"
            printed += line
        yield re.search(r"http://\S+", printed)[0], process.pid  # type: ignore[index]
    finally:
        process.terminate()
        process.wait(timeout=60)


def held(pid: int) -> dict[str, int]:
    """What a process has now: threads, descriptors, megabytes, and processes that it started."""
    status = Path(f"/proc/{pid}/status").read_text()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {
        "threads": int(re.search(r"Threads:\s+(\d+)", status)[1]),  # type: ignore[index]
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "megabytes": int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024,  # type: ignore[index]
        "children": len(children),
    }


def kinds(folder: Path, make_talk: Callable[..., Path]) -> list[list[dict[str, Any]]]:
    """Contents of messages: videos that are some, and some that are none."""
    names = ("red", "green", "blue")
    for number, name in enumerate(names):
        color = tuple(160 if k == number else 20 for k in range(3))
        make_talk(folder / f"{name}.mp4", 2, colors=lambda _, c=color: c, size=(160, 120), fps=5)
    whole = (folder / "red.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    (folder / "noise.mp4").write_bytes(whole[:64] + random.Random(1).randbytes(4000))
    (folder / "link.mp4").symlink_to(folder / "red.mp4")
    words = {"type": "text", "text": "What colour is the wall?\nA. red\nB. blue\nAnswer with the letter only."}
    data = base64.b64encode(whole).decode()
    urls = [
        *(f"file://{folder}/{name}.mp4" for name in (*names, *names, "cut", "noise", "absent", "link")),
        f"data:video/mp4;base64,{data}",
        f"data:video/mp4;base64,{data[:400]}",
        "file:///etc/hostname",
        "http://127.0.0.1:9/x.mp4",
        "concat:a|b",
    ]
    return [[words], *([{"type": "video_url", "video_url": {"url": url}}, words] for url in urls)]


async def ask(client: Any, content: list[dict[str, Any]], number: int) -> str:
    """One request, of one kind or another; gives what became of it."""
    fields: dict[str, Any] = {"model": "rewatch", "messages": [{"role": "user", "content": content}]}
    patience = 0.02 * (number % 7) if number % 5 == 0 else 300
    try:
        if number % 3 == 0:
            async with asyncio.timeout(patience):
                stream = await client.chat.completions.create(**fields, stream=True)
                chunks = [chunk async for chunk in stream]
            assert chunks[-1].choices[0].finish_reason == "stop"
        else:
            async with asyncio.timeout(patience):
                told = await client.chat.completions.create(**fields, n=1 + number % 2)
            assert told.rewatch["trace"] and told.usage.total_tokens
        return "answered"
    except TimeoutError:
        return "taken back"
    except openai.APIStatusError as error:
        assert set(error.body) == {"message", "type", "param", "code"} and error.body["message"], error.body
        return str(error.status_code)


async def many(address: str, contents: list[list[dict[str, Any]]], numbers: range) -> Counter[str]:
    turn = asyncio.Semaphore(8)
    chosen = random.Random(numbers.start).choices(contents, k=len(numbers))
    async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0, timeout=300) as client:

        async def one(content: list[dict[str, Any]], number: int) -> str:
            async with turn:
                return await ask(client, content, number)

        return Counter(await asyncio.gather(*map(one, chosen, numbers)))


def test_two_hundred_requests_leave_nothing_behind(tmp_path: Path, make_talk: Callable[..., Path]):
    (tmp_path / "videos").mkdir()
    contents = kinds(tmp_path / "videos", make_talk)
    with server_process(tmp_path / "memory", "--videos", str(tmp_path / "videos")) as (address, pid):
        first = asyncio.run(many(address, [*contents, *contents], range(1000, 1060)))
        before = settled(address, pid)
        told = asyncio.run(many(address, contents, range(200)))
        after = settled(address, pid)
    print(json.dumps({"first": first, "told": told, "before": before, "after": after}))
    assert told["answered"] > 60 and told["taken back"] > 5 and told["400"] > 30 and sum(told.values()) == 200
    assert not [name for name in told if name.startswith("5")], told
    assert after["threads"] <= before["threads"] + 12  # pools are still filling: of tools, reading, and the loop's own
    assert after["descriptors"] <= before["descriptors"] + 8
    assert after["megabytes"] <= before["megabytes"] + 40
    assert after["children"] <= before["children"]


def settled(address: str, pid: int) -> dict[str, int]:
    """What the server has once nothing runs any more."""
    import httpx

    for _ in itertools.count():
        if httpx.get(address.replace("/v1", "/health")).json()["requests"] == 0:
            break
        time.sleep(0.05)
    time.sleep(1)  # connections close
    return held(pid)
