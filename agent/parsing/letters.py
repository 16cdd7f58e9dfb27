"""The options that a text chooses: by its letters, else by the options' own words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_ARTICLES = ("a ", "an ", "the ")
_NOUN = (
    r"(?:answers?|options?|choices?|letter|response|antwort|lösung|respuesta|opci[oó]n|r[ée]ponse|risposta|resposta|"
    r"ответ)"
)
_IS = r"(?:is|are|was|would\s+be|should\s+be|must\s+be|could\s+be|has\s+to\s+be|ist|lautet|es|est|è|é)"
_SURELY = (
    r"(?:probably|likely|most\s+likely|clearly|definitely|certainly|therefore|thus|then|either|indeed|simply|just|"
    r"correct|right|best|final|option|choice|letter|answer|the|my|to\s+be|selecting|choosing|is|la|el|le|die|il)"
)
_STATES = re.compile(
    r"\b(?:option|choice|letter)(?=\s+\W{0,3}[a-z]\b\W*\s(?:is|seems|looks)\s+(?:the\s+)?(?:best|right|correct|answer)\b)"
    rf"|\b{_NOUN}(?:\s+\w+){{0,3}}?\s+{_IS}\b(?:\s+{_SURELY}\b){{0,4}}\s*[:=]?"
    rf"|\b{_NOUN}\s*[:=]|\b{_NOUN}['’]s\b"
    rf"|\b(?:so|therefore|thus|hence|left\s+with)\b[\s,:]+(?:it(?:['’]s|\s+is)\s+)?(?:(?:the\s+)?{_NOUN}\s+)?(?=\W{{0,3}}[a-z]\b)"
    r"|\b(?:wait|actually|correction)\b[\s,:.–—-]*(?:no\b[\s,:.]*)?(?:actually\b[\s,]*)?(?:it(?:['’]s|\s+is)\s+)?(?=\W{0,3}[a-z]\b)"
    r"|\b(?:that|which|this)\s+(?:only\s+)?leaves(?:\s+(?:us\s+with|only|just|option|choice)\b){0,2}"
    rf"|\b(?:choose|choosing|chose|pick|picked|select|selected|go(?:ing)?\s+with|go\s+for|vote\s+for)"
    rf"(?:\s+{_SURELY}\b){{0,3}}\s*:?"
    rf"|\b(?:it|that)\s*(?:['’]s|\s+{_IS})(?:\s+{_SURELY}\b){{0,4}}"
    r"|答案?(?:应该|應該)?(?:是|为|為|选|選)\s*[:：]?|答案?\s*[:：]"
    r"|(?:应|應|故|所以|我|该|該|正确)?(?:选择|選擇|选项|選項|选|選)(?:是|为|為)?\s*[:：]?"
    r"|(?:正解|答え|正答)は?\s*[:：]?|정?답은?\s*[:：]?",
    re.IGNORECASE,
)
"""What says that a letter behind it is the answer."""
_FINAL = re.compile(r"\bfinal\s+(?:answer|choice)\b|\b(?:wait|actually|correction)\b|最终答案|最終答案", re.IGNORECASE)
_OPENING = re.compile(r"[\s*_`\"'“”‘’«»$(\[{（【「<>|]*")
_CLOSING = re.compile(r"[\s*_`\"'“”‘’«»$)\]}）】」>.。:：,，;!?？|]*")
_LEAD = re.compile(
    r"[\W_]*(?:(?:definitely|certainly|clearly|probably|surely)\b[\s,:]*)?"
    rf"(?:(?:(?:so|thus|therefore|hence|ok|okay|well)\b[\s,]*)?(?:my\s+|the\s+)?(?:(?:correct|best|final|right)\s+)*"
    rf"{_NOUN}(?:\s+{_IS}\b)?(?:\s+(?:option|choice|letter))?[\W_]*)?",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"[)\]}）】*_\"'”’]*(?:[.．:：、,，;!?？)\]）】]+(?:[*_\"'”’)]*)(?=\s|$|[^\x00-\x7f])|\s*$|\s*\n|\s+[-–—=]+\s|\s+[(（]|[*_]+\s|(?=[\u3040-\u30ff\u3400-\u9fff]))"
)
_JOINED = re.compile(r"[).:]\s?(?=[^\W\d_]{2,}|\d)")
_WHY = re.compile(
    r"\s+(?:because|since|as|for|over|is|was|due|given|and|or|but|which|not|rather|instead|ist|weil|es|est|car)\b", re.I
)
_LINKS = re.compile(
    r"(?:[\s,，、;/|&+(\[–—-]|(?:and|or|und|oder|y|o|et|ou|also|maybe|perhaps|possibly|then|both|nor)\b|和|或|与|與|及)*"
    r"(?:(?:options?|choices?|answers?)\s+)?",
    re.IGNORECASE,
)
_FIRM = re.compile(r"[,，、/|&+–—-]|\b(?:and|or|und|oder|et|ou|y)\b|和|或|与|與|及", re.IGNORECASE)
_DENIED = re.compile(
    r"(?:\bnot|n['’]t|\bnever|\bneither|\bnor|\bthan|\binstead\s+of|\bexcept|\bunlike|\bexclud\w*|\beliminat\w*|\breject\w*|"
    r"\brul\w*\s+out|\bdiscard\w*|\bwithout|不是|并非|排除|不选|\bnicht|\bkein\w*|\bno\s+es)\s*"
    r"(?:(?:be|the|a|an|option|choice|answer|letter)\s+){0,3}[\"'“”‘’(\[*]*$",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"[)\]*\"'”’.:?]*\s*(?:\([^()]{0,60}\)\s*)?(?:(?:is|are|was|seems?|looks?|ist|es|est|(?:can|must|should|could)\s+be)\s*)?"
    r"(?:n['’]t\b|not\b|no\b(?!\s+\w)|excluded|eliminated|dismissed|discarded|[✗✘❌×✖]|wrong\b|incorrect\b|false\b|impossible\b|"
    r"excluded\b|ruled\s+out|unlikely\b|out\b|can\s?not\b|can['’]t\b|does(?:n['’]t|\s+not)|could(?:n['’]t|\s+not)|falsch\b|"
    r"不对|错)",
    re.IGNORECASE,
)
_ALL_WRONG = re.compile(r"[)\]*\"'”’]*\s*(?:are|were|can|do|cannot|can['’]t|don['’]t|aren['’]t|sind)\b", re.IGNORECASE)
"""What follows a list of letters that are all denied: `A, B and D are wrong`."""
_DENIED_LIST = re.compile(
    r"\b(?:neither|exclud\w*|eliminat\w*|reject\w*|rul\w*\s+out|discard\w*|dismiss\w*)\s+(?:options?\s+)?"
    r"(?:[\"'(]?[A-Za-z][)\"']?(?:\s*[,/&]\s*|\s+)(?:(?:and|or|nor)\s+)?){1,12}[\"'(]?$",
    re.IGNORECASE,
)
_DESCRIBES = re.compile(
    r"\W*(?:(?:option|choice)\s+)?[A-Z]\)?\s+(?:is|was)\b(?!\s+(?:the\s+|my\s+)?(?:correct|right|best|answer|most)\b)",
    re.IGNORECASE,
)
"""How a text begins that tells of an option before it chooses one: `A is the bus; … so C`."""
_CUES = re.compile(
    r"(?:\b(?:so|therefore|thus|hence|clearly|definitely|probably|likely|be|is|are|was|believe|think|guess|say|but|with|for|"
    r"only|both|either|options?|choices?|answers?|letter|pick|choose|select|perhaps|maybe|mark)|[:：,，.。;!?\n])\s*[\"'“”‘’(\[*]*$|^[\W_]*$",
    re.IGNORECASE,
)
_CUES_BEHIND = re.compile(
    r"[)\]*\"'”’:.]*\s*(?:(?:is|seems|looks|fits|matches|would|it\s+is|ist|es|est|yes)\b|[✓✔✅☑]|best\b|right\b|correct\b|true\b|选项|正确|项)",
    re.I,
)
_SPACED = r"[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""A letter or digit of a script that puts blanks between words."""
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_ALONE = re.compile(rf"(?<!{_SPACED})(?<!['’])([A-Za-z])(?!{_SPACED})(?!['’][A-Za-z])")
_DRESS = re.compile(r"\\(?:text|mathrm|mathbf|textbf|boxed)\s?\{([^{}]*)\}")
_HTML = re.compile(r"<(b|i|u|em|strong|mark|code)>([^<>]*)</\1>", re.IGNORECASE)


