"""The gym: videos of known truth, questions that take tools to answer, and an expert that answers them."""

from .building import build_memory, write_set, write_video
from .lesson import Lesson, Level
from .lessons import EVERY, FAMILIES, GymError, known, lesson, lesson_of, level_of, mixed
from .world import World

__all__ = [
    "EVERY",
    "FAMILIES",
    "GymError",
    "Lesson",
    "Level",
    "World",
    "build_memory",
    "known",
    "lesson",
    "lesson_of",
    "level_of",
    "mixed",
    "write_set",
    "write_video",
]
