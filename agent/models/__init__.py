"""Chat models that drive the loop."""
