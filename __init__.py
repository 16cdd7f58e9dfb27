"""rewatch: agents that answer questions about long and egocentric videos by going back and looking."""

__version__ = "0.1.0"
