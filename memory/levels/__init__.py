"""The coarse levels over a timeline: chapters, hours, days and weeks with their summaries, and habits."""
