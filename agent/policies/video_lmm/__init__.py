"""A local Video-LMM as a chat model."""
