"""Teachers: each drafts, refines, and has its trace audited; of several, what they agree on is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from langchain_core.language_models import BaseChatModel

from ...agent.graph import Loop
from ...agent.text_matching import alphanumeric
from ...tools import Budget
from ..data.task import Task
from ..rewards import extraction
from ..rewards.spans import iou
from ..rollouts.collector import Collector, failure, seed_of
from ..rollouts.rollout import Rollout
from .audit import Audit, AuditResult
from .conversations import PreferencePair
from .draft_notes import notes, texts_loop
from .rerun import rerun, script_of

BUDGET = Budget(frames=256, calls=12, tokens=None, seconds=None)
"""Of one run, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """A maker of traces: any chat model that can drive the loop (`agent.load_policy` loads them by name)."""

    name: str
    policy: BaseChatModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The yield of a task."""

    task: Task
    kept: tuple[Rollout, ...] = ()
    pairs: tuple[PreferencePair, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The fate of each teacher's trace: `kept`, `agrees` (like one that is kept), `disagreed`, `alone` (too few
    agree with it), or why the audit refused it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teachers:
    """The way in which teachers make traces.

    Args:
        loop: memory, tools and words, as the policy will be trained and used with; its own policy is not asked.
        teachers: at least one, names all different.
        audit: which traces may be learnt from.
        budget: limits of each run; the prompt tells of them, so they are best those of training and use.
        drafts: whether a teacher first reads what was said and written, and is told on a second run where to look.
            What it was told is left out of the trace: its calls and its answer are run again without.
        agree: how many teachers must give the same answer; None: all of them.
        seed: of the teachers' sampling.
    """

    loop: Loop
    teachers: Sequence[Teacher]
    audit: Audit = field(default_factory=Audit)
    budget: Budget = BUDGET
    drafts: bool = True
    agree: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        names = [teacher.name for teacher in self.teachers]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"Give at least one teacher, each with a name of its own, not {names}.")
        if self.agree is not None and not 1 <= self.agree <= len(names):
            raise ValueError(f"{self.agree} of {len(names)} teachers cannot agree.")

    def __call__(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Work on tasks; gives the outcome of each, in their order; the runs of one teacher go side by side."""
        traces = {teacher.name: self.traces(teacher, tasks) for teacher in self.teachers}
        return [self._outcome(task, {name: made[n] for name, made in traces.items()}) for n, task in enumerate(tasks)]

    def traces(self, teacher: Teacher, tasks: Sequence[Task]) -> list[Rollout]:
        """One trace of each task, not judged yet; a run that failed stands as it is."""
        seed = seed_of("teach", self.seed, teacher.name)
        seeing = replace(self.loop, policy=teacher.policy)
        drafts: list[Rollout | None] = [None] * len(tasks)
        guidance: dict[str, str] = {}
        if self.drafts:
            blind = Collector(loop=texts_loop(seeing), budget=self.budget)
            drafts = list(blind(tasks, 1, seed=seed))
            able = [draft if draft and failure(draft) is None else None for draft in drafts]
            texts = [notes(self.loop, task, draft) for task, draft in zip(tasks, able, strict=True)]
            guidance = {task.id: text for task, text in zip(tasks, texts, strict=True) if text}
        refine = Collector(loop=seeing, budget=self.budget)
        refined = refine(tasks, 1, seed=seed_of("refine", seed), guidance=guidance)
        meta = {"by": "teacher", "teacher": teacher.name}
        made = []
        for task, draft, run in zip(tasks, drafts, refined, strict=True):
            if failure(run) is not None or not guidance.get(task.id):
                made.append(replace(run, meta={**run.meta, **meta}))
                continue
            # What found the place by words comes first, as the notes had it; where it found nothing, the looks stand.
            runs = [draft, run] if draft is not None and _led(draft, run) else [run]
            script = script_of(*(one for one in runs if one is not None))
            made.append(rerun(self.loop, task, script, budget=self.budget, meta=meta) if script else run)
        return made

    def _outcome(self, task: Task, traces: Mapping[str, Rollout]) -> Outcome:
        found = {name: self.audit(trace) for name, trace in traces.items()}
        passed = {name: traces[name] for name, one in found.items() if one.passed}
        reasons = {name: one.reason or "alone" for name, one in found.items()}
        agreed = _largest(passed, traces)
        needed = len(self.teachers) if self.agree is None else self.agree
        kept: tuple[Rollout, ...] = ()
        if agreed and len(agreed) >= needed:
            best = min(agreed, key=lambda name: (len(traces[name].calls), list(traces).index(name)))
            kept = (_with_rewards(traces[best], found[best], agreed=len(agreed)),)
            reasons |= dict.fromkeys(agreed, "agrees") | {best: "kept"}
        elif passed:
            apart = any(not same_answer(trace, one) for one in passed.values() for trace in traces.values())
            reasons |= dict.fromkeys(passed, "disagreed" if apart else "alone")
        return Outcome(task=task, kept=kept, pairs=self._pairs(traces, found), reasons=reasons)

    def _pairs(self, traces: Mapping[str, Rollout], found: Mapping[str, AuditResult]) -> tuple[PreferencePair, ...]:
        """Pair the best trace with each other one that answers differently, where the audit can tell who is right."""
        good = [name for name in traces if found[name].passed]
        if not good:
            return ()
        best = min(good, key=lambda name: len(traces[name].calls))
        pairs = []
        for name, trace in traces.items():
            margin = found[best].rewards["task"] - found[name].rewards["task"]
            if name in good or failure(trace) is not None or not trace.own or margin <= 0:
                continue
            if same_answer(traces[best], trace):
                continue
            why = f"{best} over {name}: {found[name].reason}"
            chosen, rejected = _with_rewards(traces[best], found[best]), _with_rewards(trace, found[name])
            pairs.append(PreferencePair(chosen=chosen, rejected=rejected, margin=margin, why=why))
        return tuple(pairs)


