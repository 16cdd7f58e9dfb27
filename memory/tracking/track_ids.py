"""Ids of objects that stay the same from call to call on one video, and are never those of another video."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from .track_linking import affinity, join
from .tracker import Track, renumbered

_VIDEOS = 32  # videos whose tracks are remembered


class TrackBook:
    """The tracks that calls have found so far, by video and detector. Safe between threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, list[Track]] = OrderedDict()
        self._lock = threading.Lock()

    def name(self, key: Hashable, found: Sequence[Track]) -> list[Track]:
        """The tracks of one call under the ids that their objects have on this video; new objects get new ids.

        Args:
            key: what ids hold for: the video's content, and the detector.
            found: tracks of the call; pieces that turn out to be one object are joined.
        """
        with self._lock:
            known = self._known.setdefault(key, [])
            self._known.move_to_end(key)
            while len(self._known) > _VIDEOS:
                self._known.popitem(last=False)
            pairs = sorted(
                (
                    (score, new, old)
                    for new in range(len(found))
                    for old in range(len(known))
                    if (score := affinity(found[new], known[old])) > 0
                ),
                reverse=True,
            )
            ids: dict[int, int] = {}
            pieces: dict[int, list[Track]] = {}
            for _, new, old in pairs:
                number = known[old].id
                # Two tracks of one call that overlap in time are two objects, however alike.
                if new not in ids and not any(_overlap(found[new], other) for other in pieces.get(number, ())):
                    ids[new] = number
                    pieces.setdefault(number, []).append(found[new])
            for new, track in enumerate(found):
                if new not in ids:
                    number = max([0, *(other.id for other in known), *pieces]) + 1
                    pieces[number] = [track]
            self._known[key] = _with(known, pieces)
        named = [renumbered(_joined(own), number) for number, own in pieces.items()]
        return sorted(named, key=lambda track: (track.start, track.end))


def _overlap(one: Track, other: Track) -> bool:
    return min(one.sights[-1].time, other.sights[-1].time) >= max(one.sights[0].time, other.sights[0].time)


def _joined(own: Sequence[Track]) -> Track:
    return join(sorted(own, key=lambda track: track.sights[0].time))


def _with(known: Sequence[Track], pieces: dict[int, list[Track]]) -> list[Track]:
    """What is known of each object now: all that was ever seen of it."""
    by_id = {track.id: track for track in known}
    for number, own in pieces.items():
        before = [by_id[number]] if number in by_id else []
        by_id[number] = renumbered(_joined([*before, *own]), number)
    return list(by_id.values())