_BEST = re.compile(
    r"[)\]*\"'”’]*\s*(?:is|seems|looks)\s+(?:the\s+)?(?:best|right|correct|only|answer)\b", re.IGNORECASE
)
_PLACES = {"fir": 0, "sec": 1, "thi": 2, "fou": 3, "fif": 4, "six": 5}
_BY_PLACE = re.compile(
    r"\b(first|second|third|fourth|fifth|sixth|last|[1-9](?:st|nd|rd|th))\s+(?:option|choice|answer|one\W*$)"
    r"|\b(?:option|choice)\s+(?:number\s+|no\.?\s*|#\s*)?(\d{1,2})\b(?![.:]\d)",
    re.IGNORECASE,
)
_MARKS = frozenset(").:：．、")


class Reader:
    """Reads texts for the options that they choose."""

    def __init__(self, options: Sequence[str]) -> None:
        self.options = list(options)
        self.plain = [_plain(option) for option in options]
        self.words = [_words(option) for option in options]

    def chosen(self, text: str) -> list[int]:
        """The indices of the options that a text chooses, in order."""
        text = unicodedata.normalize("NFKC", text).replace("**", "").strip()
        text = _HTML.sub(r" \2 ", text).strip() if "</" in text else text
        for _ in range(3):
            text = _DRESS.sub(r" \1 ", text).strip() if "\\" in text else text
        if not self.options or not text:
            return []
        plain = _plain(text)
        same = [i for i, option in enumerate(self.plain) if option == plain] if len(plain) > 1 else []
        lone = same[0] if same else self._lone(text)
        if lone is not None:
            return [lone]
        alike = self._alike(text)
        if alike is not None:
            return [alike]
        by_letter = self._by_letter(text)
        if by_letter:
            return sorted(set(by_letter))
        named = self._named(text)
        return named or self._mentioned(text) or self._counted(text)

    def behind_letter(self, text: str, index: int) -> str | None:
        """Return what follows the letter of an option at the beginning of an answer; None where it begins otherwise."""
        lead = _LEAD.match(text)
        at = self._letter(text, lead.end() if lead else 0)
        if at is None or at[0] != index:
            return None
        rest = text[at[1] :]
        ends = _BEHIND.match(rest) or _JOINED.match(rest)
        if ends is None:
            return None
        return rest[ends.end() :].strip() if ends[0].strip(" (") or not rest[ends.end() :] else rest.strip()

    def _lone(self, text: str) -> int | None:
        """The option of a text that is one letter; a small one may be an option's own text."""
        found = re.fullmatch(r"([A-Za-z])", re.sub(r"[\W_]+", "", text))
        index = None
        if found:
            index = self._index(found[1])
            same = [i for i, option in enumerate(self.options) if option.strip() == text.strip()]
            if same and (found[1].islower() or index is None):
                return same[0]
            return index
        lead = _LEAD.match(text)
        if lead and lead.end() > 1:
            rest = re.sub(r"[\W_]+", "", text[lead.end() :])
            index = self._index(rest) if len(rest) == 1 else None
        if index is None and re.fullmatch(r"[A-Z]{2,}", text.strip(" .")):
            return None
        return index

    def _alike(self, text: str) -> int | None:
        """The option whose text this is, be it without articles and punctuation, or that it begins with and quotes."""
        plain, words = _plain(text), _words(text)
        for mine, theirs in ((plain, self.plain), (words, self.words)):
            same = [i for i, option in enumerate(theirs) if option and option == mine]
            if same and all(self.plain[i] == self.plain[same[0]] for i in same):
                return same[0]
        begun = [i for i, option in enumerate(self.plain) if option and plain.startswith(option)]
        begun = [i for i in begun if re.match(r"\(?\w[).:]\s", self.plain[i])]
        begun = [i for i in begun if not plain[len(self.plain[i]) :][:1].isalnum()]
        return max(begun, key=lambda i: len(self.plain[i])) if begun else None

    def _by_letter(self, text: str) -> list[int]:
        """Return what the letters say that stand for the answer: those it begins with, and those it states."""
        lead, (is_final, stated) = self._leading(text), self._stated(text)
        if is_final:
            return stated
        if stated and lead and set(stated) != set(lead):
            if len(lead) == 1 and _DESCRIBES.match(text):
                return stated
            repeated = len(lead) > 1 and set(stated) <= set(lead)  # the options once more, then the answer
            return stated if repeated else [*lead, *stated]
        return stated or lead

    def _leading(self, text: str) -> list[int]:
        begins = _LEAD.match(text)
        at = self._letter(text, begins.end() if begins else 0) or self._letter(text, _end(_OPENING, text, 0))
        if at is None:
            letters = text.strip(" .")
            many = 1 < len(letters) <= len(self.options) and letters.isupper() and letters.isascii()
            indices = [self._index(c) for c in letters] if many and letters.isalpha() else []
            rising = [i for i in indices if i is not None]
            return rising if rising and rising == sorted(set(rising)) and len(rising) == len(letters) else []
        index, end = at
        rest = text[end:]
        if self._wrong(text, index, end):
            return []
        if len(self.options) > 2 and len(every := self._marked(text)) == len(self.options):
            return every  # each is named, and none denied
        listed = self._list(text, index, end)
        if len(listed) != 1:
            return listed
        own = self._own(rest, index) > 0
        small = text[end - 1].islower()
        ends = _BEHIND.match(rest)
        if small and ends and ends[0].strip()[:1] == "," and rest.strip(" ,"):
            return []  # `a, b` in words
        if not (own or ends or (not small and (_WHY.match(rest) or _JOINED.match(rest)))):
            return []
        other = _words(rest)
        belied = [i for i, option in enumerate(self.words) if option and option == other]
        return [index, *belied] if belied and self.words[index] != other else [index]

    def _stated(self, text: str) -> tuple[bool, list[int]]:
        """The letters behind words that say that they are the answer; where a final answer is stated, those alone."""
        found: list[tuple[bool, list[int]]] = []
        for match in _STATES.finditer(text):
            at = self._letter(text, _end(_OPENING, text, match.end()))
            if at is None or not self._closes(text, *at) or self._wrong(text, *at):
                continue
            is_final = bool(_FINAL.search(text, max(0, match.start() - 8), match.end()))
            found.append((is_final, self._list(text, *at)))
        final = [indices for is_final, indices in found if is_final]
        return bool(final), final[-1] if final else [i for _, indices in found for i in indices]

    def _closes(self, text: str, index: int, end: int) -> bool:
        """Return whether a letter stands for itself: a small one must end what is said, or be marked."""
        if text[end - 1].isupper():
            return True
        rest = text[end:]
        return bool(re.match(r"[)\]}）】\"'”’*_]|\s*[.,:;!?。，；]|\s*$|\s*\n", rest)) or bool(
            _BEST.match(rest) or (_WHY.match(rest) and text[end - 1] not in "ai")
        )

    def _list(self, text: str, index: int, end: int) -> list[int]:
        """An option's letter and the letters that follow it in one list, each with its own text or without."""
        found = [index]
        while True:
            end = _end(_CLOSING, text, end)
            end += self._own(text[end:], index)
            start = _end(_CLOSING, text, end)
            links = _LINKS.match(text, start)
            begin = _end(_OPENING, text, links.end() if links else start)
            at = self._letter(text, begin)
            if at is not None and _ALL_WRONG.match(text, at[1]) and self._wrong(text, *at):
                return []
            if at is None or at[0] in found or self._wrong(text, *at):
                return found
            firm = bool(_FIRM.search(text, max(0, end - 3), begin))
            rest = text[at[1] :]
            bare = rest[_end(_OPENING, rest, _end(_CLOSING, rest, 0)) :]
            if not firm and bare and not self._own(rest, at[0]) and not _ALONE.match(bare):
                return found
            if text[at[1] - 1].islower() and not (self._closes(text, *at) and firm):
                return found
            index, end = at
            found.append(index)

    def _wrong(self, text: str, index: int, end: int) -> bool:
        """Return whether what follows a letter says that it is not the answer; an option's own text does not."""
        return bool(_WRONG.match(text, end)) and not self._own(text[end:], index)

    def _own(self, rest: str, index: int) -> int:
        option = self.options[index].strip()
        skipped = _end(re.compile(r"[\s).:\-–—*\"'“”]*"), rest, 0)
        begins = option and rest[skipped : skipped + len(option)].casefold() == option.casefold()
        return skipped + len(option) if begins and not rest[skipped + len(option) :][:1].isalnum() else 0

    def _named(self, text: str) -> list[int]:
        """The options whose words stand in a text, those that stand only inside of a longer one's left out."""
        words_of_text = f" {_words(text)} "
        found: list[int] = []
        for i in sorted(range(len(self.words)), key=lambda i: -len(self.words[i])):
            words = self.words[i]
            if not words or (len(words) == 1 and not words.isdigit() and words.isascii()):
                continue
            whole = words if _UNSPACED.search(words) else f" {words} "
            places = list(_places(words_of_text, whole))
            standing = [p for p in places if not _DENIED.search(words_of_text[max(0, p - 30) : p])]
            if places:
                words_of_text = words_of_text.replace(whole, f" {'·' * len(words)} ")
            if standing and not any(self.words[i] == self.words[j] for j in found):
                found.append(i)
        same = [min(j for j, words in enumerate(self.words) if words == self.words[i]) for i in found]
        return sorted(set(same))

    def _marked(self, text: str) -> list[int]:
        marks = [m.start() for m in _ALONE.finditer(text) if text[m.end() : m.end() + 1] in _MARKS]
        found = [at for place in marks if (at := self._letter(text, place))]
        return sorted({index for index, end in found if not self._wrong(text, index, end)})

    def _mentioned(self, text: str) -> list[int]:
        found: set[int] = set()
        for match in _ALONE.finditer(text):
            end = match.end()
            at = self._letter(text, match.start())
            before = text[max(0, match.start() - 40) : match.start()]
            bracketed = before[-1:] in ("(", "[") and text[end : end + 1] in (")", "]")
            if at is None or (text[end - 1].islower() and not bracketed):
                continue
            if _DENIED.search(before) or _DENIED_LIST.search(before) or self._wrong(text, *at):
                continue
            if bracketed or _CUES.search(before) or _CUES_BEHIND.match(text, end):
                found.update(self._list(text, *at))
        return sorted(found)

    def _counted(self, text: str) -> list[int]:
        """The option that a text names by its place (`the third option`, `Option 3`), or by a number of its own."""
        found = _BY_PLACE.search(text)
        if found:
            word = (found[1] or found[2]).lower()
            index = _PLACES.get(word[:3], int(re.sub(r"\D", "", word) or 0) - 1)
            index = len(self.options) - 1 if word == "last" else index
            return [index] if 0 <= index < len(self.options) else []
        words_of_text = _words(text)
        whole = [i for i, words in enumerate(self.words) if f" {words_of_text} " in f" {words} "]
        return whole if len(whole) == 1 and re.fullmatch(r"[\d.,: ]+", words_of_text) else []

    def _letter(self, text: str, place: int) -> tuple[int, int] | None:
        """The option whose letter stands alone at a place, and where it ends; articles and pronouns are none."""
        match = _ALONE.match(text, place)
        if match is None:
            return None
        sign, end = match[1], match.end()
        index = self._index(sign)
        if index is None:
            return None
        rest = text[end:]
        if sign in "AIai" and re.match(r"\s+[^\W\d_]", rest):
            pronoun = sign == "I" and not re.match(r"\s+(?:is|because)\b", rest)
            if pronoun or not _WHY.match(rest):
                following = _ALONE.match(text, _end(re.compile(r"\s+"), text, end))
                if following is None or not following[0].isupper() or sign.islower():
                    return None
        return index, end

    def _index(self, sign: str) -> int | None:
        index = ord(sign.upper()) - ord("A") if len(sign) == 1 and sign.isascii() and sign.isalpha() else -1
        return index if 0 <= index < len(self.options) else None


def _plain(text: str) -> str:
    """A text in small letters with single blanks, without quotation marks around it and a full stop behind it."""
    whole = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return whole.strip("\"'“”‘’«» ").removesuffix(".").strip() or whole


def _words(text: str) -> str:
    """The words and numbers of a text in small letters, without an article before them."""
    words = " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
    return next((words[len(article) :] for article in _ARTICLES if words.startswith(article)), words)


def _places(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at + 1
        at = text.find(part, at + len(part) - 1)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