def same_answer(one: Rollout, other: Rollout) -> bool:
    """True if two runs of a task answer alike: the same options, number or words; places with a tIoU of 0.5."""
    if one.answer.abstained or other.answer.abstained:
        return one.answer.abstained and other.answer.abstained
    task = one.task
    letters = extraction.letters(one), extraction.letters(other)
    if task.options and any(letters):
        return letters[0] == letters[1]
    if task.kind == "temporal":
        return iou(extraction.spans(one), extraction.spans(other)) >= 0.5
    numbers = extraction.number(one), extraction.number(other)
    if task.kind in ("numeric", "count") and None not in numbers:
        return math.isclose(*numbers, abs_tol=max(task.truth.tolerance, 1e-9))  # type: ignore[arg-type]
    return alphanumeric(extraction.words(one)) == alphanumeric(extraction.words(other))


def _largest(passed: Mapping[str, Rollout], traces: Mapping[str, Rollout]) -> list[str]:
    """The names of the most traces that passed and answer alike."""
    groups = [[name for name in passed if same_answer(passed[name], one)] for one in passed.values()]
    return max(groups, key=len, default=[])


def _led(draft: Rollout, run: Rollout) -> bool:
    """True if what the draft brought back holds a place that the other run looked at."""
    found = [look.uri for look in draft.looked if look.uri.span]
    looked = [look.uri for look in run.looked if look.uri.span]
    return any(a.video == b.video and a.span and b.span and a.span.overlap(b.span) > 0 for a in found for b in looked)


def _with_rewards(trace: Rollout, found: AuditResult, **more: object) -> Rollout:
    """The trace with what the audit gave it."""
    rewards = {name: round(value, 4) for name, value in found.rewards.items()}
    return replace(trace, meta={**trace.meta, "rewards": rewards, **more})
