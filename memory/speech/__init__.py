"""Speech: recognizers (Whisper through faster-whisper, PocketSphinx), subtitles (through pysubs2), and transcripts.

`transcriber` is the face: it chooses a recognizer and transcribes a span. `vad` and `windows` find the speech in a
sound, `whisper` and `pocketsphinx` recognize it, `phrase_spotting` looks for known words in it, `subtitles` reads what
is already written, and `transcript` holds the words that all of them return.
"""
