"""Restricted views: a memory of which only some may be seen and heard, as controls of an evaluation need it.

`restriction` says what, `rows` makes the rows that such a memory would hold, `video` its pictures and sound
(`text_mask` covers what is written in them), and `view` is the reading side over both.
"""

from .restriction import Restriction
from .view import RestrictedView

__all__ = ["RestrictedView", "Restriction"]
