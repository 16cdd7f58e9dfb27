"""Limits of the memory that a process of isolated tools may take."""

from __future__ import annotations

import contextlib
import os
import re
import resource
from pathlib import Path

OPTION = "REWATCH_TOOL_MEMORY"
"""Environment variable: gigabytes that an isolated tool may take; 0 is no limit."""
_SHARE = 0.75  # of what the machine, or the container, has
_current: int | None = None
_OUT_OF_MEMORY = re.compile(
    r"(?<!CUDA )(?:MemoryError|bad_alloc|can(?:'|no)t allocate|failed to allocate|out of memory|insufficient memory)",
    re.IGNORECASE,
)


def memory_limit() -> int | None:
    """Return the bytes an isolated tool may take: `REWATCH_TOOL_MEMORY`, else three quarters of what there is."""
    setting = os.environ.get(OPTION, "")
    with contextlib.suppress(ValueError):
        gigabytes = float(setting)
        if gigabytes == 0:
            return None
        if 0 < gigabytes < 1e6:
            return int(gigabytes * 1e9)
    available = _machine_memory()
    return int(available * _SHARE) if available else None


def _machine_memory() -> int:
    found = []
    with contextlib.suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            found.append(int(Path("/sys/fs/cgroup", name).read_text()))
    return min((amount for amount in found if amount > 0), default=0)


def limit_memory(most: int | None) -> None:
    """From here on this process gets no more than `most` bytes: what it asks beyond that fails at once.

    Counted is what it can write to (RLIMIT_DATA), not what is mapped from files or only reserved.
    """
    global _current
    _current = most
    _, highest = resource.getrlimit(resource.RLIMIT_DATA)
    limit = resource.RLIM_INFINITY if most is None else most
    if highest != resource.RLIM_INFINITY:
        limit = highest if most is None else min(most, highest)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, highest))


def no_core_files() -> None:
    """Have a crash leave no picture of the memory on the disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def is_spent(error: BaseException | str) -> bool:
    """Tell whether something failed for want of memory; native code says so in words."""
    if isinstance(error, MemoryError):
        return True
    with contextlib.suppress(Exception):  # its own words may raise anything
        return bool(_OUT_OF_MEMORY.search(str(error)[:2000]))
    return False


def limit_text(most: int | None = None) -> str:
    """Return the limit in words, with what changes it; empty in a process without one."""
    most = most or _current
    if most is None:
        return ""
    return f" (an isolated tool may take {most / 1e9:.3g} GB; {OPTION}, in gigabytes, sets that)"
