"""The gym: videos of known truth, questions that take tools to answer, and an expert that answers them."""

from .building import build_memory, write_video
from .lesson import Lesson
from .lessons import FAMILIES, lesson, lesson_of, mixed
from .level import Level
from .world import World

__all__ = ["FAMILIES", "Lesson", "Level", "World", "build_memory", "lesson", "lesson_of", "mixed", "write_video"]
