"""The policy as it was before training, which a KL term holds on to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...memory import CapabilityError
from ..rollouts.rows import Row, score

if TYPE_CHECKING:
    from torch import Tensor

    from ...agent.models.local_vlm.engine import Engine


class Reference:
    """The policy as it was at the start: a frozen copy, or, under an adapter, the model without it."""

    def __init__(self, engine: Engine) -> None:
        import copy

        self.engine = engine
        adapted = hasattr(engine.loaded.model, "disable_adapter")
        self.model = None if adapted else copy.deepcopy(engine.loaded.model).requires_grad_(False)

    def logp(self, rows: Sequence[Row], width: int) -> Tensor:
        """[R, T] its log-probabilities, without gradient."""
        import torch

        bare = self.engine.loaded.model.disable_adapter() if self.model is None else lent(self.engine, self.model)
        with torch.no_grad(), bare:
            return score(self.engine, rows, width=width).logp_RT

    def state_dict(self) -> dict[str, Any] | None:
        """The copy's weights; None where there is no copy."""
        return None if self.model is None else self.model.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the copy's weights."""
        if self.model is not None:
            self.model.load_state_dict(state)


def is_in_pieces(model: Any) -> bool:
    """True if FSDP, of the first or the second version, holds the model's weights in pieces."""
    from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel

    return any(isinstance(part, (FSDPModule, FullyShardedDataParallel)) for part in model.modules())


def refuse_fsdp(is_used: bool) -> None:
    """Raise where FSDP is used: a run takes as many forward passes as it likes.

    Each pass of a piece is a collective operation, and processes whose runs differ in length would wait for each other
    for ever.

    Raises:
        CapabilityError: saying what to use instead.
    """
    if is_used:
        raise CapabilityError(
            "FSDP cannot be used here: the runs of a process take their own number of passes, and its pieces are "
            "gathered by all processes at once. Use DDP with LoRA, or DeepSpeed ZeRO-3 "
            "(examples/configs/accelerate-zero3.yaml), which gathers the whole model while it samples."
        )


@contextmanager
def lent(engine: Engine, model: Any) -> Iterator[None]:
    """The engine with another model in it for a while.

    Raises:
        CapabilityError: if the model is in FSDP's pieces.
    """
    refuse_fsdp(is_in_pieces(model))
    own, engine.loaded.model = engine.loaded.model, model
    try:
        yield
    finally:
        engine.loaded.model = own
