"""A video cut into stretches in which the camera stands still: only there is a background to learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..protocol import VideoSource
from ..span import Span
from ..video.shape import resize

Array = np.ndarray[Any, Any]

LONGEST = 120.0
"""Seconds of small frames that are held at once, as JPEG of about 15 kB each."""
_SHORTEST = 1.3  # seconds; in less a background cannot be told from what moves
_STEP, _LONG_STEP = 0.5, 4.0  # seconds between two frames that are compared; the long step shows a slow pan

# The thresholds below were settled on moving and still cameras in the real videos of docs/results.md.
_CELLS = (8, 5)  # across and down; each has one vote, so that one textured object cannot outvote the rest
_PATCH = np.ones((9, 9), np.uint8)
_CONTRAST = 24  # gray levels within a patch: fainter texture comes and goes with compression
_NOISE = 4  # gray levels by which a still patch differs from itself, on average
_SHIFTED = 0.12  # of a patch's contrast: an edge that moves by little more than one pixel changes it by as much
_TEXTURE = 0.05  # share of a cell that must have texture for its vote to count
_SHIFT = 0.004  # of the width, by which a corner of a still camera may be elsewhere
_STILL, _STILL_RIM = 0.4, 0.35  # shares of still cells, of all and of those at the border, below which the camera moves


@dataclass(slots=True)
class Stretch:
    """Consecutive small frames of one shot."""

    continues: bool
    """True if the view is that of the stretch before it."""
    times: list[float] = field(default_factory=list)
    pictures: list[Array] = field(default_factory=list)
    """JPEG."""

    @property
    def duration(self) -> float:
        """Seconds from the first to the last frame."""
        return self.times[-1] - self.times[0]

    def image(self, index: int) -> Array:
        """Decode one frame, `[H, W, 3]` uint8 RGB."""
        import cv2

        return np.asarray(cv2.imdecode(self.pictures[index], cv2.IMREAD_COLOR_RGB))

    def samples(self, count: int) -> list[Array]:
        """Decode at most `count` frames at even distances."""
        picks = np.unique(np.linspace(0, len(self.times) - 1, min(count, len(self.times))).round().astype(int))
        return [self.image(int(pick)) for pick in picks]


def still_stretches(video: VideoSource, span: Span, fps: float, size: int) -> Iterator[Stretch]:
    """Yield the parts of a span in which the camera stands still, each of at most `LONGEST` seconds."""
    moved = False
    for stretch in _stretches(video, span, fps, size):
        still = ~_moving_frames(stretch)
        bounds = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]])))
        for first, end in zip(bounds[::2].tolist(), bounds[1::2].tolist(), strict=True):
            part = Stretch(
                stretch.continues and first == 0 and not moved, stretch.times[first:end], stretch.pictures[first:end]
            )
            if len(part.times) >= 8 and part.duration >= _SHORTEST:
                yield part
        moved = not still[-1]


def _stretches(video: VideoSource, span: Span, fps: float, size: int) -> Iterator[Stretch]:
    """Cut a span at each cut, and into even pieces: a rest of a few seconds would have no background of its own."""
    import cv2

    longest = span.duration / max(1, round(span.duration / LONGEST + 0.49))
    stretch = Stretch(continues=False)
    shape: tuple[int, int] | None = None  # of all frames: places are shares of the picture
    before: Array | None = None
    for frame in video.frames(span, fps, size=size):
        if stretch.times and frame.time <= stretch.times[-1]:
            continue  # the video has fewer frames a second
        image = frame.image
        shape = shape or (image.shape[0], image.shape[1])
        cut = before is not None and (_other_shape(image, before) or is_cut(before, image))
        before = image
        if stretch.times and (cut or frame.time - stretch.times[0] >= longest):
            yield stretch
            stretch = Stretch(continues=not cut)
        image = resize(image, shape[::-1])
        stretch.times.append(frame.time)
        stretch.pictures.append(cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1])
    if stretch.times:
        yield stretch


def _other_shape(one: Array, other: Array) -> bool:
    """Tell another picture from the same one at another resolution, whose sides are rounded."""
    return bool(abs(one.shape[1] * other.shape[0] / (one.shape[0] * other.shape[1]) - 1) >= 0.03)


def is_cut(before: Array, image: Array) -> bool:
    """Tell whether two consecutive pictures `[H, W, 3]` uint8 show different scenes."""
    now, then = (resize(one, (32, 18)).astype(np.float32) for one in (image, before))
    # Brightness is matched first: a lamp that is switched on is no cut.
    gain = float(np.clip((then.mean() + 8) / (now.mean() + 8), 0.4, 2.5))
    changed = float((np.abs(now * gain - then).max(axis=2) > 28).mean())
    now, then = now.mean(axis=2), then.mean(axis=2)
    spread = float(now.std() * then.std())
    similar = float(((now - now.mean()) * (then - then.mean())).mean()) / spread if spread > 1 else 0.0
    return (changed > 0.55 and similar < 0.75) or (changed > 0.3 and similar < 0.45)


def _moving_frames(stretch: Stretch) -> Array:
    """The frames during which the camera moves, `[N]` bool; a single step is not believed."""
    import cv2

    times = np.array(stretch.times)
    picks = [0]
    for index, time in enumerate(stretch.times):
        if time - times[picks[-1]] >= _STEP - 1e-3:
            picks.append(index)
    grays = [np.asarray(cv2.imdecode(stretch.pictures[pick], cv2.IMREAD_GRAYSCALE)) for pick in picks]
    moves = []
    oldest = 0
    for step in range(1, len(picks)):
        moved = camera_moves(grays[step - 1], grays[step])
        if not moved and times[picks[step]] - times[picks[oldest]] >= _LONG_STEP:
            moved = camera_moves(grays[oldest], grays[step])
            oldest = step
        moves.append(moved)
    moving = np.zeros(len(times), bool)
    for step in range(len(moves)):
        if sum(moves[max(step - 2, 0) : step + 3]) >= min(2, len(moves)):
            moving[picks[step] : picks[step + 1]] = True
    moving[picks[-1] :] = moving[picks[-1] - 1] if len(picks) > 1 else False
    return moving


def camera_moves(before: Array, after: Array) -> bool:
    """Tell whether the camera moved between two gray frames `[H, W]` uint8 of one shot.

    Two witnesses must agree, nearly all over the picture and along its border, which objects seldom fill: patches with
    texture changed, and corners are elsewhere. Light changes patches and leaves corners; corners made of noise wander
    in patches that stay. Where not one patch stayed, the picture may have moved too fast for corners to be followed.
    """
    lit = _without_bars(np.maximum(before, after))
    before, after = before[lit], after[lit]
    patches = _still_patches(before, after)
    return _lost(*patches) and (_lost(*patches, gone=True) or _lost(*_still_corners(before, after)))


def _lost(votes: Array, still: Array, *, gone: bool = False) -> bool:
    """Tell whether too few of the cells that vote are still; with `gone`, as good as none of many."""
    rim = votes.copy()
    rim[1:-1, 1:-1] = False
    cells, border, least, least_rim = (12, 8, 0.1, 0.1) if gone else (7, 5, _STILL, _STILL_RIM)
    if votes.sum() < cells or rim.sum() < border:
        return False
    return bool(still[votes].mean() < least and still[rim].mean() < least_rim)


def _still_patches(before: Array, after: Array) -> tuple[Array, Array]:
    """The cells with texture, and those whose texture stayed, `[rows, columns]` bool."""
    import cv2

    ratio = (before[::4, ::4] + np.float32(4)) / (after[::4, ::4] + np.float32(4))
    after = cv2.convertScaleAbs(after, None, float(np.clip(np.median(ratio), 0.5, 2)))
    before, after = cv2.GaussianBlur(before, (3, 3), 0), cv2.GaussianBlur(after, (3, 3), 0)
    contrast = cv2.subtract(cv2.dilate(before, _PATCH), cv2.erode(before, _PATCH)).astype(np.float32)
    change = cv2.blur(cv2.absdiff(before, after), _PATCH.shape).astype(np.float32)
    textured = contrast > _CONTRAST
    same = textured & (change < np.maximum(_NOISE, _SHIFTED * contrast))
    filled, stayed = (resize(mask.astype(np.float32), _CELLS) for mask in (textured, same))
    return filled > _TEXTURE, stayed > 0.5 * filled


def _still_corners(before: Array, after: Array) -> tuple[Array, Array]:
    """The cells with corners that can be followed there and back, and those whose corners stayed."""
    import cv2

    height, width = before.shape
    votes, still = np.zeros(_CELLS[::-1], bool), np.zeros(_CELLS[::-1], bool)
    corners = cv2.goodFeaturesToTrack(before, 200, 0.01, width / 32)
    if corners is None:
        return votes, still
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, corners.copy(), winSize=(15, 15), maxLevel=4)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, moved.copy(), winSize=(15, 15), maxLevel=4)
    good = (found[:, 0] > 0) & (again[:, 0] > 0) & (np.abs(back - corners).max(axis=(1, 2)) < 1.0)
    start, shift = corners[good, 0], np.linalg.norm(moved[good, 0] - corners[good, 0], axis=1) / width
    cells = np.minimum(start * _CELLS / (width, height), np.array(_CELLS) - 1).astype(int)
    for column, row in np.unique(cells, axis=0):
        votes[row, column] = True
        still[row, column] = np.median(shift[(cells == (column, row)).all(axis=1)]) < _SHIFT
    return votes, still


def _without_bars(gray: Array) -> tuple[slice, slice]:
    """The part (rows, columns) of a frame between black bars, whose straight edges stand still whatever moves."""
    lit = gray > 24
    margin = _PATCH.shape[0] // 2 + 1
    slices = []
    for axis in (1, 0):
        bright = np.flatnonzero(lit.mean(axis=axis) >= 0.02)
        first, last = (int(bright[0]), int(bright[-1])) if len(bright) else (0, lit.shape[1 - axis] - 1)
        end = lit.shape[1 - axis]
        slices.append(slice(first + margin if first else 0, last + 1 - margin if last < end - 1 else end))
    return slices[0], slices[1]
