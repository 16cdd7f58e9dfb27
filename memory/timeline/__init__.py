"""One clock for many videos: when each was recorded, moments on it, and how people speak of them."""

from .cut import Cut
from .interval import TimelineSpan
from .moment import Moment, day_of, parse_moment, wall_clock
from .now import resolve_now

__all__ = ["Cut", "Moment", "TimelineSpan", "day_of", "parse_moment", "resolve_now", "wall_clock"]
