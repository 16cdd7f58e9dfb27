"""The toolbox, `@tool`, and the tools that look into a video."""

from .boxes import Eyes
from .budget import Budget, Spend
from .builtin.ask_clip import ask_clip, ask_frames, caption_clip, rate_frames, verify_clip
from .builtin.browse import browse
from .builtin.crop import crop
from .builtin.detect_objects import detect_objects
from .builtin.find_color import find_color
from .builtin.find_habits import find_habits
from .builtin.last_sighting import last_sighting
from .builtin.read_text import read_text
from .builtin.score_frames import cluster_frames, score_frames, view_frames
from .builtin.search_clips import search_clips
from .builtin.track_objects import track_objects
from .builtin.transcribe import transcribe
from .builtin.view_clip import view_clip
from .context import VideoContext
from .errors import ToolBug, ToolError
from .mcp.client import McpServers
from .mcp.config import McpServer
from .observation import Line, Observation
from .plugins.content import as_picture
from .plugins.loading import ToolGroup, load_tools, registered_tools
from .plugins.naming import plugin_tools
from .sandbox.choice import ISOLATED
from .tool import Retry, VideoTool, tool
from .toolbox import Toolbox
from .viewer import Reply, Viewer, VisualQuestion

BUILT_IN = (search_clips, view_clip, crop, transcribe, read_text, detect_objects, track_objects, browse, find_habits)
"""The tools that every agent has unless it is told otherwise."""
VLM_TOOLS = (ask_clip, caption_clip)
"""Tools that ask a model that sees; a policy has them where there is one."""
ON_REQUEST = (find_color,)
"""Tools that a policy has when they are asked for (`--tools rewatch.tools:find_color`): each lengthens every prompt."""
INTERNAL_TOOLS = (last_sighting, view_frames, ask_frames, rate_frames, verify_clip, score_frames, cluster_frames)
"""Tools that the first look, routes and the check use; no policy is offered them."""

__all__ = [
    "BUILT_IN",
    "INTERNAL_TOOLS",
    "ISOLATED",
    "ON_REQUEST",
    "VLM_TOOLS",
    "Budget",
    "Eyes",
    "Line",
    "McpServer",
    "McpServers",
    "Observation",
    "ToolGroup",
    "Reply",
    "Retry",
    "Spend",
    "ToolBug",
    "ToolError",
    "Toolbox",
    "VideoContext",
    "VideoTool",
    "Viewer",
    "VisualQuestion",
    "as_picture",
    "ask_clip",
    "ask_frames",
    "browse",
    "caption_clip",
    "cluster_frames",
    "crop",
    "detect_objects",
    "find_color",
    "find_habits",
    "last_sighting",
    "load_tools",
    "plugin_tools",
    "rate_frames",
    "read_text",
    "registered_tools",
    "score_frames",
    "search_clips",
    "tool",
    "track_objects",
    "transcribe",
    "verify_clip",
    "view_clip",
    "view_frames",
]
