"""The terminal side: what is printed and how, estimates, training progress, and how the command ends."""
