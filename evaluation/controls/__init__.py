"""Controls: runs that may see less, or something else, than the question asks about; each by its name in `CONTROLS`.

What a control takes away is not there for any tool, route, viewer or planner: the memory itself is restricted
(`memory.restricted`), its rows as well as its pictures and sound.
"""

from .control import Control, ControlError
from .registry import CONTROLS

__all__ = ["CONTROLS", "Control", "ControlError"]
