"""The `heuristic` policy: no weights at all. It retrieves, reads, and answers with what stands there."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from ....memory import Span, clock
from ....memory.video.open import GONE
from ...answer import Draft
from ...descent import Descent, descended
from ...questions.mode import event_of
from ...questions.question import Question, question_of
from ...steps import Call, CallResult, Finished, observed, replay
from . import moments, overview, people, reading, timelines, yes_no_count
from .current_state import about_state
from .newest_part import at_this_moment, has_come, read_part
from .objects import about_objects
from .options import choose
from .passages import HeuristicContext, Strategy, from_to
from .question_parser import ParsedQuestion, at_in, needs_eyes, parse
from .retrieval import Retrieval, gather

_GRAY = r"\bblack[- ](?:and|&)[- ]white\b|\bin colou?r\b|\bmonochrome\b|\bgr[ea]yscale\b"


class HeuristicPolicy(BaseChatModel):
    """A chat model that retrieves and reads. Its whole state is the conversation, so any run can be resumed."""

    reads_pictures: ClassVar[bool] = True
    """It reads what tools that show pictures say of colors and motion."""

    @property
    def _llm_type(self) -> str:
        return "heuristic"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Allow tool calls; without this the policy gives its best answer from what was observed."""
        names = [tool["function"]["name"] if isinstance(tool, dict) else tool.name for tool in tools]
        return self.bind(tool_names=names)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tool_names: Sequence[str] = (),
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=_next(messages, set(tool_names)))])


def _next(messages: list[BaseMessage], tools: set[str]) -> AIMessage:
    results = observed(messages)
    question = question_of(messages)
    assert question is not None
    gone: dict[str, None] = {}

    def outcome_of(call: Call) -> CallResult | None:
        if call.key not in results and call.tool in tools:
            return None
        result = results.get(call.key, CallResult(error=True))
        if GONE in result.text:
            gone[call.arguments.get("video") or ""] = None
        return result

    step = replay(answer(question, descended(messages)), outcome_of)
    if isinstance(step, Finished):
        return AIMessage(content=_with_gone(step.result, question, tuple(gone)).as_message())
    call = {"name": step.tool, "args": step.arguments, "id": f"call_{len(results)}", "type": "tool_call"}
    return AIMessage(content=_aloud(step), tool_calls=[call])


def _with_gone(draft: Draft, question: Question, gone: Sequence[str]) -> Draft:
    """What was not found may stand in pictures that could not be looked at, since the file is gone; then say so."""
    if not gone or not (draft.abstained or draft.text.startswith(("no", "not "))):
        return draft
    names = [str(v["name"]) for v in question.videos if v["id"] in gone or v["name"] in gone]
    which = ", ".join((names or [str(v["name"]) for v in question.videos])[:3])
    missing = (
        f"The file of {which} is gone, so its pictures could not be looked at, only what was found in them when it was "
        "indexed: put it back, or add it again from where it is now."
    )
    return replace(draft, text=f"{draft.text} {missing}")


def _aloud(call: Call) -> str:
    a = call.arguments
    span = f" {_time(a['start'])}-{_time(a['end'])}" if "start" in a and "end" in a else ""
    about = a.get("query") or a.get("find")
    return f"{call.tool}{span}" + (f" for “{about}”" if about else "")


def _time(value: float | str) -> str:
    return value if isinstance(value, str) else clock(value)  # of the wall clock, or of a video


