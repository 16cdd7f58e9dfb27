"""Training of tool-use policies on the agent's own loop (see the roadmap in the README)."""
