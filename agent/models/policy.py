"""The capabilities of a policy: what a chat model declares about itself, and what is assumed of one that does not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from ...tools import Eyes
from .eyes import SIDE, scale_of

if TYPE_CHECKING:
    from ..tool_formats import ToolFormat
    from .policy_config import PolicyConfig

_Value = TypeVar("_Value")


class Policy(Protocol):
    """Capabilities of a chat model besides messages. A model declares any of these as attributes of its own."""

    @property
    def sees(self) -> bool | None:
        """True if it takes pictures, False if it reads text alone; None if that is not known."""

    @property
    def reads_pictures(self) -> bool:
        """True if tools that show pictures are of use to it."""

    @property
    def takes_turn(self) -> bool:
        """True if it takes the keyword argument `turn` (`models.turn.Turn`), and `max_tokens` and `beams`."""

    @property
    def weighs(self) -> bool:
        """True if it weighs `choices` against each other, and returns their probabilities."""

    @property
    def roles(self) -> Collection[str]:
        """Roles that it has an adapter for, which it takes as `role`."""

    @property
    def dialect(self) -> ToolFormat | None:
        """The format of its calls and answers; None for that of its provider."""

    @property
    def policy_config(self) -> PolicyConfig | None:
        """The tools and the loop that it was trained with; None if it was not trained here."""

    def eyes(self, messages: Sequence[BaseMessage]) -> Eyes:
        """Return the size and the scale of places in which it has been shown the pictures of a conversation."""

    def frames_per_picture(self, size: tuple[int, int]) -> int:
        """Return how many frames of (width, height) to put into one picture when it is asked about them as a viewer."""


class ChatModelPolicy:
    """Any LangChain chat model as a `Policy`: its declarations, and defaults for what it does not declare.

    A declaration is read whenever it is asked for, since a served model may find out only when it is used.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self.model = model

    def _declared(self, name: str, default: _Value) -> _Value:
        value: _Value = getattr(self.model, name, default)
        return value

    @property
    def sees(self) -> bool | None:
        """As declared; else True for a model that takes turns, or whose LangChain profile has image inputs."""
        declared = self._declared("sees", None)
        empty: dict[str, Any] = {}
        profile = self._declared("profile", empty) or empty
        return declared if declared is not None else bool(self.takes_turn or profile.get("image_inputs")) or None

    @property
    def reads_pictures(self) -> bool:
        """As declared, else whether it sees."""
        return bool(self._declared("reads_pictures", self.sees))

    @property
    def takes_turn(self) -> bool:
        """As declared."""
        return self._declared("takes_turn", False)

    @property
    def weighs(self) -> bool:
        """As declared."""
        return self._declared("weighs", False)

    @property
    def roles(self) -> Collection[str]:
        """As declared."""
        return self._declared("roles", ())

    @property
    def dialect(self) -> ToolFormat | None:
        """As declared."""
        return self._declared("dialect", None)

    @property
    def policy_config(self) -> PolicyConfig | None:
        """As declared."""
        return self._declared("policy_config", None)

    def eyes(self, messages: Sequence[BaseMessage]) -> Eyes:
        """As declared, else pictures of `SIDE` pixels, on the scale that the model's name tells."""
        declared: Any = self._declared("eyes", None)
        if declared is not None:
            found: Eyes = declared(messages)
            return found
        names: list[Any] = [self._declared(key, None) for key in ("model_name", "model")]
        name = next((name for name in names if isinstance(name, str)), "")
        return Eyes(side=SIDE, scale=scale_of(name)) if self.reads_pictures else Eyes()

    def frames_per_picture(self, size: tuple[int, int]) -> int:
        """As declared, else each by itself."""
        declared: Any = self._declared("frames_per_picture", None)
        return 1 if declared is None else int(declared(size))


def policy_of(model: BaseChatModel) -> Policy:
    """Return the capabilities of a chat model."""
    return ChatModelPolicy(model)