def answer(question: Question, found: Descent = Descent()) -> Strategy:  # noqa: B008
    """The draft for a question over its videos; `found` is what going down the levels of their timeline has brought."""
    if found.habits:
        return timelines.habit(found.habits)
    event = event_of(question.text) if question.mode == "wait" else None
    parsed = parse(f"When {event}?" if event else question.matter or question.text, question.options)
    contexts = {}
    for video in question.videos:
        asked = question.span_in(video)
        if asked is None:
            continue
        here = {**video, "start": asked.start, "end": asked.end}
        if video.get("recorded") is not None:
            here["recorded"] = video["recorded"] + asked.start - video["start"]
        placed = at_in(parsed, Span(here["start"], here["end"]))
        contexts[video["id"]] = HeuristicContext(question=placed, video=here, many=len(question.videos) > 1)
    if not contexts:
        return Draft(
            text=f"Nothing that may be known was recorded {_during(question)}.", abstained=True, confidence=0.0
        )
    named = overview.videos_named(Retrieval(question=parsed, contexts=contexts))
    if named and not parsed.every and parsed.kind != "video":
        contexts = {context.video["id"]: context for context in named}
    kind = "text" if parsed.kind == "video" and len(question.videos) == 1 else parsed.kind
    parsed = replace(next(iter(contexts.values())).question if len(contexts) == 1 else parsed, kind=kind)
    parsed = people.about_person(parsed, contexts.values())
    if found.results and parsed.kind == "summary" and not timelines.asks_for_all(parsed):
        parsed = replace(parsed, kind="text")  # "what did he call about?" is no question about a week
    retrieval = Retrieval(question=parsed, contexts=contexts)
    draft = None if parsed.who is not None else (yield from _from_pictures(parsed, contexts))
    if question.mode != "backward" and (draft is None or draft.abstained):
        retrieval = yield from read_part(parsed, contexts)
        draft = at_this_moment(retrieval) if question.mode == "now" else has_come(retrieval, event or question.text)
    if draft is None:
        retrieval = yield from gather(parsed, contexts, question.bounds, found.results)
        draft = yield from people.about_speakers(retrieval)
        if draft is None and parsed.state:
            draft = yield from about_state(retrieval)
        if draft is None and found.results and timelines.asks_for_all(parsed):
            draft = yield from timelines.summary(retrieval, question.bounds)
        if draft is None:
            draft = people.with_speaker(retrieval, (yield from _from_passages(retrieval)))
    draft = choose(retrieval, draft) if parsed.options else draft
    return _so_far(draft, parsed, contexts)


def _so_far(draft: Draft, parsed: ParsedQuestion, contexts: dict[str, HeuristicContext]) -> Draft:
    """Mark an answer that what is not covered yet may still change: a number, the last time, all of it, a `no`."""
    final = parsed.kind not in ("count", "summary") and parsed.order != -1 and not parsed.every
    if draft.abstained or (final and not draft.text.startswith(("no:", "no,", "not "))):
        return draft
    if not any(context.unknown(parsed.channel) for context in contexts.values()):
        return draft
    return replace(draft, text=f"so far: {draft.text}")


def _during(question: Question) -> str:
    return "then" if not question.bounds else f"from {question.bounds['start']} to {question.bounds['end']}"


def _from_passages(retrieval: Retrieval) -> Strategy:
    question = retrieval.question
    if question.kind == "file":
        return (yield from overview.about_file(retrieval))
    if question.kind == "summary" or (question.every and not question.topic):
        return (yield from overview.summary(retrieval))
    if question.kind == "video" or question.every:
        return overview.which_video(retrieval)
    if question.kind in ("time", "how_long"):
        return (yield from moments.when(retrieval))
    if question.kind == "where":
        return moments.where(retrieval)
    if question.kind == "yes_no":
        return reading.state(retrieval, []) if needs_eyes(question) else yes_no_count.yes_no(retrieval)
    if question.kind == "count":
        return yes_no_count.count(retrieval)
    return (yield from reading.read(retrieval))


def _from_pictures(
    parsed: ParsedQuestion, contexts: dict[str, HeuristicContext]
) -> Generator[Call, CallResult, Draft | None]:
    """The answer of shots, pauses, moving things and kinds of objects; None where they have nothing to say."""
    drafts: list[tuple[HeuristicContext, Draft]] = []
    for context in list(contexts.values())[:4]:
        draft: Draft | None = None
        if parsed.channel == "shots":
            draft = yield from _shots(context)
        elif parsed.channel == "silence":
            draft = yield from _pauses(context)
        elif parsed.kind == "yes_no" and re.search(_GRAY, parsed.text, re.IGNORECASE):
            draft = yield from _in_gray(context)
        elif parsed.channel is None and parsed.kind in ("time", "how_long", "count", "yes_no", "where", "text"):
            draft = yield from about_objects(context)
        if draft is not None:
            drafts.append((context, draft))
    drafts = [(context, draft) for context, draft in drafts if not draft.abstained] or drafts[:1]
    if not drafts or len(contexts) == 1:
        return drafts[0][1] if drafts else None
    return Draft(
        text="\n".join(f"{context.video['name']}: {draft.text}" for context, draft in drafts),
        evidence=tuple(e for _, draft in drafts for e in draft.evidence[:4]),
        confidence=min(draft.confidence for _, draft in drafts),
        abstained=all(draft.abstained for _, draft in drafts),
    )


