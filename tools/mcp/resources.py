"""The videos as MCP resources: what each is, what is covered, and the words at a cited place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from ...memory import ClipMemory, MediaURI, RewatchError, clock
from ..sanitize import defuse_data, named, quote
from .covered import coverage_row
from .index_queue import IndexQueue

_TEXTS = 200  # of one resource
_TYPE = "application/json"


class VideoResources:
    """A resource for each video, `video:ID`; with a place behind it, `video:ID#t=12,15`, the words there."""

    def __init__(self, memory: ClipMemory, queue: IndexQueue) -> None:
        self._memory = memory
        self._queue = queue
        self._publish: Callable[[], None] | None = None

    def listener(self) -> Any:
        """Return the handler of `subscriptions/listen`, by which clients hear of new videos."""
        from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourcesListChanged

        bus, tasks = InMemorySubscriptionBus(), set[asyncio.Task[None]]()
        listening = ListenHandler(bus)

        async def listen(context: Any, parameters: Any) -> Any:
            loop = asyncio.get_running_loop()

            def publish() -> None:
                task = loop.create_task(bus.publish(ResourcesListChanged()))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

            def from_any_thread() -> None:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(publish)

            self._publish = from_any_thread
            return await listening(context, parameters)

        return listen

    def changed(self) -> None:
        """Tell clients that listen, from any thread, that the videos are others now."""
        if self._publish is not None:
            self._publish()

    async def answer_list(self, context: Any, parameters: Any) -> Any:
        """Answer `resources/list`."""
        from mcp_types import ListResourcesResult, Resource

        rows = await asyncio.to_thread(self._rows)
        return ListResourcesResult(resources=[Resource(mime_type=_TYPE, **row) for row in rows])

    async def answer_read(self, context: Any, parameters: Any) -> Any:
        """Answer `resources/read`."""
        from mcp.shared.exceptions import MCPError
        from mcp_types import INVALID_PARAMS, ReadResourceResult, TextResourceContents

        try:
            content = await asyncio.to_thread(self._content, str(parameters.uri))
        except (RewatchError, ValueError) as error:
            raise MCPError(INVALID_PARAMS, str(error)) from None
        text = json.dumps(defuse_data(content), default=str, ensure_ascii=False)
        return ReadResourceResult(contents=[TextResourceContents(uri=parameters.uri, mime_type=_TYPE, text=text)])

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "uri": str(MediaURI(record.id)),
                "name": named(record.name),
                "description": f"{clock(record.duration)}; covered: {self._memory.coverage(record.id)}",
            }
            for record in self._memory.videos()
        ]

    def _content(self, uri: str) -> dict[str, Any]:
        place = MediaURI.parse(uri)
        record = self._memory.video(place.video)
        content: dict[str, Any] = {
            "id": record.id,
            "name": named(record.name),
            "start": record.start,
            "end": record.end,
            "coverage": coverage_row(self._memory, record, self._queue),
        }
        if place.span is not None:
            texts = self._memory.texts(record.id, between=place.span)[:_TEXTS]
            content["texts"] = [
                {"channel": t.channel, "start": t.start, "end": t.end, "text": quote(t.text)} for t in texts
            ]
        return content
