"""The rows of a memory as they were known at one moment, which `CausalView` reads and searches."""
