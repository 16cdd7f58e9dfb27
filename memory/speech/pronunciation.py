"""How written words are said: numbers as words, and sounds for words that are not in the dictionary.

Sounds are those of CMUdict (39 phones, no stress). English only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_SIGNS = {
    "&": "and",
    "%": "percent",
    "@": "at",
    "+": "plus",
    "=": "equals",
    "$": "dollars",
    "€": "euros",
    "£": "pounds",
}
_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        "EY|B IY|S IY|D IY|IY|EH F|JH IY|EY CH|AY|JH EY|K EY|EH L|EH M|EH N|OW|P IY|K Y UW|AA R|EH S|T IY|Y UW|V IY|"
        "D AH B AH L Y UW|EH K S|W AY|Z IY".split("|"),
        strict=True,
    )
)

# Spelling and sound, the longest spelling first wherever several fit. `^` is the start of the word and `$` its end.
_SPELLINGS = """
tion=SH AH N;ssion=SH AH N;sion=ZH AH N;cian$=SH AH N;tious=SH AH S;cious=SH AH S;ture$=CH ER;ous$=AH S;ough=AO;augh=AO
igh=AY;eigh=EY;tch=CH;dge=JH;sch=S K;que$=K;gue$=G;^kn=N;gn$=N;^gn=N;^wr=R;^ps=S;^pn=N;mb$=M;wh=W;ph=F;sh=SH;ch=CH;th=TH
ck=K;ng$=NG;nk=NG K;qu=K W;sc(?=[eiy])=S;cc(?=[eiy])=K S;xc(?=[eiy])=K S;^x=Z;x=K S;ght=T;gh=G;rh=R
ee=IY;eau=OW;ea=IY;oo=UW;ou=AW;ow=OW;oi=OY;oy=OY;ai=EY;ay=EY;ei=EY;ey$=IY;ey=EY;ie$=IY;ie=IY;au=AO;aw=AO;ew=UW;eu=UW
oa=OW;oe$=OW;ue$=UW;ui=UW;io=IY OW;ia=IY AH;eo=IY OW;ua=W AA
air=EH R;are$=EH R;ear=IH R;eer=IH R;ier$=IY ER;oor=AO R;our=AO R;ore$=AO R;ure$=Y UH R;ire$=AY ER;ere$=IH R
ar=AA R;er=ER;ir=ER;ur=ER;or=AO R;yr=ER;le$=AH L;les$=AH L Z;al$=AH L;el$=AH L;age$=IH JH;ate$=EY T;ise$=AY Z;ive$=IH V
ing$=IH NG;ings$=IH NG Z;ed$(?<=[td]ed)=AH D;ed$=D;es$(?<=[szxh]es)=AH Z;ity$=AH T IY;y$=IY;^y=Y;ies$=IY Z
a(?=[^aeiouwxy]e$)=EY;e(?=[^aeiouwxy]e$)=IY;i(?=[^aeiouwxy]e$)=AY;o(?=[^aeiouwxy]e$)=OW;u(?=[^aeiouwxy]e$)=UW
y(?=[^aeiouwxy]e$)=AY;e$=;a$=AH;o$=OW;i$=IY;u$=UW;c(?=[eiy])=S;g(?=[eiy])=JH;s$(?<=[aeiouybdglmnrvw]s)=Z
a=AE;b=B;c=K;d=D;e=EH;f=F;g=G;h=HH;i=IH;j=JH;k=K;l=L;m=M;n=N;o=AA;p=P;q=K;r=R;s=S;t=T;u=AH;v=V;w=W;y=IH;z=Z
"""


def spoken(token: str) -> list[str]:
    """The words that are said for one written token, lower case: `$10` is ten dollars, `Well-known,` two words.

    Empty for what is not spoken: `♪`, `-`, `[music]`, `(laughs)`.
    """
    token = unicodedata.normalize("NFKD", token).replace("\u2019", "'").lower()
    token = "".join(character for character in token if not unicodedata.combining(character))
    if re.fullmatch(r"[\[(].*[\])]", token):
        return []
    words: list[str] = []
    for part in re.findall(r"[$€£]?\d[\d,]*(?:\.\d+)?|[a-z]+(?:'[a-z]+)*|[&%@+=]", token):
        if part[0] in "$€£":
            words += [*number(part[1:]), _SIGNS[part[0]]]
        elif part[0].isdigit():
            words += number(part)
        else:
            words.append(_SIGNS.get(part, part))
    return words


def number(text: str) -> list[str]:
    """`1,250.5` as words; four digits without a comma from 1100 to 2099 are read as a year."""
    whole, _, fraction = text.replace(",", "").partition(".")
    value = int(whole or "0")
    if len(whole) > 9:
        words = [_UNITS[int(digit)] for digit in whole]
    elif len(whole) == 4 and "," not in text and not fraction and (1100 <= value < 2000 or 2010 <= value < 2100):
        low = value % 100
        words = _cardinal(value // 100)
        words += ["hundred"] if not low else _cardinal(low) if low > 9 else ["oh", _UNITS[low]]
    else:
        words = _cardinal(value)
    if fraction:
        words += ["point", *(_UNITS[int(digit)] for digit in fraction)]
    return words


def pronounce(word: str, known: Callable[[str], str | None]) -> str:
    """Sounds (`K L IY N`) of a word that the dictionary lacks.

    Args:
        word: lower case letters and apostrophes.
        known: the sounds of a word that the dictionary has, else None.

    A word is built from words that are known where that can be (`cleanrooms`, `googled`); else an abbreviation without
    vowels is spelled, and the rest is guessed letter by letter, which is often wrong for names.
    """
    letters = re.sub(r"[^a-z]", "", word)
    if not letters:
        return ""
    if sounds := known(letters) or _inflected(letters, known) or _compound(letters, known):
        return sounds
    if not re.search(r"[aeiouy]", letters) or len(letters) == 1:
        return " ".join(_LETTERS[letter] for letter in letters)
    return guess(letters)


def guess(letters: str) -> str:
    """Sounds of a word from its spelling alone."""
    sounds: list[str] = []
    place = 0
    while place < len(letters):
        for pattern, sound in _RULES:
            if match := pattern.match(letters, place):
                # Doubled consonants sound once.
                sounds += (
                    sound if not (sounds and sound == sounds[-1:] and letters[place - 1] == letters[place]) else []
                )
                place = match.end()
                break
        else:
            place += 1
    return " ".join(sounds) or "AH"


def _cardinal(value: int) -> list[str]:
    if value < 20:
        return [_UNITS[value]]
    if value < 100:
        return [_TENS[value // 10]] + ([_UNITS[value % 10]] if value % 10 else [])
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= size:
            return [*_cardinal(value // size), name, *(_cardinal(value % size) if value % size else [])]
    raise AssertionError(value)


def _inflected(word: str, known: Callable[[str], str | None]) -> str | None:
    for ending, sounds in (("ing", "IH NG"), ("ers", "ER Z"), ("er", "ER"), ("ment", "M AH N T"), ("ness", "N AH S")):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2 and (base := known(stem) or known(stem + "e")):
            return f"{base} {sounds}"
    for ending in ("ed", "d", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2 and (base := known(stem)):
            return f"{base} {_ending(base.split()[-1], plural=ending.endswith('s'))}"
    return None


def _ending(last: str, *, plural: bool) -> str:
    if plural:
        return "AH Z" if last in "S Z SH ZH CH JH".split() else "S" if last in "P T K F TH".split() else "Z"
    return "AH D" if last in ("T", "D") else "T" if last in "P K F S SH CH TH".split() else "D"


def _compound(word: str, known: Callable[[str], str | None]) -> str | None:
    """Two or three words of at least three letters in one."""
    for cut in sorted(range(3, len(word) - 2), key=lambda cut: abs(cut - len(word) / 2)):
        head = known(word[:cut])
        tail = head and (known(word[cut:]) or _inflected(word[cut:], known))
        if head and tail:
            return f"{head} {tail}"
    return None


def _rules() -> list[tuple[re.Pattern[str], list[str]]]:
    rules = []
    for entry in _SPELLINGS.replace("\n", ";").split(";"):
        spelling, equals, sound = entry.rpartition("=")
        # A lookahead holds an equals sign of its own: the last one parts spelling and sound.
        if equals and spelling:
            rules.append((re.compile(spelling), sound.split()))
    return rules


_RULES = _rules()
