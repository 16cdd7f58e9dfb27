"""Names of languages as files write them: `de`, `ger`, `deu`, `de-AT`, `German`."""

from __future__ import annotations

_NAMES = """
af afr afrikaans; am amh amharic; ar ara arabic; az aze azerbaijani; be bel belarusian; bg bul bulgarian;
bn ben bengali;
bs bos bosnian; ca cat catalan; cs ces cze czech; cy cym wel welsh; da dan danish; de deu ger german deutsch;
el ell gre greek; en eng english; es spa spanish español castilian; et est estonian; eu eus baq basque;
fa fas per persian farsi; fi fin finnish; fr fra fre french français; ga gle irish; gl glg galician; gu guj gujarati;
he heb iw hebrew; hi hin hindi; hr hrv scr croatian; hu hun hungarian; hy hye arm armenian; id ind in indonesian;
is isl ice icelandic; it ita italian italiano; ja jpn jp japanese; ka kat geo georgian; kk kaz kazakh; km khm khmer;
kn kan kannada; ko kor kr korean; la lat latin; lo lao; lt lit lithuanian; lv lav latvian; mk mkd mac macedonian;
ml mal malayalam; mn mon mongolian; mr mar marathi; ms msa may malay; my mya bur burmese; ne nep nepali;
nl nld dut dutch flemish; no nor nb nob nn nno norwegian; pa pan punjabi; pl pol polish; ps pus pashto;
pt por portuguese pob; ro ron rum romanian; ru rus russian; si sin sinhala; sk slk slo slovak; sl slv slovenian;
so som somali; sq sqi alb albanian; sr srp scc serbian; sv swe swedish; sw swa swahili; ta tam tamil; te tel telugu;
th tha thai; tl tgl fil tagalog filipino; tr tur turkish; uk ukr ua ukrainian; ur urd urdu; uz uzb uzbek;
vi vie vietnamese; yi yid yiddish; yue cantonese; zh zho chi chs cht chinese mandarin; zu zul zulu
"""
_CODES = {
    name: names[0]
    for names in (entry.split() for entry in _NAMES.replace("\n", " ").split(";"))
    for name in names
}  # fmt: skip


def known_language(name: str) -> str | None:
    """Return the short code of a language by any of its codes or its name; None where it is not listed here."""
    return _CODES.get(name.strip().lower().replace("_", "-").split("-")[0])


def language_code(name: str) -> str:
    """Return the short code of a language (`de`), where it is known; else the name itself in lower case."""
    return known_language(name) or name.strip().lower().replace("_", "-").split("-")[0]


def same_language(one: str | None, other: str | None) -> bool:
    """Return whether two names mean one language; what is not named is none."""
    return one is not None and other is not None and language_code(one) == language_code(other)
