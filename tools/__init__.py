"""The toolbox, `@tool`, and the tools that look into a video."""

from .asking import ask_clip, ask_frames, caption_clip, rate_frames, verify_clip
from .boxes import Eyes
from .browse import browse
from .budget import Budget, Spend
from .context import VideoContext
from .crop import crop
from .detect_objects import detect_objects
from .entry_points import Plugged, load_tools, registered_tools
from .find_color import find_color
from .isolation_choice import ISOLATED
from .mcp_config import McpServer
from .mcp_servers import McpServers
from .observation import Observation, ToolError
from .plugged import plug_all
from .plugged_content import as_picture
from .read_text import read_text
from .retry import Retry
from .scouting import cluster_frames, score_frames, view_frames
from .search_clips import search_clips
from .threads import ToolThreads
from .tool import VideoTool, tool
from .toolbox import Toolbox
from .track_objects import track_objects
from .transcribe import transcribe
from .view_clip import view_clip
from .viewer import Reply, Viewer, VisualQuestion

BUILT_IN = (search_clips, view_clip, crop, transcribe, read_text, detect_objects, track_objects, browse)
"""The tools that every agent has unless it is told otherwise."""
SEEING = (ask_clip, caption_clip)
"""Tools that ask a model that sees; a policy has them where there is one."""
ON_REQUEST = (find_color,)
"""Tools that a policy has when they are asked for (`--tools rewatch.tools:find_color`): each lengthens every prompt."""
INNER = (view_frames, ask_frames, rate_frames, verify_clip, score_frames, cluster_frames)
"""Tools that routes and the check use; no policy is offered them."""

__all__ = [
    "BUILT_IN",
    "INNER",
    "ISOLATED",
    "ON_REQUEST",
    "SEEING",
    "Budget",
    "Eyes",
    "McpServer",
    "McpServers",
    "Observation",
    "Plugged",
    "Reply",
    "Retry",
    "Spend",
    "ToolError",
    "ToolThreads",
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
    "load_tools",
    "plug_all",
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
