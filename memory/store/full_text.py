"""Words for the full-text index: what is stored, and how a question becomes a safe FTS5 query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Scripts written without spaces: each character becomes a token, and a query matches pairs of neighbours.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED_CHARACTER = re.compile(rf"([{_UNSPACED}])")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]+")

# Words that questions are made of and that say nothing about what is looked for.
STOP_WORDS = frozenset(
    "a about after all also am an and any are as at be because been before being between both but by can could did do "
    "does doing during each few for from further had has have having he her here hers him his how i if in into is it "
    "its just me more most my no nor not of off on once only or other our out over own same she should so some such "
    "than that the their them then there these they this those through to too under until up very was we were what "
    "when where which while who whom why will with would you your".split()
)


def indexed_form(text: str) -> str:
    """The text as the full-text index stores it: unspaced scripts are taken apart into characters."""
    return _UNSPACED_CHARACTER.sub(r" \1 ", text)


_PLACES = {
    "top": "top upper above",
    "bottom": "bottom lower below",
    "left": "left",
    "right": "right",
    "center": "center centre middle",
    "large": "large larger largest big bigger biggest huge giant",
    "small": "small smaller smallest tiny little fine",
}
_MARK_OF = {word: f"zz{place}" for place, words_ in _PLACES.items() for word in words_.split()}
_WRITTEN = re.compile(
    r"\b(writ(ten|ing)|texts?|words?|letters?|letterings?|lettered|print(ed)?|signs?|captions?|titles?|headlines?|"
    r"headings?|labels?|labell?ed|logos?|numbers?|digits?|reads?|says?|screens?|corner|banners?|scoreboards?|watermarks?)\b",
    re.IGNORECASE,
)


def marks(data: Mapping[str, Any]) -> str:
    """Return the marks that are indexed with a text for its place and size on screen; no word of any language."""
    places = f"{data.get('place', '')} {data.get('size', '')}".split()
    return "".join(f" {_MARK_OF[word]}" for word in places if word in _MARK_OF)


def asked_marks(query: str) -> list[str]:
    """The marks that an English question about writing asks for: "the word in large letters at the top"."""
    if not _WRITTEN.search(query):
        return []
    return list(dict.fromkeys(_MARK_OF[word] for word in re.findall(r"[a-z]+", query.lower()) if word in _MARK_OF))


def words(text: str) -> list[str]:
    """Lower-case words of a text without stop words; all of them when nothing else is left."""
    found = re.findall(r"[^\W_]+", text.lower())
    return [word for word in found if word not in STOP_WORDS] or found


def match_expression(query: str) -> str:
    """An FTS5 query that matches any word of `query`; each is quoted, so nothing in it is syntax. May be empty."""
    terms: dict[str, None] = {}
    for word in words(query):
        for run in _UNSPACED_RUN.findall(word):
            pairs = [run[i : i + 2] for i in range(len(run) - 1)] or [run]
            terms.update((" ".join(pair), None) for pair in pairs)
        terms.update((rest, None) for rest in _UNSPACED_RUN.sub(" ", word).split())
    terms.update((mark, None) for mark in asked_marks(query))
    return " OR ".join(f'"{term}"' for term in terms)
