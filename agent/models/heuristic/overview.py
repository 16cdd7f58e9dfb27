"""Answers about a whole video: summaries in order, facts of the file itself, and which of several videos it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Sequence

from ....memory import Span, clock
from ...answer import Draft, Evidence
from ...steps import Call, CallResult
from ...text_matching import content, rarity, tokens
from .passages import HeuristicContext, Passage, Strategy, cite, on_one_line
from .question_parser import LANGUAGES, query
from .ranking import WEAK, Ranking
from .reading import allowed, over_by_then
from .retrieval import Retrieval

_CITED = 8  # videos whose record is cited; the others are told of
_LONGEST = 110  # characters of one piece in a summary


def summary(retrieval: Retrieval) -> Strategy:
    """Summarize the text on the screen and the speech, chapter by chapter, without repeats."""
    if why := over_by_then(retrieval):
        return retrieval.first.abstain(why)
    lines: list[str] = []
    evidence: list[Evidence] = []
    for context in retrieval.contexts.values():
        result = yield context.over("browse", context.window, level="chapter")
        chapters = [Span(*row["span"]) for row in result.data.get("rows", ())] or [context.window]
        chapters = [c.within(context.window) for c in chapters if c.overlap(context.window) > 0] or chapters
        own = [p for p in allowed(retrieval) if p.video == context.video["id"]]
        written: set[str] = set()
        for chapter in chapters[:8]:
            near = [p for p in own if p.span.overlap(chapter) > 0]
            inside = [p for p in near if chapter.contains(min(max(p.span.middle, chapter.start), chapter.end - 1e-3))]
            chosen = _telling(retrieval, inside, written, 8 if len(chapters) == 1 and not retrieval.many else 4)
            screen = [f"“{_short(p.text)}”" for p in chosen if p.channel == "screen_text"]
            spoken = [_short(p.text, 220) for p in chosen if p.channel == "speech"]
            parts = [f"on the screen: {'; '.join(screen)}"] if screen else []
            parts += [f"it is said: {' … '.join(spoken)}"] if spoken else []
            rows = () if own else result.data.get("rows", ())
            gist = next((" ".join(row["texts"]) for row in rows if Span(*row["span"]) == chapter), "")
            line = "; ".join(parts) or _short(gist, 220)
            if line:
                head = f"{clock(chapter.start)}-{clock(chapter.end)} " if len(chapters) > 1 else ""
                name = f"{context.video['name']}: " if retrieval.many else ""
                lines.append(f"{name}{head}{line}" if name else f"{head}{line[:1].upper()}{line[1:]}")
                evidence += [context.evidence("the whole of it", chapter, "browse")] if not result.error else []
                evidence += [e for p in chosen for e in cite(p)]
    if not evidence:
        why = "There is no speech and no text to summarize, and describing pictures takes a Video-LMM."
        return retrieval.first.abstain(why)
    return Draft(text="\n".join(lines), evidence=tuple(evidence[:24]), confidence=0.6 if lines else 0.2)


def _telling(retrieval: Retrieval, inside: Sequence[Passage], written: set[str], most: int) -> list[Passage]:
    """The largest blocks and the most typical sentences, none told before, in order."""
    topic = set(content(" ".join(retrieval.question.topic)))
    stems = {id(p): set(content(p.text)) for p in inside}
    common = Counter(word for own in stems.values() for word in own)
    rare = rarity([list(own) for own in stems.values()])

    def worth(p: Passage) -> float:
        own = stems[id(p)]
        typical = sum(common[w] * rare[w] for w in own) / (4 + len(own))
        typical = typical if p.channel == "speech" else 10 * p.height * min(p.span.duration, 20)
        return (typical + 5 * len(own & topic)) * p.sure

    kept: list[Passage] = []
    for channel in ("screen_text", "speech"):
        ranked = sorted((p for p in inside if p.channel == channel and stems[id(p)]), key=worth, reverse=True)
        for p in ranked[: 4 * most]:
            bare = " ".join(sorted(stems[id(p)]))
            if bare not in written and len([k for k in kept if k.channel == channel]) < most:
                written.add(bare)
                kept.append(p)
    return sorted(kept, key=lambda p: p.span)


def _short(text: str, most: int = _LONGEST) -> str:
    line = on_one_line(text)
    return line if len(line) <= most else line[:most].rsplit(" ", 1)[0] + " …"


_ONLY = "not told: the recognizer knows one language only ({code}) and takes everything for it"


def about_file(retrieval: Retrieval) -> Generator[Call, CallResult, Draft]:
    """Answer how long a video is, whether it has sound, its language, its pictures, how many there are."""
    question, contexts = retrieval.question, list(retrieval.contexts.values())
    evidence, lines = [], []
    languages: dict[str, str] = {}
    assumed = False
    if question.fact == "language":
        for video in retrieval.contexts:
            spoken = [p for p in retrieval.of("speech") if p.video == video]
            written = next((p.language for p in spoken if p.language), "")
            if not written and (only := next((p.assumed_language for p in spoken if p.assumed_language), "")):
                written, assumed = _ONLY.format(code=only), True
            languages[video] = written or _language(" ".join(p.text for p in spoken))
    for index, context in enumerate(contexts):
        v = context.video
        if index < _CITED:
            yield context.call("browse", level="clip", end=min(context.whole.start + 1.0, context.whole.end))
        rate = f", {v['fps']:.4g} frames per second" if v.get("fps") else ""
        fact = {
            "length": f"{clock(context.whole.duration)} ({context.whole.duration:.1f} seconds)",
            "sound": "yes, it has a sound track" if v["has_audio"] else "no, it has no sound track",
            "language": languages.get(v["id"], ""),
            "picture": f"{v['width']}x{v['height']} pixels{rate}",
            "name": v["name"],
            "videos": f"{v['name']} ({clock(context.whole.duration)})",
        }[question.fact or "length"]
        if fact:
            lines.append(f"{v['name']}: {fact}" if retrieval.many and question.fact not in ("videos", "name") else fact)
            first = Span(context.whole.start, min(context.whole.start + 1.0, context.whole.end))
            evidence += [context.evidence(f"the file's record: {fact}", first, "browse")] if index < _CITED else []
    if not lines:
        why = "The language was not recorded when the speech was recognized; no speech tells it."
        return retrieval.first.abstain(why)
    named = re.search(r"\b(longest|shortest)\b", question.text.lower())
    if question.fact == "length" and retrieval.many and named:
        pick = (max if named[1] == "longest" else min)(contexts, key=lambda s: s.whole.duration)
        lines = [f"{pick.video['name']} is the {named[1]} ({clock(pick.whole.duration)})", *lines]
    text = f"{len(retrieval.contexts)}: {', '.join(lines)}" if question.fact == "videos" else "; ".join(lines)
    return Draft(text=text, evidence=tuple(evidence), confidence=0.5 if assumed else 0.95)


def _language(text: str) -> str:
    words = tokens(text)
    shares = {name: sum(word in small for word in words) / max(len(words), 1) for name, small in LANGUAGES.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= 0.2 else ""


def which_video(retrieval: Retrieval) -> Draft:
    """The videos in which it is said or shown, the best first, each with its words."""
    question = retrieval.question
    ranked = Ranking(question, [p for p in retrieval.passages if question.channel in (None, p.channel)]).rank()
    if question.phrase:
        ranked = [r for r in ranked if question.phrase.lower() in r.text.lower().replace("\n", " ")] or ranked
    best: dict[str, int] = {}
    for index, r in enumerate(ranked):
        if r.fit >= max(WEAK, 0.75 * ranked[0].fit):
            best.setdefault(r.passage.video, index)
    if not best:
        why = "Nothing that was recognized or read in the videos is plainly about this; pictures were not looked at."
        return retrieval.first.abstain(why)
    chosen = [ranked[index] for index in best.values()][:6]
    lines = [
        f"{retrieval.contexts[r.passage.video].video['name']} at {clock(r.passage.span.start)}: “{_short(r.text)}”"
        for r in chosen
    ]
    strong = chosen[0].fit >= 0.45
    text = lines[0] + ("\nalso " + "\nalso ".join(lines[1:]) if len(lines) > 1 else "")
    evidence = tuple(e for r in chosen for e in cite(r.passage, r.text))
    return Draft(text=text if strong else f"closest: {text}", evidence=evidence, confidence=0.75 if strong else 0.3)


def videos_named(retrieval: Retrieval) -> list[HeuristicContext]:
    """The videos that the question names by their file names."""
    query_words, named = set(query(retrieval.question.text)), []
    for context in retrieval.contexts.values():
        words = re.split(r"\W|_", context.video["name"].lower().rsplit(".", 1)[0])
        own = {word for word in words if len(word) > 3}
        named += [context] if own and own <= query_words else []
    return named
