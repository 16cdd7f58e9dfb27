"""Voices and faces, opt-in: speaker turns, one identity across videos, named and corrected by the user."""
