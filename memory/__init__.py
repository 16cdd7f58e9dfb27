"""Videos, clips and the FAISS clip memory: what is known of a video, and where it was seen."""

from .causal_view import CausalView, MemoryView
from .clip_memory import ClipMemory
from .errors import CapabilityError, MemoryFolderError, MisuseError, RewatchError, VideoError, VideoGoneError
from .protocol import Frame, VideoInfo, VideoSource
from .span import Box, MediaURI, Span, clock
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
    "TruncatedVideo",
    "Failure",
    "Frame",
    "Hit",
    "VideoPool",
    "MediaURI",
    "MemoryFolderError",
    "MisuseError",
    "CausalView",
    "MemoryView",
    "FrameReader",
    "Progress",
    "RewatchError",
    "Span",
    "Text",
    "Video",
    "VideoError",
    "VideoGoneError",
    "VideoInfo",
    "VideoRecord",
    "VideoSource",
    "clock",
    "video_key",
    "within_view",
]
