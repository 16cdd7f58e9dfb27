"""Small videos of known truth for questions about states, follow-ups and streams: cards on the screen and subtitles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rewatch.memory import ClipMemory


@dataclass(frozen=True, slots=True)
class Scene:
    """One video: its seconds, cards by the second from which they are shown, and cues `(start, end, text)`."""

    seconds: float
    cues: tuple[tuple[float, float, str], ...]
    cards: tuple[tuple[float, str], ...] = ()


SCENES = {
    "house": Scene(
        60,
        (
            (2, 5, "I put my keys on the kitchen table."),
            (6, 9, "The window in the bedroom is open."),
            (10, 13, "Maria is in the garden with the dog."),
            (14, 17, "I turned on the light in the hall."),
            (20, 23, "Now I am going to feed the cat."),
            (24, 27, "I took the keys and dropped them into the blue bowl."),
            (28, 31, "The washing machine is running."),
            (33, 36, "I closed the bedroom window because of the rain."),
            (37, 40, "I switched off the hall light."),
            (41, 44, "Maria came back and sat down in the living room."),
            (46, 49, "I should buy a hook for my keys one day."),
            (50, 53, "The washing machine has finished."),
            (54, 57, "The oven is hot, be careful."),
        ),
    ),
    "match": Scene(
        48,
        (
            (1, 4, "Welcome to the final, gate four is open."),
            (5, 8, "Carter is on the bench today."),
            (13, 16, "What a goal by Silva, the Lions lead!"),
            (19, 22, "It is raining again and the roof is closed."),
            (25, 28, "The Bears are level, a header by Okoro."),
            (30, 33, "Carter comes on for Silva."),
            (37, 40, "And there it is, Carter scores the winner."),
            (43, 46, "The referee blows the whistle, it is over."),
        ),
        ((0, "LIONS 0 : 0 BEARS"), (12, "LIONS 1 : 0 BEARS"), (24, "LIONS 1 : 1 BEARS"), (36, "LIONS 2 : 1 BEARS")),
    ),
    "lab": Scene(
        60,
        (
            (1, 4, "Good morning, the pump is still off."),
            (6, 9, "The water is at twenty degrees."),
            (11, 14, "The sample is in rack three."),
            (16, 19, "Doctor Lee is at the microscope."),
            (21, 24, "I am switching the pump on."),
            (26, 29, "Anna asks where the gloves are, they are in the second drawer."),
            (31, 34, "The water is at thirty five degrees now."),
            (36, 39, "I moved the sample to the freezer."),
            (41, 44, "Doctor Lee has left for lunch."),
            (46, 49, "Anna is labelling the tubes, twelve of them."),
            (51, 54, "The timer has reached zero, the reaction is done."),
            (56, 59, "Thank you and goodbye."),
        ),
    ),
}


def subtitles(scene: Scene) -> str:
    """The cues as SubRip."""

    def stamp(second: float) -> str:
        return f"00:{int(second) // 60:02d}:{int(second) % 60:02d},{round(second % 1 * 1000):03d}"

    cues = enumerate(scene.cues, 1)
    return "\n".join(f"{n}\n{stamp(start)} --> {stamp(end)}\n{text}\n" for n, (start, end, text) in cues)


def scene_memory(folder: Path, make_talk: Callable[..., Path], *names: str) -> ClipMemory:
    """A memory of the named scenes (all by default), indexed by speech, and by screen text where there are cards."""
    memory = ClipMemory(folder / "memory")
    for name in names or SCENES:
        scene = SCENES[name]
        size, channels = ((480, 270), ["speech", "screen_text"]) if scene.cards else ((160, 120), ["speech"])

        def card(second: float, scene: Scene = scene) -> str:
            return next((text for start, text in reversed(scene.cards) if second >= start), "")

        video = make_talk(folder / f"{name}.mp4", scene.seconds, captions=card, size=size, fps=4)
        (folder / f"{name}.srt").write_text(subtitles(scene), encoding="utf-8")
        memory.add(video, channels=channels, workers=0)
    return memory
