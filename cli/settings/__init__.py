"""Options that verbs share, their groups, and the things that they stand for (memory, videos, runs, tools)."""
