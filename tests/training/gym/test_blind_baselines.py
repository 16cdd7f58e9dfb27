"""Certification: who looks at nothing scores at chance, and a leak is found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rewatch.training.gym import FAMILIES, Level, make_environment
from rewatch.training.gym.blind_baselines import certify
from rewatch.training.gym.clips16 import FAMILIES as CLIPS16


@pytest.mark.parametrize("level", [None, Level(options=True, crowd=3)], ids=["plain", "options"])
def test_blind_policies_score_at_chance(level: Level | None) -> None:
    families = [*FAMILIES, *([] if level else CLIPS16)]
    certificates = certify([make_environment(family, seed, level).task for family in families for seed in range(200)])
    assert list(certificates) == families
    for family, certificate in certificates.items():
        assert certificate.holds, certificate
        assert certificate.gated == (family not in ("nothing", "clips16.echo"))
        assert certificate.limit < 0.45 or not certificate.gated


def test_a_leak_is_found() -> None:
    tasks = [make_environment("viewing", seed).task for seed in range(160)]
    told = [replace(task, question=f"{task.question} (it is {task.truth.answer})") for task in tasks]
    assert certify(tasks)["viewing"].holds and not certify(told)["viewing"].holds
    lopsided = [task for task in tasks if task.truth.answer in ("red", "circle")] * 4
    assert not certify(lopsided)["viewing"].holds


def test_a_handful_of_tasks_certifies_nothing() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        certify([make_environment("viewing", 0).task])
