"""`search_clips`: temporal retrieval over every channel of the memory."""

from __future__ import annotations

from ..memory import Span
from .context import VideoContext
from .observation import Observation
from .tool import tool
from .untrusted import quote


@tool
def search_clips(
    query: str, video: VideoContext, start: float | None = None, end: float | None = None, k: int = 5
) -> Observation:
    """Find the clips that match words or a description: speech, on-screen text, summaries and pictures are searched.

    Args:
        query: what to look for, in words that might be said, shown or seen.
        start: only clips after this time, in seconds.
        end: only clips before this time, in seconds.
        k: how many clips at most.
    """
    between = None
    if start is not None or end is not None:
        whole = video.whole
        between = Span(whole.start if start is None else start, whole.end if end is None else end)
    hits = video.memory.search(query, videos=[video.video_id], between=between, k=max(1, min(k, 50)))
    if not hits:
        where = f" between {between}" if between else ""
        return Observation(text=f"No clip matches{where}. Try other words, or browse.", data={"hits": []})
    lines, rows, uris = [], [], []
    for hit in hits:
        snippets = "; ".join(f"{text.channel} {text.span}: {quote(_short(text.text))}" for text in hit.texts[:3])
        lines.append(f"{hit.span} (score {hit.score:.3f}, {', '.join(hit.channels)}) {snippets}".rstrip())
        uris.append(video.uri(hit.span))
        rows.append(
            {
                "span": hit.span,
                "score": hit.score,
                "channels": dict(hit.channels),
                "texts": [
                    {"channel": t.channel, "span": t.span, "text": t.text, "similarity": hit.similarity.get(t.id)}
                    for t in hit.texts
                ],
            }
        )
        uris.extend(video.uri(text.span) for text in hit.texts[:3])
    return Observation(text="\n".join(lines), uris=tuple(dict.fromkeys(uris)), data={"hits": rows})


def _short(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"
