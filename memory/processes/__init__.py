"""Processes and threads of our own: a child process with a socket and a guardian, a pool of them, daemon threads."""
