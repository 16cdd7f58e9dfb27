"""Videos, clips and the FAISS clip memory: what is known of a video, and where it was seen."""

from .errors import CapabilityError, MemoryFolderError, RewatchError, VideoError
from .spans import Box, MediaURI, Span, clock

__all__ = [
    "Box",
    "CapabilityError",
    "MediaURI",
    "MemoryFolderError",
    "RewatchError",
    "Span",
    "VideoError",
    "clock",
]
