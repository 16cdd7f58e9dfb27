"""The `rewatch` command."""


def main() -> None:
    """Run the command line."""
