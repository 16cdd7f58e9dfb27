"""From bytes to text where nobody says how the letters were written."""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass

# Letters beyond a-z by language, and the codec in which files in it are found; of several that explain a text the
# first. charset-normalizer takes short texts of these for each other's.
# Letters behind a bar are rare: a text in which no other stands is in another language.
_ALPHABETS = (
    ("cp1252", "àâçéèêëîïôùû|œæüÿ"),
    ("cp1252", "äöüßé"),
    ("cp1252", "áéíóúüñªº"),
    ("cp1252", "ãõáéíóúâêôçàüªº"),
    ("cp1252", "àèéìíîòóùúç"),
    ("cp1252", "åäöéèüà"),
    ("cp1252", "æøåéèêóòôü"),
    ("cp1252", "ëïéèáóöüíúê"),
    ("cp1252", "àçéèíïòóúü·"),
    ("cp1250", "ąćęłńóśźż"),
    ("cp1250", "áčďéěíňóřšťúůýž"),
    ("cp1250", "áäčďéíĺľňóôŕšťúýž"),
    ("cp1250", "áéíóöőúüű"),
    ("cp1250", "čćđšž"),
    ("cp1250", "ăâîşţ"),
    ("cp1254", "çğıöşüâîûİ"),
    ("iso8859_2", "ąćęłńóśźż"),
    ("iso8859_2", "áčďéěíňóřšťúůýž"),
    ("iso8859_2", "áäčďéíĺľňóôŕšťúýž"),
    ("iso8859_2", "čćđšž"),
    ("cp1257", "ąčęėįšųūž"),
    ("cp1257", "āčēģīķļņōŗšūž"),
    ("cp1257", "äõöüšž"),
    ("cp1252", "áðéíóúýþæö"),
    ("cp1252", "àâãáäåæçèéêëìíîïñòóôõöøœùúûüÿß"),
)
_CYRILLIC = (
    ("cp1251", "абвгдежзийклмнопрстуфхцчшщъыьэюяёєіїґўјљњћђџќѓѕ"),
    ("koi8_r", "абвгдежзийклмнопрстуфхцчшщъыьэюяё"),
    ("koi8_u", "абвгдежзийклмнопрстуфхцчшщъыьэюяёєіїґ"),
    ("cp866", "абвгдежзийклмнопрстуфхцчшщъыьэюяё"),
)
_OFTEN = frozenset("оеаинтсрвлі")  # letters that are more than half of any Cyrillic text
_MARKS = frozenset("’‘“”„«»‹›–—…¿¡°£€§·´©®™\xa0\xad№•†")  # signs that stand in texts of any language
_CODECS = ("cp932 euc_jp gb18030 big5 cp949 cp1253 cp1255 cp1256 cp1258 cp874 cp1250 cp1251 cp1252 cp1254 cp1257 "
           "koi8_r iso8859_2 cp866").split()  # fmt: skip
