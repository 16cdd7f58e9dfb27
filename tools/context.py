"""`VideoContext`: the video and the run as a tool may use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..memory import Box, MediaURI, RewatchError, Span
from .boxes import Eyes, read_box
from .errors import ToolError, ViewerError, always_passes, words_of
from .viewer import Reply, Viewer, VisualQuestion

if TYPE_CHECKING:
    from ..memory import Frame, MemoryView, TimelineSpan, VideoRecord, VideoSource


@dataclass(slots=True)
class VideoContext:
    """One video of the memory as a tool sees it during one call. Frames taken here are charged to the budget."""

    memory: MemoryView
    """Read access to the memory (a view up to `now` in egocentric and streaming runs)."""
    info: VideoRecord
    """The memory's record of the video: its bounds, size, sound. Needs no file."""
    open_video: Callable[[], VideoSource]
    """Opens the media; called when a tool first needs pictures or sound."""
    videos: tuple[str, ...] = ()
    """Ids of all videos of the call, where a tool that can look into several at once was given no single one."""
    between: TimelineSpan | None = None
    """The span of the timeline that the call is about, where it is about several videos and named one."""
    question_videos: tuple[str, ...] = ()
    """Ids of all videos that the run is about; nothing is shown of any other."""
    eyes: Eyes = Eyes()
    """Size of the pictures that the policy is shown, and the numbers in which it writes places."""
    frames_left: int | None = None
    """Frames that may still be taken; None without a limit."""
    viewer: Viewer | None = None
    """A model that sees, where the run has one."""
    raise_bugs: bool = False
    """Whether an unexpected exception of the viewer is raised, as in training, instead of a `ViewerError`."""
    on_charge: Callable[[int], None] | None = None
    """Called with every charge; a process of its own reports by it, even if it ends badly."""
    frames_used: int = field(default=0, init=False)
    """Frames taken in this call."""
    tokens_used: int = field(default=0, init=False)
    """Tokens that the viewer reported in this call."""
    price: float = field(default=0.0, init=False)
    """Their price, where the viewer has prices."""
    opened: VideoSource | None = field(default=None, init=False)
    """The media, if a tool has asked for it."""

    @property
    def video_id(self) -> str:
        """The video's id in the memory."""
        return self.info.id

    @property
    def video(self) -> VideoSource:
        """The media itself, for tools that do their own sampling; frames taken from it directly are not charged.

        Raises:
            VideoError: if its file is gone.
        """
        if self.opened is None:
            self.opened = self.open_video()
        return self.opened

    @property
    def whole(self) -> Span:
        """The span of the whole video (seconds)."""
        return self.info.span

    def frame(self, time: float, *, size: int | None = None) -> np.ndarray:
        """The picture on screen at `time` seconds: [H, W, 3] uint8 RGB, upright; charges one frame.

        Raises:
            ToolError: if the budget has no frame left.
        """
        return next(iter(self.frames_at([time], size=size))).image

    def frames_at(self, times: Sequence[float], *, size: int | None = None) -> Iterator[Frame]:
        """The pictures at `times` (seconds); `size` bounds the longer side in pixels; charges each.

        Raises:
            ToolError: if the budget has fewer frames left than are asked for.
        """
        self.charge(len(times))
        return self.video.frames_at(times, size=size)

    def ask(
        self, questions: Sequence[VisualQuestion], *, max_tokens: int = 256, beams: int = 1, yes_no: bool = False
    ) -> list[Reply]:
        """Ask the model that sees (see `Viewer.ask`); its tokens are charged.

        Raises:
            ToolError: if the run has no model that sees.
            ViewerError: if it fails.
        """
        if self.viewer is None:
            raise ToolError("There is no model that sees in this run: search, listen and read instead.")
        try:
            replies = self.viewer.ask(questions, max_tokens=max_tokens, beams=beams, yes_no=yes_no)
        except Exception as error:  # a model of anybody's, whose exceptions are documented nowhere
            bug = self.raise_bugs and not isinstance(error, (RewatchError, OSError))
            if isinstance(error, ToolError) or always_passes(error) or bug:
                raise
            self.tokens_used += int(getattr(error, "tokens", 0))
            text = f"the model that sees failed ({_reason(error)}): search, listen and read instead."
            raise ViewerError(text) from error
        self.tokens_used += sum(reply.tokens for reply in replies)
        self.price += sum(reply.price for reply in replies)
        return replies

    def times(self, span: Span, fps: float) -> list[float]:
        """Sampling times of `span` at `fps`, thinned evenly to what the budget has left; at least one.

        Raises:
            ToolError: if the budget has no frame left.
        """
        count = self._affordable(max(1, int(np.ceil(span.duration * fps - 1e-6))))
        return [span.start + (span.duration * k) / count for k in range(count)]

    def middles(self, span: Span, count: int) -> list[float]:
        """The middles of `count` equal parts of a span; of fewer where the budget has fewer frames left.

        Raises:
            ToolError: if the budget has no frame left.
        """
        span, count = span.within(self.whole), min(self._affordable(count), 128)
        return [span.start + span.duration * (k + 0.5) / count for k in range(count)]

    def moments(self, times: Sequence[float]) -> list[float]:
        """Moments that a policy wrote, moved into the video, in order, each once.

        Raises:
            ToolError: if there are none.
        """
        if not times:
            raise ToolError("No moments were given; give times in seconds.")
        return sorted({min(max(float(time), self.info.start), self.info.end) for time in times})

    def _affordable(self, count: int) -> int:
        count = count if self.frames_left is None else min(count, self.frames_left)
        if count < 1:
            raise ToolError("No frames are left in the budget: answer from what was observed, or search and listen.")
        return count

    def uri(self, at: float | Span, box: Box | None = None) -> str:
        """The media URI of a moment or a span of this video."""
        span = at if isinstance(at, Span) else Span(at, at)
        return str(MediaURI(self.video_id, span, box))

    def box(self, value: Any, whole: tuple[int, int], *, of: Box | None = None) -> tuple[Box, str]:
        """A box that the policy wrote, as fractions of the whole picture, and a note on the scale that was read.

        Put the note (empty for fractions) into what the tool says, so that a wrong reading can be seen.

        Args:
            value: four numbers in fractions, per cent, pixels of the picture as the policy is shown it, a grid of 0 to
                1000, or pixels of the video; as a list, a mapping or a string.
            whole: width and height of the picture at that time (`Frame.whole`): they may change in a video.
            of: the region that the policy was shown, where that is not the whole picture.

        Raises:
            ToolError: if it is no box inside the picture.
        """
        outer = of or Box(0.0, 0.0, 1.0, 1.0)
        wide, high = outer.right - outer.left, outer.bottom - outer.top
        region = (max(1, round(wide * whole[0])), max(1, round(high * whole[1])))
        try:
            inner, note = read_box(value, region, self.eyes)
        except ValueError as error:
            raise ToolError(f"{error}; give [left, top, right, bottom] between 0 and 1.") from None
        return (
            Box(
                min(outer.left + inner.left * wide, 1.0),
                min(outer.top + inner.top * high, 1.0),
                min(outer.left + inner.right * wide, 1.0),
                min(outer.top + inner.bottom * high, 1.0),
            ),
            note,
        )

    def charge(self, count: int) -> None:
        """Charge frames that a tool reads through `video` itself.

        Raises:
            ToolError: if the budget has fewer left.
        """
        if count < 0:
            raise ValueError(f"Cannot charge {count} frames.")
        if self.frames_left is not None:
            if count > self.frames_left:
                raise ToolError(
                    f"{count} frames asked for, {self.frames_left} left in the budget: ask for a shorter span."
                )
            self.frames_left -= count
        self.frames_used += count
        if self.on_charge is not None:
            self.on_charge(count)


def _reason(error: Exception) -> str:
    """Say why a viewer failed, in one short line."""
    reason = "".join(c if c.isprintable() else " " for c in words_of(error)[:2000])
    reason = " ".join(reason.split())[:300].rstrip(".;: ")
    return reason if isinstance(error, RewatchError) and reason else f"{type(error).__name__}: {reason}".rstrip(": ")
