"""`python -m rewatch`."""

from .cli import main

main()
