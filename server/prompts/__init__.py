"""Prompts: the question, the options and the wanted form of the answer in a request's text, and the answer in it."""
