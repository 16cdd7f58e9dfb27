"""Tries to learn what comes later, over the `World` of futures.py: each says what it did and all that it was told."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from futures import World
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from rewatch.agent import Answer, VideoAgent
from rewatch.agent.questions.conversation import Conversation
from rewatch.agent.questions.question import QuestionError
from rewatch.agent.report import write_report
from rewatch.agent.tool_formats import load_tool_format
from rewatch.memory import CausalView, MediaURI, Moment, RewatchError, Span, TimelineSpan, wall_clock
from rewatch.tools import BUILT_IN, INTERNAL_TOOLS, ON_REQUEST, Budget, Toolbox

LEVELS = ("clip", "chapter", "hour", "day", "week")
TOOLS = (*BUILT_IN, *ON_REQUEST, *INTERNAL_TOOLS)
QUERIES = ("the keys", "the violin", "feeding the cat", "watering the tomatoes", "what is said last")
QUESTIONS = (
    "Where are the keys?", "Where are my keys now?", "What happened today?", "What happened yesterday?",
    "What is said last?", "When do they usually water the tomatoes?", "How often is the cat fed?",
    "Where is the violin?", "What will happen tomorrow?", "Summarize the day.", "Summarize the week.",
    "Who speaks?", "Where were the keys before?", "What is written on the screen?", "How many people speak?",
    "What happened last week?", "What is happening right now?", "Which video is the last one?", "How long is it?",
    "What is said on 2026-03-30?", "What was said at 9:30?", "On how many days are the tomatoes watered?",
)  # fmt: skip
FOLLOW_UPS = ("and after that?", "and then?", "who said that?", "what was it?", "and before that?", "why?")


class Talkative(BaseChatModel):
    """A model that calls a few tools at random, and keeps all that it was ever told."""

    seed: int = 0
    told: list[str] = []
    arguments: Any = None

    @property
    def _llm_type(self) -> str:
        return "talkative"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self.told.append(repr([(m.content, getattr(m, "artifact", None)) for m in messages]))
        rng = random.Random(f"{self.seed} {len(self.told)}")
        if sum(isinstance(m, AIMessage) for m in messages) > 3 or rng.random() < 0.3:
            message = AIMessage(content=json.dumps({"answer": "something", "confidence": 0.5, "evidence": [1]}))
        else:
            name, arguments = self.arguments(rng)
            message = AIMessage(
                content="",
                tool_calls=[{"name": name, "args": arguments, "id": f"c{rng.random()}", "type": "tool_call"}],
            )
        return ChatResult(generations=[ChatGeneration(message=message)])


class Stamped(Talkative):
    """Speaks Ego-R1's dialect, and asks for all days that there may be."""

    dialect: Any = None

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self.told.append(repr([(m.content, getattr(m, "artifact", None)) for m in messages]))
        rng = random.Random(f"{self.seed} {len(self.told)}")
        if sum(isinstance(m, AIMessage) for m in messages) > 4:
            text = "<think>So.</think><answer>something</answer>"
        else:
            level = rng.choice(["week", "day", "hour", "10min"])
            until = rng.choice(["DAY1_23595900", "DAY2_10000000", "DAY3_12000000", "DAY14_12000000"])
            rag = {"level": level, "keywords": ["keys"], "start_time": "DAY1_00000000", "query_time": until}
            text = f"<think>I look.</think><tool>{json.dumps({'name': 'rag', 'arguments': rag})}</tool>"
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=text))])


