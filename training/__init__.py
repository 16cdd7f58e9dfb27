"""Training of tool-use policies on the agent's own loop.

Tasks (`data`) are run (`rollouts`), rewarded (`rewards`) and compared (`objectives`) by `trainers`; `gym` makes tasks
of known truth, `synthesis` traces to learn from, and `experiments` whole runs of `rewatch train`.
"""