def _in_gray(context: HeuristicContext) -> Generator[Call, CallResult, Draft | None]:
    rate = round(min(1.0, 12 / max(context.window.duration, 1.0)), 3)
    result = yield context.over("view_clip", context.window, fps=rate)
    description = str(result.data.get("description", ""))
    if result.error or not description:
        return None
    named = re.search(r"\b(?:red|orange|yellow|green|blue|purple|pink|brown)\b", description)
    gray, low = named is None, context.question.text.lower()
    asks_color = bool(re.search(r"\b(?:in|has|have|is it) (?:full )?colou?r\b", low))
    claim = "the frames are black and white" if gray else f"the frames have color: {description}"
    text = f"{'no' if gray == asks_color else 'yes'}: {claim}"
    return Draft(text=text, evidence=(context.evidence(claim, context.window, "view_clip"),), confidence=0.8)


def _shots(context: HeuristicContext) -> Generator[Call, CallResult, Draft | None]:
    question = context.question
    result = yield context.over("browse", context.window, level="shot")
    cuts, shots = result.data.get("cuts", []), result.data.get("shots", [])
    if not shots:
        return context.abstain("The shots could not be told apart.")
    at = ", ".join(f"{cut:.1f}" for cut in cuts[:20])
    if question.kind == "time":
        index = -1 if question.order == -1 else (question.order or 1) - 1
        chosen = cuts[index : index + 1 or None] if question.order else cuts[:10]
        if not chosen:
            return context.abstain(f"There are {len(cuts)} cuts.")
        evidence = tuple(context.evidence("a cut", Span(cut, cut), "browse") for cut in chosen)
        return Draft(text="; ".join(f"at {cut:.1f} s" for cut in chosen), evidence=evidence, confidence=0.85)
    counted = len(cuts) if re.search(r"\bcuts?\b|changes?|edits?", question.text.lower()) else len(shots)
    text = f"{counted} (cuts at {at} s)" if cuts else str(counted)
    evidence = (context.evidence(f"{len(shots)} shots, {len(cuts)} cuts", context.window, "browse"),)
    return Draft(text=text, evidence=evidence, confidence=0.8)


def _pauses(context: HeuristicContext) -> Generator[Call, CallResult, Draft | None]:
    question = context.question
    result = yield context.over("transcribe", context.window)
    if result.error:
        return None
    speech = [Span(*row["span"]) for row in result.data.get("utterances", ())]
    starts, ends = [context.window.start, *(s.end for s in speech)], [*(s.start for s in speech), context.window.end]
    pauses = [Span(start, end) for start, end in zip(starts, ends, strict=True) if end - start >= 1.0]
    if re.search(r"\blong(?:est)?\b", question.text.lower()):
        pauses.sort(key=lambda pause: -pause.duration)
    if not pauses:
        return context.abstain("There is no pause of a second or more in the speech.")
    evidence = tuple(context.evidence("nobody is heard to speak", p, "transcribe") for p in pauses[:10])
    if question.kind == "count":
        return Draft(text=str(len(pauses)), evidence=evidence, confidence=0.6)
    times = [from_to(pause) for pause in pauses[:6]]
    longest = f"about {pauses[0].duration:.1f} seconds ({times[0]})"
    text = longest if question.kind == "how_long" else "; also ".join(times)
    return Draft(text=text, evidence=evidence, confidence=0.75)
