"""The tools that only the server has: adding videos, how far indexing is, and the whole agent as one tool."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...memory import CHANNELS, OBJECTS, ClipMemory, MediaURI, RewatchError, Video, VideoError, VideoRecord, clock
from ...memory.files.download import LARGEST, WebVideo, look
from ...memory.files.sources import Sources
from ...memory.registry import require_name
from ...memory.video_names import listed, match
from ..errors import ToolError, short
from ..observation import Observation
from ..sanitize import named, quote
from ..tool import VideoTool, tool
from .covered import coverage_row, expected_seconds, in_words, is_unfinished, speeds
from .index_queue import Entry, IndexQueue

ADD, STATUS, ASK = "add_video", "index_status", "ask"
_PATIENCE = 8.0  # seconds in which a new video mostly has its id
_LONGEST = 600.0  # seconds of one question; its budget ends it before
_FAILURES = 5
_CHAIN, _CHAINS = 8, 256  # answers that a follow-up is understood from, and runs that one may follow
_SEEN = 8  # observations of a run that a client is told of before its end


@dataclass(slots=True)
class Progress:
    """How far a call has come."""

    left: Mapping[str, float] = field(default_factory=dict)
    """What is left of the client's budget."""
    lines: list[str] = field(default_factory=list)
    spend: Mapping[str, float] = field(default_factory=dict)
    """What it has cost, beside the call."""


PROGRESS: ContextVar[Progress] = ContextVar("progress")
"""That of the call which is being made."""


Asking = Callable[..., Mapping[str, Any]]
"""Asks an agent, which the command line makes: `asking(question, videos=ids, options=…, now=…, history=…, left=…,
listener=…)`; gives `Answer.as_dict`. `history` are such answers, oldest first; `left` is what is left of a client's
budget, and `listener` is called with every trace event."""


def find(memory: ClipMemory, queue: IndexQueue, word: str) -> VideoRecord:
    """Return the video of an id, a name, a unique beginning of one, a path, or a media URI.

    Raises:
        VideoError: if there is none, or several; the text says which there are, or that it is only being read.
    """
    word = str(word).removeprefix("video:").split("#")[0]
    records = memory.videos()
    found = match(records, word)
    if found is not None:
        return found
    for entry in queue.entries():
        if word in (entry.id, entry.name, entry.path) or (len(word) > 1 and entry.name.startswith(word)):
            why = f"could not be indexed: {entry.failure}" if entry.failure else "waits to be read"
            raise VideoError(f"{entry.name} {why}. Ask index_status, and try again then.")
    raise VideoError(f"There is no video {word[:200]!r}: there are {listed(records) or 'none yet'}. Name one of these.")


def status_tool(memory: ClipMemory, queue: IndexQueue) -> VideoTool:
    """The tool that says how far indexing is."""

    @tool(name=STATUS, cacheable=False)
    def index_status(video: str | None = None) -> Observation:
        """How far indexing is: what each channel covers, speed, time left, what waits, what failed.

        Args:
            video: id, name or beginning of a name; all videos that are not finished by default.
        """
        entries = [] if video else queue.entries()
        records = [find(memory, queue, video)] if video else memory.videos()
        shown = records if video else [record for record in records if is_unfinished(record) or record.failures]
        rows = [_status(memory, record, queue) for record in shown]
        lines = [row["line"] for row in rows]
        waiting = []
        begun = {record.path for record in shown}
        for place, entry in enumerate(entries):
            state = _state(entry, queue)
            if entry.path not in begun or entry.failure:
                lines.append(f"{named(entry.name)}: {state}")
            row = {"job": entry.id, "name": named(entry.name), "place": place, "state": state}
            waiting.append({**row, "failure": entry.failure})
        finished = sum(not is_unfinished(record) for record in records)
        if not video:
            lines.append(f"{finished} of {len(records)} videos are indexed in full.")
        return Observation(text="\n".join(lines), data={"videos": rows, "queue": waiting, "complete": finished})

    return index_status


def _status(memory: ClipMemory, record: VideoRecord, queue: IndexQueue) -> dict[str, Any]:
    row = coverage_row(memory, record, queue)
    line = f"{named(record.name)} ({record.id}): {row['text']}"
    working = queue.working
    if working is not None and working.entry.path == record.path:
        row |= {"doing": working.doing, "speed": speeds(memory, record, working)}
        rate = ", ".join(f"{channel} {speed:g}x" for channel, speed in row["speed"].items() if speed)
        line += f"; {working.doing}{f' ({rate})' if rate else ''}"
        line += f", about {in_words(row['seconds_left'])} left" if row["seconds_left"] else ""
    elif row["growing"]:
        line += "; it is still being recorded (rewatch watch)"
    elif row["partial"]:
        line += "; indexed in part, and not being indexed here: add_video goes on"
    else:
        line += "; complete"
    row["failures"] = [f"{f.channel} {f.span}: {short(f.reason, 160)}" for f in record.failures[:_FAILURES]]
    if record.failures:
        line += f"; {len(record.failures)} pieces failed, the first: {row['failures'][0]}"
    return {**row, "line": line}


