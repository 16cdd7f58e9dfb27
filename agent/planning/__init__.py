"""Planning: the route and the first look, by rules or by a model, and the tools that a policy is offered."""
