"""Tell what a prompt asks from what it says about the answer, the frames or the one who answers."""

from __future__ import annotations

import re

_SOFT = r"(?:(?:and|so|now|then|please|kindly|finally|directly|simply|just|only|always|first|try\s+to|you\s+(?:must|should|need\s+to|have\s+to|can|may)|your\s+task\s+is\s+to)\b[\s,]*){0,4}"
_WRITES = (
    rf"^\W{{0,12}}{_SOFT}(?:answer|respond|reply|output|return|give|provide|select|choose|pick|write|report|state|indicate|conclude|end|format|list|separate|join|keep|make|limit|"
    r"print|present|express|put|enclose|wrap|include|use|place)\b"
)
_SHAPE = (
    r"\b(?:answers?|responses?|options?|choices?|letters?|formats?|formatted|json|tags?|only|directly|multiple-choice|multi-choice|"
    r"mcq|characters?|as\s+an?|as\s+follows|with\s+(?:an?|the|one|only|just|either|your)|using\s+an?|in\s+(?:an?|one|the\s+(?:form|following))|"
    r"yes|no\b(?!\s+\w)|(?:start|end|starting|ending)\s+(?:time|and)|timestamps?|coordinates|boxed|text|explanation|step[\s-]+by[\s-]+step|questions?|briefly|concisely|short|concise|words?|"
    r"with\s+\S{1,20}\s+or\s+\S{1,20}|true|false|seconds|(?:hh:)?mm:ss)\b|\b(?:as|in|like)\s*[:\[(<{\"'“`]|<\w+>"
)
_INSTRUCTION = re.compile(rf"{_WRITES}[^?？]{{0,600}}?(?:{_SHAPE})", re.IGNORECASE)
"""A piece that says how to write the answer."""
_FIRM = re.compile(
    r"\b(?:answer|respond|reply|output|return|response)\b[^.?!？\n]{0,40}\b(?:letters?|options?|choices?|single|only|directly)\b"
    r"|^\W{0,12}(?:\d+\.\s*)?[\"'“`]\w{1,40}[\"'”`]\s*[:：]|\bjson\b|^[^?？]{0,80}\b(?:output|format|example)\b[^?？]{0,40}[:：]\W*$",
    re.IGNORECASE,
)
"""What only a piece about the answer has, wherever in it: `… and respond with the letter`, a key of JSON."""
_ROLE = re.compile(
    rf"^\W{{0,12}}{_SOFT}(?:"
    r"you\s+(?:are|will|have|can|should|must)\s|you['’](?:re|ll|ve)\s|as\s+an?\s+(?:expert|assistant|ai)\b|act\s+as\b|"
    r"(?:these|this|here|below|above|the\s+following)\s+(?:is|are)\s+(?:(?:the|a|an|some|\d+|your|all|uniformly|sampled|several)\s+){0,3}"
    r"(?:\w+\s+){0,2}(?:frames?|images?|video|clip|options?|pictures?|choices?|questions?|screenshots?)\b|"
    r"the\s+(?:input|provided|given|following|above|\w+)?\s*(?:video|frames?|images?|clips?)\s+(?:is|are|has|have|was|were|consists?|contains?)\s+(?:\w+\s+){0,3}"
    r"(?:sampled|provided|given|shown|extracted|frames|below|divided|captured|uniformly|of)\b|"
    r"(?:please\s+)?(?:carefully\s+)?(?:watch|view|look\s+at|observe|review|analy[sz]e|examine|study|read|pay|consider|go\s+through|focus)\b"
    r"(?!.{0,160}\b(?:and|then|to)\s+(?:count|describe|tell|explain|identify|determine|find|summari[sz]e|list|decide|infer|estimate|predict|locate|name|say|caption))|"
    r"carefully\b|based\s+on\s+(?:your|the|this|what|these|that)\b|according\s+to\s+(?:the|this)\s+(?:video|frames?|images?)[,.]?$|"
    r"ignore\b|the\s+(?:image|images|video|frames?|picture)s?\s+(?:for|of|to)\s+(?:this|the|each)\s+(?:\w+\s+)?question\b|"
    r"[^\n]{0,200}\b(?:following|above|below|next|given|provided)\s+(?:[\w-]+\s+){0,3}questions?(?:\s+(?:about|based|from|regarding|on|according|using|with|that)\b[^\n]{0,120})?[.:：]?$|"
    r"(?:there\s+(?:may|can|might)\s+be\s+)?(?:more\s+than\s+one|several|multiple|one\s+or\s+more|only\s+one|exactly\s+one)\s+(?:\w+\s+){0,3}"
    r"(?:options?|answers?|choices?|letters?)\b|(?:请|直接|只|仅|从).{0,40}(?:字母|选项|答案|格式|回答|选择)|"
    r"(?:your\s+)?tasks?\s*[:：][\s\d.]*$|(?:the\s+)?(?:above|below|following)\s+(?:choices|options|candidates)\s+(?:are|have|is)\b|"
    r"i\s+(?:will|am\s+going\s+to|provide|have\s+provided|give|want\s+you)\b|now,?\s+i\s+will\b|"
    r"note\b|important\b|make\s+sure\b|ensure\b|remember\b|do\s+not\b|don['’]t\b|never\b|avoid\b|even\s+(?:when|if)\b|"
    r"for\s+example\b|e\.g\.|example\s*(?:output|answer|response|format)|hint\b|"
    r"(?:the|your)\s+(?:\w+\s+)?(?:format|output|answer|response|reply|question|reasoning)\s+(?:should|must|will|needs?|has|is\s+(?:to|in|as|a|one)|format)\b|"
    r"(?:begin|start|conclude|finish|end)\s+(?:by|with|your)\b|think\b|let['’]s\b|explain\s+your\b|first,?\s+(?:think|reason|watch)\b|"
    r"after\s+(?:going|watching|viewing|that|thinking|reasoning)\b|there\s+(?:is|are)\s+(?:only\s+)?(?:one|exactly)\b|"
    r"if\s+(?:none|you|unsure|uncertain|there|multiple|the\s+(?:answer|question|video|event))\b|when\s+(?:unsure|you)\b|where\s+[$<{\[]|"
    r"(?:follow|use|keep|strictly|output)\b.{0,40}\b(?:format|instructions?|structure|style)\b|(?:output|answer|response|reply)\s+format\b|"
    r"no\s+(?:other|additional|extra|explanation)\b|(?:\w+\s+){0,2}(?:letter|number|option)\s+only\b|without\s+(?:any|explanation|further)\b"
    r")",
    re.IGNORECASE,
)
"""A piece about the one who answers, the frames, or how to go about it."""
CUE = re.compile(
    r"^\W{0,12}(?:(?:so|therefore|thus)\b[\s,]*)?(?:(?:the|your|my)\s+)?(?:(?:best|correct|right|final|most\s+likely)\s+)*(?:answers?|options?|choices?|"
    r"candidates?|response|output|solution|correct|prediction|请回答|回答|答案|选项)(?:\s+(?:is|letter|list|choices|options|candidates|are))?"
    r"(?:\s+(?:listed|given|as\s+follows|below))?\s*(?:[:：]?[\s(（\[*_\"'<]*)$",
    re.IGNORECASE,
)
"""A piece that only opens options or an answer: `Options:`, `The best answer is:`, `Best option: (`."""
_SHOWN = re.compile(
    r"^\W{0,12}(?:<(\w+)>[^\n]*</\1>|(?:(?:the|my)\s+)?(?:final\s+|best\s+|correct\s+)?(?:answer|option|choice)\s*(?:[:：]|is)\s*\S{1,20})[\s.]*$",
    re.IGNORECASE,
)
"""A line that shows how an answer looks: `<answer>A</answer>`, `Answer: X`."""
_LABEL = re.compile(
    r"^[ \t*_#>\[]{0,6}(?:(?:the|user|my|input|textual)\s+)?(?:question|query|q|问题|problem)(?:\s+(?:is|text))?(?:\s?\d{1,3})?[ \t*_\]]{0,4}[:：][ \t*_]*",
    re.IGNORECASE,
)
_LEADS = re.compile(
    r"^\W{0,6}(?:[^\n.?!:：]{0,80}\b)?(?:question|query|sentence|description)s?(?:\s+(?:is|below|text|here|based|about|on|from|according)\b[^\n.?!:：]{0,60})?[ \t*_]{0,4}[:：][ \t*_]*(?=[^\s\"“])",
    re.IGNORECASE,
)
"""A piece that leads to the question, with words around its label: `Now answer the following question: …`."""
_SPLIT = re.compile(
    r"(\n+|(?<!e\.g\.)(?<!i\.e\.)(?<!\.\.)(?<=[.!?。！？])[\"'”’)]?[ \t]+(?=[^\s.a-z])|(?<=[a-z)\"”][.!?])(?=[A-Z][a-z])|(?<=[。！？]))"
)


def pieces(text: str) -> list[str]:
    """The lines and sentences of a text, each with what separates it from the next behind it."""
    parts = _SPLIT.split(text)
    return [piece + (parts[n + 1] if n + 1 < len(parts) else "") for n, piece in enumerate(parts) if n % 2 == 0]


def is_instruction(piece: str) -> bool:
    """Return whether a piece is about the answer, the frames or the one who answers, and not what is asked."""
    piece = piece.strip()
    if CUE.match(piece) or _INSTRUCTION.match(piece) or _SHOWN.match(piece):
        return True
    return bool(_ROLE.match(piece) or _FIRM.search(piece)) and not re.search(r"[?？]", piece)


def writes(piece: str) -> bool:
    """Return whether a piece opens an answer or says how to write it."""
    piece = piece.strip()
    return bool(CUE.match(piece) or _INSTRUCTION.match(piece))


def labeled(line: str) -> str | None:
    """The label that a line begins with which says that the question follows (`Question:`); None without one."""
    found = _LABEL.match(line)
    return found[0] if found else None


def lead(piece: str) -> str | None:
    """The beginning of a piece that leads to the question, a label or a clause that ends so; None without one."""
    found = _LABEL.match(piece) or _LEADS.match(piece)
    return found[0] if found else None
