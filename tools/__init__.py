"""The toolbox, `@tool`, and the tools that look into a video."""

from .browse import browse
from .budget import Budget, Spend
from .context import VideoContext
from .crop import crop
from .observation import Observation, ToolError
from .read_text import read_text
from .search_clips import search_clips
from .tool import VideoTool, tool
from .toolbox import Toolbox
from .track_objects import track_objects
from .transcribe import transcribe
from .view_clip import view_clip
from .viewer import Reply, Viewer, VisualQuestion

BUILT_IN = (search_clips, view_clip, crop, transcribe, read_text, track_objects, browse)
"""The tools that every agent has unless it is told otherwise."""

__all__ = [
    "BUILT_IN",
    "Budget",
    "Observation",
    "Reply",
    "Spend",
    "ToolError",
    "Toolbox",
    "VideoContext",
    "VideoTool",
    "Viewer",
    "VisualQuestion",
    "browse",
    "crop",
    "read_text",
    "search_clips",
    "tool",
    "track_objects",
    "transcribe",
    "view_clip",
]
