"""The page of an evaluation: what failed first, controls beside it, hostile text escaped, links that lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from rewatch.agent import Answer, VideoAgent
from rewatch.agent.report import ReportError
from rewatch.evaluation.items import EvaluationError, Item
from rewatch.evaluation.report.page import names_of, write_page
from rewatch.evaluation.report.plots import plots
from rewatch.evaluation.resume import EvaluationFolder
from rewatch.evaluation.settings import Settings
from rewatch.memory import ArrayVideo, ClipMemory
from rewatch.tools import Budget
from rewatch.training.data.task import Task, Truth

HOSTILE = '<script>alert("x")</script>&<img src=http://evil.test/a.png>'


def tasks() -> list[Task]:
    return [
        Task(
            id=f"t{n}",
            question=f"Question {n} {HOSTILE if n == 2 else ''}",
            kind="mcq",
            options=("red", "blue"),
            truth=Truth(answer="A"),
            videos=(f"v{n % 2}",),
            meta={"categories": {"length": "long" if n % 2 else "short"}},
        )
        for n in range(4)
    ]


def evaluation(folder: Path, options: Sequence[str | None], **changes: object) -> EvaluationFolder:
    """An evaluation in which each task was answered with an option; None failed."""
    made = EvaluationFolder.open(
        folder,
        name="a set",
        settings=replace(Settings(), **changes),
        tasks=tasks(),
        measures=[],  # type: ignore[arg-type]
    )
    for task, option in zip(tasks(), options, strict=True):
        answer = Answer(
            question=task.question, text="red" if option == "A" else HOSTILE, option=option, confidence=0.7,
            spend={"frames": 4, "seconds": 2.0},
        )  # fmt: skip
        failed = None if option else "VideoError: it is gone"
        made.items.append(Item(task=task.id, answer=answer if option else None, failed=failed, seconds=2.0))
    return made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of an evaluation and a control; one item has a real trace."""
    folder = tmp_path_factory.mktemp("report")
    full = evaluation(folder / "full", ["A", "B", "A", None])
    memory = ClipMemory(folder / "memory", text_encoder="hashed")
    images = np.zeros((4, 16, 16, 3), np.uint8)
    memory.add(ArrayVideo(images, 1, name="v"), channels=["visual"], clip_seconds=4, workers=0)
    answer = VideoAgent(memory, traces=full.path / "traces").ask("Is it red?", options=["red", "blue"])
    trace = Path(str(answer.trace))
    wrong = replace(answer, option="B", text="blue", abstained=False)
    full.items.append(Item(task="t1", run_id=answer.run_id, answer=wrong, trace=f"traces/{trace.name}", seconds=1.0))
    blind = evaluation(folder / "blind", ["B", "B", "A", "B"], control="question_only")
    return write_page([full, blind], folder / "page.html")


def test_the_page_is_whole_and_safe(page: Path) -> None:
    text = page.read_text()
    assert "<script" not in text and "<img src=http" not in text
    assert "&lt;script&gt;" in text
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in unescape(text)
    assert not re.findall(r'(?:src|srcset)="(?!data:)', text), "nothing is loaded"


def test_what_failed_or_is_wrong_comes_first_and_opens_its_run(page: Path) -> None:
    text = page.read_text()
    states = re.findall(r'class="state[^"]*">([^<]+)<', text)
    assert states == ["failed", "wrong", "right, unsupported", "right, unsupported"]
    (link,) = re.findall(r'<a href="([^"#]+)">t1</a>', text)
    opened = page.parent / unquote(link)
    assert "Is it red?" in opened.read_text()


def test_controls_stand_beside_it_with_their_difference(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    alone = write_page([EvaluationFolder(page.parent / "full")], tmp_path / "alone.html").read_text()
    assert "difference to the first" in text and "difference to the first" not in alone
    first, second = re.findall(r"<tr><th scope=\"row\"[^>]*>(?:as asked|question_only)</th>.*?</tr>", text)
    assert "0.500" in first and "0.250" in second
    assert "-0.250 [" in second and "-0.250" not in first
    assert re.search(r"✗ question_only", text) and re.search(r"✓ question_only", text)
    assert "length: long" in text and "Risk against coverage" in text and "Accuracy against frames" in text


def test_settings_and_versions_stand_in_it(page: Path) -> None:
    text = page.read_text()
    assert "&#34;control&#34;: &#34;question_only&#34;" in text and "&#34;versions&#34;" in text


def test_evaluations_are_named_by_what_differs(tmp_path: Path) -> None:
    given: list[dict[str, object]] = [
        {},
        {"control": "no_speech"},
        {"route": "direct"},
        {"budget": Budget(frames=4)},
        {"control": "no_speech"},
    ]
    made = [evaluation(tmp_path / str(n), [None] * 4, **changes) for n, changes in enumerate(given)]
    assert names_of(made[:1]) == ["0"]
    assert names_of(made[:2]) == ["as asked", "no_speech"]
    names = names_of(made)
    assert len(set(names)) == 5 and "frames 4" in names[3] and "route direct" in names[2]
    assert names_of([made[0], made[3]]) == ["frames 64", "frames 4"]
    assert names_of([made[0], made[3]], budgets=False) == ["as asked", "as asked"], "one strategy, one curve"


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    empty = EvaluationFolder.open(tmp_path / "empty", name="a set", settings=Settings(), tasks=tasks(), measures=[])
    with pytest.raises(EvaluationError, match="nothing of it is done"):
        write_page([empty], tmp_path / "page.html")
    with pytest.raises(ReportError, match="is a folder"):
        write_page([empty], tmp_path)


def test_the_same_evaluations_give_the_same_plots(page: Path) -> None:
    from rewatch.evaluation.evaluate import judged_items

    runs = {"one": judged_items(EvaluationFolder(page.parent / "full"))}
    first, again = plots(runs), plots(runs)
    assert [one.light for one in first] == [one.light for one in again]
    assert [one.name for one in first] == ["risk_coverage", "reliability"], "one evaluation is no curve"
    assert plots({}) == []
