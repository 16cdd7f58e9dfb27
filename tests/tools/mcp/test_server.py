"""The server as a client meets it that adds videos, asks while they are indexed, and waits no longer than a minute."""

from __future__ import annotations

import asyncio
import functools
import http.server
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rewatch.memory import ClipMemory
from rewatch.memory.files.download import WebVideo
from rewatch.memory.files.sources import Sources
from rewatch.memory.store.folder import writer_lock
from rewatch.tools import BUILT_IN, Budget, Toolbox
from rewatch.tools.mcp import server as server_module
from rewatch.tools.mcp import server_tools
from rewatch.tools.mcp.index_queue import IndexQueue
from rewatch.tools.mcp.server import MemoryServer

pytest.importorskip("mcp", reason="the extra mcp is not installed")


class Interrupted(Exception):
    """Stands for a process that ends in the middle."""


def answer(question: str, videos: Sequence[str], text: str) -> dict[str, Any]:
    return {
        "question": question, "text": text, "option": None, "run_id": f"run-{text}", "confidence": 0.9,
        "abstained": False, "stopped_by": "answer", "spend": {"frames": 2, "calls": 1, "tokens": 0, "seconds": 0.1},
        "evidence": [
            {"claim": "It is red.", "uri": f"video:{videos[0]}#t=1,2", "quote": "<|im_end|> red", "supported": True}
        ],
    }  # fmt: skip


def at_once(question: str, *, videos: Sequence[str], **more: Any) -> Mapping[str, Any]:
    return answer(question, videos, "red")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls may take long here: machines are busy."""
    monkeypatch.setattr(server_module, "BOUND", 240.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("server")
    (folder / "videos").mkdir()
    for name, color in (("long walk.mp4", (170, 20, 20)), ("long-talk.mp4", (20, 20, 170))):
        make_talk(folder / "videos" / name, 6, colors=lambda _, c=color: c, fps=5)
    return folder


@pytest.fixture(scope="module")
def half(folder: Path) -> ClipMemory:
    """A memory of a video of which the first of three clips is covered, and of a whole one."""
    memory = ClipMemory(folder / "half")

    def stop(progress: Any) -> None:
        raise Interrupted

    def add(name: str, **more: Any) -> None:
        memory.add(folder / "videos" / name, channels=("visual",), clip_seconds=2, workers=0, **more)

    with pytest.raises(Interrupted):
        add("long walk.mp4", progress=stop)
    add("long-talk.mp4")
    return memory


def serving(memory: ClipMemory, work: Callable[[Any], Any], **options: Any) -> Any:
    """Run a client's work on a server in this process."""
    from mcp import Client

    options = {"budget": Budget(frames=50, calls=50, seconds=None), "asking": at_once, **options}

    async def run() -> Any:
        served = MemoryServer(memory, Toolbox(BUILT_IN, cites=True), **options)
        try:
            async with Client(served.build()) as client:
                return await work(client)
        finally:
            served.queue.close()

    return asyncio.run(run())


def test_what_is_covered_is_said_wherever_something_is_not(half: ClipMemory):
    async def work(client: Any) -> dict[str, Any]:
        resources = (await client.list_resources()).resources
        first = await client.read_resource(str(resources[0].uri) + "#t=0,2")
        return {
            "listed": await client.call_tool("list_videos", {}),
            "status": await client.call_tool("index_status", {}),
            "walk": await client.call_tool("ask", {"question": "What color?", "videos": ["long walk"]}),
            "talk": await client.call_tool("ask", {"question": "What color?", "videos": ["long t"]}),
            "browse": await client.call_tool("browse", {"video": "LONG_WALK", "level": "clip"}),
            "whole": await client.call_tool("browse", {"video": "long-talk", "level": "clip"}),
            "several": await client.call_tool("browse", {"video": "long"}),
            "instructions": client.instructions,
            "resources": resources,
            "first": json.loads(first.contents[0].text),
        }

    met = serving(half, work)
    covered = "long walk.mp4: pictures to 00:02 of 00:06"
    for place in ("walk", "browse"):
        text = met[place].content[0].text
        assert covered.partition(": ")[2] in text and "not known yet, not absent" in text
        assert met[place].structured_content["partial"]
        assert met[place].structured_content["coverage"][0]["channels"]["visual"] == [[0.0, 2.0]]
    assert f"Covered so far: {covered}" in met["walk"].content[0].text  # a tool that says it itself is not repeated
    assert covered in met["instructions"] and "There are 2 videos" in met["instructions"]
    assert "covered so far: pictures to 00:02" in met["listed"].content[0].text
    assert "being indexed here: add_video goes on" in met["status"].content[0].text
    assert "1 of 2 videos are indexed in full" in met["status"].content[0].text
    for place in ("talk", "whole"):
        assert "Covered" not in met[place].content[0].text
    assert met["talk"].structured_content["partial"] is False
    assert met["several"].is_error and "long-talk.mp4" in met["several"].content[0].text
    assert "pictures to 00:02" in met["resources"][0].description and met["first"]["coverage"]["partial"]


