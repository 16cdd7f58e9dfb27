"""The loop: plan, policy, tools, check, answer."""
