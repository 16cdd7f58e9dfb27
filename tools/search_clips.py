"""`search_clips`: temporal retrieval over every channel of the memory."""

from __future__ import annotations

from ..memory import MediaURI, Span
from .context import VideoContext
from .observation import Observation, ToolError
from .tool import tool
from .untrusted import quote


@tool
def search_clips(
    query: str,
    video: VideoContext,
    start: float | None = None,
    end: float | None = None,
    k: int = 5,
    image: str | None = None,
) -> Observation:
    """Find the clips that match words or a description: speech, on-screen text, summaries and pictures are searched.

    Args:
        query: what to look for, in words that might be said, shown or seen.
        start: only clips after this time, in seconds.
        end: only clips before this time, in seconds.
        k: how many clips at most.
        image: media URI of a frame or crop that the clips should look like; it is searched for instead of the words.
    """
    asked = _picture(image, video) if image else query
    between = None
    if start is not None or end is not None:
        whole = video.whole
        between = Span(whole.start if start is None else start, whole.end if end is None else end)
    hits = video.memory.search(asked, videos=[video.video_id], between=between, k=max(1, min(k, 50)))
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


def _picture(image: str, video: VideoContext) -> MediaURI:
    """A place in one of the memory's videos; tools read no other files, whatever a text in a video asks for."""
    try:
        place = MediaURI.parse(image)
    except ValueError as error:
        raise ToolError(f"image: {error} Take one that a tool gave.") from None
    if place.span is None:
        raise ToolError("image names no moment: a picture's media URI ends in #t=SECONDS.")
    if place.span.start >= video.whole.end and place.video == video.video_id:
        raise ToolError(f"image lies outside the video, which ends at {video.whole.end:g} s.")
    video.charge(1)
    return place


def _short(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"
