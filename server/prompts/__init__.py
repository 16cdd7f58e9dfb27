"""Prompts: the question, the options and the wanted form of the answer in a request's text, and the answer in it."""

from .prompt import Form, Prompt, PromptError
from .read import read_prompt
from .write import write_answer

__all__ = ["Form", "Prompt", "PromptError", "read_prompt", "write_answer"]
