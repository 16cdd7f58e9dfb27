"""The empty scene before a still camera, and what stands out against it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SAME = 22  # grey levels: two looks at one surface differ by less than this through noise and compression
_CANDIDATES = 14
_CLEAR = 0.03  # mean lead in edge strength (log) from which the emptiest sample is believed


@dataclass(frozen=True, slots=True)
class Background:
    """The scene without what moves.

    `picture` is [H, W, 3] uint8 RGB, `tolerance` [H, W] uint8 the grey levels that noise explains.
    """

    picture: Array
    tolerance: Array


@dataclass(frozen=True, slots=True)
class Foreground:
    """What stands out in one frame: `mask` [H, W] uint8 0/1, `image` [H, W, 3] in the background's exposure."""

    mask: Array
    image: Array
    difference: Array


def learn_background(samples: Array) -> Background:
    """Estimate the scene behind moving and resting objects.

    The surface that keeps coming back at a pixel is preferred to the one seen longest, since people may stand at one
    place most of the time; then regions are swapped where the picture holds the outline of an object that some sample
    does not have (something that stood there and left).

    Args:
        samples: `[N, H, W, 3]` uint8 RGB frames in time order.
    """
    samples = _same_exposure(samples)
    picture = _without_specks(_emptiest(samples, _recurrent(samples)), samples)
    return Background(picture, _tolerance(picture, samples))


