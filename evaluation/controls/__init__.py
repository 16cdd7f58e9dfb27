"""Controls: runs that may see less, or something else, than the question asks about."""
