"""What a person does to identities: name, merge, split, undo, delete. Everything but deletion can be undone."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ..errors import MisuseError
from ..span import MediaURI, Span
from ..store.database import Store
from ..store.schema import PEOPLE
from ..types import VideoRecord
from .types import VOICE, Identity, LoggedAction
from .view import PeopleView

_UNDO = "undo"


class People(PeopleView):
    """The people of a memory, to be read and changed (`ClipMemory.people`).

    Each change is one transaction with a line in a log that is only ever added to; `undo` puts back what the last one
    changed. Deletion alone cannot be undone: it leaves nothing to put back, and takes its lines out of the log.

    Args:
        store: the memory's database.
        writing: holds the memory's writer lock.
        video: finds the record of a video by id, name or path.
    """

    def __init__(
        self, store: Store, writing: Callable[[], AbstractContextManager[None]], video: Callable[[str], VideoRecord]
    ) -> None:
        super().__init__(store)
        self._writing = writing
        self._video = video

    def name(self, who: str | int, name: str) -> Identity:
        """Give an identity a name; that also states that all of its turns until now are this person.

        Raises:
            UnknownPersonError: if there is no such identity.
            MisuseError: if the name is empty or taken; who is the same person is merged instead.
        """
        name = " ".join(name.split())
        one = self.identity(who)
        if not name or name.isdecimal():
            raise MisuseError(f"{name!r} is no name: write the person's, such as Anna.")
        for other in self.identities():
            if other.id != one.id and other.label.casefold() == name.casefold():
                raise MisuseError(
                    f"{other.label} is somebody already: merge {one.label} into {other.label} if they are one, or take "
                    "another name."
                )
        with self._change("name", [one.id]) as (db, _):
            db.execute("UPDATE identities SET name = ? WHERE id = ?", (name, one.id))
            db.execute("UPDATE appearances SET confirmed = 1 WHERE identity = ?", (one.id,))
        return self.identity(one.id)

    def merge(self, into: str | int, *others: str | int) -> Identity:
        """State that some identities are one: the first, which keeps its name, or takes that of another.

        Raises:
            UnknownPersonError: if there is no such identity.
            MisuseError: if there is nothing to merge.
        """
        first = self.identity(into)
        rest = [one for one in (self.identity(other) for other in others) if one.id != first.id]
        if not rest:
            raise MisuseError(f"{first.label} is one already: name the identity that is the same person.")
        ids = [first.id, *dict.fromkeys(one.id for one in rest)]
        name = next((one.name for one in (first, *rest) if one.name is not None), None)
        with self._change("merge", ids) as (db, _):
            marks = _marks(ids)
            db.execute("UPDATE identities SET name = ? WHERE id = ?", (name, first.id))
            db.execute(
                f"UPDATE appearances SET identity = ?, confirmed = 1 WHERE identity IN ({marks})", (first.id, *ids)
            )
            db.execute(f"DELETE FROM identities_apart WHERE a IN ({marks}) OR b IN ({marks})", (*ids, *ids))
            db.execute(f"DELETE FROM identities WHERE id IN ({_marks(ids[1:])})", ids[1:])
        return self.identity(first.id)

    def split(self, who: str | int, parts: Sequence[str]) -> Identity:
        """Take some turns out of an identity: they are somebody else, who has no name yet.

        Args:
            who: the identity.
            parts: media URIs of turns (`video:ID#t=10,20`: all that overlap it), or videos by id, name or path.

        Returns:
            The new identity. That it is another is kept: the two are not suggested to be one again.

        Raises:
            UnknownPersonError: if there is no such identity.
            MisuseError: if none or all of its turns lie there.
        """
        one = self.identity(who)
        places = [self._place(part) for part in parts]
        rows = self._store.rows("SELECT id, video, start_s, end_s FROM appearances WHERE identity = ?", (one.id,))
        taken = [
            id_
            for id_, video, start, end in rows
            if any(video == of and (span is None or _meets(span, start, end)) for of, span in places)
        ]
        if not taken or len(taken) == len(rows):
            many = "none" if not taken else "all"
            raise MisuseError(f"{many} of the {len(rows)} turns of {one.label} lie there: name those of somebody else.")
        with self._change("split", [one.id]) as (db, created):
            kind = db.execute("SELECT kind FROM identities WHERE id = ?", (one.id,)).fetchone()[0]
            kinds = {k for (k,) in db.execute(f"SELECT kind FROM appearances WHERE id IN ({_marks(taken)})", taken)}
            new = db.execute(
                "INSERT INTO identities (kind, name) VALUES (?, NULL)", (kind if kind in kinds else kinds.pop(),)
            ).lastrowid
            assert new is not None
            created.append(new)
            db.execute(
                f"UPDATE appearances SET identity = ?, confirmed = 0 WHERE id IN ({_marks(taken)})", (new, *taken)
            )
            db.execute("INSERT INTO identities_apart VALUES (?, ?)", (one.id, new))
        return self.identity(new)

    def undo(self) -> LoggedAction:
        """Put back what the last action that is not undone yet changed; turns that came since stay where they are.

        Raises:
            MisuseError: if nothing is left to undo.
        """
        with self._writing(), self._store.transaction() as db:
            last = next((action for action in self.log() if not action.undone and action.verb != _UNDO), None)
            if last is None:
                raise MisuseError("There is nothing to undo: nobody was named, merged or split.")
            (data,) = db.execute("SELECT data FROM identity_log WHERE id = ?", (last.id,)).fetchone()
            _restore(db, json.loads(data))
            db.execute(
                "INSERT INTO identity_log (at, verb, undoes, data) VALUES (?, ?, ?, ?)",
                (time.time(), _UNDO, last.id, json.dumps({"identities": last.identities})),
            )
        return last

    def log(self) -> list[LoggedAction]:
        """Return what was done to identities, the latest first."""
        rows = self._all("id, at, verb, undoes, data", "identity_log", "ORDER BY id DESC")
        undone = {undoes for _, _, _, undoes, _ in rows if undoes is not None}
        return [
            LoggedAction(
                id=id_, at=at, verb=verb, undone=id_ in undone, identities=tuple(json.loads(data)["identities"])
            )
            for id_, at, verb, _, data in rows
        ]

    def likely(self, who: str | int) -> list[Identity]:
        """Return the identities without a name that are suggested to be this one, the likeliest first."""
        id_ = self.identity(who).id
        others = [s.b if s.a.id == id_ else s.a for s in self.suggestions() if id_ in (s.a.id, s.b.id)]
        return list(dict.fromkeys(other for other in others if other.name is None))

    def delete(self, who: str | int, *others: str | int) -> list[Identity]:
        """Forget somebody for good: vectors, turns, exemplars, name, and what the log says of them.

        The database is written anew, so that nothing of it is left in its files. Words that were spoken stay in the
        transcript, which says whose they are no more. Identities that are only suggested to be the same person
        (`likely`) stay, unless they are named too.

        Raises:
            UnknownPersonError: if there is no such identity.
            MemoryFolderError: if another process is reading just then, so that the files still hold what was deleted;
                `wipe` finishes it.
        """
        gone = [self.identity(one) for one in (who, *others)]
        with self._writing():
            with self._store.transaction() as db:
                make_tables(self._store)
                _forget(db, [one.id for one in gone])
            self._store.wipe()
        return gone

    def wipe(self) -> None:
        """Write the database anew without what was deleted; see `delete`."""
        with self._writing():
            self._store.wipe()

    def export(self, who: str | int | None = None) -> dict[str, Any]:
        """Return what is known of one person, or of all: names, turns and media URIs as plain values; no vectors."""
        people = self.identities() if who is None else [self.identity(who)]
        rows = []
        for one in people:
            turns = self._store.rows(
                "SELECT video, kind, start_s, end_s, confirmed FROM appearances WHERE identity = ? "
                "ORDER BY video, start_s",
                (one.id,),
            )
            facts = {"id": one.id, "name": one.name, "label": one.label, "exemplars": list(one.exemplars)}
            spans = [
                {"uri": str(MediaURI(video, Span(start, end))), "kind": kind, "confirmed": bool(confirmed)}
                for video, kind, start, end, confirmed in turns
            ]
            rows.append({**facts, "turns": spans})
        return {"schema": 1, "people": rows}

    def rttm(self, video: str) -> str:
        """Return the speaker turns of a video as RTTM (NIST), a line each: what diarization is exchanged as."""
        record = self._video(video)
        name = "_".join(record.name.split())
        lines = [
            f"SPEAKER {name} 1 {turn.start - record.start:.3f} {turn.duration:.3f} <NA> <NA> "
            f"{'_'.join(turn.claim.name.split()) if turn.claim else 'unknown'} <NA> <NA>"
            for turn in self.turns(record.id, kind=VOICE)
        ]
        return "".join(f"{line}\n" for line in lines)

    def _place(self, part: str) -> tuple[str, Span | None]:
        if not part.startswith("video:"):
            return self._video(part).id, None
        try:
            place = MediaURI.parse(part)
        except ValueError as error:
            raise MisuseError(f"{part!r} is no media URI ({error}): write video:ID#t=10,20.") from None
        return self._video(place.video).id, place.span

    @contextmanager
    def _change(self, verb: str, ids: Sequence[int]) -> Iterator[tuple[sqlite3.Connection, list[int]]]:
        """One action: a transaction, to which identities that it creates are told, and its line of the log."""
        created: list[int] = []
        with self._writing(), self._store.transaction() as db:
            make_tables(self._store)
            before = _state(db, ids)
            yield db, created
            data = {**before, "identities": [*ids, *created], "created": created}
            db.execute(
                "INSERT INTO identity_log (at, verb, undoes, data) VALUES (?, ?, NULL, ?)",
                (time.time(), verb, json.dumps(data, ensure_ascii=False)),
            )


def make_tables(store: Store) -> None:
    """Make the tables of people, where they are not there."""
    with store.transaction() as db:
        for statement in PEOPLE:
            db.execute(statement)


def _state(db: sqlite3.Connection, ids: Sequence[int]) -> dict[str, Any]:
    """Return everything that an action on these identities may change."""
    marks = _marks(ids)
    return {
        "rows": db.execute(f"SELECT id, kind, name FROM identities WHERE id IN ({marks})", ids).fetchall(),
        "appearances": db.execute(
            f"SELECT id, identity, confirmed FROM appearances WHERE identity IN ({marks})", ids
        ).fetchall(),
        "apart": db.execute(
            f"SELECT a, b FROM identities_apart WHERE a IN ({marks}) OR b IN ({marks})", (*ids, *ids)
        ).fetchall(),
    }


def _restore(db: sqlite3.Connection, data: dict[str, Any]) -> None:
    """Put back what `_state` had returned. Turns that came since to an identity that goes stay with the first one."""
    ids, created = data["identities"], data["created"]
    marks = _marks(ids)
    db.executemany("UPDATE appearances SET identity = ?, confirmed = ? WHERE id = ?",
                   [(identity, confirmed, id_) for id_, identity, confirmed in data["appearances"]])  # fmt: skip
    if created:
        db.execute(f"UPDATE appearances SET identity = ? WHERE identity IN ({_marks(created)})", (ids[0], *created))
    db.execute(f"DELETE FROM identities WHERE id IN ({marks})", ids)
    db.executemany("INSERT INTO identities (id, kind, name) VALUES (?, ?, ?)", data["rows"])
    db.execute(f"DELETE FROM identities_apart WHERE a IN ({marks}) OR b IN ({marks})", (*ids, *ids))
    db.executemany("INSERT INTO identities_apart VALUES (?, ?)", data["apart"])


def _forget(db: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Delete identities with all that is kept of them; lines of the log that touch one go too."""
    gone = set(ids)
    for id_ in gone:
        db.execute("DELETE FROM appearances WHERE identity = ?", (id_,))
        db.execute("DELETE FROM identities WHERE id = ?", (id_,))
        db.execute("DELETE FROM identities_apart WHERE a = ? OR b = ?", (id_, id_))
    lines = {id_: set(json.loads(data)["identities"]) for id_, data in db.execute("SELECT id, data FROM identity_log")}
    # A state from before may name the person under another number: what was ever joined or split goes with it.
    while any(own & gone and not own <= gone for own in lines.values()):
        gone |= {id_ for own in lines.values() if own & gone for id_ in own}
    db.executemany("DELETE FROM identity_log WHERE id = ?", [(id_,) for id_, own in lines.items() if own & gone])


def _meets(span: Span, start: float, end: float) -> bool:
    return start < max(span.end, span.start + 1e-6) and end > span.start


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def forget_video(store: Store, video: str, kind: str) -> None:
    """Forget the appearances of a kind in a video, inside a transaction, and identities of which nothing is left."""
    with store.transaction() as db:
        db.execute("DELETE FROM appearances WHERE video = ? AND kind = ?", (video, kind))
        forget_vanished(store, db)


def forget_vanished(store: Store, db: sqlite3.Connection) -> None:
    """Forget identities of which no turn is left, as when their videos were removed; inside a transaction."""
    make_tables(store)
    rows = db.execute(
        "SELECT id FROM identities WHERE id NOT IN (SELECT identity FROM appearances WHERE identity IS NOT NULL)"
    ).fetchall()
    if rows:
        _forget(db, [id_ for (id_,) in rows])
