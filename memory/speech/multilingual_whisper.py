"""A multilingual Whisper that follows a talk from one language to another (imports faster-whisper at once)."""

from __future__ import annotations

from typing import Any

from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer

_SURE = 0.8  # probability from which on a window is taken to be in another language than the sound as a whole


class MultilingualWhisper(WhisperModel):  # type: ignore[misc]
    """faster-whisper's model, with each window of 30 s in the language that is spoken there.

    faster-whisper's own `multilingual` takes whatever language is likeliest, also in a window with one cry, and does
    not say which it took.

    Attributes:
        language: code of the language of the window that was transcribed last.
        follows: whether windows may differ from the language that `transcribe` was given or has detected.
    """

    language = ""
    follows = False
    _encoded: Any = None

    def encode(self, features: Any) -> Any:
        """See faster-whisper; what comes out is kept for `get_prompt`, which it is called before."""
        self._encoded = super().encode(features)
        return self._encoded

    def get_prompt(self, tokenizer: Tokenizer, *arguments: Any, **named: Any) -> list[int]:
        """See faster-whisper; the prompt says which language the window is in."""
        if self.follows and self.model.is_multilingual:
            token, probability = self.model.detect_language(self._encoded)[0][0]
            if probability >= _SURE:
                tokenizer.language, tokenizer.language_code = tokenizer.tokenizer.token_to_id(token), token[2:-2]
        self.language = tokenizer.language_code
        prompt: list[int] = super().get_prompt(tokenizer, *arguments, **named)
        return prompt
