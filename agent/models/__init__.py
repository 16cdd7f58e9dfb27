"""The chat models that drive the loop; each is loaded by name with `rewatch.agent.models.registry.load_policy`."""
