"""What a person does to identities: name, merge, split, undo, delete. Everything but deletion can be undone."""

from __future__ import annotations

import json
import re
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any

from ..errors import MemoryFolderError, MisuseError
from ..sanitize import one_line
from ..span import MediaURI, Span
from ..store.database import Store
from ..store.schema import PEOPLE
from ..types import VideoRecord
from .types import LONGEST_NAME, VOICE, Identity, LoggedAction, name_key
from .view import PeopleView

_UNDO = "undo"
_UNWIPED = "people_unwiped"  # in `meta` while what was deleted may still stand in the files
_LABEL = re.compile(r"(voice|face|person) (\d+|unknown)|\d+|unknown")


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
            MisuseError: if the name is empty, too long, reads like a label or is taken; who is the same person is
                merged instead.
        """
        name = _checked(name)
        with self._action("name") as action:
            one = self.identity(who)
            for other in self.identities():
                if other.id != one.id and name_key(other.label) == name_key(name):
                    raise MisuseError(
                        f"{other.label} is somebody already: merge {one.label} into {other.label} if they are one, or "
                        "take another name."
                    )
            db = action.begin([one.id])
            db.execute("UPDATE identities SET name = ? WHERE id = ?", (name, one.id))
            db.execute("UPDATE appearances SET confirmed = 1 WHERE identity = ?", (one.id,))
        return self.identity(one.id)

    def merge(self, into: str | int, *others: str | int) -> Identity:
        """State that some identities are one: the first, which keeps its name, or takes that of another.

        Raises:
            UnknownPersonError: if there is no such identity.
            MisuseError: if there is nothing to merge.
        """
        with self._action("merge") as action:
            first = self.identity(into)
            rest = [one for one in (self.identity(other) for other in others) if one.id != first.id]
            if not rest:
                raise MisuseError(f"{first.label} is one already: name the identity that is the same person.")
            ids = [first.id, *dict.fromkeys(one.id for one in rest)]
            name = next((one.name for one in (first, *rest) if one.name is not None), None)
            db, marks = action.begin(ids), _marks(ids)
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
        with self._action("split") as action:
            one = self.identity(who)
            taken = self._turns_in(one, [self._place(part) for part in parts])
            db = action.begin([one.id])
            kind = db.execute("SELECT kind FROM identities WHERE id = ?", (one.id,)).fetchone()[0]
            kinds = {k for (k,) in db.execute(f"SELECT kind FROM appearances WHERE id IN ({_marks(taken)})", taken)}
            new = db.execute(
                "INSERT INTO identities (kind, name) VALUES (?, NULL)", (kind if kind in kinds else kinds.pop(),)
            ).lastrowid
            assert new is not None
            action.created.append(new)
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
            if forget_vanished(self._store, db):  # whose videos were removed while they were merged into somebody
                self._store.set_meta(_UNWIPED, "yes")
        if self.unwiped:
            with suppress(MemoryFolderError), self._writing():  # else a later deletion finishes it
                self._wipe()
        return replace(last, undone=True)

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
        with self._writing():
            with self._store.transaction() as db:
                gone = [self.identity(one) for one in (who, *others)]
                make_tables(self._store)
                _forget(db, [one.id for one in gone])
                self._store.set_meta(_UNWIPED, "yes")  # until that is done, whatever ends this process before
            self._wipe()
        return gone

    @property
    def unwiped(self) -> bool:
        """Return whether what was deleted may still stand in the files, since that was stopped before its end."""
        return bool(self._store.meta(_UNWIPED))

    def wipe(self) -> None:
        """Write the database anew without what was deleted; see `delete`."""
        with self._writing():
            self._wipe()

    def _wipe(self) -> None:
        self._store.wipe()
        if self.unwiped:
            self._store.set_meta(_UNWIPED, "")

    def known_as(self, who: str | int) -> list[str]:
        """Return all that somebody was ever called, as far as the log knows: names, and labels such as `voice 2`.

        What somebody else is called now is left out.
        """
        one = self.identity(who)
        called, ids = [one.label], {one.id}
        for (data,) in self._all("data", "identity_log", "ORDER BY id DESC"):
            action = json.loads(data)
            if one.id in action["identities"]:
                ids.update(action["identities"])
                called += [name for _, _, name in action.get("rows", ()) if name is not None]
        others = [other for other in self.identities() if other.id != one.id]
        called += [f"{kind} {id_}" for id_ in sorted(ids - {other.id for other in others}) for kind in one.kinds]
        theirs = {name_key(other.label) for other in others}
        return [name for name in dict.fromkeys(called) if name_key(name) not in theirs]

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

    def _turns_in(self, one: Identity, places: Sequence[tuple[str, Span | None]]) -> list[int]:
        """Return the ids of an identity's turns at some places: some of them, never all."""
        rows = self._store.rows("SELECT id, video, start_s, end_s FROM appearances WHERE identity = ?", (one.id,))
        taken = [
            id_
            for id_, video, start, end in rows
            if any(video == of and (span is None or _meets(span, start, end)) for of, span in places)
        ]
        if not taken or len(taken) == len(rows):
            many = "none" if not taken else "all"
            raise MisuseError(f"{many} of the {len(rows)} turns of {one.label} lie there: name those of somebody else.")
        return taken

    @contextmanager
    def _action(self, verb: str) -> Iterator[_Action]:
        """One action: a transaction of the only writer, in which what it rests on is read, and a line of the log."""
        with self._writing(), self._store.transaction() as db:
            action = _Action(db, self._store)
            yield action
            data = {**action.before, "identities": [*action.ids, *action.created], "created": action.created}
            db.execute(
                "INSERT INTO identity_log (at, verb, undoes, data) VALUES (?, ?, NULL, ?)",
                (time.time(), verb, json.dumps(data, ensure_ascii=False)),
            )


class _Action:
    """What an action changes, and how that was before."""

    def __init__(self, db: sqlite3.Connection, store: Store) -> None:
        self._db, self._store = db, store
        self.ids: list[int] = []
        self.created: list[int] = []
        self.before: dict[str, Any] = {}

    def begin(self, ids: Sequence[int]) -> sqlite3.Connection:
        """Keep how some identities are before they are changed."""
        make_tables(self._store)
        self.ids, self.before = list(ids), _state(self._db, ids)
        return self._db


def _checked(name: str) -> str:
    """Return a name as it is kept: on one line, without characters that nobody sees."""
    name = unicodedata.normalize("NFC", one_line(name))
    if not any(unicodedata.category(letter)[0] in "LNPS" for letter in name) or _LABEL.fullmatch(name_key(name)):
        raise MisuseError(f"{name[:40]!r} is no name: write the person's, such as Anna.")
    if len(name) > LONGEST_NAME:
        raise MisuseError(f"A name of {len(name)} characters is too long: at most {LONGEST_NAME}.")
    return name


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


def forget_vanished(store: Store, db: sqlite3.Connection) -> bool:
    """Forget identities of which no turn is left, as when their videos were removed; inside a transaction.

    Returns:
        Whether there were any.
    """
    make_tables(store)
    rows = db.execute(
        "SELECT id FROM identities WHERE id NOT IN (SELECT identity FROM appearances WHERE identity IS NOT NULL)"
    ).fetchall()
    if rows:
        _forget(db, [id_ for (id_,) in rows])
    return bool(rows)
