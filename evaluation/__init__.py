"""Evaluation: the agent over a set of tasks with known truth, under a stated budget, with figures to be published.

A set (`benchmarks`, the gym, a file) gives tasks; `evaluation` asks them and appends one line an item to `items.jsonl`;
`judging` reads items and traces, with no model; `measures` make figures of what was judged. `controls` take something
away from what the agent can see, `report` writes tables, plots and pages.
"""
