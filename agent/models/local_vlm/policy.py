"""`VideoLMM`: a local Video-LMM as a LangChain chat model. Token in, token out, as for every model on this disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, ClassVar, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from ....memory import CapabilityError
from ....tools import Eyes
from ...answer import Draft
from ...tool_formats import ToolFormat, load_tool_format
from ..eyes import SIDE, scale_of
from ..policy_config import PolicyConfig
from ..turn import Turn
from .engine import Engine
from .generate import Completion
from .load import Loaded, load_video_lmm, split_options
from .processor import require_template
from .request import Request
from .turns import GenerationRequest, Prepared, Turns, generation_request
from .vision_adapter import VIDEO

_SETTINGS = ("dialect", "frames_as", "max_pixels", "max_tokens", "temperature", "context", "rows", "sheets")
"""Options of `VideoLMM`, besides those of `LoadOptions`."""


class LocalPolicy(BaseChatModel):
    """A model on this disk that reads the conversation, and calls tools or answers.

    Runs that ask at the same time share one batch. Every message carries its part of the token record in
    `response_metadata["tokens"]`; the next prompt is made of these and never of rendered text.
    """

    takes_turn: ClassVar[bool] = True
    weighs: ClassVar[bool] = True

    max_tokens: int = 1024
    """Tokens of a reply."""
    temperature: float = 0.0
    """Where the caller names none; 0 is greedy."""
    context: int | None = None
    """Tokens to use of the model's context; None: all of it."""
    rows: int = 16
    """Turns that share one `generate`."""

    _engine: Engine = PrivateAttr()
    _turns: Turns = PrivateAttr()
    _policy_config: PolicyConfig | None = PrivateAttr(default=None)

    def __init__(self, loaded: Loaded, *, dialect: ToolFormat | str = "hermes", **settings: Any) -> None:
        super().__init__(**settings)
        self._engine = Engine(loaded, size=self.rows)
        context = min(self.context or self._engine.context, self._engine.context)
        self._turns = Turns(
            engine=self._engine,
            dialect=load_tool_format(dialect) if isinstance(dialect, str) else dialect,
            context=context,
            reserve=min(1024, context // 4),
            **self._picture_options(loaded),
        )

    def _picture_options(self, loaded: Loaded) -> dict[str, Any]:
        """Return how `Turns` is to show pictures."""
        return {}

    @classmethod
    def of(cls, model: Any, processor: Any, *, name: str = "", **settings: Any) -> Self:
        """The policy around a model and its processor (or tokenizer) that are loaded already, as a trainer has them.

        Raises:
            CapabilityError: if there is no chat template.
        """
        name = name or str(getattr(model.config, "name_or_path", "")) or model.config.model_type
        require_template(name, processor)
        return cls.around(Loaded(name=name, model=model, processor=processor), **settings)

    @classmethod
    def around(cls, loaded: Loaded, **settings: Any) -> Self:
        """Make the policy around what was loaded."""
        return cls(loaded, **settings)

    @property
    def engine(self) -> Engine:
        """Return what the model runs in: log-probabilities of records, pictures, bounds."""
        return self._engine

    @property
    def turns(self) -> Turns:
        """Return how conversations become records."""
        return self._turns

    @property
    def dialect(self) -> ToolFormat:
        """Return how this checkpoint sees tools and calls them."""
        return self._turns.dialect

    @property
    def roles(self) -> dict[str, str]:
        """Role to the name of its adapter."""
        return self._engine.loaded.roles

    @property
    def policy_config(self) -> PolicyConfig | None:
        """Return how it was trained to work; None where nothing says so."""
        return self._policy_config

    def trained(self, config: PolicyConfig) -> Self:
        """The policy, told how it was trained to work."""
        self._policy_config = config
        return self

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model": self._engine.loaded.name, "dialect": self.dialect.name}

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Allow tool calls; without this the policy gives its best answer from what was observed."""
        return self.bind(tools=tuple(convert_to_openai_tool(tool) for tool in tools), **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        generation = self._generation(stop, **kwargs)
        try:
            with self._engine.batcher.coming() as submit:
                prepared, future = self._submit(messages, generation, submit)
            if prepared is None or future is None:
                return _result(_unaffordable())
            completion = future.result()
        except BaseException:
            generation.caller.gone = True
            raise
        return _result(self._turns.message(messages, generation, prepared, completion))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        generation = self._generation(stop, **kwargs)
        try:
            with self._engine.batcher.coming() as submit:  # said here, so that all who start together are waited for
                prepared, future = await asyncio.to_thread(self._submit, messages, generation, submit)
            if prepared is None or future is None:
                return _result(_unaffordable())
            completion = await asyncio.wrap_future(future)
        except BaseException:  # also when the run is cancelled: the row ends at its next token
            generation.caller.gone = True
            raise
        return _result(self._turns.message(messages, generation, prepared, completion))

    def _submit(
        self,
        messages: Sequence[BaseMessage],
        generation: GenerationRequest,
        submit: Callable[[Request], Future[Completion]],
    ) -> tuple[Prepared | None, Future[Completion] | None]:
        prepared = self._turns.prepare(messages, generation)
        return (prepared, submit(prepared.request)) if prepared else (None, None)

    def _generation(
        self,
        stop: list[str] | None,
        *,
        tools: Sequence[dict[str, Any]] = (),
        turn: Turn | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        beams: int = 1,
        role: str = "",
        choices: Sequence[str] = (),
        **unused: Any,
    ) -> GenerationRequest:
        return generation_request(
            turn,
            tools=tuple(tools),
            max_tokens=max_tokens or self.max_tokens,
            temperature=self.temperature if temperature is None else temperature,
            seed=seed,
            stop=tuple(stop or ()),
            beams=beams,
            role=role,
            choices=tuple(choices),
        )


class VideoLMM(LocalPolicy):
    """A Video-LMM that reads the conversation with its pictures, and calls tools or answers."""

    sees: ClassVar[bool] = True

    max_pixels: int = 256 * 28 * 28
    """Pixels of one picture, where the model takes any size."""
    frames_as: str = "images"
    """`images`, or `video` where the model reads pieces of video with their time as text (Qwen3-VL)."""
    sheets: int | None = None
    """Frames in one picture when it is asked about frames as a viewer; None: as many as save tokens at no loss."""

    @classmethod
    def load(cls, name: str, **options: Any) -> VideoLMM:
        """Load the Video-LMM of that folder or hub name.

        Args:
            name: folder or hub name.
            options: fields of this class and of `LoadOptions`, but `file` and `template`; they may be texts.

        Raises:
            CapabilityError: if it cannot be loaded here, or an option is unknown.
        """
        loading, settings = split_options("A Video-LMM", options, _SETTINGS, without=("file", "template"))
        return cls.around(load_video_lmm(name, loading), **settings)

    def _picture_options(self, loaded: Loaded) -> dict[str, Any]:
        return {"max_pixels": self.max_pixels, "as_video": _as_video(self.frames_as, loaded)}

    def eyes(self, messages: Sequence[BaseMessage]) -> Eyes:
        """Return how it was last shown a picture: in the size that the room in its context allowed."""
        loaded = self._engine.loaded
        scale = getattr(self.dialect, "places", "") or scale_of(str(loaded.model.config.model_type))
        side = SIDE
        for message in reversed(messages):
            grids = (message.response_metadata.get("tokens") or {}).get("grids")
            if grids:
                side = max(self._engine.vision.size(tuple(grids[-1])))
                break
        return Eyes(side=side if self._engine.vision.sees else None, scale=scale)

    def frames_per_picture(self, size: tuple[int, int]) -> int:
        """Return how many frames of (width, height) to put into one picture when it is asked about them as a viewer."""
        return self.sheets or self._engine.vision.frames_per_picture(size)

    @property
    def _llm_type(self) -> str:
        return "video-lmm"


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])


def _unaffordable() -> AIMessage:
    """Return what is said when the turn may cost fewer tokens than its prompt has: it costs none."""
    draft = Draft(text="The budget of tokens has no room for another reply.", abstained=True, confidence=0.0)
    return AIMessage(
        content=draft.as_message(),
        response_metadata={"finish_reason": "tokens"},
        usage_metadata={"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
    )


def _as_video(frames_as: str, loaded: Loaded) -> bool:
    if frames_as not in ("images", "video"):
        raise CapabilityError(f"frames_as={frames_as} is not known; give images or video.")
    family = loaded.model.config.model_type
    if frames_as == "video" and family not in VIDEO:
        raise CapabilityError(f"{loaded.name} ({family}) reads no video with times in the text; use frames_as=images.")
    return frames_as == "video"
