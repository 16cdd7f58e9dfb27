"""Tools that ask a model that sees: a question, a caption, a rating, a yes or no about some frames."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...memory import Span, clock
from ..context import VideoContext
from ..observation import Observation
from ..sanitize import quote
from ..tool import tool
from ..viewer import VisualQuestion
from .repeats import ShownFrames

SHOWN_SIZE = 448
"""Longest side, in pixels, of a frame that a model is asked about (VITAL shows 448 x 448)."""
CAPTION = "Describe what these frames show, in the order in which it happens: who, what, where, and what changes."
RATING = """How much does this frame help to answer the question? Write one digit, then one sentence of reason.
1: nothing to do with it. 2: a hint of where to look. 3: something that leads up to the answer or follows from it.
4: clearly about it, but ambiguous. 5: enough to answer by itself.
Question: {question}"""
"""A.I.R.'s scale of 1 to 5 (ICLR 2026), in our words."""
VERIFY = "Do these frames show the following? {claim}\nAnswer Yes or No."
ZOOM = 0.5
"""A span to be verified is widened by this part of its length at both ends (VideoMind, `infer_auto.py`)."""


@tool(timeout=300.0, needs="a model that sees (--policy or --viewer)")
def ask_clip(start: float, end: float, question: str, video: VideoContext, frames: int = 8) -> Observation:
    """Ask a model that sees a question about a span; it is shown frames of that span and knows nothing else.

    Args:
        start: first moment, in seconds.
        end: last moment, in seconds.
        question: a question that these frames alone can answer.
        frames: how many frames it is shown, evenly spaced.
    """
    return _ask(video, video.middles(Span(start, max(end, start)), frames), question)


@tool(timeout=300.0, needs="a model that sees (--policy or --viewer)")
def caption_clip(start: float, end: float, video: VideoContext, frames: int = 8, beams: int = 1) -> Observation:
    """Have a model that sees describe a span.

    Args:
        start: first moment, in seconds.
        end: last moment, in seconds.
        frames: how many frames it is shown, evenly spaced.
        beams: width of the beam search for the wording; 1 is none.
    """
    return _ask(video, video.middles(Span(start, max(end, start)), frames), CAPTION, beams=max(1, min(beams, 16)))


@tool(timeout=300.0)
def ask_frames(
    times: list[float], question: str, video: VideoContext, role: str = "", max_tokens: int = 256
) -> Observation:
    """Ask a model that sees about chosen frames; it is shown every one, since it may be to name their times.

    Args:
        times: moments, in seconds.
        question: what to ask.
        role: grounder, verifier or answerer, for models with an adapter for it.
        max_tokens: limit of the reply.
    """
    return _ask(video, video.moments(times), question, role=role, max_tokens=max_tokens, every=True)


@tool(timeout=300.0)
def rate_frames(times: list[float], question: str, video: VideoContext) -> Observation:
    """Have a model that sees rate, frame by frame, how much each helps to answer a question (1 to 5).

    A frame that looks the same as an earlier one has its rating.

    Args:
        times: moments, in seconds.
        question: the question to be answered in the end.
    """
    looked = ShownFrames.of(list(video.frames_at(video.moments(times), size=SHOWN_SIZE)))
    frames = looked.frames
    text = RATING.format(question=question)
    replies = video.ask([VisualQuestion(frames=(frame,), text=text) for frame in looked.distinct], max_tokens=64)
    by_time = {frame.time: reply for frame, reply in zip(looked.distinct, replies, strict=True)}
    lines, rows = [], []
    for frame, shown in zip(frames, looked.shown_for, strict=True):
        reply = by_time[shown.time]
        digit = re.search(r"(?<![\d.])([1-5])(?![\d.]*\d)", reply.text)
        score = int(digit[1]) if digit else None
        reason = (reply.text[digit.end() :] if digit else reply.text).lstrip(" .:)-\n").rstrip()[:200]
        lines.append(f"{clock(frame.time)}: {score or 'unreadable'} {quote(reason)}")
        rows.append({"time": frame.time, "score": score, "reason": reason})
    return Observation(
        text="\n".join(lines), uris=tuple(video.uri(frame.time) for frame in frames), data={"ratings": rows}
    )


@tool(timeout=300.0)
def verify_clip(start: float, end: float, claim: str, video: VideoContext, frames: int = 8) -> Observation:
    """Have a model that sees judge, with a zoomed look at a span, whether it shows what is claimed.

    Args:
        start: first moment, in seconds.
        end: last moment, in seconds.
        claim: what the span is said to show.
        frames: how many frames it is shown, evenly spaced.
    """
    span = Span(start, max(end, start))
    room = ZOOM * span.duration
    zoomed = Span(start - room, max(end, start) + room).within(video.whole)
    looked = ShownFrames.of(list(video.frames_at(video.middles(zoomed, frames), size=SHOWN_SIZE)))
    pictures = looked.frames
    question = VisualQuestion(frames=looked.distinct, text=VERIFY.format(claim=claim), role="verifier")
    (reply,) = video.ask([question], max_tokens=4, yes_no=True)
    yes = 0.5 if reply.yes is None else reply.yes
    return Observation(
        text=f"Looked at {zoomed} again: yes with probability {yes:.2f}.",
        uris=(video.uri(zoomed), *(video.uri(frame.time) for frame in pictures)),
        data={"yes": yes, "span": span, "zoomed": zoomed, "times": [frame.time for frame in pictures]},
    )


def _ask(
    video: VideoContext,
    times: Sequence[float],
    question: str,
    *,
    role: str = "",
    max_tokens: int = 256,
    beams: int = 1,
    every: bool = False,
) -> Observation:
    frames = tuple(video.frames_at(times, size=SHOWN_SIZE))
    looked = ShownFrames(frames, frames) if every else ShownFrames.of(frames)
    text = f"{question}\n({looked.note})" if looked.note else question
    visual = VisualQuestion(frames=looked.distinct, text=text, role=role)
    (reply,) = video.ask([visual], max_tokens=max(1, min(max_tokens, 2048)), beams=beams)
    first, last = frames[0].time, frames[-1].time
    few = "" if len(looked.distinct) == len(frames) else f", of which {len(looked.distinct)} shown,"
    uris = dict.fromkeys((video.uri(Span(first, last)), *(video.uri(frame.time) for frame in frames)))
    return Observation(
        text=f"{len(frames)} frames{few} from {clock(first)} to {clock(last)}: {quote(reply.text)}",
        uris=tuple(uris),
        data={"text": reply.text, "times": [frame.time for frame in frames]},
    )
