"""The server: the agent behind an OpenAI-compatible endpoint."""
