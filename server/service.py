"""One request, from its messages to its answers: videos, question, runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..agent.answer import Answer
from ..agent.questions.question import QuestionError
from ..memory import CapabilityError, MediaURI, VideoRecord
from ..memory.video_names import match
from ..tools import Budget
from ..tools.times import parse_seconds
from .admission import Admission
from .completion import Choice, Completion, shortened, usage_of
from .conversation import Conversation, read_messages
from .earlier import EarlierAnswers
from .faults import RequestFault, fault_of
from .ordinals import numbered_video
from .prompts import Prompt, read_prompt, write_answer
from .request import BudgetFields, ChatRequest
from .run_thread import RunThread

if TYPE_CHECKING:
    from ..agent import VideoAgent
    from .videos import RequestVideos

NOTHING = "-"
"""Sent where an answer leaves nothing to say in the wanted form: harnesses take an empty reply for a failure, and ask
again. None that was read takes this for an option."""
_PARTS = 6
"""Parts of 10 s that a question about what is still to come looks at, before it is answered: not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRequest:
    """A request as the agent is asked it."""

    request: ChatRequest
    conversation: Conversation
    prompt: Prompt
    given: list[str]
    """Ids of the videos that the request has, else of all that it may be about."""
    videos: list[str]
    """Ids of those of them that the question means."""
    history: list[Answer | tuple[str, str]]
    """What was asked and answered before: the answer itself, where it was given here."""
    budget: Budget
    """Of each of the answers."""


class Service:
    """Answers requests with an agent.

    Args:
        agent: the agent.
        videos: brings the videos of requests into its memory.
        admission: how many requests are taken at once.
        seconds: how long a request may take, with all its waiting and indexing.
    """

    def __init__(self, agent: VideoAgent, videos: RequestVideos, admission: Admission, seconds: float) -> None:
        self.agent = agent
        self.videos = videos
        self.admission = admission
        self.seconds = seconds
        self.runs = RunThread()
        self._earlier = EarlierAnswers()

    async def complete(self, request: ChatRequest, begun: asyncio.Event) -> Completion:
        """Answer a request; `begun` is set once nothing of it can be wrong any more.

        Raises:
            RewatchError: if it cannot be answered.
        """
        try:
            async with asyncio.timeout(self.seconds) as limit:
                conversation = read_messages(request.messages)
                async with self.videos.use(conversation.parts) as brought:
                    asked = await asyncio.to_thread(self._asked, request, conversation, brought)
                    async with self.admission.turn():
                        numbers = range(request.n or 1)
                        return Completion(choices=[await self._choose(asked, number, begun) for number in numbers])
        except TimeoutError:
            if not limit.expired():
                raise
            message = f"The request took more than {self.seconds:g} s: ask for less, or have the server wait longer."
            raise RequestFault(408, message, code="timeout", headers={"x-should-retry": "false"}) from None

    def _asked(self, request: ChatRequest, conversation: Conversation, brought: Sequence[str]) -> AgentRequest:
        prompt = read_prompt(
            f"{conversation.prompt}\n{conversation.begun}".rstrip(),
            system=conversation.system,
            response_format=request.response_format,
        )
        if not prompt.question.strip():  # nothing but options, say
            prompt = replace(prompt, question=conversation.prompt)
        given = list(dict.fromkeys([*self._named(request.videos), *brought]))
        question, videos = numbered_video(prompt.question, given)
        prompt, given = replace(prompt, question=question), given or self._all()
        return AgentRequest(
            request=request,
            conversation=conversation,
            prompt=prompt,
            given=given,
            videos=videos or given,
            history=[
                self._earlier.find(question, reply, given) or (read_prompt(question).question, reply)
                for question, reply in conversation.earlier
            ],
            budget=_budget(request.budget, self.agent.budget, request.n or 1),
        )

    def _named(self, words: Sequence[str] | None) -> list[str]:
        """Ids of the videos that a request names."""
        records = self._own() if words else []
        found = []
        for word in words or ():
            record = match(records, word)
            if record is None:
                message = f"videos: there is no video {word[:200]!r} in the memory."
                raise RequestFault(400, message, param="videos", code="invalid_video")
            found.append(record.id)
        return found

    def _all(self) -> list[str]:
        """Ids of the videos that a request without any is about."""
        ids = [record.id for record in self._own()]
        if not ids:
            message = "There is no video to ask about: send one as a video_url part, or have one indexed."
            raise RequestFault(400, message, param="messages", code="no_video")
        return ids

    def _own(self) -> list[VideoRecord]:
        """The videos that anybody may ask about; what other requests brought is none of theirs."""
        own = self.videos.own()
        records = self.agent.memory.videos()
        if own is None:
            return records
        ids = frozenset(own)
        return [record for record in records if record.id in ids]

    async def _choose(self, asked: AgentRequest, number: int, begun: asyncio.Event) -> Choice:
        here = asyncio.get_running_loop()
        request = asked.request
        written = [0]

        def listen(event: dict[str, Any]) -> None:
            if event["event"] == "run":
                here.call_soon_threadsafe(begun.set)
            written[0] += int(event.get("usage", {}).get("output_tokens", 0))

        try:
            answer = await self.runs.run(
                self.agent.aask(
                    asked.prompt.asked if self.agent.reads_prompts else asked.prompt.question,
                    options=list(asked.prompt.options) or None,
                    videos=asked.videos,
                    now=_time(request.now),
                    budget=asked.budget,
                    route=request.route,
                    scale=request.scale,
                    width=request.width,
                    history=asked.history,
                    patience=_PARTS,
                    temperature=request.temperature,
                    seed=None if request.seed is None else request.seed + number,
                    listener=listen,
                )
            )
        except (QuestionError, CapabilityError) as error:
            raise fault_of(error, param=_field(error, request)) from error
        _require_answer(answer)
        written_out = write_answer(answer, asked.prompt, picture=self._size(answer)) or NOTHING
        text, finish = shortened(written_out, request.stops, request.longest)
        self._earlier.keep(asked.conversation.prompt, text, asked.given, answer)
        usage = usage_of(answer, text, asked.conversation.prompt, written[0])
        return Choice(text=text, finish=finish, answer=answer, usage=usage)

    def _size(self, answer: Answer) -> tuple[int, int] | None:
        """Width and height of the video in which the answer's first box is."""
        seen = next((evidence for evidence in answer.evidence if evidence.box is not None), None)
        if seen is None:
            return None
        video = self.agent.memory.video(MediaURI.parse(seen.uri).video)
        return video.width, video.height


