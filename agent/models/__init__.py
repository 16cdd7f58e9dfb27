"""The chat models that drive the loop; each is loaded by name with `rewatch.agent.policies.load_policy`."""