"""The codecs that charset-normalizer chooses from."""
_ENOUGH = 20_000  # bytes beyond ASCII that say as much as more of them would


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, the encoding it was read in, and whether that is a guess."""

    text: str
    encoding: str
    guessed: bool = False


def decode(data: bytes, sign: str) -> Decoded:
    """Return the text in `data`.

    A byte order mark decides; UTF-16 and UTF-32 without one are known by `sign`. Of what is not UTF-8 the letters
    decide: the encoding in which they make up the alphabet of a language that is written in it, else the one that
    charset-normalizer finds most likely. Bytes that nothing fits become U+FFFD.

    Args:
        data: any bytes.
        sign: ASCII that stands in every such text, such as `-->`.
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return Decoded(data[len(mark) :].decode(name, errors="replace"), name)
    for name in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        if _stands(sign.encode(name), data, int(name[4:6]) // 8):
            return Decoded(data.decode(name, errors="replace"), name)
    head = data[:2000]
    if head and head.count(0) > len(head) / 4:
        # UTF-16 without its mark: the high bytes of Latin letters are zero.
        name = "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"
        return Decoded(data.decode(name, errors="replace"), name)
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    # Mostly good UTF-8 with a torn character, else something older.
    if not broken or sum(character > "\x7f" for character in text) > 2 * broken:
        return Decoded(text, "utf-8")
    name = _likeliest(data)
    return Decoded(data.decode(name, errors="replace"), name, guessed=True)


def _stands(pattern: bytes, data: bytes, width: int) -> bool:
    """Tell whether a pattern stands in `data` at a whole number of units of `width` bytes."""
    at = data.find(pattern)
    while at >= 0 and at % width:
        at = data.find(pattern, at + 1)
    return at >= 0


def _likeliest(data: bytes) -> str:
    """Return the encoding of bytes that are not UTF-8; cp1252 where nothing fits."""
    from charset_normalizer import from_bytes

    lines = [line for line in data.splitlines() if not line.isascii()]
    body = b"\n".join(lines)[:_ENOUGH]
    body = body[: body.rfind(b"\n")] if len(lines) > 1 and len(body) == _ENOUGH else body
    if b"\x1b$" in body or b"\x1b(" in body:
        return "iso2022_jp"
    if found := _cyrillic(body) or _latin(body):
        return found
    kana = _strictly(body, "euc_jp") or ""
    # In Korean, for which charset-normalizer takes it, the bytes of kana hardly occur.
    if sum("\u3041" <= c <= "\u30f6" for c in kana) > 0.2 * sum(c > "\x7f" for c in kana):
        return "euc_jp"
    match = from_bytes(body, cp_isolation=_CODECS).best()
    return match.encoding if match is not None else "cp1252"


def _latin(body: bytes) -> str | None:
    """Return the first codec in which all letters are those of one language, a capital standing only where one can."""
    best, most = None, 0.98
    for codec, alphabet in _ALPHABETS:
        text = _strictly(body, codec)
        if text is None or not _cased(text) or not _mostly_ascii(text):
            continue
        usual, _, rare = alphabet.partition("|")
        fit = _share(text, frozenset(usual + rare))
        if rare and not any(c in usual for c in text.lower()):
            continue
        if fit > most or (best is None and fit >= most):
            best, most = codec, fit
    return best


def _cyrillic(body: bytes) -> str | None:
    """Return the codec in which the letters are Cyrillic ones, and those the most that are written the most."""
    found: list[tuple[float, str]] = []
    for codec, alphabet in _CYRILLIC:
        text = _strictly(body, codec)
        if text is None or _share(text, frozenset(alphabet)) < 0.98 or not _cased(text):
            continue
        letters = [c for c in text.lower() if c > "\x7f" and c.isalpha()]
        # Hebrew, Arabic and Greek have their letters at the same places, but no capitals, or others.
        often = sum(c in _OFTEN for c in letters) / max(len(letters), 1)
        capitals = sum(c > "\x7f" and c.isupper() for c in text)
        if often >= (0.25 if 0 < capitals < len(letters) / 2 else 0.5):
            found.append((-often, codec))
    return min(found)[1] if found else None


def _strictly(body: bytes, codec: str) -> str | None:
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        return None


def _share(text: str, alphabet: frozenset[str]) -> float:
    """Return share of the characters beyond ASCII that are letters of `alphabet`, or signs of any language."""
    beyond = [c for c in text if c > "\x7f"]
    letters = [c for c in beyond if c not in _MARKS or c in alphabet]
    if not letters:
        return 1.0
    return sum(c in alphabet or c.lower() in alphabet for c in letters) / len(letters)


def _mostly_ascii(text: str) -> bool:
    """Tell whether at least half of the letters are a-z, as in all languages with Latin letters."""
    letters = [c for c in text if c.isalpha()]
    return 2 * sum(c <= "\x7f" for c in letters) >= len(letters)


def _cased(text: str) -> bool:
    """Tell whether words are whole: hardly a capital behind a small letter, a sign inside, or two scripts in one."""
    odd = pairs = 0
    for before, after in zip(text, text[1:], strict=False):
        if before <= "\x7f" and after <= "\x7f":
            continue
        if not (before.isalpha() or after.isalpha()):
            continue
        pairs += 1
        inside = unicodedata.category(after) in ("So", "Sc", "Sm", "No") and before.isalpha()
        mixed = before.isalpha() and after.isalpha() and (before < "\u0370") != (after < "\u0370")
        odd += (before.islower() and after.isupper()) or inside or mixed
    return odd <= 0.04 * pairs
