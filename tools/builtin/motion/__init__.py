"""Moving objects without weights: what differs from a learned background is followed and described."""

from .follow import MotionReport, Track, count_over_time, moving_objects

__all__ = ["MotionReport", "Track", "count_over_time", "moving_objects"]
