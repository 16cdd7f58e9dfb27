"""What is said in a video as a file: subtitles (SRT, WebVTT), plain text, JSON."""

from __future__ import annotations

from collections.abc import Sequence

from ..sanitize import as_json, one_line
from ..types import Text, VideoRecord

FORMATS = ("srt", "vtt", "txt", "json")


def transcript(record: VideoRecord, said: Sequence[Text], form: str) -> str:
    """The speech of a video in one of `FORMATS`; `txt` has one utterance a line, without times.

    Args:
        record: the video.
        said: its texts of the channel speech, in time order (`ClipMemory.texts(..., channel="speech")`).
        form: one of `FORMATS`.

    Raises:
        ValueError: if there is no such format.
    """
    if form == "srt":
        return "\n".join(
            f"{number}\n{_time(text.start, ',')} --> {_time(text.end, ',')}\n{_one_line(text)}\n"
            for number, text in enumerate(said, 1)
        )
    if form == "vtt":
        cues = [f"{_time(text.start)} --> {_time(text.end)}\n{_voice(text)}{_escaped(text)}\n" for text in said]
        return "\n".join(["WEBVTT\n", *cues])
    if form == "txt":
        return "".join(f"{_one_line(text)}\n" for text in said)
    if form == "json":
        video = {"id": record.id, "name": record.name, "start": record.start, "end": record.end}
        rows = [
            {"start": round(text.start, 3), "end": round(text.end, 3), "text": text.text, **text.data} for text in said
        ]
        return as_json({"schema": 1, "video": video, "utterances": rows}) + "\n"
    raise ValueError(f"There is no format {form!r}; there are {', '.join(FORMATS)}.")


def _time(seconds: float, point: str = ".") -> str:
    milliseconds = round(1000 * max(seconds, 0.0))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def _one_line(text: Text) -> str:
    return one_line(text.text).replace("-->", "→")


def _voice(text: Text) -> str:
    speaker = text.data.get("speaker")
    return f"<v {one_line(str(speaker).replace('>', ' ').replace('<', ' '))}>" if speaker else ""


def _escaped(text: Text) -> str:
    return _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
