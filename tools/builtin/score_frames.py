"""Tools of strategies: frames at chosen moments, and scores and groups of many frames by the visual encoder.

Frames that the encoder alone reads are not charged, since no model is shown them; they cost seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from ...memory import Span, clock
from ...memory.registry import require_name
from ..context import VideoContext
from ..errors import ToolError
from ..observation import Observation
from ..tool import tool
from .repeats import COMPARED_SIZE, ShownFrames

ENCODED_SIZE = 224
"""Longest side, in pixels, of a frame that is only encoded."""
BATCH = 32
MOST = 20_000
"""Frames that one call encodes at most; a longer span is sampled more thinly."""


@tool
def view_frames(times: list[float], video: VideoContext) -> Observation:
    """Look at the frames at chosen moments.

    Args:
        times: moments, in seconds.
    """
    looked = ShownFrames.of(list(video.frames_at(video.moments(times), size=COMPARED_SIZE)))
    shown = [frame.time for frame in looked.frames]
    uris = (video.uri(Span(shown[0], shown[-1])), *(video.uri(time) for time in shown))
    text = f"{len(shown)} frames at {', '.join(clock(time) for time in shown)}."
    return Observation(
        text=f"{text}\n{looked.note}" if looked.note else text,
        uris=tuple(dict.fromkeys(uris)),
        pictures=tuple(video.uri(frame.time) for frame in looked.distinct),
        data={"times": shown},
    )


@tool(timeout=600.0)
def score_frames(
    query: str, video: VideoContext, start: float | None = None, end: float | None = None, fps: float = 1.0
) -> Observation:
    """Score how well the frames of a span fit a text, by the memory's visual encoder.

    Args:
        query: what should be seen.
        start: first moment, in seconds; the video's start if left out.
        end: last moment, in seconds; the video's end if left out.
        fps: frames per second.
    """
    vector = video.memory.visual_encoder.encode_query(query)
    if vector is None:
        name = video.memory.visual_encoder.name
        raise ToolError(f"The visual encoder ({name}) sees nothing that {query!r} asks for; name colours, or search.")
    times = _grid(video, start, end, fps)
    rows = _encode(video, times)
    scores = rows @ vector
    best = times[int(scores.argmax())]
    return Observation(
        text=f"{len(times)} frames compared with the text; the best is at {clock(best)} ({scores.max():.3f}).",
        data={"times": [round(t, 3) for t in times], "scores": [round(float(s), 4) for s in scores]},
    )


@tool(timeout=600.0)
def cluster_frames(
    k: int,
    video: VideoContext,
    start: float | None = None,
    end: float | None = None,
    fps: float = 1.0,
    inside: list[float] | None = None,
    method: str = "kmeans",
) -> Observation:
    """Group the frames of a span by how they look, by the memory's visual encoder.

    Args:
        k: how many groups.
        start: first moment, in seconds; the video's start if left out.
        end: last moment, in seconds; the video's end if left out.
        fps: frames per second.
        inside: only these moments, in seconds, instead of a span.
        method: kmeans, or ward for a hierarchy cut at k groups.
    """
    times = sorted({float(t) for t in inside}) if inside else _grid(video, start, end, fps)
    rows = _encode(video, times)
    count = max(1, min(k, len(np.unique(rows, axis=0))))
    labels = _labels(rows, count, method)
    clusters = []
    for label in range(count):
        members = np.flatnonzero(labels == label)
        if len(members):
            center = rows[members].mean(axis=0)
            nearest = members[int((rows[members] @ center).argmax())]
            clusters.append({"time": times[nearest], "times": [times[m] for m in members]})
    clusters.sort(key=lambda cluster: cluster["time"])
    return Observation(
        text=f"{len(times)} frames in {len(clusters)} groups, around {', '.join(clock(c['time']) for c in clusters)}.",
        data={"clusters": clusters},
    )


def _labels(rows: np.ndarray, count: int, method: str) -> np.ndarray:
    """Group of each unit row; on unit rows, Euclidean distance orders as the cosine does."""
    from sklearn.cluster import AgglomerativeClustering, KMeans

    if count == 1:
        return np.zeros(len(rows), dtype=int)
    if method == "ward":
        return np.asarray(AgglomerativeClustering(n_clusters=count, linkage="ward").fit_predict(rows))
    require_name("method", method, ("kmeans", "ward"))
    return np.asarray(KMeans(n_clusters=count, n_init=4, random_state=0).fit_predict(rows))


def _grid(video: VideoContext, start: float | None, end: float | None, fps: float) -> list[float]:
    whole = video.whole
    first = whole.start if start is None else start
    span = Span(first, max(first, whole.end if end is None else end)).within(whole)
    count = int(np.ceil(span.duration * min(max(fps, 1e-3), 60.0) - 1e-6))
    count = min(max(count, 1), MOST)
    return [span.start + span.duration * n / count for n in range(count)]


def _encode(video: VideoContext, times: Sequence[float]) -> np.ndarray:
    """Unit rows [n, dim], one a moment; each by itself, in batches."""
    encoder = video.memory.visual_encoder
    frames = iter(video.video.frames_at(times, size=ENCODED_SIZE))
    return np.concatenate([encoder.encode_frames(batch) for batch in iter(lambda: list(islice(frames, BATCH)), [])])
