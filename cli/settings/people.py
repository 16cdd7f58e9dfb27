"""Options of learning people, and doing it with a line that says how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.text import Text

from ...memory import ClipMemory, VideoRecord, clock
from ...memory import Progress as Step
from ...memory.registry import did_you_mean
from ...memory.types import FACES, VOICES
from ..terminal.output import Console, message, plain

_CHANNELS = (VOICES, FACES)

SpeakerModel = Annotated[
    str | None,
    typer.Option(
        "--speaker-model", help="resemblyzer, or the ONNX file of a speaker model [as before, else resemblyzer]."
    ),
]
FaceModels = Annotated[
    str | None,
    typer.Option("--face-models", help="The ONNX files of YuNet and SFace, comma separated: yunet.onnx,sface.onnx."),
]


def people_channels(text: str) -> list[str]:
    """Split `voices,faces`."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [name for name in names if name not in _CHANNELS]
    if unknown or not names:
        near = did_you_mean(_CHANNELS, unknown[0]) if unknown else ""
        raise typer.BadParameter(
            f"people are known by voices and faces, not by {unknown[0] if unknown else text!r}.{near}"
        )
    return names


def learn_people(
    memory: ClipMemory,
    record: VideoRecord,
    console: Console,
    channels: Sequence[str],
    speaker_model: str | None = None,
    face_models: str | None = None,
    *,
    same: float | None = None,
    again: bool = False,
) -> VideoRecord:
    """Learn the people of one video; prints one line for it."""
    faces = None
    if face_models is not None:
        detector, comma, recognizer = face_models.partition(",")
        if not comma:
            raise typer.BadParameter("--face-models takes two files: yunet.onnx,sface.onnx.")
        faces = (detector.strip(), recognizer.strip())
    name = plain(record.name)

    def step(progress: Step) -> None:
        if not console.is_terminal:
            return
        text = f"{name}  {progress.channel} {clock(progress.span.end)}"
        console.print(Text(text, style="dim"), end="\r")

    learned = memory.learn_people(
        record.id, channels, speaker_model=speaker_model, same=same, face_models=faces, again=again, progress=step
    )
    here = [one for one in memory.people.identities() if record.id in one.videos]
    who = ", ".join(plain(one.label) for one in here[:12]) or "nobody"
    console.print(message("people", f"{name}: {who}"), soft_wrap=True)
    for failure in [failure for failure in learned.failures if failure.channel in channels][:3]:
        console.print(message("warning", f"{failure.channel} {failure.span}: {failure.reason}", "yellow"))
    return learned


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleOptions:
    """Options of `rewatch index` for people: without them nobody is learned."""

    people: Annotated[
        str | None,
        typer.Option(
            "--people", help="Also tell people apart: voices, faces, or both, comma separated [default: nobody]."
        ),
    ] = None
    speaker_model: SpeakerModel = None
    face_models: FaceModels = None

    def check(self) -> None:
        """Say what is wrong with them before anything is done."""
        if self.people is not None:
            people_channels(self.people)

    def learn(self, memory: ClipMemory, record: VideoRecord, console: Console) -> VideoRecord:
        """Learn the people of a video, if that is asked for."""
        if self.people is None:
            return record
        return learn_people(memory, record, console, people_channels(self.people), self.speaker_model, self.face_models)
