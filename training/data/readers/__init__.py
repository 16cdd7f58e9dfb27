"""Readers of released training sets, one file a set: rows become tasks by the fields that the set's own code uses.

`released` reads a file with the reader of its set; a broken row is reported with its line, never replaced. `rows` takes
files apart, and `fields` parses what the sets have in common.
"""

from .released import READERS, Released, read_released

__all__ = ["READERS", "Released", "read_released"]