def find_foreground(image: Array, background: Background, busy: Array | None = None) -> Foreground:
    """Compare one frame with the background, whatever its exposure; soft shadows do not count.

    Args:
        image: `[H, W, 3]` uint8 RGB.
        background: what the scene looks like empty.
        busy: `[H, W]` uint8, pixels that objects covered a moment ago; exposure is measured elsewhere.
    """
    import cv2

    image = cv2.GaussianBlur(match_exposure(image, background.picture, busy), (3, 3), 0)
    difference = distance(image, background.picture)
    mask: Array = (difference > background.tolerance).view(np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    if mask.any():
        mask = _without_shadows(mask, image, background.picture)
    return Foreground(mask, image, difference)


def match_exposure(image: Array, reference: Array, busy: Array | None = None) -> Array:
    """The frame scaled, per channel, so that the unmoving part has the brightness it has in `reference`."""
    import cv2

    small, base = image[::4, ::4].reshape(-1, 3), reference[::4, ::4].reshape(-1, 3)
    if busy is not None:
        free = busy[::4, ::4].reshape(-1) == 0
        if free.mean() > 0.2:
            small, base = small[free], base[free]
    table = np.empty((1, 256, 3), np.uint8)
    for channel in range(3):
        now, then = small[:, channel].astype(np.float32), base[:, channel].astype(np.float32)
        usable = (now > 12) & (now < 245) & (then > 12) & (then < 245)
        gain = _mode(np.log(then[usable] / now[usable])) if usable.sum() > 50 else 0.0
        table[0, :, channel] = np.clip(np.arange(256) * np.exp(np.clip(gain, -0.9, 0.9)) + 0.5, 0, 255)
    return cv2.LUT(image, table)


def distance(one: Array, other: Array) -> Array:
    """Largest difference over the channels, `[H, W]` uint8."""
    import cv2

    red, green, blue = cv2.split(cv2.absdiff(one, other))
    return cv2.max(cv2.max(red, green), blue)


def gradient(image: Array) -> Array:
    """Edge strength `[H, W]` float32: the steepest channel."""
    import cv2

    across = np.abs(cv2.Sobel(image, cv2.CV_16S, 1, 0))
    down = np.abs(cv2.Sobel(image, cv2.CV_16S, 0, 1))
    steepest = cv2.add(across, down)
    first, second, third = cv2.split(steepest)
    return cv2.max(cv2.max(first, second), third).astype(np.float32) / 8


def _mode(values: Array) -> float:
    """The commonest value: objects that cover half the picture must not pull it, as they would a median."""
    counts, edges = np.histogram(values, bins=90, range=(-0.9, 0.9))
    smooth = np.convolve(counts, np.ones(5), "same")
    peak = edges[int(smooth.argmax())]
    near = values[np.abs(values - peak - 0.01) < 0.06]
    return float(np.median(near)) if len(near) else 0.0


def _same_exposure(samples: Array) -> Array:
    import cv2

    middle = np.median(samples[:: max(1, len(samples) // 16)], axis=0).astype(np.uint8)
    return np.stack([cv2.GaussianBlur(match_exposure(sample, middle), (3, 3), 0) for sample in samples])


def _recurrent(samples: Array) -> Array:
    """Per pixel, the surface with the largest (share of time) x (number of separate returns)."""
    count = len(samples)
    planes = np.ascontiguousarray(samples.transpose(3, 0, 1, 2))
    best = np.full(samples.shape[1:3], -1.0, np.float32)
    picture = np.empty(samples.shape[1:], np.uint8)
    for pick in np.unique(np.linspace(0, count - 1, min(count, _CANDIDATES)).round().astype(int)):
        members = np.ones(samples.shape[:3], bool)
        for plane in planes:
            candidate = plane[pick]
            members &= np.maximum(plane, candidate) - np.minimum(plane, candidate) < SAME
        seen = members.sum(0, dtype=np.int32)
        # A return is two members in a row after a non-member: single looks are noise.
        steady = members[1:] & members[:-1]
        returns = steady[0].astype(np.int32) + (steady[1:] & ~steady[:-1]).sum(0, dtype=np.int32)
        score = seen * np.maximum(returns, 1).astype(np.float32)
        better = score > best
        best[better] = score[better]
        picture[better] = samples[pick][better]
    return _centerd(picture, samples)


def _centerd(picture: Array, samples: Array) -> Array:
    """The mean of all samples that show the chosen surface: one sample's noise must not stay in the background."""
    import cv2

    total = np.zeros(picture.shape, np.float32)
    weight = np.zeros(picture.shape[:2], np.float32)
    for sample in samples:
        near = (distance(sample, picture) < SAME).view(np.uint8)
        total += cv2.merge([near] * 3) * sample.astype(np.float32)
        weight += near
    mean = total / np.maximum(weight, 1)[..., None]
    return np.where(weight[..., None] > 0, mean + 0.5, picture).astype(np.uint8)


def _steady(samples: Array) -> Array:
    """Where each sample looks like the one before or after it: `[N, H, W]` uint8 0/1; things in motion are left out."""
    alike = [(distance(one, two) < SAME // 2).view(np.uint8) for one, two in pairwise(samples)]
    still = np.zeros(samples.shape[:3], np.uint8)
    for index, same in enumerate(alike):
        still[index] |= same
        still[index + 1] |= same
    return still


def _emptiest(samples: Array, picture: Array) -> Array:
    """`picture`, with the sample that is emptiest put wherever samples differ.

    Every two samples are compared: along the outline of a region in which they differ, the one that holds an object
    has an edge there and the other has none. What wins most is the background, however short it was seen.
    """
    import cv2

    samples = np.concatenate([picture[None], samples])
    height, width = picture.shape[:2]
    half = (width // 2, height // 2)
    small = np.stack([cv2.resize(sample, half, interpolation=cv2.INTER_AREA) for sample in samples])
    steady = np.concatenate([np.ones((1, *small.shape[1:3]), np.uint8), _steady(small[1:])])
    edges = [gradient(sample) for sample in small]
    score = np.zeros(small.shape[:3], np.float32)
    least = half[0] * half[1] // 1800
    kernel = np.ones((3, 3), np.uint8)
    for one in range(len(small)):
        for two in range(one + 1, len(small)):
            mask = (distance(small[one], small[two]) > SAME).view(np.uint8) & steady[one] & steady[two]
            if int(mask.sum()) < least:
                continue
            mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel)
            for box, region in _regions(mask, least):
                strengths = outline_strength(edges[one][box], region), outline_strength(edges[two][box], region)
                lean = float(np.clip(np.log((strengths[0] + 2) / (strengths[1] + 2)), -1.5, 1.5))
                score[one][box] -= lean * region
                score[two][box] += lean * region
    # A verdict reaches a little beyond its region, so that specks do not stay behind.
    score = np.stack([cv2.blur(plane, (7, 7)) for plane in score])
    score[(steady == 0) & (score > 0)] *= 0.5
    winner = cv2.resize(score.argmax(0).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    # Where the picture itself wins most of its comparisons it stays, though another may win more.
    lead = np.where(score[0] < 0.25 * score.max(0), score.max(0) - score[0], 0)
    clear = cv2.resize(lead / len(small), (width, height)) > _CLEAR
    chosen = np.take_along_axis(samples, winner[None, ..., None].astype(int), axis=0)[0]
    return _centerd(np.where(clear[..., None], chosen, picture), samples[1:])


def _without_specks(picture: Array, samples: Array) -> Array:
    """Swap small spots that have an outline in the picture and none in several samples."""
    import cv2

    base = gradient(picture)
    spots = np.zeros(picture.shape[:2], np.int16)
    objects = np.zeros_like(spots)
    total = np.zeros(picture.shape, np.float32)
    most = picture.shape[0] * picture.shape[1] // 150
    kernel = np.ones((3, 3), np.uint8)
    for sample in samples:
        mask = cv2.morphologyEx((distance(sample, picture) > SAME).view(np.uint8), cv2.MORPH_OPEN, kernel)
        edges = gradient(sample)
        for box, region in _regions(mask, 9):
            if int(region.sum()) > most:
                continue
            ours, theirs = outline_strength(base[box], region), outline_strength(edges[box], region)
            if ours > 1.4 * theirs + 2:
                spots[box] += region
                total[box] += region[..., None] * sample[box].astype(np.float32)
            elif theirs > 1.4 * ours + 2:
                objects[box] += region
    swap = ((spots >= 2) & (spots > objects))[..., None]
    values = np.clip(total / np.maximum(spots, 1)[..., None], 0, 255).astype(np.uint8)
    return _centerd(np.where(swap, values, picture), samples)


def _regions(mask: Array, least: int) -> list[tuple[tuple[slice, slice], Array]]:
    """Connected regions of at least `least` pixels: a window with 3 pixels of room, and the region in it (0/1)."""
    import cv2

    number, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for label in range(1, number):
        left, top, width, height, area = stats[label]
        if area >= least:
            box = (slice(max(top - 3, 0), top + height + 3), slice(max(left - 3, 0), left + width + 3))
            found.append((box, (labels[box] == label).astype(np.uint8)))
    return found


def outline_strength(edges: Array, region: Array) -> float:
    """Mean edge strength on the outline of a region (both `[h, w]`)."""
    import cv2

    kernel = np.ones((3, 3), np.uint8)
    ring = cv2.subtract(cv2.dilate(region, kernel), cv2.erode(region, kernel, borderValue=1)) > 0
    return float(cv2.dilate(edges, kernel)[ring].mean()) if ring.any() else 0.0


def _tolerance(picture: Array, samples: Array) -> Array:
    """Per pixel, 4 standard deviations of the surface's own flicker above a floor."""
    import cv2

    spread = np.zeros(picture.shape[:2], np.float32)
    weight = np.zeros(picture.shape[:2], np.float32)
    for sample in samples:
        off = distance(sample, picture).astype(np.float32)
        near = (off < SAME).astype(np.float32)
        spread += near * off * off
        weight += near
    sigma = np.sqrt(spread / np.maximum(weight, 1))
    levels = np.clip(10 + 4 * cv2.blur(sigma, (5, 5)), 18, 60)
    # Edges of the scene tremble with the least shake and with compression.
    levels += np.clip(gradient(picture) * 0.25, 0, 12)
    return levels.astype(np.uint8)


def _without_shadows(mask: Array, image: Array, background: Array) -> Array:
    """Take out regions that are the background darkened: soft outline, or the background's own texture inside."""
    import cv2

    rows, columns = np.nonzero(mask)
    now = image[rows, columns].astype(np.float32)
    then = background[rows, columns].astype(np.float32)
    scale = (now * then).sum(1) / np.maximum((then * then).sum(1), 1)
    tint = np.abs(now - scale[:, None] * then).max(1)
    dim = (scale > 0.45) & (scale < 0.98) & (tint < 6 + 0.06 * then.max(1))
    weak = np.zeros_like(mask)
    weak[rows[dim], columns[dim]] = 1
    weak = cv2.morphologyEx(weak, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if not weak.any():
        return mask
    difference = cv2.absdiff(image, background)
    steps = gradient(difference)
    result = mask.copy()
    for box, region in _regions(weak, 30):
        if not _sharp(difference[box], steps[box], region, mask[box]) or _same_texture(
            image[box], background[box], region
        ):
            result[box][region > 0] = 0
    return cv2.morphologyEx(result, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))


def _sharp(difference: Array, steps: Array, region: Array, mask: Array) -> bool:
    """Whether a region begins with a step, as objects do, where it borders on the free background."""
    import cv2

    kernel = np.ones((3, 3), np.uint8)
    ring = cv2.subtract(cv2.dilate(region, kernel), region)
    free = (ring > 0) & (mask == 0)
    if free.sum() < 0.15 * ring.sum():
        return True
    level = float(difference.max(axis=2)[region > 0].mean())
    return float(cv2.dilate(steps, kernel)[free].mean()) > 0.3 * level


def _same_texture(image: Array, background: Array, region: Array) -> bool:
    """Whether both show one pattern inside a region, so that only the light differs."""
    import cv2

    inner = cv2.erode(region, np.ones((5, 5), np.uint8)) > 0
    if inner.sum() < 40:
        return False
    now, then = (
        _detail(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32))[inner] for picture in (image, background)
    )
    if then.std() < 3:
        return False
    return float((now * then).mean() / max(now.std() * then.std(), 1e-3)) > 0.6


def _detail(gray: Array) -> Array:
    import cv2

    return gray - cv2.blur(gray, (9, 9))
