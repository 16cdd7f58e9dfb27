"""Letters that are written in other ways than UTF-8."""

from __future__ import annotations

from pathlib import Path

import pytest
from hearing import ears, film, srt
from hypothesis import given
from hypothesis import strategies as st
from media_files import needs_ffmpeg
from rewatch.memory import ClipMemory
from rewatch.memory.files.text_encodings import decode
from rewatch.memory.speech.subtitles import read_subtitles

__all__ = ["ears"]

CYRILLIC = "Доброе утро! Где ты оставил ключи?|Они лежат в красном ящике, как всегда.|Тогда пойдём, уже поздно."
JAPANESE = "おはようございます。鍵はどこですか。|赤い引き出しの中に置きました。|もう遅いから行きましょう。"
TEXTS = {
    "cp1250": "Dzień dobry, gdzie są klucze?|Leżą w czerwonej szufladzie, jak zawsze.|Chodźmy już, bo się spóźnimy.",
    "iso8859_2": "Dobré ráno, kde jsou klíče?|Leží v červené zásuvce, jako vždycky.|Tak pojďme, už je pozdě. Šťastně!",
    "cp1251": CYRILLIC,
    "koi8_r": CYRILLIC,
    "cp866": CYRILLIC,
    "cp1252": "Bom dia, onde estão as chaves?|Não sei, irmão. Estão na gaveta vermelha.|Então vamos. Coração!",
    "latin-1": "Où sont les clés, s'il vous plaît?|Elles sont restées à côté de la fenêtre.|Ça va être très difficile.",
    "cp1253": "Καλημέρα, πού είναι τα κλειδιά;|Είναι στο κόκκινο συρτάρι, όπως πάντα.|Πάμε τώρα, είναι αργά.",
    "cp1254": "Günaydın, anahtarlar nerede?|Kırmızı çekmecede duruyor, her zaman.|Şimdi gidelim, artık geç oldu.",
    "cp1255": "בוקר טוב, איפה המפתחות?|הם במגירה האדומה, כמו תמיד.|אז בוא נלך, כבר מאוחר מאוד.",
    "cp1256": "صباح الخير، أين المفاتيح؟|إنها في الدرج الأحمر كما هو الحال دائما.|هيا بنا نذهب، لقد تأخر الوقت.",
    "cp1257": "Labas rytas, kur yra raktai?|Jie guli raudoname stalčiuje, kaip.|Eikime, jau vėlu. Ačiū už viską!",
    "shift_jis": JAPANESE,
    "euc_jp": JAPANESE,
    "gb18030": "早上好，钥匙在哪里？|跟平时一样，在红色的抽屉里。|我们走吧，已经很晚了。",
    "big5": "早安，鑰匙在哪裡？|跟平常一樣，在紅色的抽屜裡。|我們走吧，已經很晚了。",
    "cp949": "좋은 아침입니다. 열쇠가 어디에 있어요?|언제나처럼 빨간 서랍 안에 있습니다.|이제 갑시다. 너무 늦었어요.",
    "cp874": "สวัสดีตอนเช้า กุญแจอยู่ที่ไหน|อยู่ในลิ้นชักสีแดงเหมือนทุกครั้ง|ไปกันเถอะ สายมากแล้ว",
    "utf-16-le": CYRILLIC,
    "utf-16-be": JAPANESE,
    "utf-32-le": CYRILLIC,
    "utf-8": JAPANESE,
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_subtitles_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    lines = TEXTS[encoding].split("|")
    cues = read_subtitles(srt(tmp_path / "a.srt", [(n, n + 0.5, line) for n, line in enumerate(lines)], encoding))
    assert [cue.text for cue in cues] == lines
    # What had to be told by the letters is said to be a guess; no byte order mark is needed for the rest.
    assert (cues.guessed is None) is encoding.startswith("utf"), cues.guessed


@pytest.mark.parametrize(
    "text",
    ["Grüß dich, world", "The café was closed.", "¿Dónde está la llave? Allí.", "Hår är nyckeln på bordet, säger han."],
)
def test_a_few_letters_of_western_europe(text: str) -> None:
    assert decode(text.encode("cp1252"), "-->").text == text


@needs_ffmpeg
def test_a_guess_is_told_with_the_words(tmp_path: Path, ears: None) -> None:
    path = film(tmp_path / "talk.mkv", [])
    srt(tmp_path / "talk.srt", [(n, n + 0.5, line) for n, line in enumerate(CYRILLIC.split("|"))], "cp1251")
    with ClipMemory(tmp_path / "m", text_encoder="hashed") as memory:
        record = memory.add(path, channels=("speech",), workers=0)
        assert memory.texts(record.id)[0].text.startswith("Доброе утро")
        assert "cp1251" in record.notes[0] and "UTF-8" in record.notes[0]


@given(st.binary(max_size=300))
def test_any_bytes_become_text(data: bytes) -> None:
    assert isinstance(decode(data, "-->").text, str)
