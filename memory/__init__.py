"""Videos, clips and the FAISS clip memory: what is known of a video, and where it was seen."""

from .array_video import ArrayVideo
from .clip_memory import ClipMemory
from .cut_video import CutVideo
from .errors import CapabilityError, MemoryFolderError, MisuseError, RewatchError, VideoError, VideoGoneError
from .idle_videos import IdleVideos, place
from .media import Frame, VideoInfo, VideoSource
from .pixels import Pixels, within_view
from .records import CHANNELS, LEVELS, OBJECTS, Clip, Failure, Hit, Progress, Text, VideoRecord
from .spans import Box, MediaURI, Span, clock
from .video import Video
from .view import MemoryUntil, MemoryView

__all__ = [
    "CHANNELS",
    "LEVELS",
    "OBJECTS",
    "ArrayVideo",
    "Box",
    "CapabilityError",
    "Clip",
    "ClipMemory",
    "CutVideo",
    "Failure",
    "Frame",
    "Hit",
    "IdleVideos",
    "MediaURI",
    "MemoryFolderError",
    "MisuseError",
    "MemoryUntil",
    "MemoryView",
    "Pixels",
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
    "place",
    "within_view",
]
