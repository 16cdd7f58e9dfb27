"""A file that is still being written, as far as it is indexed by now."""

from __future__ import annotations

from .truncated_video import TruncatedVideo


class GrowingVideo(TruncatedVideo):
    """`source` up to the end of what is known of it; nobody keeps it open, since it will soon be longer."""
