"""The pictures that media URIs name: state and traces hold URIs, and pixels are read here, where a model needs them."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import VideoError
from ..span import Box, MediaURI, Span
from .open import VideoPool
from .shape import shrink

if TYPE_CHECKING:
    from ..memory_view import MemoryView

_ROUNDED = 1e-3  # seconds to which a media URI tells a time


class FrameReader:
    """Reads frames and crops by their media URIs, and keeps the last ones. Safe between threads.

    Args:
        memory: the memory that holds the videos.
        size: longest side of a picture in pixels; a crop is cut at full resolution first.
        keep: bytes of pictures that are kept for the next reader.
        videos: ids of the only videos that may be looked into; None for all of the memory.
        shared: reads and keeps the pictures instead, for several that may see more or less of one memory.
    """

    def __init__(
        self,
        memory: MemoryView,
        *,
        size: int = 768,
        keep: int = 256 << 20,
        videos: Sequence[str] | None = None,
        shared: FrameReader | None = None,
    ) -> None:
        self._memory = memory
        self._videos = None if videos is None else frozenset(videos)
        self._shared = shared
        self._size = size
        self._keep = keep
        self._held = 0
        self._pictures: OrderedDict[MediaURI, np.ndarray] = OrderedDict()
        self._idle = VideoPool()
        self._lock = threading.Lock()
        self._decoding: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def read(self, uris: Sequence[str]) -> list[np.ndarray]:
        """Return the pictures in the order of `uris`: [H, W, 3] uint8 RGB each; of a span, its middle.

        Raises:
            VideoError: if a URI names no moment or one that may not be seen, or its video's file is gone.
            RewatchError: if the memory has no such video.
        """
        places = [self._allowed(uri) for uri in uris]
        if self._shared is not None:
            return self._shared.read([str(place) for place in places])
        found = self._kept(places)
        missing = [place for place in dict.fromkeys(places) if place not in found]
        for video in dict.fromkeys(place.video for place in missing):
            with self._lock:
                decoding = self._decoding[video]
            with decoding:  # who wants the same frames meanwhile waits for them, and decodes nothing
                waiting = [p for p in missing if p.video == video]
                found |= self._kept(waiting)
                for place, picture in self._decode(video, [p for p in waiting if p not in found]):
                    found[place] = picture
                    self._hold(place, picture)
        return [found[place] for place in places]

    def _allowed(self, uri: str) -> MediaURI:
        found = within_view(uri, self._videos, self._memory.now_of)
        if isinstance(found, str):
            raise VideoError(f"{uri[:100]} cannot be shown: {found}.")
        return found

    def _kept(self, places: Sequence[MediaURI]) -> dict[MediaURI, np.ndarray]:
        with self._lock:
            return {place: self._pictures[place] for place in places if place in self._pictures}

    def _decode(self, video: str, places: list[MediaURI]) -> list[tuple[MediaURI, np.ndarray]]:
        if not places:
            return []
        if any(place.span is None for place in places):
            raise VideoError(f"video:{video} names no moment; a picture's URI ends in #t=SECONDS.")
        source = self._idle.take(self._memory, video)
        try:
            read: list[tuple[MediaURI, np.ndarray]] = []
            for cropped in (False, True):  # a crop is cut out of the full picture; the others are decoded small
                group = sorted((p for p in places if (p.box is not None) == cropped), key=_moment)
                times = [_moment(p) for p in group]
                frames = source.frames_at(times, size=None if cropped else self._size) if group else ()
                for place, frame in zip(group, frames, strict=False):
                    # A crop that is kept must not keep the whole picture.
                    picture = shrink(_cut(frame.image, place.box), self._size)
                    read.append((place, np.ascontiguousarray(picture)))
            return read
        finally:
            self._idle.put_back(self._memory, video, source)

    def _hold(self, place: MediaURI, picture: np.ndarray) -> None:
        with self._lock:
            if place in self._pictures:
                return
            self._pictures[place] = picture
            self._held += picture.nbytes
            while self._held > self._keep and len(self._pictures) > 1:
                self._held -= self._pictures.popitem(last=False)[1].nbytes


def within_view(uri: str, videos: Collection[str] | None, now_of: Callable[[str], float]) -> MediaURI | str:
    """Return a picture's URI as far as it may be seen, or why it may not.

    Args:
        uri: names a frame, a crop, or a span, of which the middle is meant.
        videos: ids of the videos that may be looked into; None for all.
        now_of: gives the second of a video from which on nothing may be seen; inf without a limit.
    """
    try:
        place = MediaURI.parse(uri)
    except ValueError:
        return "it is no media URI"
    if videos is not None and place.video not in videos:
        return "its video is not one of those asked about"
    now = now_of(place.video)
    if now == math.inf or place.span is None:
        return place
    if now == -math.inf:
        return "nothing of its video is to be seen yet"
    if place.span.start >= now + _ROUNDED:
        return f"it lies after {now:g} s, which is not to be seen yet"
    # A moment is rounded up when it is written; the frame that was meant came before now.
    last = math.ceil(1000 * now - 1) / 1000
    if place.span.end <= last:
        return place
    return replace(place, span=Span(min(place.span.start, last), last))


def _moment(place: MediaURI) -> float:
    assert place.span is not None
    return (place.span.start + place.span.end) / 2


def _cut(image: np.ndarray, box: Box | None) -> np.ndarray:
    if box is None:
        return image
    height, width = image.shape[:2]
    # A URI's percents are rounded: a fiftieth of a pixel less must not bring in the pixel before.
    left, top = int(box.left * width + 0.05), int(box.top * height + 0.05)
    right, bottom = max(round(box.right * width), left + 1), max(round(box.bottom * height), top + 1)
    return image[top:bottom, left:right]
