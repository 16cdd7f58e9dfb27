"""Tell what a prompt asks from what it says about the answer, the frames or the one who answers."""

from __future__ import annotations

import re

from .phrases import phrases

_BEGIN = r"^\W{0,12}"
_SOFT = (
    r"(?:(?:and|so|now|then|else|otherwise|please|kindly|finally|directly|simply|just|only|always|first|try to|"
    r"you (?:must|should|need to|have to|can|may)|your task is to)\b[\s,]*){0,4}"
)
"""Words before a verb that say nothing."""
_VERBS = (
    r"(?:answer|respond|reply|output|return|give|offer|provide|select|choose|pick|write|report|state|indicate|conclude|end|"
    r"format|list|separate|join|keep|make|limit|print|present|express|put|enclose|wrap|include|use|place)\b[^?？]{0,600}?"
)
_INSTRUCTION = phrases(
    r"\b(?:answers?|responses?|reply|replies|options?|choices?|letters?|questions?|mcq|multiple-choice|multi-choice)\b",
    r"\b(?:formats?|formatted|json|tags?|boxed|text|characters?|words?|explanation|coordinates|timestamps?|seconds|keys?|fields?)\b",
    r"\b(?:only|directly|briefly|concisely|short|concise|step[\s-]+by[\s-]+step)\b",
    r"\b(?:as an?|as follows|using an?|in (?:an?|one|the (?:form|following)))\b",
    r"\bwith (?:an?|the|one|only|just|either|your)\b",
    r"\bwith \S{1,20} or \S{1,20}\b",
    r"\bjust (?:the|an?|one) (?:\w+ )?(?:numbers?|integers?|digits?|names?)\W*$",
    r"\b(?:yes|true|false|no\b(?! \w))\b",
    r"\b(?:start|end|starting|ending) (?:time|and)\b",
    r"\b(?:hh:)?mm:ss\b",
    r"\b(?:as|in|like)\s*[:\[(<{\"'“`]",
    r"<\w+>",
    before=_BEGIN + _SOFT + _VERBS,
)
"""A piece that says how to write the answer: a verb, and behind it the shape of an answer."""
_THEN_ASKS = phrases(
    r"[^\n?？:：]{0,60}[:：] (?:what|when|where|which|who|whose|how|why|is|are|was|were|does|do|did|can|has)\b"
    r"[^?？]{0,600}[?？]"
)
"""A piece that asks behind its instruction: `Pick one: which of them …?`."""
_FIRM = phrases(
    r"\b(?:answer|respond|reply|output|return|response)\b[^.?!？\n]{0,40}\b(?:letters?|options?|choices?|single|only|directly)\b",
    r"^\W{0,12}(?:\d+\.\s*)?[\"'“`]\w{1,40}[\"'”`]\s*[:：]",
    r"\bjson\b",
    r"<(\w{1,20})>[^<>\n]{0,80}</\1>",
    r"^[^?？]{0,80}\b(?:output|format|example)\b[^?？]{0,40}[:：]\W*$",
    r"^[^?？]{0,90}\bformat\b[^?？]{0,40}[:：]",
)
"""What only a piece about the answer has, wherever in it: `… and respond with the letter`, a key of JSON."""
_MEDIA = r"(?:frames?|images?|videos?|clips?|pictures?|screenshots?)"
_ASKS_ON = (
    r"(?!.{0,160}\b(?:and|then|to) (?:count|describe|tell|explain|identify|determine|find|summari[sz]e|list|decide|"
    r"infer|estimate|predict|locate|name|say|caption))"
)
"""Not where a verb follows that asks: `Watch the video and count …`."""
_ROLE = phrases(
    # about the one who answers
    r"you (?:are|will|have|can|should|must)\s|you['’](?:re|ll|ve)\s",
    r"as an? (?:expert|assistant|ai)\b|act as\b",
    r"i (?:will|am going to|provide|have provided|give|want you)\b|now,? i will\b",
    r"(?:your )?tasks?\s*[:：][\s\d.]*$",
    # about what is shown
    r"(?:these|this|here|below|above|the following) (?:is|are) "
    r"(?:(?:the|a|an|some|\d+|your|all|uniformly|sampled|several) ){0,3}"
    rf"(?:\w+ ){{0,2}}(?:{_MEDIA}|options?|choices?|questions?)\b",
    r"the video lasts (?:for )?[\d.]+ ?s(?:ec\w*)?\b|these frames are (?:located|sampled|taken)\b",
    r"(?:the )?(?:\w+ ){0,3}timestamps? (?:of [^.?\n]{0,60} )?(?:are|is)\s*[:：]?\s*[\[\d]",
    r"the (?:input|provided|given|following|above|\w+)?\s*(?:video|frames?|images?|clips?) "
    r"(?:is|are|has|have|was|were|consists?|contains?) "
    r"(?:\w+ ){0,3}(?:sampled|taken|drawn|provided|given|shown|extracted|frames|below|divided|captured|uniformly|of)\b",
    r"the (?:images?|video|frames?|pictures?) (?:for|of|to) (?:this|the|each) (?:\w+ )?question\b",
    r"(?:the )?(?:above|below|following) (?:choices|options|candidates) (?:are|have|is)\b",
    # about how to look
    r"(?:carefully )?"
    r"(?:watch|view|look at|observe|review|analy[sz]e|examine|study|read|pay|consider|go through|focus)\b" + _ASKS_ON,
    r"carefully\b|ignore\b",
    r"based on (?:your|the|this|what|these|that)\b",
    rf"according to (?:the|this) {_MEDIA}[,.]?$",
    r"after (?:going|watching|viewing|that|thinking|reasoning)\b",
    # about how to think and to write
    r"think\b|let['’]s\b|explain your\b|first,? (?:think|reason|watch)\b",
    r"(?:begin|start|conclude|finish|end) (?:by|with|your)\b",
    r"note\b|important\b|hint\b|make sure\b|ensure\b|remember\b|do not\b|don['’]t\b|never\b|avoid\b",
    r"even (?:when|if)\b|when (?:unsure|you|the (?:\w+ )?information)\b|where\s+[$<{\[]",
    r"if (?:none|you|unsure|uncertain|there|multiple|the (?:answer|question|video|event))\b",
    r"if (?:it|this|that|no|nothing|nobody)\b.{0,80}\b(?:answer|respond|reply|output|return|write|say)\b|otherwise\b",
    r"(?:answer|respond|reply|output|return|write|say)(?: with)? [\"'“‘][^\n\"”]{2,60}[\"'”’] (?:if|when|where)\b",
    r"for example\b|e\.g\.|example\s*(?:output|answer|response|format)|an? (?:\w+ )?example (?:is|would be|of)\b",
    r"(?:the|your) (?:\w+ )?(?:format|output|answer|response|reply|question|reasoning)"
    r" (?:should|must|will|needs?|has|is (?:to|in|as|a|one|[\"'“‘])|format)\b",
    r"(?:follow|use|keep|strictly|output)\b.{0,40}\b(?:format|instructions?|structure|style)\b",
    r"(?:output|answer|response|reply) format\b",
    r"no (?:other|additional|extra|explanation)\b|without (?:any|explanation|further)\b",
    r"(?:\w+ ){0,2}(?:letter|number|option) only\b",
    r"there (?:is|are) (?:only )?(?:one|exactly)\b",
    r"(?:there (?:may|can|might) be )?(?:more than one|several|multiple|one or more|only one|exactly one) (?:\w+ ){0,3}"
    r"(?:options?|answers?|choices?|letters?)\b",
    r"(?:请|直接|只|仅|从).{0,40}(?:字母|选项|答案|格式|回答|选择)",
    # what leads to the question
    r"[^\n]{0,200}\b(?:following|above|below|next|given|provided) (?:[\w-]+ ){0,3}questions?"
    r"(?: (?:about|based|from|regarding|on|according|using|with|that)\b[^\n]{0,120})?[.:：]?$",
    before=_BEGIN + _SOFT,
)
"""A piece about the one who answers, the frames, or how to go about it."""
_GREETS = phrases(
    r"(?:many )?(?:thanks|thank you|thx|cheers)\b[^?？\n]{0,40}$",
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening))\b[\w\s,]{0,20}[.!]+$",
    before=_BEGIN + _SOFT,
)
"""What people say beside a question."""
CUE = re.compile(
    r"^\W{0,12}(?:(?:so|therefore|thus)\b[\s,]*)?(?:(?:the|your|my)\s+)?(?:(?:best|correct|right|final|short|brief|most\s+likely)\s+)*"
    r"(?:answers?|options?|choices?|candidates?|response|output|solution|correct|prediction|请回答|回答|答案|选项)"
    r"(?:\s+(?:is|letter|list|choices|options|candidates|are))?(?:\s+(?:listed|given|as\s+follows|below))?"
    r"\s*(?:[:：.]?[\s(（\[*_\"'<]*)$",
    re.IGNORECASE,
)
"""A piece that only opens options or an answer: `Options:`, `The best answer is:`, `Best option: (`."""
_SHOWN = phrases(
    r"<(\w+)>[^\n]*</\1>",
    r"(?:(?:the|my) )?(?:(?:final|best|correct) )?(?:answer|option|choice)\s*(?:[:：]|is)\s*\S{1,20}",
    before=_BEGIN,
    behind=r"[\s.]*$",
)
"""A line that shows how an answer looks: `<answer>A</answer>`, `Answer: X`."""
_LABEL = re.compile(
    r"^[ \t*_#>\[]{0,6}(?:(?:the|user|my|input|textual)\s+)?(?:question|query|q|问题|problem)"
    r"(?:\s+(?:is|text))?(?:\s?\d{1,3})?[ \t*_\]]{0,4}[:：][ \t*_]*",
    re.IGNORECASE,
)
_LEADS = re.compile(
    r"^\W{0,6}(?:[^\n.?!:：]{0,80}\b)?(?:question|query|sentence|description)s?"
    r"(?:\s+(?:is|below|text|here|based|about|on|from|according)\b[^\n.?!:：]{0,60})?"
    r"[ \t*_]{0,4}[:：][ \t*_]*(?=[^\s\"“])",
    re.IGNORECASE,
)
"""A piece that leads to the question, with words around its label: `Now answer the following question: …`."""
_SPLIT = re.compile(
    r"(\n+|(?<!e\.g\.)(?<!i\.e\.)(?<!\.\.)(?<=[.!?。！？])[\"'”’)]?[ \t]+(?=[^\s.a-z])"
    r"|(?<=[a-z)\"”][.!?])(?=[A-Z][a-z])|(?<=[。！？]))"
)