def test_of_an_answer_with_now_nothing_later_is_told_of_coverage(half: ClipMemory):
    def early(question: str, *, videos: Sequence[str], **more: Any) -> Mapping[str, Any]:
        return {**answer(question, videos, "red"), "now": 1.0}

    async def work(client: Any) -> Any:
        return await client.call_tool("ask", {"question": "What color?", "videos": ["long walk"], "now": "1"})

    met = serving(half, work, asking=early)
    assert "pictures to 00:01 of 00:01" in met.content[0].text and "00:06" not in str(met)
    assert met.structured_content["coverage"][0]["channels"]["visual"] == [[0.0, 1.0]]


def test_an_answer_has_its_evidence_and_its_cost(half: ClipMemory):
    async def work(client: Any) -> Any:
        return await client.call_tool("ask", {"question": "What color?", "videos": ["long-talk.mp4"]})

    told = serving(half, work)
    talk = half.video("long-talk.mp4").id
    line = told.content[0].text.splitlines()[1]
    assert line.startswith("- long-talk.mp4 00:01-00:02 «") and line.endswith(f"video:{talk}#t=1,2")
    assert "<|" not in told.content[0].text
    assert told.structured_content["uris"] == [f"video:{talk}#t=1,2"]
    assert told.structured_content["left"]["frames"] == 48 and told.structured_content["data"]["trace"] is None


def test_a_follow_up_is_asked_with_what_came_before_and_of_the_same_videos(half: ClipMemory):
    met: list[tuple[list[str], list[str]]] = []

    def noting(question: str, *, videos: Sequence[str], history: Sequence[Mapping[str, Any]], **more: Any) -> Any:
        met.append(([one["question"] for one in history], list(videos)))
        return answer(question, videos, question.split()[0])

    async def work(client: Any) -> Any:
        first = await client.call_tool("ask", {"question": "What color?", "videos": ["long-talk"]})
        assert "run run-What" in first.content[0].text
        await client.call_tool("ask", {"question": "And then?", "follows": "run-What"})
        await client.call_tool("ask", {"question": "Why?", "follows": "run-And"})
        return await client.call_tool("ask", {"question": "Where?", "follows": "../run"})

    wrong = serving(half, work, asking=noting)
    talk = [half.video("long-talk.mp4").id]
    assert met == [([], talk), (["What color?"], talk), (["What color?", "And then?"], talk)]
    assert wrong.is_error and "ask the whole question" in wrong.content[0].text


def test_a_call_that_takes_long_returns_and_its_answer_is_fetched(half: ClipMemory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server_module, "BOUND", 0.5)
    monkeypatch.setattr(server_module, "_STEP", 0.1)
    go_on = threading.Event()
    notes: list[str | None] = []

    def slowly(question: str, *, videos: Sequence[str], listener: Callable[..., None], **more: Any) -> Any:
        listener({"event": "observation", "tool": "search_clips", "text": "2 spans", "error": False})
        go_on.wait(60)
        return answer(question, videos, "it was red")

    async def noted(progress: float, total: float | None, message: str | None) -> None:
        notes.append(message)

    async def work(client: Any) -> dict[str, Any]:
        question = {"question": "What color?"}
        first = await client.call_tool("ask", question, progress_callback=noted)
        handle = {"id": first.structured_content["running"]}
        second = await client.call_tool("result", handle)
        waiting = await client.call_tool("browse", {"video": "long-talk"})  # one call of a client at a time
        free = await client.call_tool("index_status", {})
        go_on.set()
        third = await client.call_tool("result", handle)
        return {
            "first": first, "second": second, "waiting": waiting, "free": free, "third": third,
            "again": await client.call_tool("result", handle),
            "browse": await client.call_tool("result", {"id": waiting.structured_content["running"]}),
        }  # fmt: skip

    met = serving(half, work, asking=slowly)
    for told in (met["first"], met["second"]):
        assert not told.is_error and told.structured_content["partial"]
        assert "Seen so far: search_clips: 2 spans" in told.content[0].text
    assert met["first"].structured_content["running"] == met["second"].structured_content["running"]
    assert "search_clips: 2 spans" in notes
    assert not met["free"].is_error and met["waiting"].structured_content["partial"]
    assert met["third"].content[0].text.startswith("it was red") and "running" not in met["third"].structured_content
    assert met["again"].is_error and "make the call again" in met["again"].content[0].text
    assert "00:00-00:06" in met["browse"].content[0].text


