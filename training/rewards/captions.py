"""Caption rewards: VideoCap-R1's two, for the thoughts and for the caption, without a model as judge."""

from __future__ import annotations

from ...agent.parsing.thoughts import thought_of
from ...agent.text_matching import content, same_word
from ..rollouts.rollout import Rollout
from . import extraction
from .reward import Reward, simple_reward, too_long
from .text import rouge_l


def named(rubric: tuple[str, ...], text: str) -> float:
    """Share of the rubric's entries whose words all stand in `text`, inflections and slips of spelling allowed."""
    have = set(content(text))
    entries = [content(entry) for entry in rubric]
    found = [words for words in entries if words and all(any(same_word(w, h) for h in have) for w in words)]
    return len(found) / len(entries) if entries else 0.0


def thoughts(rollout: Rollout) -> str:
    """Return what the model thought: in its texts, and where servers put thoughts beside them."""
    return "\n".join(part for message in rollout.own if (part := thought_of(message)))


@simple_reward("thought")
def thought_reward(rollout: Rollout) -> float:
    """Share of the truth's rubric (entities and actions) that the thoughts name (VideoCap-R1's first reward).

    Thoughts much longer than the rubric name everything by chance: from 40 words an entry on, the share is scaled down.
    """
    text, rubric = thoughts(rollout), rollout.task.truth.words
    allowed = 40 * max(len(rubric), 1)
    return named(rubric, text) * min(1.0, allowed / max(len(text.split()), 1))


@simple_reward("caption")
def caption_reward(rollout: Rollout) -> float:
    """Events of the rubric that the caption tells, and ROUGE-L with the true caption; the mean where both are known.

    Stands in for VideoCap-R1's second reward, for which a model judges which events are told. A caption that goes on
    for more than 15 words an event, or twice the true caption, names events by chance and is scaled down.
    """
    if rollout.answer.abstained or too_long(rollout):
        return 0.0
    truth, caption = rollout.task.truth, extraction.words(rollout)
    allowed = max(15 * len(truth.words), 2 * len((truth.answer or "").split()))
    parts = [named(truth.words, caption) * min(1.0, allowed / max(len(caption.split()), 1))] if truth.words else []
    parts += [rouge_l(caption, truth.answer)] if truth.answer else []
    return sum(parts) / len(parts) if parts else 0.0


def dual_caption(thought: float = 0.5) -> Reward:
    """VideoCap-R1's dual reward: `thought` times that of the thoughts, the rest that of the caption.

    Thoughts are paid only as far as the caption tells something: `thought * min(thoughts, 2 * caption)`.
    """
    think, tell = thought_reward(), caption_reward()

    def score(rollout: Rollout) -> float:
        caption = tell(rollout)
        return thought * min(think(rollout), 2 * caption) + (1 - thought) * caption

    return Reward(name="dual_caption", score=score)
