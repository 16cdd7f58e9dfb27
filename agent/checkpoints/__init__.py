"""Stored steps of runs: the SQLite store, and the serializer that reads back only what a run stores."""