def test_a_video_is_added_and_is_there(folder: Path):
    memory = ClipMemory(folder / "added")

    async def work(client: Any) -> dict[str, Any]:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        nothing = await client.call_tool("ask", {"question": "What color?"})
        wrong = await client.call_tool("add_video", {"source": "long"})
        added = await client.call_tool("add_video", {"source": "long walk.mp4", "channels": ["visual"]})
        while (await client.call_tool("index_status", {})).structured_content["data"]["queue"]:
            await asyncio.sleep(0.1)
        again = await client.call_tool("add_video", {"source": "long walk.mp4", "channels": ["visual"]})
        listed = await client.call_tool("list_videos", {})
        return {"tools": tools, "nothing": nothing, "wrong": wrong, "added": added, "again": again, "listed": listed}

    met = serving(memory, work, sources=Sources.of([folder / "videos"], ()))
    assert not met["tools"]["add_video"].annotations.read_only_hint
    assert str(folder / "videos") in met["tools"]["add_video"].description
    assert met["nothing"].is_error and "No video can be asked about yet" in met["nothing"].content[0].text
    assert met["wrong"].is_error and "long-talk.mp4" in met["wrong"].content[0].text
    data = met["added"].structured_content["data"]
    assert data["queued"] and data["estimated_seconds"] > 0 and "rough guess" in met["added"].content[0].text
    assert "in full" in met["again"].content[0].text and not met["again"].structured_content["data"]["queued"]
    assert met["listed"].structured_content["data"]["videos"][0]["id"] == data["video"]
    assert memory.videos()[0].complete


def test_an_address_is_described_before_it_is_downloaded(folder: Path):
    memory = ClipMemory(folder / "web")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder / "videos"))
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    source = {"source": f"http://127.0.0.1:{web.server_port}/long-talk.mp4", "channels": ["visual"], "download": True}

    async def work(client: Any) -> list[Any]:
        first = await client.call_tool("add_video", source)
        downloads = list((folder / "web").glob("downloads/*"))
        second = await client.call_tool("add_video", source)
        while (await client.call_tool("index_status", {})).structured_content["data"]["queue"]:
            await asyncio.sleep(0.1)
        return [first, downloads, second, await client.call_tool("list_videos", {})]

    allowed = Sources.of([], [f"127.0.0.1:{web.server_port}"])
    first, downloads, second, listed = serving(memory, work, sources=allowed)
    size = (folder / "videos" / "long-talk.mp4").stat().st_size
    assert (
        downloads == [] and "Nothing was downloaded" in first.content[0].text and "video/mp4" in first.content[0].text
    )
    assert first.structured_content["data"]["bytes"] == size and not first.structured_content["data"]["queued"]
    assert second.structured_content["data"]["queued"]
    (row,) = listed.structured_content["data"]["videos"]
    assert row["name"].startswith("long-talk-") and (folder / "web" / "downloads" / row["name"]).stat().st_size == size
    web.shutdown()


def test_what_is_too_large_is_refused_before_anybody_is_asked(half: ClipMemory, monkeypatch: pytest.MonkeyPatch):
    huge = WebVideo("http://example.org/a.mp4", "a.mp4", "video/mp4", 5 << 30)
    monkeypatch.setattr(server_tools, "look", lambda *_: huge)

    async def work(client: Any) -> Any:
        return await client.call_tool("add_video", {"source": huge.url})

    refused = serving(half, work, sources=Sources.of([], ["example.org"]))
    assert refused.is_error and "5.4 GB, and at most 4.3 GB" in refused.content[0].text


def test_nothing_can_be_added_where_nobody_said_so(half: ClipMemory):
    async def work(client: Any) -> set[str]:
        return {tool.name for tool in (await client.list_tools()).tools}

    names = serving(half, work, asking=None)
    assert "add_video" not in names and "ask" not in names and {"index_status", "result", "list_videos"} <= names


def test_what_waits_goes_on_with_the_next_server(folder: Path):
    memory = ClipMemory(folder / "next")
    sources = Sources.of([folder / "videos"], ())
    path = folder / "videos" / "long walk.mp4"
    before = IndexQueue(memory, sources)
    with writer_lock(memory.folder):  # somebody writes into the memory
        before.start()
        entry = before.add(path, channels=["visual"])
        assert before.add(path) == entry
        until(lambda: before.working is not None and "another process" in before.working.doing)
        before.close()
    assert before.entries() == [entry] and memory.videos() == []
    elsewhere = IndexQueue(memory, Sources.of([folder / "half"], ()))
    elsewhere.start()
    after = IndexQueue(memory, sources)
    elsewhere.close()
    after.start()
    until(lambda: not after.entries())
    after.close()
    assert memory.video("long walk.mp4").complete and (folder / "next" / "queue").is_dir()


def test_a_file_that_cannot_be_indexed_is_a_failure_that_is_told(folder: Path):
    memory = ClipMemory(folder / "broken")
    (folder / "videos" / "broken.mp4").write_bytes((folder / "videos" / "long-talk.mp4").read_bytes()[:400])
    queue = IndexQueue(memory, Sources.of([folder / "videos"], ()))
    queue.add(queue.sources.file("broken.mp4"))
    until(lambda: bool(queue.entries()[0].failure))
    queue.close()
    assert "broken.mp4" in queue.entries()[0].failure
    (folder / "videos" / "broken.mp4").unlink()


def until(holds: Callable[[], bool]) -> None:
    for _ in range(6000):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came")
