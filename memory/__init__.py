"""Videos, clips and the clip memory.

`ClipMemory` indexes videos into a folder and searches it, `CausalView` is a memory as it was at a moment; `video/`
decodes, `ingest/` fills the channels of a memory, `store/` keeps and searches them, and `speech/`, `ocr/`, `tracking/`
and `encoders/` hold the models.
"""

from .causal_view import CausalView
from .clip_memory import ClipMemory
from .cluster.merge import Merged, merge_memories
from .coverage import Coverage
from .errors import CapabilityError, MemoryFolderError, MisuseError, RewatchError, VideoError, VideoGoneError
from .memory_view import MemoryView
from .protocol import Frame, VideoInfo, VideoSource
from .restricted import RestrictedView, Restriction
from .span import Box, MediaURI, Span, clock
from .timeline import Moment, TimelineSpan, day_of, parse_moment, resolve_now, wall_clock
from .types import CHANNELS, LEVELS, OBJECTS, Clip, Failure, Hit, Progress, Text, VideoRecord
from .video.array_video import ArrayVideo
from .video.file import Video
from .video.frame_reader import FrameReader, within_view
from .video.open import VideoPool, video_key
from .video.truncated_video import TruncatedVideo

__all__ = [
    "CHANNELS",
    "LEVELS",
    "OBJECTS",
    "ArrayVideo",
    "Box",
    "CapabilityError",
    "Clip",
    "ClipMemory",
    "Coverage",
    "TruncatedVideo",
    "Failure",
    "Frame",
    "Hit",
    "VideoPool",
    "MediaURI",
    "MemoryFolderError",
    "Merged",
    "MisuseError",
    "Moment",
    "CausalView",
    "MemoryView",
    "FrameReader",
    "Progress",
    "RestrictedView",
    "Restriction",
    "RewatchError",
    "Span",
    "Text",
    "TimelineSpan",
    "Video",
    "VideoError",
    "VideoGoneError",
    "VideoInfo",
    "VideoRecord",
    "VideoSource",
    "clock",
    "merge_memories",
    "day_of",
    "parse_moment",
    "resolve_now",
    "video_key",
    "wall_clock",
    "within_view",
]
