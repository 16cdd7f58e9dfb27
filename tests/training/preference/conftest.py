"""The tiny policy, memory and loop of the engine's tests."""

from ..engine.conftest import colors, folder, make_loop, make_policy, one_thread, tasks

__all__ = ["colors", "folder", "make_loop", "make_policy", "one_thread", "tasks"]
