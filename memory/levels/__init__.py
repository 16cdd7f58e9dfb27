"""Hours, days and weeks of a timeline over all its videos: summaries, a search over them, and habits."""

from .calendar import DAY, Calendar
from .habits import Habit, Source, told_days
from .tree import Summarizer

__all__ = ["DAY", "Calendar", "Habit", "Source", "Summarizer", "told_days"]