class Attacker:
    """Makes tries over one memory, one toolbox and one agent: what one try leaves behind is there in the next."""

    def __init__(self, world: World, seed: int, traces: Path) -> None:
        self.world, self.memory = world, world.memory
        self.rng = random.Random(seed)
        self.box = Toolbox([*BUILT_IN, *ON_REQUEST], inner=INTERNAL_TOOLS, cites=True)
        self.agent = VideoAgent(self.memory, traces=traces, budget=Budget(calls=6, seconds=None))
        self.model = Talkative(seed=seed, arguments=lambda rng: self.call_of(rng))
        self.reader = VideoAgent(self.memory, policy=self.model, traces=traces, budget=Budget(calls=6, seconds=None))
        self.stamped = Stamped(seed=seed, told=self.model.told, dialect=load_tool_format("ego_r1"))
        self.stamps = VideoAgent(self.memory, policy=self.stamped, traces=traces, budget=Budget(calls=6, seconds=None))
        self.ids = [record.id for record in self.memory.videos()]
        self.dated = [r.id for r in self.memory.videos() if r.recorded is not None and r.timeline == "main"]
        self.answers: list[Answer] = []
        self.chats: list[Conversation] = []
        self.queries = [*QUERIES, *self.world.words]
        self.kinds: list[Callable[[float], tuple[str, str]]] = [
            self.search, self.read, self.seconds, self.redate, self.levels, self.people, self.tool, self.tool,
            self.tool, self.ask, self.ask, self.follow, self.chat, self.wait,
        ]  # fmt: skip

    def run(self, count: int) -> list[str]:
        leaks = []
        for number in range(count):
            now = self.moment()
            try:
                done, told = self.rng.choice(self.kinds)(now)
            except RewatchError as error:
                done, told = f"error {type(error).__name__}", ""
            found = self.world.later(told, "main", now)
            leaks += [f"{number}: {done} at {wall_clock(now, 0)}: {found[:3]}"] if found else []
        return leaks

    def moment(self) -> float:
        """A moment about which something becomes known; a few come again and again, so that caches are met."""
        rng = self.rng
        if rng.random() < 0.5:
            return rng.choice([1774686000.0, 1774770000.0, 1774771000.5, 1774855900.0, 1774900000.0, 1775466300.0])
        return rng.choice(self.world.moments()) + rng.choice([-30.0, -1e-3, 0.0, 1e-3, 2.0, 60.0, 3600.0, 86400.0])

    def view(self, now: float) -> CausalView:
        return self.memory.until(Moment(now))

    def written(self, now: float) -> Any:
        """`now` as somebody may give it."""
        at = datetime.fromtimestamp(int(now), UTC)
        zone = self.rng.choice([UTC, timezone(timedelta(hours=2)), ZoneInfo("America/New_York")])
        if now != int(now) or self.rng.random() < 0.4:
            return Moment(now)
        if isinstance(zone, ZoneInfo):
            return f"{at.astimezone(zone):%Y-%m-%dT%H:%M:%S} America/New_York"
        return at.astimezone(zone).isoformat()

    def span(self, now: float) -> tuple[float, float]:
        start = self.rng.choice([now - 600, now + 5, *self.rng.sample(self.world.moments(), 1)]) - 120
        return start, start + self.rng.choice([300, 3600, 86400, 1e6])

    def query(self, rng: random.Random | None = None) -> str:
        return (rng or self.rng).choice(self.queries if (rng or self.rng).random() < 0.3 else QUERIES)

    def call_of(self, rng: random.Random) -> tuple[str, dict[str, Any]]:
        """A call of a tool whose arguments reach beyond any now."""
        item = rng.choice(TOOLS)
        start = rng.choice([0, 300, 900, 1500])
        wall = wall_clock(rng.choice(self.world.moments()), rng.choice([0, 7200]))
        query = self.query(rng)
        every = {
            "query": query, "question": query, "find": query, "claim": query, "what": query, "k": 20,
            "start": rng.choice([start, wall, "09:10"]), "end": rng.choice([2400, 2400, wall, "10:00", None]),
            "time": rng.choice([start, 2399, wall]), "times": [start, 2399], "box": [0, 0, 1, 1],
            "level": rng.choice(LEVELS),
            "color": "red", "who": rng.choice(["voice 1", rng.choice(list(self.world.words))]),
            "image": f"video:{rng.choice(self.ids)}#t={rng.choice([100, 2300])}",
        }  # fmt: skip
        names = [name for name in item.args if name in every and rng.random() < 0.6]
        arguments = {name: every[name] for name in names}
        if rng.random() < 0.7:
            arguments["video"] = rng.choice([*self.ids, "all"])
        return item.name, arguments

    def search(self, now: float) -> tuple[str, str]:
        first, last = self.span(now)
        between = self.rng.choice([None, TimelineSpan(first, last), Span(0, 2400)])
        level, videos = self.rng.choice(LEVELS), self.rng.choice([None, self.rng.sample(self.dated, 3)])
        view = self.view(now)
        videos = None if videos is None else [one for one in videos if view.now_of(one) > 0]
        query = self.query()
        hits = view.search(query, level=level, between=between, videos=videos, k=30)
        for hit in hits:
            assert hit.span.end <= view.now_of(hit.video) + 1e-6, (level, hit)
        return f"search {level} {query} {between}", repr([(hit.texts, hit.node) for hit in hits])

    def read(self, now: float) -> tuple[str, str]:
        view, one = self.view(now), self.rng.choice(self.ids)
        kind = self.rng.choice(["texts", "clips", "videos", "coverage", "unknown", "recorded", "same", "until"])
        if kind == "texts":
            return kind, repr(view.texts(one))
        if kind == "clips":
            clips = view.clips(one, level=self.rng.choice(LEVELS[:2]))
            assert all(clip.end <= view.now_of(one) + 1e-6 for clip in clips)
            return kind, repr(clips)
        if kind == "coverage":
            told = view.coverage(one)
            assert all(span.end <= view.now_of(one) + 1e-6 for spans in told.channels.values() for span in spans), told
            return kind, str(told)
        if kind == "unknown":
            return kind, repr(view.unknown_spans(one, "speech", Span(0, 5000)))
        if kind == "recorded":
            places = view.recorded_in(TimelineSpan(*self.span(now)))
        elif kind == "same":
            places = view.at_same_time(one, Span(0, 2400))
        elif kind == "until":
            earlier = view.until(Moment(now - 100)).until(Moment(now + 10**6))
            return kind, repr([earlier.videos(), earlier.summaries("day")])
        else:
            return kind, repr(view.videos())
        assert all(place.span is not None and place.span.end <= view.now_of(place.video) + 1e-6 for place in places)
        return kind, repr(places)

    def levels(self, now: float) -> tuple[str, str]:
        view = self.view(now)
        known = [record.id for record in view.videos()]
        some = self.rng.choice([None, self.rng.sample(known, min(len(known), 2)), self.ids])
        levels = view.levels(some)
        kind = self.rng.choice(["summaries", "habits", "about", "search"])
        if kind == "summaries":
            nodes = levels.summaries(self.rng.choice(LEVELS[2:]))
            return kind, repr(nodes)
        if kind == "habits":
            return kind, repr([levels.habits(name) for name in levels.calendars])
        if kind == "about":
            return kind, repr(levels.habits_about(self.query()))
        hits = view.search(self.query(), level=self.rng.choice(LEVELS[2:]), videos=some if some != self.ids else None)
        return kind, repr([(hit.node, hit.texts) for hit in hits])

    def people(self, now: float) -> tuple[str, str]:
        view = self.view(now)
        one = self.rng.choice(self.ids)
        told = [view.people.identities(), view.people.suggestions(), view.people.names(), view.people.names(one),
                view.people.turns(one), view.people.speakers(one, Span(0, 2400))]  # fmt: skip
        for turn in view.people.turns(one):
            assert turn.end <= view.now_of(one)
            place = MediaURI.parse(turn.claim.exemplar) if turn.claim and turn.claim.exemplar else None
            assert place is None or place.span is None or place.span.end <= view.now_of(place.video), turn
        with_error = ""
        try:
            told.append(view.people.turns_of(self.rng.choice([*self.world.words, "voice 1"]), self.ids))
        except RewatchError as error:
            with_error = re.sub(r"by '\w+'", "", str(error))
        return "people", repr(told) + with_error

    def tool(self, now: float) -> tuple[str, str]:
        view = self.view(now)
        known = [record.id for record in view.videos()]
        videos = self.rng.choice([known, known, known[:1], self.ids])
        name, arguments = self.call_of(self.rng)
        seen, _ = asyncio.run(
            self.box.call(name, arguments, memory=view, videos=videos, left={"frames": 20, "calls": 9})
        )
        for uri in (*seen.uris, *seen.pictures):
            place = MediaURI.parse(uri)
            assert place.span is None or place.span.end <= view.now_of(place.video) + 1e-3, (name, arguments, uri)
        told = json.dumps([seen.text, seen.data, [line.text for line in seen.lines]], default=str)
        return f"{name} {arguments} of {len(videos)}", self._without(told, arguments)

    def _without(self, told: str, arguments: dict[str, Any]) -> str:
        """Without the words that were asked for, which a tool may say again."""
        for key in ("query", "find", "claim", "question", "what", "who"):
            told = told.replace(str(arguments.get(key, "\0")), "")
        return told

    def ask(self, now: float) -> tuple[str, str]:
        question = self.rng.choice([*QUESTIONS, *QUESTIONS, f"Where is {self.rng.choice(list(self.world.words))}?"])
        videos = self.rng.choice([None, self.dated, self.rng.sample(self.dated, 2), self.ids])
        route = self.rng.choice([None, None, "descend", "search", "read"])
        agent = self.rng.choice([self.agent, self.reader, self.stamps])
        given = self.written(now)
        mode = self.rng.choice([None, None, "now"])
        if videos is None and isinstance(given, str):
            videos = self.dated
        del self.model.told[:]
        answer = agent.ask(question, now=given, videos=videos, route=route if agent is self.agent else None,
                           mode=mode)  # fmt: skip
        self.answers.append(answer)
        return f"ask {question} {route} {given}", self._all_of(answer, question)

    def _all_of(self, answer: Answer, question: str) -> str:
        told = json.dumps(answer.as_dict()) + "".join(self.model.told)
        if answer.trace is not None:
            trace = Path(answer.trace)
            told += trace.read_text()
            if self.rng.random() < 0.2:
                page = write_report(trace, trace.with_suffix(".html"), open_video=self.memory.open).read_text()
                told += re.sub(r"data:image/[^\"')]*", "", page)
        asked = _words(question)
        for event in re.findall(r'"arguments": \{[^{}]*\}', told):  # a model may ask for what nobody said
            asked |= _words(event)
        for word in asked:
            told = told.replace(word, "")
        for message in re.findall(r"'args': \{[^{}]*\}", told):
            told = told.replace(message, "")
        return told

    def follow(self, now: float) -> tuple[str, str]:
        """A follow-up to an answer that may have seen more."""
        if not self.answers:
            return "nothing", ""
        before = self.rng.choice(self.answers)
        history: list[Any] = [before] if self.rng.random() < 0.5 else [before.run_id]
        agent = self.rng.choice([self.agent, self.reader])
        question = self.rng.choice(FOLLOW_UPS)
        del self.model.told[:]
        answer = agent.ask(question, history=history, now=self.written(now))
        self.answers.append(answer)
        return f"{question} after {before.question!r} ({type(history[0]).__name__})", self._all_of(
            answer, before.question
        )

    def chat(self, now: float) -> tuple[str, str]:
        """A conversation in which `now` goes back and forth."""
        if not self.chats or self.rng.random() < 0.2:
            self.chats.append(self.rng.choice([self.agent, self.reader]).chat(self.dated))
        talk = self.rng.choice(self.chats[-3:])
        talk.now = self.written(now)
        question = self.rng.choice([*QUESTIONS, *FOLLOW_UPS])
        del self.model.told[:]
        answer = talk.ask(question)
        self.answers.append(answer)
        return f"chat {question}", self._all_of(answer, question)

    def seconds(self, now: float) -> tuple[str, str]:
        """A number as `now`: of dated videos of one timeline the instant of the first; of others their own second."""
        del self.model.told[:]
        if self.rng.random() < 0.3:
            undated = self.memory.videos()[-1]
            answer = self.agent.ask(self.rng.choice(QUESTIONS), videos=undated.id, now=self.rng.uniform(30, 2300))
            # Of a timeline the second is that of its first video, see `timeline.Cut`.
            begin = {None: 0.0, **dict(self.memory.store.first_recordings())}
            words = [self.world.words[word] for word in _words(self._all_of(answer, answer.question))]
            late = [of for of, since in words if since - begin[of] >= float(str(answer.now))]
            assert not late, ("undated", answer.now, late)
            return "undated", ""
        some = self.rng.sample(self.dated, 3)
        first = min(self.memory.video(one).recorded or 0.0 for one in some)
        if now - first <= 1:
            return "seconds", ""
        agent = self.rng.choice([self.agent, self.reader])
        answer = agent.ask(self.rng.choice(QUESTIONS), videos=some, now=now - first)
        self.answers.append(answer)
        assert isinstance(answer.now, Moment) and abs(answer.now.seconds - now) < 1e-3, (answer.now, now)
        return "seconds", self._all_of(answer, answer.question)

    def redate(self, now: float) -> tuple[str, str]:
        """A video is said to be of later, and of its own time again: what was kept of it before must not be shown."""
        record = next(one for one in self.memory.videos() if one.name.startswith("front"))
        self.view(now).texts(record.id) if self.view(now).now_of(record.id) > 0 else None
        self.view(now).summaries("day")
        was = wall_clock(record.recorded or 0.0, 0)
        self.memory.set_recording(record.id, "2027-01-01T00:00Z")
        try:
            view = self.view(now)
            told = [
                view.summaries("day"),
                view.search("keys", k=50),
                view.search("keys", level="day"),
                view.people.names(),
            ]
            told += [view.texts(one.id) for one in view.videos()]
            assert record.id not in repr(told), "of a video that is of later now"
            seen, _ = asyncio.run(self.box.call("search_clips", {"query": "keys"}, memory=view, videos=self.dated,
                                                left={"calls": 9}))  # fmt: skip
            assert record.id not in seen.text + str(seen.data)
        finally:
            self.memory.set_recording(record.id, was)
        return "redate", repr(told)

    def wait(self, now: float) -> tuple[str, str]:
        """A question that waits: nothing of after the end of the last part."""
        del self.model.told[:]
        try:
            answer = self.agent.ask(
                "Tell me when the violin is mentioned.", now=Moment(now), videos=self.dated, patience=2
            )
        except QuestionError:
            return "wait", ""
        until = answer.waited.end if answer.waited is not None else now
        found = self.world.later(self._all_of(answer, answer.question), "main", until)
        assert not found, ("wait", now, until, found, answer.text)
        return "wait", ""


def _words(text: str) -> set[str]:
    return set(re.findall(r"z[a-z]{7}q", text))
