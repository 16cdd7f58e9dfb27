"""Until prompts and videos are there."""

from dataclasses import dataclass


@dataclass
class Prompt:
    question: str
    options: tuple = ()
    form: object = None


def read_prompt(text):
    return Prompt(text)


def write_answer(answer, prompt):
    return answer.option or answer.text


class RequestVideos:
    def __init__(self, memory, sources=None):
        self.memory = memory

    async def resolve(self, parts):
        paths = [(p.get("video_url") or p.get("image_url"))["url"].removeprefix("file://") for p in parts]
        return [self.memory.add(p, workers=0).id for p in paths]
