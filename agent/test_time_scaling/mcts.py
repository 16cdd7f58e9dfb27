"""AutoCaption: a tree search over ways to describe the video, whose verified key points then answer the question.

Yu et al., Evaluating Multimodal Large Language Models on Video Captioning via Monte Carlo Tree Search, ACL 2025
(arXiv 2506.11155); code tjunlp-lab/MCTS-VCB (`autocaption/mcts.py`, `util.py`).

Six actions: 1 whole video, 2 one detail, 3 another time, 4 another place in the picture, 5 background, 6 camera.
3, 4 and 5 need 1 before them on the path, 2 needs 3, 4 and 5, 6 needs 2; each at most twice on a path, 2 without end.
The next action is drawn at random among those allowed, 2 with double weight. A rollout:

    select     the node with the highest Q + U,   U = c · sqrt(N_parent) / (1 + n),   c = 0.125, 0 for the root
    expand     it by one action: a description, split into key points (at most five sentences)
    evaluate   Q = alpha^(1 - v) · beta^sim,   alpha = 0.5, beta = 0.9,   v = share of key points that two passes
               confirm, sim = mean cosine to what the same action said further up the path
    back up    n + 1 on the path from the expanded node to the root, whose Q become the mean of their children's

25 rollouts; then the confirmed key points are collected, each once.

Choices made here:

* In the published code only childless nodes are selected, each gets one child, and so the tree is one long path on
  which Q and U decide nothing. Here a node can be selected as long as an allowed action is not among its children's
  (action 2 always allows another), so that the tree branches as the paper draws it.
* The two passes are two attempts that look at the video side by side and say yes or no to each key point (there two
  models); what cannot be read counts as no. One detail is picked and described in one attempt (there two calls).
* Similarity is that of `memory.encoders` without weights (there MiniLM): the same wherever a search is replayed. Key
  points with a cosine of at least 0.8 to one that is kept are the same.
* A rollout is three attempts. The width and the budget cap them, one attempt being kept for the question: the 25
  rollouts need a width of 76. A request to describe the video is answered by the key points themselves; any other
  question by a last attempt that is told them. The draw is seeded by nothing but the rollout, so a replay is the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...memory.encoders import text_encoder
from ...tools.sanitize import quote
from ..answer import Answer
from ..models.heuristic import parse
from .agreement import answers_of, evidence_of, is_abstention, no_answer
from .autocaption import CHECKS, allowed, prompt, sentences
from .budget_split import affords, after, budget_split
from .reading import verdicts
from .scaling import Attempt, Scaled, Scaling, ScalingBrief

ROLLOUTS = 25
ALPHA, BETA, C = 0.5, 0.9, 0.125
DETAIL, DETAIL_WEIGHT = 2, 2
TEMPERATURE = 0.7
ALIKE = 0.8


@dataclass(eq=False)
class Node:
    """A description, and what it is worth."""

    action: int = 0
    text: str = ""
    parent: Node | None = None
    confirmed: float = 0.0
    """v: share of its key points that both passes confirmed."""
    children: list[Node] = field(default_factory=list)
    visits: int = 0
    q: float = ALPHA
    """Of the root before its first child: alpha^1 · beta^0."""

    @property
    def path(self) -> list[Node]:
        """The descriptions from the first one down to this."""
        return [*(self.parent.path if self.parent else []), *([self] if self.action else [])]


def run(brief: ScalingBrief) -> Scaled:
    """Roll out, collect the key points, answer."""
    to_come, left = affords(brief.budget, brief.width), brief.budget
    tree = [Node()]
    points: list[str] = []
    sources: list[Answer] = []
    claimed = 0
    for rollout in range(min(ROLLOUTS, (to_come - 1) // 3)):
        rng = random.Random(rollout)
        node = select(tree)
        action = draw(node, rng)
        attempt = Attempt(budget=left, question=prompt(action, node.path), temperature=TEMPERATURE, seed=rollout)
        described = yield budget_split([attempt], left, to_come)
        left, to_come = after(described), to_come - 1
        answer = next((a for a in answers_of(described) if not is_abstention(a)), None)
        statements = sentences(answer.text) if answer else []
        good: list[str] = []
        if statements:
            passes = [Attempt(budget=left, question=ask(statements), seed=seed) for seed, ask in enumerate(CHECKS)]
            judged = yield budget_split(passes, left, to_come)
            left, to_come = after(judged), to_come - 2
            good = confirmed(statements, [r.answer.text if r.answer else "" for r in judged])
        claimed += len(statements)
        tree.append(grow(node, action, answer.text if answer else "", len(good) / max(len(statements), 1)))
        points += good
        sources += [answer] if answer and good else []
    found = distinct(points)
    ask_kind = parse(brief.question.text, brief.question.options).kind
    if found and ask_kind == "summary" and not brief.question.options:
        share_confirmed = len(points) / claimed
        whole = replace(sources[0], question=brief.question.text, text=" ".join(f"{p}." for p in found), option=None)
        return replace(whole, evidence=evidence_of(sources), confidence=share_confirmed)
    told = "".join(f"\n- {quote(point)}" for point in found)
    guidance = f"Seen in the video and confirmed twice:{told}\nLook again before you rely on it." if found else ""
    last = yield budget_split([Attempt(budget=left, guidance=guidance)], left, 1)
    answers = answers_of(last)
    return answers[0] if answers else no_answer(brief.question, last)


def q_value(v: float, similarity: float) -> float:
    """How good a description is: confirmed and unlike what was said before."""
    return float(ALPHA ** (1 - v) * BETA**similarity)


def u_value(parent_visits: int, visits: int) -> float:
    """How little a node was tried."""
    return C * math.sqrt(parent_visits) / (1 + visits)


def select(tree: Sequence[Node]) -> Node:
    """The node to describe on from: highest Q + U of those with an action left; of equals the oldest."""
    return max(
        (n for n in tree if left_to_do(n)), key=lambda n: n.q + u_value(n.parent.visits if n.parent else 0, n.visits)
    )


def left_to_do(node: Node) -> list[int]:
    """Actions that are allowed after this path and that no child of the node took; one more detail is always left."""
    taken = {child.action for child in node.children}
    return [a for a in allowed([n.action for n in node.path]) if a == DETAIL or a not in taken]


def draw(node: Node, rng: random.Random) -> int:
    """One of the actions left, details with double weight."""
    actions = left_to_do(node)
    return rng.choices(actions, [DETAIL_WEIGHT if a == DETAIL else 1 for a in actions])[0]


def grow(node: Node, action: int, text: str, v: float) -> Node:
    """Add a child and back up: visits and mean Q from its parent to the root."""
    child = Node(action=action, text=text, parent=node, confirmed=v)
    child.q = q_value(v, similarity(text, [n.text for n in node.path if n.action == action]))
    node.children.append(child)
    above: Node | None = node
    while above is not None:
        above.visits += 1
        above.q = sum(n.q for n in above.children) / len(above.children)
        above = above.parent
    return child


def confirmed(statements: Sequence[str], replies: Sequence[str]) -> list[str]:
    """The statements to which every pass says yes."""
    passes = [verdicts(reply, len(statements)) for reply in replies]
    return [s for s, *said in zip(statements, *passes, strict=True) if said and all(said)]


def similarity(text: str, others: Sequence[str]) -> float:
    """Mean cosine of a text to others; 0 where there are none."""
    if not others:
        return 0.0
    rows = text_encoder("hashed").encode([text, *others])
    return float(np.mean(rows[1:] @ rows[0]))


def distinct(points: Sequence[str]) -> list[str]:
    """The key points without those that say what an earlier one says."""
    rows = text_encoder("hashed").encode(points) if points else np.zeros((0, 1), np.float32)
    kept: list[int] = []
    for i in range(len(points)):
        if all(float(rows[i] @ rows[j]) < ALIKE for j in kept):
            kept.append(i)
    return [points[i] for i in kept]


MCTS = Scaling(
    name="mcts",
    paper="AutoCaption, Yu et al., ACL 2025 (arXiv 2506.11155)",
    about="A tree search over descriptions; what two passes confirm answers the question.",
    run=run,
)
