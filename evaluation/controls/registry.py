"""The controls by name."""

from __future__ import annotations

from ...memory import Restriction
from ...memory.registry import Registry
from .control import Control
from .options import shuffle_options
from .restrictions import always, random_span, shuffled, single_frame, truth_span

_ALL = (
    Control(
        name="question_only",
        about="nothing can be seen, heard or found: what the question alone gives away",
        restrict=always(Restriction(blank=True)),
    ),
    Control(name="no_speech", about="without sound, subtitles and speakers", restrict=always(Restriction(sound=False))),
    Control(
        name="no_screen_text",
        about="what is written in the pictures is covered",
        restrict=always(Restriction(pictures="without_text")),
    ),
    Control(
        name="only_speech",
        about="sound and what was said; the pictures are black",
        restrict=always(Restriction(pictures="none")),
    ),
    Control(
        name="only_screen_text",
        about="what is written in the pictures; all else is black and silent",
        restrict=always(Restriction(pictures="text", sound=False)),
    ),
    Control(name="single_frame", about="one picture, the middle one of each video", restrict=single_frame),
    Control(name="shuffled_frames", about="the pictures change places; sound stays where it is", restrict=shuffled),
    Control(
        name="random_span",
        about="a span drawn at random, as long as the true one and apart from it where there is room",
        restrict=random_span,
    ),
    Control(name="truth_span", about="the true spans and nothing else", restrict=truth_span),
    Control(name="options_shuffled", about="the options in another order", change=shuffle_options),
)

CONTROLS: Registry[Control] = Registry("control", {control.name: control for control in _ALL})
"""Controls by name, as `rewatch eval --control` takes them."""