def pieces(text: str) -> list[str]:
    """The lines and sentences of a text, each with what separates it from the next behind it."""
    parts = _SPLIT.split(text)
    return [piece + (parts[n + 1] if n + 1 < len(parts) else "") for n, piece in enumerate(parts) if n % 2 == 0]


def is_instruction(piece: str) -> bool:
    """Return whether a piece is about the answer, the frames or the one who answers, and not what is asked."""
    piece = piece.strip()
    if writes(piece) or _SHOWN.match(piece) or greets(piece):
        return True
    return bool(_ROLE.match(piece) or _FIRM.search(piece)) and not re.search(r"[?？]", piece)


def is_about_answer(piece: str) -> bool:
    """Return whether a piece has what only those about the answer have: `Output JSON:`, `and reply with the letter`."""
    return bool(_FIRM.search(piece.strip()))


def greets(piece: str) -> bool:
    """Return whether a piece greets or thanks and says nothing else."""
    return bool(_GREETS.match(piece.strip()))


def writes(piece: str) -> bool:
    """Return whether a piece opens an answer or says how to write it, and asks nothing behind that."""
    piece = piece.strip()
    return bool(CUE.match(piece) or _INSTRUCTION.match(piece)) and not _THEN_ASKS.match(piece)


def label_of(line: str) -> str | None:
    """The label that a line begins with which says that the question follows (`Question:`); None without one."""
    found = _LABEL.match(line)
    return found[0] if found else None


def lead(piece: str) -> str | None:
    """The beginning of a piece that leads to the question, a label or a clause that ends so; None without one."""
    found = _LABEL.match(piece) or _LEADS.match(piece)
    return found[0] if found else None
