"""The `heuristic` policy: no weights at all. It retrieves, reads, and answers with what stands there."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from ....memory import Span, clock
from ....memory.video.open import GONE
from ...answer import Draft
from ...questions.question import Question
from ...steps import Call, CallResult, Finished, observed, replay
from . import claims, moments, overview, reading
from .context import HeuristicContext, Strategy
from .gathering import Case, gather
from .objects import about_objects
from .options import choose
from .question_parser import ParsedQuestion, at_in, needs_eyes, parse

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
        message = _next(messages, set(tool_names))
        return ChatResult(generations=[ChatGeneration(message=message)])


def _next(messages: list[BaseMessage], tools: set[str]) -> AIMessage:
    """Replay the strategy over what was observed; its first call that has no result yet is the next step."""
    asked = next(m for m in messages if isinstance(m, HumanMessage) and "question" in m.additional_kwargs)
    known = observed(messages)
    question = Question.from_dict(asked.additional_kwargs["question"])
    gone: dict[str, None] = {}

    def outcome_of(call: Call) -> CallResult | None:
        if call.key not in known and call.tool in tools:
            return None
        result = known.get(call.key, CallResult(error=True))
        if GONE in result.text:
            gone[call.arguments.get("video") or ""] = None
        return result

    step = replay(answer(question), outcome_of)
    if isinstance(step, Finished):
        return AIMessage(content=_with_gone(step.result, question, tuple(gone)).as_message())
    call = {"name": step.tool, "args": step.arguments, "id": f"call_{len(known)}", "type": "tool_call"}
    return AIMessage(content=_aloud(step), tool_calls=[call])


def _with_gone(draft: Draft, question: Question, gone: Sequence[str]) -> Draft:
    """What was not found may stand in pictures that could not be looked at, since the file is gone: that is said."""
    if not gone or not (draft.abstained or draft.text.startswith(("no", "not "))):
        return draft
    names = [str(v["name"]) for v in question.videos if v["id"] in gone or v["name"] in gone]
    which = ", ".join((names or [str(v["name"]) for v in question.videos])[:3])
    told = (
        f"The file of {which} is gone, so its pictures could not be looked at, only what was found in them when it was "
        "indexed: put it back, or add it again from where it is now."
    )
    return replace(draft, text=f"{draft.text} {told}")


def _aloud(call: Call) -> str:
    """One line that says what is done next, for people who read the trace."""
    a = call.arguments
    span = f" {clock(a['start'])}-{clock(a['end'])}" if "start" in a and "end" in a else ""
    about = a.get("query") or a.get("find")
    return f"{call.tool}{span}" + (f" for “{about}”" if about else "")


def answer(question: Question) -> Strategy:
    """The draft for a question over its videos."""
    asked = parse(question.text, question.options)
    scenes = {}
    for video in question.videos:
        end = min(video["end"], question.now) if question.now is not None else video["end"]
        here = {**video, "end": max(end, video["start"])}
        scenes[video["id"]] = HeuristicContext(
            ask=at_in(asked, Span(here["start"], here["end"])), video=here, many=len(question.videos) > 1
        )
    named = overview.scene_named(Case(ask=asked, scenes=scenes))
    if named and not asked.every and asked.kind != "video":
        scenes = {scene.video["id"]: scene for scene in named}
    ask = next(iter(scenes.values())).ask if len(scenes) == 1 else asked
    if asked.kind == "video" and len(question.videos) == 1:
        ask = replace(ask, kind="text")
    draft = yield from _strategy(ask, scenes)
    return draft


def _strategy(ask: ParsedQuestion, scenes: dict[str, HeuristicContext]) -> Strategy:
    seen_draft = yield from _looked(ask, scenes)
    case = Case(ask=ask, scenes=scenes)
    if seen_draft is not None:
        return choose(case, seen_draft) if ask.options else seen_draft
    case = yield from gather(ask, scenes)
    draft = yield from _read(case)
    return choose(case, draft) if ask.options else draft


def _read(case: Case) -> Strategy:
    """By the kind of answer that is wanted."""
    ask = case.ask
    if ask.kind == "file":
        return (yield from overview.about_file(case))
    if ask.kind == "summary" or (ask.every and not ask.topic):
        return (yield from overview.summary(case))
    if ask.kind == "video" or ask.every:
        return overview.which_video(case)
    if ask.kind in ("time", "how_long"):
        return (yield from moments.when(case))
    if ask.kind == "where":
        return moments.where(case)
    if ask.kind == "yes_no":
        return claims.yes_no(case) if not needs_eyes(ask) else reading.tell(case, [])
    if ask.kind == "count":
        return claims.count(case)
    return (yield from reading.read(case))


def _looked(ask: ParsedQuestion, scenes: dict[str, HeuristicContext]) -> Generator[Call, CallResult, Draft | None]:
    """What shots, pauses, moving things and kinds of objects tell; None where they have nothing to say."""
    drafts: list[tuple[HeuristicContext, Draft]] = []
    for scene in list(scenes.values())[:4]:
        draft: Draft | None = None
        if ask.channel == "shots":
            draft = yield from _shots(scene)
        elif ask.channel == "silence":
            draft = yield from _pauses(scene)
        elif ask.kind == "yes_no" and re.search(_GRAY, ask.text, re.IGNORECASE):
            draft = yield from _in_gray(scene)
        elif ask.channel is None and ask.kind in ("time", "how_long", "count", "yes_no", "where", "text"):
            draft = yield from about_objects(scene)
        if draft is not None:
            drafts.append((scene, draft))
    told = [(scene, draft) for scene, draft in drafts if not draft.abstained] or drafts[:1]
    if not told or len(scenes) == 1:
        return told[0][1] if told else None
    text = "\n".join(f"{scene.video['name']}: {draft.text}" for scene, draft in told)
    evidence = tuple(e for _, draft in told for e in draft.evidence[:4])
    return Draft(
        text=text,
        evidence=evidence,
        confidence=min(d.confidence for _, d in told),
        abstained=all(d.abstained for _, d in told),
    )


def _in_gray(scene: HeuristicContext) -> Generator[Call, CallResult, Draft | None]:
    """Whether the film is black and white, or in color."""
    rate = round(min(1.0, 12 / max(scene.window.duration, 1.0)), 3)
    seen = yield scene.over("view_clip", scene.window, fps=rate)
    description = str(seen.data.get("description", ""))
    if seen.error or not description:
        return None
    named = re.search(r"\b(?:red|orange|yellow|green|blue|purple|pink|brown)\b", description)
    gray, low = named is None, scene.ask.text.lower()
    asks_color = bool(re.search(r"\b(?:in|has|have|is it) (?:full )?colou?r\b", low))
    told = "the frames are black and white" if gray else f"the frames have color: {description}"
    text = f"{'no' if gray == asks_color else 'yes'}: {told}"
    return Draft(text=text, evidence=(scene.evidence(told, scene.window, "view_clip"),), confidence=0.8)


def _shots(scene: HeuristicContext) -> Generator[Call, CallResult, Draft | None]:
    """The cuts: how many, or when."""
    ask = scene.ask
    seen = yield scene.over("browse", scene.window, level="shot")
    cuts, shots = seen.data.get("cuts", []), seen.data.get("shots", [])
    if not shots:
        return scene.abstain("The shots could not be told apart.")
    at = ", ".join(f"{cut:.1f}" for cut in cuts[:20])
    if ask.kind == "time":
        index = -1 if ask.order == -1 else (ask.order or 1) - 1
        chosen = cuts[index : index + 1 or None] if ask.order else cuts[:10]
        if not chosen:
            return scene.abstain(f"There are {len(cuts)} cuts.")
        evidence = tuple(scene.evidence("a cut", Span(cut, cut), "browse") for cut in chosen)
        return Draft(text="; ".join(f"at {cut:.1f} s" for cut in chosen), evidence=evidence, confidence=0.85)
    counted = len(cuts) if re.search(r"\bcuts?\b|changes?|edits?", ask.text.lower()) else len(shots)
    text = f"{counted} (cuts at {at} s)" if cuts else str(counted)
    return Draft(
        text=text,
        evidence=(scene.evidence(f"{len(shots)} shots, {len(cuts)} cuts", scene.window, "browse"),),
        confidence=0.8,
    )


def _pauses(scene: HeuristicContext) -> Generator[Call, CallResult, Draft | None]:
    """When nobody speaks, the longest first where that is asked."""
    ask = scene.ask
    seen = yield scene.over("transcribe", scene.window)
    if seen.error:
        return None
    said = [Span(*row["span"]) for row in seen.data.get("utterances", ())]
    starts, ends = [scene.window.start, *(s.end for s in said)], [*(s.start for s in said), scene.window.end]
    pauses = [Span(start, end) for start, end in zip(starts, ends, strict=True) if end - start >= 1.0]
    pauses.sort(key=lambda pause: -pause.duration)
    if not re.search(r"\blong(?:est)?\b", ask.text.lower()):
        pauses.sort()
    if not pauses:
        return scene.abstain("There is no pause of a second or more in the speech.")
    if ask.kind == "count":
        return Draft(
            text=str(len(pauses)),
            evidence=tuple(scene.evidence("nobody is heard to speak", p, "transcribe") for p in pauses[:10]),
            confidence=0.6,
        )
    evidence = tuple(scene.evidence("nobody is heard to speak", p, "transcribe") for p in pauses[:10])
    told = [f"from {p.start:.1f} s to {p.end:.1f} s" for p in pauses[:6]]
    text = f"about {pauses[0].duration:.1f} seconds ({told[0]})" if ask.kind == "how_long" else "; also ".join(told)
    return Draft(text=text, evidence=evidence, confidence=0.75)
