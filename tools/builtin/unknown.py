"""Lines of observations that say of what nothing is known yet: what is not covered is never absent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...memory import Span
from ..sanitize import named

if TYPE_CHECKING:
    from ...memory.coverage import Coverage
    from ..context import VideoContext

_LISTED = 4  # videos, or spans, that are named one by one


def coverages(video: VideoContext, videos: Sequence[str]) -> list[tuple[str, Coverage]]:
    """Return name and coverage of the videos that are not covered in full; ask before anything is searched."""
    records = [video.memory.video(one) for one in videos]
    found = [(record.name, video.memory.coverage(record.id)) for record in records if not record.is_known]
    return [(name, coverage) for name, coverage in found if not coverage.complete]


def searched(found: Sequence[tuple[str, Coverage]], many: bool) -> list[str]:
    """Return a line that says within which part was searched; none where that is all."""
    if not found:
        return []
    parts = [f"{named(name)}: {coverage}" if many else str(coverage) for name, coverage in found[:_LISTED]]
    more = [f"and {len(found) - _LISTED} more videos in part"] if len(found) > _LISTED else []
    return [f"(Searched as far as it is indexed: {'; '.join([*parts, *more])}. Of the rest nothing is known yet.)"]


def listed(spans: Sequence[Span]) -> str:
    """Return spans as people read them, the first few of them."""
    more = f" and {len(spans) - _LISTED} more spans" if len(spans) > _LISTED else ""
    return ", ".join(str(span) for span in spans[:_LISTED]) + more
