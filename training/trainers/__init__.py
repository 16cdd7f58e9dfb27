"""Trainers on rollouts: `mini` reads like the papers, `grpo` is TRL's GRPOTrainer; `sft`, `preference` learn from rows.

`scoring` and `metrics` are what all share: rewards, advantages and figures. `gate` refuses cold starts; `encode_once`
and `read_once` save forward passes; `reference` is the policy before training; `tiny` a model for CPUs.
"""
