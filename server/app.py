"""The application: OpenAI's routes over the agent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from ..memory import RewatchError
from .admission import Admission
from .bodies import Bodies
from .completion import MODEL
from .faults import RequestFault, fault_of, refusal
from .http import LOOPBACK, ORIGIN, Asgi, for_this_machine, with_key
from .reply import ChatReply
from .request import require_model
from .service import Service

if TYPE_CHECKING:
    from ..agent import VideoAgent
    from .videos import RequestVideos


def create_app(
    agent: VideoAgent,
    videos: RequestVideos,
    *,
    key: str = "",
    host: str = "127.0.0.1",
    runs: int = 4,
    waiting: int = 64,
    seconds: float = 600.0,
) -> Asgi:
    """Return the application.

    Args:
        agent: answers; its budget is the most that a request is given.
        videos: brings the videos of requests into its memory.
        key: what clients must bring as `Authorization: Bearer`; none need to where it is empty.
        host: where it is served; on loopback, pages of the web are kept out.
        runs: requests that run at once.
        waiting: requests that wait for that; more are refused.
        seconds: how long a request may take.
    """
    service = Service(agent, videos, Admission(runs, waiting), seconds)
    bodies = Bodies()
    made = int(time.time())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.runs.start()
        try:
            yield
        finally:
            await service.runs.close()
            await videos.close()

    app = FastAPI(title="rewatch", lifespan=lifespan, openapi_url=None)
    model = {"id": MODEL, "object": "model", "created": made, "owned_by": "rewatch"}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [model]}

    @app.get("/v1/models/{name:path}")
    async def one_model(name: str) -> dict[str, Any]:
        require_model(name)
        return model

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "requests": service.admission.taken}

    @app.post("/v1/chat/completions")
    async def completions(request: Request) -> Response:
        return ChatReply(service, bodies, request)

    @app.exception_handler(RewatchError)
    async def of_ours(_: Request, error: RewatchError) -> Response:
        return _response(fault_of(error))

    @app.exception_handler(HTTPException)
    async def of_routes(request: Request, error: HTTPException) -> Response:
        there = "POST /v1/chat/completions, GET /v1/models and GET /health"
        message = f"{request.method} {request.url.path[:200]}: {error.detail}; there are {there}."
        code = "unknown_url" if error.status_code == 404 else None
        return _response(RequestFault(error.status_code, message, code=code, headers=dict(error.headers or {})))

    @app.exception_handler(Exception)
    async def of_bugs(_: Request, error: Exception) -> Response:
        return _response(fault_of(error))

    guarded: Asgi = app
    if key:
        guarded = with_key(guarded, key, refusal, open_paths=frozenset(("/health",)))
    if host not in LOOPBACK:
        return guarded
    # Pages that this machine serves may read what they asked.
    readable = CORSMiddleware(guarded, allow_origin_regex=ORIGIN, allow_methods=["*"], allow_headers=["*"])
    return for_this_machine(readable, refusal)


def _response(fault: RequestFault) -> Response:
    return Response(fault.body, status_code=fault.status, headers=fault.headers, media_type="application/json")
