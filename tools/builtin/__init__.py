"""The tools that come with the package, one tool (or one family of tools) a file."""
