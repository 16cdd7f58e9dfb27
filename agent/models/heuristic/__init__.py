"""The policy that reads what the senses found, by rules, without weights of its own."""
