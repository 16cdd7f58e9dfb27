"""Blobs against expectations: pieces of one object joined, and a blob that several objects make divided among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .blobs import PAINTS, SURE, Blob, Pixels, merged, overlap, size, wider

Array = np.ndarray[Any, Any]

_PRESENT = 0.25  # of an object's expected area must be found in a shared blob, or it counts as hidden
_GROWN = 1.5  # times its area: an object of steady size has met another one
_IN_PIECES = 1.0  # seconds for which pieces that stand apart are taken for one object
_ALIKE = 0.5  # share of common paint from which two objects cannot be told apart by colour


@dataclass(frozen=True, slots=True)
class Expected:
    """What a followed object should be now.

    `box`, and its usual `area` and `paint`; whether it is `known` well enough to be told from others, `steady` in size,
    and for how many seconds it has been `in_pieces`.
    """

    box: Array
    area: float
    paint: Array
    known: bool
    steady: bool
    in_pieces: float


def regroup(blobs: list[Blob], expected: list[Expected]) -> list[Blob]:
    """The blobs of a frame as one blob per object, as far as expectations tell."""
    return _split(_join(blobs, expected), expected)


def _join(blobs: list[Blob], expected: list[Expected]) -> list[Blob]:
    pieces: dict[int, list[Blob]] = {}
    result = []
    for blob in blobs:
        inside = [
            index
            for index, thing in enumerate(expected)
            if overlap(blob.box, wider(thing.box, 0.1)) > 0.7 * size(blob.box)
        ]
        if len(inside) == 1 and size(blob.box) < 0.7 * size(expected[inside[0]].box):
            pieces.setdefault(inside[0], []).append(blob)
        else:
            result.append(blob)
    for index, parts in pieces.items():
        box = expected[index].box
        whole = any(overlap(blob.box, box) > 0.5 * size(box) for blob in result)
        # What stays apart was two things all along.
        apart = expected[index].in_pieces > _IN_PIECES
        result.extend(parts if whole or apart or len(parts) == 1 else [merged(parts)])
    return result


def _split(blobs: list[Blob], expected: list[Expected]) -> list[Blob]:
    claims: dict[int, list[Expected]] = {}
    for thing in expected:
        shares = [overlap(blob.box, thing.box) for blob in blobs]
        number = int(np.argmax(shares)) if shares else -1
        if thing.known and shares and shares[number] > 0.4 * size(thing.box):
            claims.setdefault(number, []).append(thing)
    result = []
    for number, blob in enumerate(blobs):
        things = claims.get(number, [])
        if len(things) == 1 and things[0].steady and blob.area > _GROWN * things[0].area:
            things = [*things, _stranger(blob)]
        result.extend(_divide(blob, things) if len(things) > 1 and blob.pixels is not None else [blob])
    return result


def _stranger(blob: Blob) -> Expected:
    """Another object that came together with a known one: it may be anywhere in the blob, in any paint."""
    paint = np.full(PAINTS, 0.004, np.float32)
    return Expected(blob.box, 0.4 * blob.area, paint, known=False, steady=False, in_pieces=0.0)


def _divide(blob: Blob, things: list[Expected]) -> list[Blob]:
    """The objects' shares of a blob: each pixel goes to the object whose paint it has, near to where that should be."""
    pixels = blob.pixels
    assert pixels is not None
    while len(things) > 1:
        owner = _owners(pixels, blob.box, things)
        counts = np.bincount(owner[pixels.own], minlength=len(things))
        present = [counts[k] > _PRESENT * thing.area for k, thing in enumerate(things)]
        if all(present):
            return [_part(blob, pixels, owner == k, things, k) for k in range(len(things))]
        if not any(present):
            return [blob]
        things = [thing for thing, here in zip(things, present, strict=True) if here]
    return [blob]


def _owners(pixels: Pixels, box: Array, things: list[Expected]) -> Array:
    """Index `[h, w]` of the object that each pixel of a blob most likely belongs to."""
    import cv2

    height, width = pixels.own.shape
    x = np.arange(width) + box[0]
    y = np.arange(height) + box[1]
    belief = []
    for thing in things:
        left, top, right, bottom = thing.box
        outside_x = np.maximum(np.maximum(left - x, x - right), 0) / max(right - left, 4)
        outside_y = np.maximum(np.maximum(top - y, y - bottom), 0) / max(bottom - top, 4)
        near = np.exp(-2 * (outside_x[None] + outside_y[:, None])).astype(np.float32)
        likely = (thing.paint[pixels.paints] + 0.002) * pixels.own
        belief.append(cv2.blur(likely.astype(np.float32), (5, 5)) * near)
    return np.asarray(np.argmax(belief, axis=0))


def _part(blob: Blob, pixels: Pixels, mine: Array, things: list[Expected], index: int) -> Blob:
    own = pixels.own & mine
    rows, columns = np.nonzero(own)
    # A few stray pixels of another's colour must not stretch the box.
    left, right = np.percentile(columns, (1.5, 98.5))
    top, bottom = np.percentile(rows, (1.5, 98.5))
    corner = np.tile(blob.box[:2], 2)
    twin = any(
        np.minimum(things[index].paint, thing.paint).sum() > _ALIKE for k, thing in enumerate(things) if k != index
    )
    return Blob(
        box=corner + np.array([left, top, right + 1, bottom + 1]),
        area=float(own.sum()),
        colors=np.bincount(pixels.names[own], minlength=len(blob.colors)),
        confidence=SURE,
        shared=bool(twin),
    )
