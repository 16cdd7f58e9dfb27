"""Videos of requests: which may be named, how they come here, and that each is indexed once."""

from .parts import TooLargeError
from .videos import RequestVideos

__all__ = ["RequestVideos", "TooLargeError"]
