"""Runs of the loop on tasks: `collector` runs them, `rollout` is one run as rewards see it, `rows` as a model's ids.

`recording` makes rows of conversations that others had; `frame_shuffling` runs the loop on frames out of order.
"""