def _state(entry: Entry, queue: IndexQueue) -> str:
    """What becomes of an entry, in words."""
    if entry.failure:
        return f"failed: {entry.failure}"
    working = queue.working
    if working is not None and working.entry.id == entry.id:
        return working.doing
    try:
        queue.sources.address(entry.web.url) if entry.web else queue.sources.file(entry.path)
    except VideoError as error:
        return f"left alone: {error}"
    return f"waiting: {queue.trouble}" if queue.trouble else "waiting"


def add_tool(memory: ClipMemory, queue: IndexQueue, sources: Sources) -> VideoTool:
    """The tool that adds videos; the server offers it only where a person has said from where."""
    looked: dict[str, WebVideo] = {}
    places = [*(f"files below {folder}" for folder in sources.folders), *(f"addresses of {h}" for h in sources.hosts)]

    @tool(name=ADD, cacheable=False)
    def add_video(source: str, channels: list[str] | None = None, download: bool = False) -> Observation:
        """Index a video in the background; returns at once. Ask meanwhile about what is covered.

        Args:
            source: path of a file, or address of a video or of a page with one, where that is allowed.
            channels: only these of visual, speech, screen_text, objects; all that there are by default.
            download: for an address: true to download it. The first call only says what it is and how large.
        """
        if sources.is_address(source):
            url = sources.address(source)
            web = looked.get(url)
            if web is None or not download:
                looked[url] = web = look(url, sources.hosts)
                if web.size is not None and web.size > LARGEST:
                    raise ToolError(
                        f"{web.name} has {web.size / 1e9:.1f} GB, and at most {LARGEST / 1e9:.1f} GB are downloaded."
                    )
                then = "Nothing was downloaded: call add_video again with download=true to do so."
                return Observation(text=f"{_described(web, queue)} {then}", data={"queued": False, **_facts(web)})
            entry = queue.add(queue.downloads / web.name, channels=channels, web=web)
            then = "It is being downloaded, and then indexed: index_status says how far it is."
            data = {"queued": True, "job": entry.id, **_facts(web)}
            return Observation(text=f"{_described(web, queue)} {then}", data=data)
        for channel in channels or ():
            require_name("channel", channel, (*CHANNELS, OBJECTS))
        path = sources.file(source)
        with Video(path) as video:
            length = video.info.duration
        record = _record(memory, path)
        if record is not None and record.complete and set(channels or CHANNELS) <= record.channels.keys():
            state = path.stat()
            file = memory.store.file(path)
            if file is not None and (file.size, file.mtime_ns) == (state.st_size, state.st_mtime_ns):
                return Observation(text=f"{_called(record)} is indexed already, in full.", data=_data(record, None))
        entry = queue.add(path, channels=channels)
        seconds, measured = expected_seconds(memory, length, channels)
        record = _appeared(memory, queue, entry, path)
        by = "by what earlier videos took" if measured else "a rough guess"
        text = f"{_called(record) if record else named(path.name)}, {clock(length)}, is being indexed in the background"
        if not queue.is_at(entry):
            text = f"{named(path.name)}, {clock(length)}, waits to be indexed" if record is None else text
        text += f": about {in_words(seconds)} ({by}). "
        text += "Ask now about what is covered; index_status says how far it is."
        return Observation(text=text, data={**_data(record, entry), "estimated_seconds": seconds})

    add_video.description += f" Allowed are {', '.join(places)}."
    return add_video


def _record(memory: ClipMemory, path: Path) -> VideoRecord | None:
    file = memory.store.file(path)
    return memory.video(file.video) if file is not None else None


