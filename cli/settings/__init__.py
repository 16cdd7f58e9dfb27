"""What verbs share: options, the groups that they come in, and what they stand for (memory, videos, runs, tools)."""
