"""Questions: what is asked with the facts of the videos, conversations, and follow-up questions made complete."""
