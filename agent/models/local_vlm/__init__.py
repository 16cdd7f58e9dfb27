"""A Video-LMM on this disk as a chat model, and the engine that it shares with language models.

A conversation becomes a prompt (`prompt`, `template`, `fit`), which the `engine` writes on (`batch`, `prefix_cache`,
`generate`); what was read and sampled is kept in the token `record` that every message carries.
"""

from .policy import LocalPolicy, VideoLMM

__all__ = ["LocalPolicy", "VideoLMM"]
