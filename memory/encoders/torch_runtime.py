"""Running a torch model politely: as many threads as given, no progress bars, and errors of one line."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import CapabilityError


def require_torch(what: str) -> None:
    """Raise unless torch and transformers are installed.

    Raises:
        CapabilityError: one of them is missing; names it and the command that installs it.
    """
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise CapabilityError(f"{what} needs {package}, which is not installed: pip install {package}")


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Run the body with `count` torch threads on the CPU, and put the old number back (None: as it is)."""
    import torch

    before = torch.get_num_threads()
    if count is not None and count != before:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


@contextmanager
def loading(name: str, folder: str) -> Iterator[None]:
    """Load a checkpoint in the body, without a progress bar.

    Raises:
        CapabilityError: it cannot be loaded; says which, where and why.
    """
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    # What transformers raises for a damaged or foreign folder depends on where it notices.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise CapabilityError(f"Encoder {name} ({folder}) cannot be loaded: {reason}") from error
    finally:
        if shown:
            logging.enable_progress_bar()
