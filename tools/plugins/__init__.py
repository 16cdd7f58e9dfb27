"""Tools that are not written for this package: found by name, renamed where names clash, their results read."""
