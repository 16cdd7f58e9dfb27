"""`VideoLMM`: a local Video-LMM as a LangChain chat model. Token in, token out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, ClassVar

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from ....memory import CapabilityError
from ...answer import Draft
from ...dialects import Dialect, load_dialect
from ...turn import Turn
from .engine import Engine
from .generate import Request, Written
from .load import Loaded, load
from .processor import require_template
from .sight import VIDEO
from .turns import Prepared, Turns, Wish, wish_of

LOADING = ("load", "dtype", "device", "device_map", "attention", "adapter", "adapters", "download")
"""Options of `load`."""
SETTINGS = ("dialect", "frames_as", "max_pixels", "max_tokens", "temperature", "context", "rows")
"""Options of `VideoLMM`."""
OPTIONS = (*LOADING, *SETTINGS)


class VideoLMM(BaseChatModel):
    """A Video-LMM that reads the conversation with its pictures, and calls tools or answers.

    Runs that ask at the same time share one batch. Every message carries its part of the token record in
    `response_metadata["tokens"]`; the next prompt is made of these and never of rendered text.
    """

    takes_turn: ClassVar[bool] = True
    weighs: ClassVar[bool] = True

    max_tokens: int = 1024
    """Tokens of a reply."""
    temperature: float = 0.0
    """Where the caller names none; 0 is greedy."""
    max_pixels: int = 256 * 28 * 28
    """Pixels of one picture, where the model takes any size."""
    context: int | None = None
    """Tokens to use of the model's context; None: all of it."""
    frames_as: str = "images"
    """`images`, or `video` where the model reads pieces of video with their time as text (Qwen3-VL)."""
    rows: int = 16
    """Turns that share one `generate`."""

    _engine: Engine = PrivateAttr()
    _turns: Turns = PrivateAttr()

    def __init__(self, loaded: Loaded, *, dialect: Dialect | str = "hermes", **settings: Any) -> None:
        super().__init__(**settings)
        self._engine = Engine(loaded, size=self.rows)
        context = min(self.context or self._engine.context, self._engine.context)
        self._turns = Turns(
            engine=self._engine,
            dialect=load_dialect(dialect) if isinstance(dialect, str) else dialect,
            max_pixels=self.max_pixels,
            context=context,
            reserve=min(1024, context // 4),
            as_video=_as_video(self.frames_as, loaded),
        )

    @classmethod
    def load(cls, name: str, **options: Any) -> VideoLMM:
        """The Video-LMM of that folder or hub name; see `OPTIONS`, which may be given as text.

        Raises:
            CapabilityError: if it cannot be loaded here, or an option is unknown.
        """
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown:
            raise CapabilityError(f"A Video-LMM has no option {', '.join(unknown)}; it has {', '.join(OPTIONS)}.")
        loading = {key: options[key] for key in LOADING if key in options}
        settings = {key: options[key] for key in SETTINGS if key in options}
        if isinstance(loading.get("adapters"), str):
            loading["adapters"] = _roles(loading["adapters"])
        if isinstance(loading.get("download"), str):
            loading["download"] = loading["download"].lower() in ("1", "true", "yes")
        _require_numbers(settings)
        return cls(load(name, **loading), **settings)

    @classmethod
    def of(cls, model: Any, processor: Any, *, name: str = "", **settings: Any) -> VideoLMM:
        """The policy around a model and a processor that are loaded already, as a trainer has them.

        Raises:
            CapabilityError: if the processor has no chat template.
        """
        name = name or str(getattr(model.config, "name_or_path", "")) or model.config.model_type
        require_template(name, processor)
        return cls(Loaded(name=name, model=model, processor=processor), **settings)

    @property
    def engine(self) -> Engine:
        """What the model runs in: log-probabilities of records, pictures, bounds."""
        return self._engine

    @property
    def turns(self) -> Turns:
        """How conversations become records."""
        return self._turns

    @property
    def dialect(self) -> Dialect:
        """How this checkpoint sees tools and calls them."""
        return self._turns.dialect

    @property
    def roles(self) -> dict[str, str]:
        """Role to the name of its adapter."""
        return self._engine.loaded.roles

    @property
    def _llm_type(self) -> str:
        return "video-lmm"

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
        wish = self._wish(stop, **kwargs)
        try:
            with self._engine.batcher.coming() as submit:
                prepared, future = self._submit(messages, wish, submit)
            if prepared is None or future is None:
                return _result(_unaffordable())
            written = future.result()
        except BaseException:
            wish.caller.gone = True
            raise
        return _result(self._turns.message(messages, wish, prepared, written))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        wish = self._wish(stop, **kwargs)
        try:
            with self._engine.batcher.coming() as submit:  # said here, so that all who start together are waited for
                prepared, future = await asyncio.to_thread(self._submit, messages, wish, submit)
            if prepared is None or future is None:
                return _result(_unaffordable())
            written = await asyncio.wrap_future(future)
        except BaseException:  # also when the run is cancelled: the row ends at its next token
            wish.caller.gone = True
            raise
        return _result(self._turns.message(messages, wish, prepared, written))

    def _submit(
        self, messages: Sequence[BaseMessage], wish: Wish, submit: Callable[[Request], Future[Written]]
    ) -> tuple[Prepared | None, Future[Written] | None]:
        prepared = self._turns.prepare(messages, wish)
        return (prepared, submit(prepared.request)) if prepared else (None, None)

    def _wish(
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
    ) -> Wish:
        return wish_of(
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


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])


def _unaffordable() -> AIMessage:
    """What is said when the turn may cost fewer tokens than its prompt has: it costs none."""
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


def _roles(text: str) -> dict[str, str]:
    """`grounder:FOLDER,verifier:FOLDER` as a mapping."""
    pairs = [part.partition(":") for part in text.split(",") if part]
    if any(not role or not folder for role, _, folder in pairs):
        raise CapabilityError(f"adapters={text} cannot be read; write grounder:FOLDER,verifier:FOLDER.")
    return {role: folder for role, _, folder in pairs}


def _require_numbers(settings: dict[str, Any]) -> None:
    for name in ("max_pixels", "max_tokens", "context", "rows", "temperature"):
        if name in settings:
            try:
                number = float(settings[name])
            except (TypeError, ValueError):
                number = -1.0
            if number < (0 if name == "temperature" else 1):
                raise CapabilityError(f"{name}={settings[name]} is no number that can be used.")
            settings[name] = number if name == "temperature" else int(number)


__all__ = ["LOADING", "OPTIONS", "SETTINGS", "VideoLMM"]
