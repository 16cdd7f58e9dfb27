"""What every view of a memory has unchanged: the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .memory_view import MemoryView

if TYPE_CHECKING:
    from .encoders import VisualEncoder
    from .tracking.detector import Detector


class ViewModels:
    """The models of the memory that a view is of."""

    _memory: MemoryView

    @property
    def visual_encoder(self) -> VisualEncoder:
        """See `ClipMemory.visual_encoder`."""
        return self._memory.visual_encoder

    @property
    def models_given(self) -> dict[str, Any]:
        """See `ClipMemory.models_given`."""
        return self._memory.models_given

    @property
    def transcriber(self) -> str | None:
        """See `ClipMemory.transcriber`."""
        return self._memory.transcriber

    @property
    def detector(self) -> Detector | None:
        """See `ClipMemory.detector`."""
        return self._memory.detector

    @property
    def detector_stamp(self) -> str:
        """See `ClipMemory.detector_stamp`."""
        return self._memory.detector_stamp