def _budget(given: BudgetFields | None, own: Budget, shares: int) -> Budget:
    """The budget of each of some answers, which share that of the request."""
    fields = given.model_dump(exclude_none=True) if given else {}
    whole = own.as_dict()
    for name, value in fields.items():
        most = whole[name]
        if most is not None and value > most:
            message = f"budget.{name}: {value:g} is more than {most:g}, which this server gives a request at most."
            raise RequestFault(400, message, param=f"budget.{name}", code="budget_too_large")
    whole |= fields
    parts = {name: None if limit is None else limit / shares for name, limit in whole.items()}
    return Budget.from_dict(parts)  # which rounds what is counted down


def _time(now: float | str | None) -> float | str | None:
    """Seconds where they are written as a clock time, else what stands there, which may be a moment of a timeline."""
    if not isinstance(now, str):
        return now
    try:
        return parse_seconds(now)
    except ValueError:
        return now


def _field(error: QuestionError | CapabilityError, request: ChatRequest) -> str | None:
    """The field of a request that the agent could not take: the rest of what it is asked was checked before."""
    if isinstance(error, QuestionError):
        return "now" if request.now is not None else None
    named = {"route": request.route, "scale": request.scale}
    return next((name for name, value in named.items() if value and value in str(error)), None)


def _require_answer(answer: Answer) -> None:
    """Raise `RequestFault` for an answer that is none, since a model or the program failed."""
    if answer.failed:
        status = 500 if answer.stopped_by == "bug" else 503
        message = f"{answer.text} (run {answer.run_id})"
        raise RequestFault(status, message, code=answer.stopped_by)
