"""Ids of objects that stay the same from call to call on one video, and are never those of another video."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from .track import Track
from .track_linking import affinity, join

_VIDEOS = 32  # videos whose tracks are remembered


class TrackRegistry:
    """The tracks that calls have found so far, by video and detector. Safe between threads."""

    def __init__(self) -> None:
        self._tracks: OrderedDict[Hashable, list[Track]] = OrderedDict()
        self._lock = threading.Lock()

    def assign_ids(self, key: Hashable, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks of one call under the ids that their objects have on this video; new objects get new ids.

        Args:
            key: what ids hold for: the video's content, and the detector.
            tracks: of the call; pieces that turn out to be one object are joined.
        """
        with self._lock:
            known = {track.id: track for track in self._tracks.get(key, ())}
            pieces = _by_object(tracks, known)
            for number, own in pieces.items():
                known[number] = _joined([*([known[number]] if number in known else []), *own], number)
            self._tracks[key] = list(known.values())
            self._tracks.move_to_end(key)
            while len(self._tracks) > _VIDEOS:
                self._tracks.popitem(last=False)
        return sorted((_joined(own, number) for number, own in pieces.items()), key=lambda t: (t.start, t.end))


def _by_object(tracks: Sequence[Track], known: dict[int, Track]) -> dict[int, list[Track]]:
    """The tracks by the id of their object, the likeliest pairs first."""
    pairs = ((affinity(track, other), index, number) for index, track in enumerate(tracks)
             for number, other in known.items())  # fmt: skip
    matched: set[int] = set()
    pieces: dict[int, list[Track]] = {}
    for score, index, number in sorted(pairs, reverse=True):
        # Two tracks of one call that overlap in time are two objects, however similar.
        if score > 0 and index not in matched and not any(_overlap(tracks[index], o) for o in pieces.get(number, ())):
            matched.add(index)
            pieces.setdefault(number, []).append(tracks[index])
    for index, track in enumerate(tracks):
        if index not in matched:
            pieces[max([0, *known, *pieces]) + 1] = [track]
    return pieces


def _overlap(one: Track, other: Track) -> bool:
    return min(one.boxes[-1].time, other.boxes[-1].time) >= max(one.boxes[0].time, other.boxes[0].time)


def _joined(pieces: Sequence[Track], number: int) -> Track:
    return replace(join(sorted(pieces, key=lambda track: track.boxes[0].time)), id=number)