def _appeared(memory: ClipMemory, queue: IndexQueue, entry: Entry, path: Path) -> VideoRecord | None:
    """The record of a new video, once it is planned; None where that takes longer, or others go first."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        record = _record(memory, path)
        if record is not None and record.channels:
            return record
        now = queue.entry(entry.id)
        if now is not None and now.failure:
            raise VideoError(f"{entry.name} could not be indexed: {now.failure}")
        if queue.working is not None and not queue.is_at(entry):
            return record
        time.sleep(0.2)
    return _record(memory, path)


def _called(record: VideoRecord) -> str:
    return f"{named(record.name)} ({record.id})"


def _data(record: VideoRecord | None, entry: Entry | None) -> dict[str, Any]:
    ours = {"video": record.id if record else None, "queued": entry is not None}
    return ours | ({"job": entry.id} if entry else {})


def _described(web: WebVideo, queue: IndexQueue) -> str:
    size = f"{web.size / 1e6:.0f} MB" if web.size else f"of unknown size (at most {LARGEST / 1e9:.1f} GB are taken)"
    return f"{web.name}: {named(web.kind)}, {size}, to be kept in {queue.downloads}."


def _facts(web: WebVideo) -> dict[str, Any]:
    return {"url": web.url, "name": web.name, "kind": named(web.kind), "bytes": web.size}


def ask_tool(memory: ClipMemory, queue: IndexQueue, asking: Asking) -> VideoTool:
    """The tool that is the whole agent."""
    asked: OrderedDict[str, tuple[list[Mapping[str, Any]], list[str]]] = OrderedDict()
    """By run: the answers up to it, oldest first, and the videos that it was about."""

    @tool(name=ASK, cacheable=False, timeout=_LONGEST)
    def ask(
        question: str,
        videos: list[str] | None = None,
        options: list[str] | None = None,
        follows: str | None = None,
        now: str | None = None,
    ) -> Observation:
        """Answer a question about videos, with evidence: searches, looks, listens and reads by itself.

        The answer cites media URIs with times. While a video is being indexed it is about what is covered so far.

        Args:
            question: in plain words.
            videos: ids, names or beginnings of names; all videos by default.
            options: possible answers, of which one is to be chosen.
            follows: run of the answer that this is a follow-up to ("and after that?"); of the same videos by default.
            now: nothing after this time is used: seconds of the video, 1:30, or a date and time of dated recordings.
        """
        progress = PROGRESS.get()
        history, before = asked.get(follows or "", ([], []))
        if follows and not history:
            raise ToolError(f"There is no answer of run {short(follows, 60)} here: ask the whole question.")
        ids = [find(memory, queue, word).id for word in videos or ()]
        there = [record.id for record in memory.videos()]
        ids = ids or [one for one in before if one in there] or there
        if not ids:
            waiting = queue.entries()
            then = "index_status says how far it is" if waiting else "have one added with add_video or rewatch index"
            raise ToolError(f"No video can be asked about yet: {then}. Try again then.")

        _await_beginning(memory, queue, ids, progress)

        def listen(event: dict[str, Any]) -> None:
            if event["event"] == "observation" and not event["error"]:
                progress.lines.append(f"{event['tool']}: {short(str(event['text']), 200)}")
                del progress.lines[:-_SEEN]
            if "spend" in event:
                progress.spend = event["spend"]

        answer = asking(
            question, videos=ids, options=options, now=now, history=history, left=progress.left, listener=listen
        )
        progress.spend = answer["spend"]
        asked[answer["run_id"]] = [*history, answer][-_CHAIN:], ids
        while len(asked) > _CHAINS:
            asked.pop(next(iter(asked)), None)
        names = {record.id: named(record.name) for record in memory.videos()}
        lines = [_evidence(one, names) for one in answer["evidence"]]
        chosen = f" (option {answer['option']})" if answer["option"] else ""
        sure = "not answered" if answer["abstained"] else f"confidence {answer['confidence']:.2f}"
        failed = answer["stopped_by"] in ("policy_error", "viewer_error", "bug")
        return Observation(
            text="\n".join([f"{answer['text']}{chosen} ({sure}; run {answer['run_id']})", *lines]),
            uris=tuple(one["uri"] for one in answer["evidence"]),
            data={**answer, "videos": ids, "trace": None},  # a path of this machine is none of a client's business
            error=failed,
        )

    return ask


def _await_beginning(memory: ClipMemory, queue: IndexQueue, ids: Sequence[str], progress: Progress) -> None:
    """Wait a little for the first words or pictures of a video that is being read and of which nothing is covered."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and (working := queue.working) is not None:
        path = working.entry.path
        records = [record for record in memory.videos() if record.id in ids]
        if any(record.path != path or any(memory.coverage(record.id).channels.values()) for record in records):
            return
        progress.lines[:] = ["waiting for the first part to be read"]
        time.sleep(0.3)


def _evidence(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    where = ""
    with suppress(RewatchError, ValueError):
        uri = MediaURI.parse(one["uri"])
        where = f"{names.get(uri.video, uri.video)} {uri.span} " if uri.span else ""
    words = quote(one["quote"]) if one.get("quote") else named(str(one["claim"]))
    doubt = "" if one.get("supported", True) else " (not confirmed)"
    return f"- {where}{words}{doubt} {one['uri']}"
