"""Reading who speaks and who is seen: turns, identities, suggestions, and what may be claimed of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import MisuseError
from ..registry import did_you_mean
from ..span import Box, MediaURI, Span
from ..store.database import Store
from .grouping import mean_of
from .types import KINDS, VOICE, Claim, Identity, Suggestion, Turn, name_key

_JOINED = 0.5  # seconds between two turns of one speaker that are told as one
_EXEMPLARS = 3


class UnknownPersonError(MisuseError):
    """There is nobody of that name; the text lists who there is."""


@dataclass(frozen=True, slots=True, eq=False)
class _Appearance:
    """One row of `appearances` as it is known now."""

    id: int
    video: str
    kind: str
    stamp: str
    start: float
    end: float
    box: tuple[float, Box] | None
    vector: np.ndarray
    identity: int | None
    confirmed: bool

    @property
    def weight(self) -> float:
        return max(self.end - self.start, 1.0)

    @property
    def uri(self) -> str:
        if self.box is not None:
            return str(MediaURI(self.video, Span(self.box[0], self.box[0]), self.box[1]))
        return str(MediaURI(self.video, Span(self.start, self.end)))


class PeopleView:
    """Who speaks and who is seen in the videos of a memory, as far as it was learned (`ClipMemory.learn_people`).

    Args:
        store: the memory's database.
        now_of: gives the second of a video up to which it is known (-inf where it is hidden); None: all of it. Only
            turns that were over and told by then are there, and identities that had one; names are people's own words.
        shows: says of a video, a kind and a span whether a turn or a face there may be known; None: all may.
    """

    def __init__(
        self,
        store: Store,
        now_of: Callable[[str], float] | None = None,
        shows: Callable[[str, str, Span], bool] | None = None,
    ) -> None:
        self._store = store
        self._now_of = now_of
        self._shows = shows
        self._cached: tuple[object, _People] | None = None

    def until(self, now_of: Callable[[str], float]) -> PeopleView:
        """Return what was known of people by a moment of each video."""
        return PeopleView(self._store, now_of, self._shows)

    def only(self, shows: Callable[[str, str, Span], bool]) -> PeopleView:
        """Return what is known of people by the turns and faces that `shows` lets through (video, kind, span)."""
        return PeopleView(self._store, self._now_of, shows)

    @property
    def on(self) -> bool:
        """Return whether anybody was learned in this memory."""
        return self._store.has_table("appearances")

    @property
    def revision(self) -> tuple[int, ...]:
        """Return numbers that move with whatever is learned or stated of people; empty while nobody was learned."""
        if not self.on:
            return ()
        tables = ("appearances", "identities", "identity_log")
        return tuple(number or 0 for table in tables for row in self._all("count(*), max(id)", table) for number in row)

    def _all(self, columns: str, table: str, rest: str = "") -> list[tuple[Any, ...]]:
        """Rows of one of the tables of people; merged memories lack those that had nothing to be copied."""
        return self._store.rows(f"SELECT {columns} FROM {table} {rest}") if self._store.has_table(table) else []

    def turns(self, video: str, *, between: Span | None = None, kind: str = VOICE) -> list[Turn]:
        """Return the speaker turns of a video (or its face tracks: `kind="face"`), in time order.

        Turns of one speaker with hardly a pause between them are told as one.

        Args:
            video: its id.
            between: only what overlaps this span.
            kind: `voice` or `face`.
        """
        people = self._people()
        turns: list[Turn] = []
        for row in people.by_video.get(video, ()):
            if row.kind != kind or (between is not None and not _overlaps(row, between)):
                continue
            claim = people.claim(row)
            last = turns[-1] if turns else None
            if last is not None and (last.identity, last.claim) == (row.identity, claim):
                if row.identity is not None and row.start - last.end <= _JOINED and kind == VOICE:
                    turns[-1] = _turn(row, claim, start=last.start)
                    continue
            turns.append(_turn(row, claim))
        return turns

    def speakers(self, video: str, span: Span) -> list[Claim]:
        """Return who speaks in a span, the longest first; those heard in less than a quarter of it are left out."""
        seconds: dict[Claim, float] = {}
        for turn in self.turns(video, between=span):
            if turn.claim is not None:
                seconds[turn.claim] = seconds.get(turn.claim, 0.0) + turn.span.overlap(span)
        spoken = sum(seconds.values())
        return sorted((claim for claim, s in seconds.items() if s >= 0.25 * spoken), key=lambda c: -seconds[c])

    def turns_of(self, who: str | int, videos: Iterable[str], *, between: Span | None = None) -> list[Turn]:
        """Return the turns of one identity in some videos, guesses included: each turn's claim says which they are.

        Raises:
            UnknownPersonError: if nobody goes by that name.
        """
        identity = self.identity(who).id
        return [
            turn
            for video in videos
            for kind in KINDS
            for turn in self.turns(video, between=between, kind=kind)
            if turn.claim is not None and identity in (turn.identity, turn.claim.identity)
        ]

    def identities(self) -> list[Identity]:
        """Return everybody who is known, the named first."""
        people = self._people()
        found = [people.identity(id_) for id_ in people.members]
        return sorted(found, key=lambda one: (one.name is None, (one.name or "").casefold(), one.id))

    def identity(self, who: str | int) -> Identity:
        """Return the identity of a name (in any case), a label such as `voice 2` (of the named too), or an id.

        Raises:
            UnknownPersonError: if there is none; the text lists who there is.
        """
        everybody = self.identities()
        wanted = name_key(str(who))
        for one in everybody:
            if wanted in (name_key(one.label), str(one.id)):
                return one
        for one in everybody:
            if wanted in (f"person {one.id}", *(f"{kind} {one.id}" for kind in KINDS)):
                return one
        labels = [one.label for one in everybody]
        listed = f"there are {', '.join(labels[:20])}{', …' if len(labels) > 20 else ''}" if labels else "nobody is"
        raise UnknownPersonError(f"Nobody goes by {str(who)[:80]!r}; {listed}.{did_you_mean(labels, str(who))}")

    def knows(self, who: str | int) -> bool:
        """Return whether somebody goes by that name, label or id."""
        try:
            self.identity(who)
        except UnknownPersonError:
            return False
        return True

    def names(self, video: str | None = None) -> list[str]:
        """Return the labels of everybody, or of those who may be in a video."""
        if video is None:
            return [one.label for one in self.identities()]
        claims = [turn.claim for kind in KINDS for turn in self.turns(video, kind=kind)]
        return list(dict.fromkeys(claim.name for claim in claims if claim is not None))

    def suggestions(self) -> list[Suggestion]:
        """Return pairs of identities that may be one, the likeliest first; those that a person took apart are not."""
        people = self._people()
        return [
            Suggestion(a=people.identity(a), b=people.identity(b), kind=kind, score=score)
            for score, kind, a, b in people.pairs
        ]

    def _people(self) -> _People:
        """Return what is known now; read again when something was learned or stated."""
        revision = self.revision
        if self._cached is None or self._cached[0] != revision:
            self._cached = revision, _People(self._rows(), self._facts())
        return self._cached[1]

    def _rows(self) -> list[_Appearance]:
        if not self.on:
            return []
        rows = self._store.rows(
            "SELECT id, video, kind, stamp, start_s, end_s, known_s, linked_s, box, vector, identity, confirmed "
            "FROM appearances ORDER BY video, start_s, end_s, id"
        )
        now = {video: self._now_of(video) for video in {row[1] for row in rows}} if self._now_of is not None else {}
        known = [_appearance(row, now.get(row[1], np.inf)) for row in rows if row[6] <= now.get(row[1], np.inf)]
        shows = self._shows
        return [row for row in known if shows is None or shows(row.video, row.kind, Span(row.start, row.end))]

    def _facts(self) -> _Facts:
        if not self.on:
            return _Facts({}, frozenset(), {})
        return _Facts(
            {id_: (kind, name) for id_, kind, name in self._all("id, kind, name", "identities")},
            frozenset((a, b) for a, b in self._all("a, b", "identities_apart")),
            {stamp: suggest for stamp, suggest in self._all("stamp, suggest", "people_models")},
        )


@dataclass(frozen=True, slots=True)
class _Facts:
    identities: dict[int, tuple[str, str | None]]
    """Kind and name by id."""
    apart: frozenset[tuple[int, int]]
    thresholds: dict[str, float]


class _People:
    """All that is known at one state of the database."""

    def __init__(self, rows: Sequence[_Appearance], facts: _Facts) -> None:
        self._facts = facts
        self.by_video: dict[str, list[_Appearance]] = {}
        self.members: dict[int, list[_Appearance]] = {}
        for row in rows:
            self.by_video.setdefault(row.video, []).append(row)
            if row.identity is not None:
                self.members.setdefault(row.identity, []).append(row)
        self._identities: dict[int, Identity] = {}
        self._claims: dict[tuple[int, str, bool], Claim] = {}
        self.pairs = self._pairs()

    def identity(self, id_: int) -> Identity:
        if id_ not in self._identities:
            rows = self.members[id_]
            kind, name = self._facts.identities[id_]
            self._identities[id_] = Identity(
                id=id_,
                name=name,
                label=name or f"{kind} {id_}",
                kinds=tuple(kind for kind in KINDS if any(row.kind == kind for row in rows)),
                turns=len(rows),
                seconds=sum(row.end - row.start for row in rows),
                videos=tuple(dict.fromkeys(row.video for row in rows)),
                exemplars=tuple(row.uri for row in _best(rows)),
            )
        return self._identities[id_]

    def claim(self, row: _Appearance) -> Claim | None:
        """Return who an appearance may be said to be; None where it belongs to nobody."""
        if row.identity is None:
            return None
        key = (row.identity, row.video, row.confirmed)
        if key not in self._claims:
            self._claims[key] = self._claim(row)
        return self._claims[key]

    def _claim(self, row: _Appearance) -> Claim:
        assert row.identity is not None
        own = self.identity(row.identity)
        members = [one for one in self.members[own.id] if one.kind == row.kind]
        stated = [one for one in members if one.confirmed]
        if own.name is not None and row.confirmed:
            return Claim(identity=own.id, name=own.name, named=True, confirmed=True, exemplar=_near(stated, row))
        if own.name is not None and stated:  # it joined the voice after somebody had named that
            since = [one for one in members if one.video == row.video and not one.confirmed]
            score = float(_mean(since) @ _mean(stated))
            return Claim(
                identity=own.id, name=own.name, named=True, confirmed=False, score=score, exemplar=_near(stated, row)
            )
        guess = self._guess(own, row.kind) if own.name is None else None
        label = f"{self._facts.identities[own.id][0]} {own.id}"
        return guess or Claim(identity=own.id, name=label, named=False, confirmed=True, exemplar=_near(members, row))

    def _guess(self, own: Identity, kind: str) -> Claim | None:
        """The named identity that one without a name is most like, if it is like one."""
        for score, of, a, b in self.pairs:
            other = b if a == own.id else a if b == own.id else None
            if other is None or of != kind or self.identity(other).name is None:
                continue
            name = self.identity(other).name
            assert name is not None
            exemplar = next(row.uri for row in _best(self.members[other]) if row.kind == kind)
            return Claim(identity=other, name=name, named=True, confirmed=False, score=score, exemplar=exemplar)
        return None

    def _pairs(self) -> list[tuple[float, str, int, int]]:
        """Score, kind and ids of identities that are alike, best first."""
        found: list[tuple[float, str, int, int]] = []
        spaces = sorted({(row.kind, row.stamp) for rows in self.members.values() for row in rows})
        for kind, stamp in spaces:
            ids = [
                id_ for id_, rows in self.members.items() if any((row.kind, row.stamp) == (kind, stamp) for row in rows)
            ]
            means = np.stack(
                [_mean([row for row in self.members[id_] if (row.kind, row.stamp) == (kind, stamp)]) for id_ in ids]
            )
            least = self._facts.thresholds[stamp]
            scores = np.triu(means @ means.T, 1)
            for i, j in np.argwhere(scores >= least):
                a, b = sorted((ids[i], ids[j]))
                if (a, b) not in self._facts.apart:
                    found.append((float(scores[i, j]), kind, a, b))
        return sorted(found, key=lambda pair: (-pair[0], *pair[1:]))


def _appearance(row: Sequence[Any], now: float) -> _Appearance:
    id_, video, kind, stamp, start, end, _, linked, box, vector, identity, confirmed = row
    at = None
    if box is not None:
        time, *corners = json.loads(box)
        at = (float(time), Box(*corners))
    known = identity if linked is not None and linked <= now else None
    values = np.frombuffer(vector, np.float16).astype(np.float32)
    return _Appearance(
        id_, video, kind, stamp, float(start), float(end), at, values, known, bool(confirmed) and known is not None
    )


def _turn(row: _Appearance, claim: Claim | None, *, start: float | None = None) -> Turn:
    return Turn(
        video=row.video,
        kind=row.kind,
        start=row.start if start is None else start,
        end=row.end,
        identity=row.identity,
        claim=claim,
    )


def _overlaps(row: _Appearance, span: Span) -> bool:
    return row.start < max(span.end, np.nextafter(span.start, np.inf)) and row.end > span.start


def _mean(rows: Sequence[_Appearance]) -> np.ndarray:
    return mean_of((row.vector, row.weight) for row in rows)


def _best(rows: Sequence[_Appearance]) -> list[_Appearance]:
    """Exemplars: what a person stated first, then the longest, of each kind at least one."""
    ranked = sorted(rows, key=lambda row: (not row.confirmed, row.start - row.end, row.id))
    first = [next(row for row in ranked if row.kind == kind) for kind in KINDS if any(r.kind == kind for r in ranked)]
    return [*first, *(row for row in ranked if row not in first)][:_EXEMPLARS]


def _near(rows: Sequence[_Appearance], row: _Appearance) -> str:
    """The media URI of the best exemplar, of the row's own video where there is one."""
    return _best([one for one in rows if one.video == row.video] or rows)[0].uri
