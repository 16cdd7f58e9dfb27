"""`rewatch tools try`: one call of a tool, and what a policy would see of it."""

from __future__ import annotations

import asyncio
import atexit
import base64
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import platformdirs
import typer
from rich.padding import Padding
from rich.text import Text

from ..memory import ClipMemory, FrameReader, RewatchError, VideoRecord
from ..memory.registry import unknown_name
from .settings.options import MOST, Approve, Detector, Isolate, Json, Mcp, Memory, OwnTools, Transcriber, finite
from .settings.places import memory_folder
from .settings.video_names import named, refuse_address
from .terminal.output import Console, write_json


def try_tool(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tool.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Its arguments; values may be JSON.")
    ] = None,
    video: Annotated[
        str | None,
        typer.Option("--video", "-v", help="A file, or the name or id of an indexed video [default: the only one]."),
    ] = None,
    index: Annotated[
        bool, typer.Option("--index/--no-index", help="Index a new file first, or only its colours.")
    ] = True,
    own: OwnTools = None,
    mcp: Mcp = None,
    approve: Approve = None,
    isolate: Isolate = None,
    viewer: Annotated[str | None, typer.Option("--viewer", help="The model that sees.")] = None,
    frames: Annotated[int, typer.Option("--frames", min=0, max=MOST, help="Budget: frames.")] = 64,
    seconds: Annotated[float, typer.Option("--seconds", min=0, callback=finite, help="Budget: seconds.")] = 120.0,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the pictures [default: one in the user's cache].")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write what the policy sees as one HTML page.")] = None,
    transcriber: Transcriber = None,
    detector: Detector = None,
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Run one call of a tool, and show what a policy would see: words, pictures, cost."""
    from ..tools import BUILT_IN, INTERNAL_TOOLS, VLM_TOOLS, Toolbox
    from .settings.plugins import asking, kinds, own_tools

    console = Console(stderr=as_json)
    call_arguments = _arguments(arguments or ())
    built_in = [*BUILT_IN, *VLM_TOOLS]
    with own_tools(built_in, own, mcp, Console(stderr=True)) as plugged:
        origins = {tool.name: group.origin for group in plugged for tool in group.tools}
        offered = [*built_in, *(tool for group in plugged for tool in group.tools)]
        by_name = {tool.name: tool for tool in (*INTERNAL_TOOLS, *offered)}
        if name not in by_name:
            raise typer.BadParameter(unknown_name("tool", name, [tool.name for tool in offered]))
        toolbox = Toolbox(offered, inner=INTERNAL_TOOLS, viewer=_viewer(viewer), isolate=kinds(isolate))
        store, record = _video(video, by_name[name], index, memory_folder(memory), console, transcriber, detector)
        budget = {"frames": frames, "seconds": seconds}
        videos = [record.id] if record else []
        request = toolbox.asks_first(name, call_arguments, memory=store, videos=videos)
        approved = request is not None and asking(approve, Console(stderr=True))(request)

        def call() -> tuple[Any, Any, float]:
            began = time.perf_counter()
            made = toolbox.call(name, call_arguments, memory=store, videos=videos, left=dict(budget), approved=approved)
            observation, cost = asyncio.run(made)
            return observation, cost, time.perf_counter() - began

        observation, cost, took = call()
        row = {
            "schema": 1,
            "tool": name,
            "origin": origins.get(name, "built in"),
            "arguments": call_arguments,
            "video": record and {"id": record.id, "name": record.name},
            "text": observation.text,
            "error": observation.error,
            "uris": list(observation.uris),
            "pictures": list(observation.pictures),
            "data": observation.data,
            "cost": {**cost.as_dict(), "seconds": round(took, 4)},
            "cached": observation.cached,
        }
        if getattr(by_name[name], "cacheable", False) and not observation.error and not observation.cached:
            repeat, _, took = call()
            row["again"] = {"cached": repeat.cached, "seconds": round(took, 5)}
        pictures = _encoded(row["pictures"], store)
    try:
        row["pictures"] = _save(row["pictures"], pictures, out, name)
        if html is not None:
            html.write_text(_page(row, pictures), encoding="utf-8", errors="backslashreplace")
            row["html"] = str(html)
    except OSError as error:
        raise typer.BadParameter(
            f"{error.filename}: cannot be written ({error.strerror}); give another path."
        ) from None
    if as_json:
        write_json(row)
    else:
        _show(console, row)
    if row["error"]:
        raise typer.Exit(1)


def _encoded(uris: list[str], memory: Any) -> list[str]:
    from ..tools.mcp.results import encoded

    try:
        return encoded(uris, FrameReader(memory), 768)
    except RewatchError:
        return []


def _arguments(words: Any) -> dict[str, Any]:
    """`key=value` words; a value is JSON where it reads as a number, a list, an object, true, false or null."""
    found = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise typer.BadParameter(f'{word!r}: write arguments as key=value, for example start=10 query="red car".')
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def _viewer(name: str | None) -> Any:
    if name is None:
        return None
    from ..agent.models.registry import load_policy
    from ..agent.models.viewer import ChatViewer

    return ChatViewer(load_policy(name))


def _video(
    word: str | None, tool: Any, index: bool, folder: Path, console: Console, transcriber: Any, detector: str | None
) -> tuple[Any, VideoRecord | None]:
    """The memory and the video in it; a tool that looks into none needs neither."""
    from .settings.indexing import add_video

    if word is None:
        if not getattr(tool, "context_parameter", None):
            return None, None
        memory = ClipMemory(folder, detector=detector, read_only=True)
        records = memory.videos()
        if len(records) != 1:
            raise typer.BadParameter(f"{len(records)} videos are indexed in {folder}: say which with --video.")
        return memory, records[0]
    refuse_address(word)
    path = Path(word)
    if not os.path.exists(word):
        memory = ClipMemory(folder, detector=detector, read_only=True)
        return memory, named(memory, word)
    settings = {"transcriber": transcriber} if transcriber else {}
    writable = ClipMemory(folder, detector=detector)
    if not index:
        records = [r for r in writable.videos() if Path(r.path) == path.resolve()]
        if records:
            return writable, records[0]
        passing = tempfile.TemporaryDirectory(prefix="rewatch-try-", ignore_cleanup_errors=True)
        atexit.register(passing.cleanup)
        writable = ClipMemory(passing.name, detector=detector)
        # A memory needs a channel; this is the cheapest.
        settings = {"channels": ("visual",), "clip_seconds": 60.0, "workers": 0}
    return writable, add_video(writable, path, console, **settings)


def _save(uris: list[str], pictures: list[str], folder: Path | None, name: str) -> list[dict[str, str]]:
    subjects = ["made by the tool" if uri.startswith("data:") else uri for uri in uris]
    if not pictures:
        return [{"of": subject} for subject in subjects]
    folder = folder or Path(platformdirs.user_cache_dir("rewatch")) / "try"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (subject, picture) in enumerate(zip(subjects, pictures, strict=True), 1):
        path = folder / f"{name}-{number}.jpg"
        path.write_bytes(base64.b64decode(picture.partition(",")[2]))
        rows.append({"of": subject, "path": str(path)})
    return rows


def _call_text(row: dict[str, Any]) -> str:
    words = (f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in row["arguments"].items())
    return f"{row['tool']}({', '.join(words)})"


def _cost_text(row: dict[str, Any]) -> str:
    cost = row["cost"]
    parts = [f"{cost['frames']:g} frames", f"{cost['calls']:g} call", f"{cost['seconds']:.2f} s"]
    if cost["tokens"]:
        parts.insert(1, f"{cost['tokens']:,.0f} tokens")
    again = row.get("again")
    if row["cached"]:
        parts.append("cached")
    elif again and again["cached"]:
        parts.append(f"asked again: {again['seconds'] * 1000:.1f} ms, cached")
    else:
        parts.append("not cached")
    return " · ".join(parts)


def _show(console: Console, row: dict[str, Any]) -> None:
    where = f" on {row['video']['name']} ({row['video']['id']})" if row["video"] else ""
    console.print(Text.assemble((_call_text(row), "bold"), where))
    console.print(Text(f"{row['origin']} · {_cost_text(row)}", style="dim"))
    console.print()
    console.print(Padding(Text(row["text"], style="red" if row["error"] else ""), (0, 0, 0, 2)))
    if row["pictures"]:
        console.print()
    for picture in row["pictures"]:
        path = f"  {picture.get('path', 'not to be had')}"
        beside = len(path) + len(picture["of"]) + 2 <= console.width
        of = f"  {picture['of']}" if beside else f"\n    {picture['of']}"
        console.print(Text.assemble((path, "cyan"), of), soft_wrap=True)
    if row["data"]:
        keys = ", ".join(row["data"])
        console.print(Text(f"\ndata: {keys}   (--json prints it)", style="dim"))
    if "html" in row:
        console.print(Text(f"page: {row['html']}", style="dim"), soft_wrap=True)


def _page(row: dict[str, Any], pictures: list[str]) -> str:
    from ..agent.report import render_template

    return render_template(
        "tool_call.html.j2",
        tool=row["tool"],
        call=_call_text(row),
        cost=f"{row['origin']} · {_cost_text(row)}",
        text=row["text"],
        pictures=[(picture, meta["of"]) for picture, meta in zip(pictures, row["pictures"], strict=False)],
        data=json.dumps(row["data"], ensure_ascii=False, indent=1, default=str) if row["data"] else "",
    )
