"""Hindsight: runs of the policy itself that turned out well, and failed ones that answer another question well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from langchain_core.messages import AIMessage

from ...agent.graph import Loop
from ...agent.parsing.citations import without_citations
from ...agent.text_matching import content
from ...memory import Span
from ...tools import Budget
from ..data.task import Task, TaskError, Truth
from ..gym.registry import environment_of
from ..rewards import extraction
from ..rewards.answers import meets
from ..rewards.spans import iou, merged
from ..rewards.tools import spans_of
from ..rollouts.collector import failure
from ..rollouts.rollout import Made, Rollout
from .audit import Audit
from .rerun import rerun
from .teachers import BUDGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindsight:
    """The traces of hindsight."""

    traces: tuple[Rollout, ...]
    reasons: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Numbers of runs that were `kept` as they are, `cut`, `relabeled`, or refused, by reason."""


def hindsight(
    rollouts: Sequence[Rollout],
    *,
    audit: Audit | None = None,
    loop: Loop | None = None,
    cut: bool = False,
    relabel: bool = False,
    budget: Budget | None = None,
) -> Hindsight:
    """Traces from a policy's own runs.

    Args:
        rollouts: of any policy; those of the policy that will learn keep their records of ids.
        audit: which may be learnt from.
        loop: runs conversations again; needed for `cut` and `relabel`.
        cut: leave out calls that were of no use, where the run without them is as good. The loop runs it again, so
            that nothing in it is edited; its ids are then those of a trace, not of sampling.
        relabel: turn wrong answers to the gym's questions for a span into right ones to the question for what is there.
        budget: limits of a run that is run again; None: those that it had, which its prompt tells of.

    Raises:
        ValueError: if a loop is needed and there is none.
    """
    if (cut or relabel) and loop is None:
        raise ValueError("To run a conversation again, give the loop.")
    judge, reasons = audit or Audit(), Counter[str]()
    lenient = replace(judge, valid=False, most_repeats=1_000_000) if cut else judge
    traces: list[Rollout] = []
    for run in rollouts:
        found = lenient(run)
        made, reason = (run, "kept") if found.passed else (None, found.reason or "")
        if made is not None and cut and loop is not None:
            made = without_vain_calls(run, loop, judge, budget=budget)
            reason = "kept" if made is run else "cut" if made is not None else judge(run).reason or ""
        if not found.passed and relabel and loop is not None:
            made = relabeled(run, loop, judge, budget=budget)
            reason = "relabelled" if made is not None else reason
        reasons[reason] += 1
        if made is not None:
            rewards = {name: round(value, 4) for name, value in judge(made).rewards.items()}
            traces.append(replace(made, meta={**made.meta, "by": "hindsight", "how": reason, "rewards": rewards}))
    return Hindsight(traces=tuple(traces), reasons=dict(reasons))


def without_vain_calls(run: Rollout, loop: Loop, audit: Audit, *, budget: Budget | None = None) -> Rollout | None:
    """The run without calls that were of no use; the run itself where there are none; None where it cannot be cut.

    Of no use are calls that failed, that repeated one, and looks at places that are neither true nor cited. What found
    a place (a search, or whatever else brought no single place back) stays. The shorter run must pass the audit, and
    the calls that stay must bring back what they brought back before.
    """
    vain = _vain(run)
    if not vain:
        return run if audit(run).passed else None
    script = [message for n, message in enumerate(run.own) if n not in vain]
    made = _run_again(run, run.task, script, loop, audit, budget)
    before = [_result(call) for call in run.calls]
    if made is None or len(made.own) != len(script) or any(_result(call) not in before for call in made.calls):
        return None
    return made


def _run_again(
    run: Rollout,
    task: Task,
    script: Sequence[AIMessage],
    loop: Loop,
    audit: Audit,
    budget: Budget | None,
    **facts: str,
) -> Rollout | None:
    """The script run as an answer to `task`, with the meta of the old run and more facts; None where it fails."""
    if not script or script[-1].tool_calls:
        return None
    limits = budget or (Budget.from_dict(run.answer.budget) if run.answer.budget else BUDGET)
    meta = {key: value for key, value in run.meta.items() if key != "rewards"} | facts
    made = rerun(loop, task, script, budget=limits, meta=meta)
    return made if audit(made).passed else None


def _result(call: Made) -> tuple[str, str, str | None]:
    """A call and what it brought back, without the numbers of the lines: these count through the whole run."""
    text = without_citations(call.result.text) if call.result else None
    return call.name, repr(sorted(call.arguments.items())), text


def _vain(run: Rollout) -> set[int]:
    """The places, among the model's messages, of those whose calls were all of no use."""
    useful = {made.result.tool_call_id for made in run.distinct if made.result is not None and _serves(made, run)}
    ids = [{call["id"] for call in (*message.tool_calls, *message.invalid_tool_calls)} for message in run.own]
    return {n for n, of_message in enumerate(ids) if of_message and not of_message & useful}


def _serves(made: Made, run: Rollout) -> bool:
    """True if a call found places (and was not just a look at one), or looked at a true or a cited one."""
    looked = spans_of(made, run)
    if len(looked) != 1:
        return True
    place, cited = looked[0], run.answer.spans
    return meets(place, run.task.truth.spans) or any(span.overlap(place) > 0 or span == place for span in cited)


def relabeled(run: Rollout, loop: Loop, audit: Audit, *, budget: Budget | None = None) -> Rollout | None:
    """A wrong answer to a question for a span, as the right answer to the question for what is in that span.

    Sound only where all of this holds: the gym made the video, so that what is there is known; just one thing is there,
    and nowhere else; the run stated one span; none of its calls has a word that only the old question has (it would be
    a search for something else); and the loop, run again with the new question, passes the audit.
    """
    stated_spans = extraction.spans(run)
    if failure(run) is not None or len(stated_spans) != 1 or run.task.kind != "temporal":
        return None
    task = _question_for(run.task, stated_spans[0])
    if task is None or _foreign(run, task):
        return None
    return _run_again(run, task, run.own, loop, audit, budget, asked=run.task.id)


def _question_for(task: Task, span: Span) -> Task | None:
    """The question of the task's family whose answer is `span`."""
    try:
        world = environment_of(task).world
    except TaskError:
        return None
    family = task.meta["gym"]["family"]
    questions: list[tuple[str, tuple[Span, ...]]] = []
    if family == "spotting":
        for color in dict.fromkeys(thing.color for thing in world.things):
            where = tuple(merged(thing.span for thing in world.things if thing.color == color))
            questions.append((f"When is something {color} on screen?", where))
    elif family == "retrieval":
        for line in world.lines:
            about = line.text.rpartition(" the ")[2]
            where = tuple(other.span for other in world.lines if about in other.text)
            questions.append((f"When is the {about} mentioned?", where))
    fits = [(text, where) for text, where in questions if len(where) == 1 and iou([span], where) >= 0.5]
    if len(fits) != 1 or fits[0][0] == task.question:
        return None
    text, where = fits[0]
    meta = {name: task.meta[name] for name in ("gym", "clip_seconds") if name in task.meta} | {"asked": task.id}
    new_id = f"{task.id}-hindsight-{where[0].start:g}"
    return replace(task, id=new_id, question=text, truth=Truth(spans=where), meta=meta)


def _foreign(run: Rollout, task: Task) -> bool:
    """True if a call names what only the old question asks for."""
    only = set(content(run.task.question)) - set(content(task.question))
    texts = [value for call in run.calls for value in call.arguments.values() if isinstance(value, str)]
    return any(only & set(content(text)) for text in texts)
