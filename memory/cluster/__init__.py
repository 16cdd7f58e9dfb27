"""Indexing on several machines: shards of the work, merging memories, and a Ray cluster."""
