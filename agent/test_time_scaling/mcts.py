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
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...memory.encoders import text_encoder
from ...tools.sanitize import quote
from ..answer import Answer
from ..models.heuristic import parse
from .agreement import answers_of, evidence_of, is_abstention, no_answer
from .budget_split import attempts_afforded, budget_split, remaining_after
from .reading import verdicts
from .scaling import Attempt, Scaling, ScalingBrief, ScalingSteps

ROLLOUTS = 25
ALPHA, BETA, C = 0.5, 0.9, 0.125
DETAIL, DETAIL_WEIGHT = 2, 2
TEMPERATURE = 0.7
ALIKE = 0.8
MOST_POINTS = 5
LONGEST = 600
"""Characters of an earlier description that are told further."""

ACTIONS = {
    1: "Describe the whole video in detail: who and what is in it, what happens, and where.",
    2: "Pick one detail of the video that is not described yet (a person or animal, a plant, food, a building, a "
    "vehicle, any other thing) and describe it closely: number, colour, size, shape, what it does, what is special.",
    3: "Describe the video from another point in time: what changes before and after one certain moment or cut.",
    4: "Describe the video from another place in the picture: what is on the left, on the right, in front and behind.",
    5: "Describe the background: the place, the surroundings, whatever adds to the scene.",
    6: "Describe the camera: kinds of shots, movements, angles, cuts and effects.",
}
NEEDS = {1: (), 2: (3, 4, 5), 3: (1,), 4: (1,), 5: (1,), 6: (2,)}
MOST = {1: 2, 2: 1000, 3: 2, 4: 2, 5: 2, 6: 2}
"""How often an action may stand on one path."""


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


def allowed(done: Sequence[int]) -> list[int]:
    """Return the actions that may follow the actions `done`."""
    return [a for a in ACTIONS if done.count(a) < MOST[a] and all(need in done for need in NEEDS[a])]


def prompt(action: int, path: Sequence[Node]) -> str:
    """Return what to ask for an action after the descriptions of a path."""
    earlier = [f"- {quote(node.text[:LONGEST])}" for node in path if node.text]
    return "\n".join([ACTIONS[action], *(["Described already, not to be repeated:", *earlier] if earlier else [])])


def sentences(description: str) -> list[str]:
    """Return the key points of a description: its first sentences, as the published code has it."""
    parts = re.split(r"(?:[.!?]+(?=\s|$)|\n)+", description)
    return [" ".join(part.split()) for part in parts if any(c.isalnum() for c in part)][:MOST_POINTS]


CHECKS = (
    "Look at the video again. Is each of these statements about it accurate? Answer with one line for each, its "
    "number and yes or no, such as `1: yes`.",
    "Which of the following is really shown or said in the video, in every part of the sentence? Look for what "
    "speaks against each. Answer with one line for each, its number and yes or no.",
)
"""The two passes, as questions about a list of statements."""


def run(brief: ScalingBrief) -> ScalingSteps:
    """Roll out, collect the key points, answer."""
    to_come, remaining = attempts_afforded(brief.budget, brief.width), brief.budget
    tree = [Node()]
    points: list[str] = []
    sources: list[Answer] = []
    claimed = 0
    for rollout in range(min(ROLLOUTS, (to_come - 1) // 3)):
        rng = random.Random(rollout)
        node = select(tree)
        action = draw(node, rng)
        attempt = Attempt(budget=remaining, question=prompt(action, node.path), temperature=TEMPERATURE, seed=rollout)
        described = yield budget_split([attempt], remaining, to_come)
        remaining, to_come = remaining_after(described), to_come - 1
        answer = next((a for a in answers_of(described) if not is_abstention(a)), None)
        statements = sentences(answer.text) if answer else []
        good: list[str] = []
        if statements:
            listed = "\n".join(f"{i}. {quote(statement)}" for i, statement in enumerate(statements, start=1))
            asked = [f"{check}\n{listed}" for check in CHECKS]
            passes = [Attempt(budget=remaining, question=each, seed=seed) for seed, each in enumerate(asked)]
            judged = yield budget_split(passes, remaining, to_come)
            remaining, to_come = remaining_after(judged), to_come - 2
            good = confirmed(statements, [r.answer.text if r.answer else "" for r in judged])
        claimed += len(statements)
        tree.append(grow(node, action, answer.text if answer else "", len(good) / max(len(statements), 1)))
        points += good
        sources += [answer] if answer and good else []
    key_points = distinct(points)
    ask_kind = parse(brief.question.text, brief.question.options).kind
    if key_points and ask_kind == "summary" and not brief.question.options:
        return replace(
            sources[0],
            question=brief.question.text,
            text=" ".join(f"{p}." for p in key_points),
            option=None,
            evidence=evidence_of(sources),
            confidence=len(points) / claimed,
        )
    listed = "".join(f"\n- {quote(point)}" for point in key_points)
    guidance = f"Seen in the video and confirmed twice:{listed}\nLook again before you rely on it." if listed else ""
    last = yield budget_split([Attempt(budget=remaining, guidance=guidance)], remaining, 1)
    answers = answers_of(last)
    return answers[0] if answers else no_answer(brief.question, last)


def q_value(v: float, similarity: float) -> float:
    """Return how good a description is: confirmed and unlike what was said before."""
    return float(ALPHA ** (1 - v) * BETA**similarity)


def u_value(parent_visits: int, visits: int) -> float:
    """Return how little a node was tried."""
    return C * math.sqrt(parent_visits) / (1 + visits)


def select(tree: Sequence[Node]) -> Node:
    """Return the node to describe on from: highest Q + U of those with an action left; of equals the oldest."""
    able = [node for node in tree if actions_left(node)]
    return max(able, key=lambda n: n.q + u_value(n.parent.visits if n.parent else 0, n.visits))


def actions_left(node: Node) -> list[int]:
    """Actions that are allowed after this path and that no child of the node took; one more detail is always left."""
    taken = {child.action for child in node.children}
    return [a for a in allowed([n.action for n in node.path]) if a == DETAIL or a not in taken]


def draw(node: Node, rng: random.Random) -> int:
    """Return one of the actions left, details with double weight."""
    actions = actions_left(node)
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
    """Return the statements to which every pass says yes."""
    passes = [verdicts(reply, len(statements)) for reply in replies]
    return [s for s, *each in zip(statements, *passes, strict=True) if each and all(each)]


def similarity(text: str, others: Sequence[str]) -> float:
    """Return mean cosine of a text to others; 0 where there are none."""
    if not others:
        return 0.0
    rows = text_encoder("hashed").encode([text, *others])
    return float(np.mean(rows[1:] @ rows[0]))


def distinct(points: Sequence[str]) -> list[str]:
    """Return the key points without those that say what an earlier one says."""
    rows = text_encoder("hashed").encode(points) if points else np.zeros((0, 1), np.float32)
    kept: list[int] = []
    for i, row in enumerate(rows):
        kept += [i] if all(float(row @ rows[j]) < ALIKE for j in kept) else []
    return [points[i] for i in kept]


MCTS = Scaling(
    name="mcts",
    paper="AutoCaption, Yu et al., ACL 2025 (arXiv 2506.11155)",
    about="A tree search over descriptions; what two passes confirm answers the question.",
    run=run,
)
