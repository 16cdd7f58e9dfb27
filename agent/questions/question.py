"""A question about one or more videos of a memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage, HumanMessage

from ...memory import MediaURI, Moment, RewatchError, Span, TimelineSpan, clock, resolve_now, wall_clock
from ...memory.registry import require_name
from ...memory.timeline.now import latest_zone
from ...memory.timeline.words import TimePhrase, time_in
from ...memory.video.open import one_or_many
from ...tools.sanitize import named
from ..parsing.options import MOST, find_options, letter, split_options
from .mode import MODES, Mode
from .window import last_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from ...memory import ClipMemory, MemoryView, RestrictedView, VideoRecord

__all__ = ["Question", "QuestionError", "letter", "question_about", "question_of", "split_options"]

LATEST = 1e9
"""Seconds that are more than any video has."""
_OPTIONAL = frozenset(("earlier", "during", "matter", "asked", "understood", "continues"))
"""Fields that the row of a question has only where they say something."""


class QuestionError(RewatchError):
    """A question cannot be asked as it stands."""

    exit_code = 2


class RunError(QuestionError):
    """There is no such run to go on with."""

    exit_code = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, with the facts of the videos that a policy needs to plan."""

    text: str
    options: tuple[str, ...] = ()
    """The texts of the options, in order; option i has the letter chr(65 + i)."""
    videos: tuple[dict[str, Any], ...] = ()
    """Per video: id, name, start, end (seconds), width, height, has_audio, channels; `detector` where there is one;
    `people`, names and labels of those who may be in it, where they were learned; of a dated one `timeline`, `recorded`
    and `zone` (see `VideoRecord`); `coverage` (`Coverage.as_dict`) where it was not covered in full when it was asked
    about. With `now` they end there. `since` where only what is from that second on counts."""
    now: float | Moment | None = None
    """Nothing after this time may be seen: seconds of the video, or a moment of the videos' timeline."""
    earlier: tuple[tuple[str, str], ...] = ()
    """Questions of the same conversation and the answers to them, oldest first."""
    mode: Mode = "backward"
    """Of what was, of what is at this moment, or once it becomes true."""
    asked: str = ""
    """The person's own words, where `text` is a follow-up that was completed."""
    understood: str = ""
    """The completed follow-up, where `text` has the person's words too."""
    continues: str = ""
    """Id of the run that it goes on from."""
    during: TimelineSpan | None = None
    """The span of the timeline that its words name ("yesterday"), understood against `now`; None where they name none.
    """
    matter: str = ""
    """The text without the words for that time; empty where there are none."""

    @property
    def prompt(self) -> str:
        """The question with its options, as a model is asked it."""
        return "\n".join([self.text, *(f"{letter(i)}. {option}" for i, option in enumerate(self.options))])

    def end_of(self, video: Mapping[str, Any]) -> float:
        """Return the second up to which one of the videos may be seen."""
        if self.now is None or isinstance(self.now, Moment) or video.get("recorded") is not None:
            return float(video["end"])
        return min(float(video["end"]), self.now)

    def begin_of(self, video: Mapping[str, Any]) -> float:
        """Return the second from which on one of the videos counts: its start, or where the part begins."""
        return float(video.get("since", video["start"]))

    def span_in(self, video: Mapping[str, Any]) -> Span | None:
        """Return what of one of the videos the question is about: the part that counts, by its words for time.

        None where that is nothing.
        """
        start, begin = float(video["start"]), self.begin_of(video)
        end = max(self.end_of(video), begin)
        if self.during is None:
            return Span(begin, end)
        recorded = video.get("recorded")
        if recorded is None or video.get("timeline") != self.during.timeline:
            return None
        first, last = (moment - recorded + start for moment in (self.during.start, self.during.end))
        return Span(max(first, begin), min(last, end)) if first < end and last > begin else None

    @property
    def bounds(self) -> dict[str, str]:
        """`start` and `end` of a search for what it is about, by the wall clock; empty where its words name no time."""
        if self.during is None:
            return {}
        return {name: wall_clock(getattr(self.during, name), self._zone) for name in ("start", "end")}

    @property
    def _zone(self) -> int | None:
        return next((video["zone"] for video in reversed(self.videos) if video.get("zone") is not None), None)

    @property
    def now_in_words(self) -> str:
        """`now` as people read it; empty where there is none."""
        if isinstance(self.now, Moment):
            return wall_clock(self.now.seconds, self._zone)
        return "" if self.now is None else clock(self.now)

    def wall_clock(self, uri: str) -> tuple[str, str] | None:
        """Return the beginning and the end of a place on its timeline's clock; None if nobody knows."""
        place = MediaURI.parse(uri)
        video = next((v for v in self.videos if v["id"] == place.video and v.get("recorded") is not None), None)
        if video is None:
            return None
        span = place.span or Span(video["start"], self.end_of(video))
        zero = video["recorded"] - video["start"]
        return wall_clock(zero + span.start, video["zone"]), wall_clock(zero + span.end, video["zone"])

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the state and the trace."""
        row = asdict(self)
        row |= {"options": list(self.options), "videos": [dict(v) for v in self.videos]}
        row["earlier"] = [list(turn) for turn in row["earlier"]]
        return {key: value for key, value in row.items() if value or key not in _OPTIONAL}

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Question:
        """The question that `as_dict` wrote."""
        earlier = tuple((question, answer) for question, answer in row.get("earlier", ()))
        return cls(
            text=row["text"],
            options=tuple(row["options"]),
            videos=tuple(row["videos"]),
            now=Moment(**row["now"]) if isinstance(row["now"], dict) else row["now"],
            earlier=earlier,
            mode=row.get("mode", "backward"),
            **{name: row[name] for name in ("asked", "understood", "continues") if name in row},
            during=TimelineSpan(**row["during"]) if row.get("during") else None,
            matter=row.get("matter", ""),
        )


def question_about(
    memory: ClipMemory | RestrictedView,
    text: str,
    *,
    options: Sequence[object] | Mapping[str, object] | None = None,
    videos: str | Path | Sequence[str | Path] | None = None,
    now: float | str | Moment | None = None,
    earlier: Sequence[tuple[str, str]] = (),
    mode: Mode = "backward",
) -> Question:
    """The question as the loop takes it.

    Args:
        memory: holds the videos.
        text: in plain words.
        options: possible answers, with or without letters, or by their letters; without any, those that stand inside
            the text (`Which is it? A) red B) blue`) are taken.
        videos: ids, names or paths of the memory's videos, or one of these; all of them by default.
        now: nothing after this time may be seen: seconds of the video, or a moment of the timeline, which may be
            written (see `resolve_now`).
        earlier: questions of the same conversation and the answers to them.
        mode: of what was, of what is at this moment, or once it becomes true.

    Raises:
        UnknownNameError: if there is no such mode.
        QuestionError: if it is empty, has too many options, the memory holds no video, or none has begun by `now`.
        RewatchError: if the memory has no such video.
    """
    require_name("mode", mode, MODES)
    if not text.strip():
        raise QuestionError("The question is empty; write what you want to know.")
    if isinstance(now, int | float) and not 0 <= now < LATEST:
        raise QuestionError(f"now is {now:g}: give seconds of the video, from 0 on, such as 12.5.")
    try:
        body, choices = find_options(text) if options is None else (text.strip(), split_options(options))
    except ValueError as error:
        raise QuestionError(str(error)) from None
    if options is not None and not 0 < len(choices) <= MOST:
        raise QuestionError(f"{len(choices)} options given; give 1 to {MOST}.")
    records = [memory.video(v) for v in one_or_many(videos)] if videos else memory.videos()
    if not records:
        raise QuestionError("The memory holds no video; add one with `rewatch index FILE` or memory.add(path).")
    if now is not None:
        try:
            now = resolve_now(now, records)
        except ValueError as error:
            raise QuestionError(f"{error}") from None
    view = memory if now is None else memory.until(now)
    if now is not None:
        # What is told of the videos is told as it was then: nobody knows yet how long they will be.
        begun = [view.video(r.id) for r in records if r.start < view.now_of(r.id)]
        if not begun:
            raise QuestionError(_nothing_yet(now, records))
        records = begun
    names = ("id", "name", "start", "end", "width", "height", "has_audio")
    more = {"detector": True} if memory.detector_stamp else {}
    facts: tuple[dict[str, Any], ...] = tuple(
        {
            **{name: getattr(r, name) for name in names},
            "name": named(r.name),
            "channels": list(r.channels),
            **({} if r.recorded is None else {name: getattr(r, name) for name in ("timeline", "recorded", "zone")}),
            **more,
            **_coverage(view, r),
            **({"people": [named(name) for name in known]} if (known := view.people.names(r.id)) else {}),
        }
        for r in records
    )
    if mode == "now":
        facts = last_seconds(facts)
    said = _time_in(body, records, now)
    return Question(
        text=body,
        options=choices,
        videos=facts,
        now=now,
        earlier=tuple(earlier),
        mode=mode,
        during=None if said is None else said.during,
        matter="" if said is None else said.rest,
    )


def _time_in(text: str, records: Sequence[VideoRecord], now: float | Moment | None) -> TimePhrase | None:
    """What a question says of time, against `now` or else the end of what was recorded; None where that is nothing."""
    dated = [r for r in records if r.recorded is not None]
    if not dated or len({r.timeline for r in dated}) > 1:
        return None
    latest = max(r.timeline_time(r.end) or 0.0 for r in dated)
    moment = now if isinstance(now, Moment) else Moment(latest, dated[0].timeline)
    # A time of day alone may be one of the video, as long as there is one video.
    said = time_in(text, moment, latest_zone(moment.seconds, dated), bare_times=len(records) > 1)
    if said is None:
        return None
    first = min(r.recorded or 0.0 for r in dated)
    start = max(said.during.start, first) if math.isinf(said.during.start) else said.during.start
    end = moment.seconds if math.isinf(said.during.end) else said.during.end
    return replace(said, during=TimelineSpan(min(start, end), end, moment.timeline))


def _nothing_yet(now: float | Moment, records: Sequence[VideoRecord]) -> str:
    if not isinstance(now, Moment):
        return f"Nothing was to be seen yet at {now:g} s: give a time after {min(r.start for r in records):g} s."
    dated = [r for r in records if r.recorded is not None and r.timeline == now.timeline]
    if not dated:
        return (
            f"None of the videos is known to have been recorded on the timeline {now.timeline}: give seconds of the "
            "video, or say when with `rewatch index FILE --recorded WHEN`."
        )
    first = min(dated, key=lambda r: r.recorded or 0.0)
    began = wall_clock(first.recorded or 0.0, first.zone)
    return f"Nothing was recorded yet at {wall_clock(now.seconds, first.zone)}: give a time after {began}."


def _coverage(memory: MemoryView, record: VideoRecord) -> dict[str, Any]:
    """Return the coverage of a video that is not covered in full, read before anything is searched; else nothing."""
    if record.is_known:
        return {}
    found = memory.coverage(record.id)
    return {} if found.complete else {"coverage": found.as_dict()}


def question_of(messages: Sequence[BaseMessage]) -> Question | None:
    """The question that the loop put, with the facts of its videos; None where there is none."""
    for message in messages:
        row = message.additional_kwargs.get("question") if isinstance(message, HumanMessage) else None
        if row:
            return Question.from_dict(row)
    return None
