"""One file of one's own is enough for a tool, a strategy, a scaling, a tool format, a reward, an objective, …

docs/architecture.md says where each goes. Each test writes such a file, imports it, and uses what it adds by name.
"""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from langchain_core.messages import AIMessage
from media_files import write_video
from rewatch import ClipMemory, VideoAgent
from rewatch.agent.models.registry import load_policy
from rewatch.agent.strategies import ROUTES
from rewatch.agent.test_time_scaling import SCALINGS
from rewatch.agent.tool_formats import TOOL_FORMATS, load_tool_format
from rewatch.agent.trace import read_trace
from rewatch.evaluation.benchmarks import BENCHMARKS
from rewatch.evaluation.benchmarks.sources import open_set
from rewatch.evaluation.controls import CONTROLS
from rewatch.evaluation.evaluate import evaluate, judged_items, score
from rewatch.evaluation.measures import MEASURES
from rewatch.evaluation.settings import Settings
from rewatch.memory.errors import MisuseError
from rewatch.memory.registry import UnknownNameError
from rewatch.tools import Budget, load_tools
from rewatch.training.experiments import RLRun, read_config
from rewatch.training.experiments.rewards import mix_of, objective_of
from rewatch.training.objectives import OBJECTIVES, Scored

from .agent.scripted import Scripted

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Write a file and import it; what it adds to the registries is gone after the test."""
    registries = (ROUTES, SCALINGS, TOOL_FORMATS, OBJECTIVES, BENCHMARKS, MEASURES, CONTROLS)
    before = [dict(registry) for registry in registries]

    def write(text: str) -> ModuleType:
        (tmp_path / "mine.py").write_text(textwrap.dedent(text), encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return importlib.import_module("mine")

    yield write
    sys.modules.pop("mine", None)
    for registry, entries in zip(registries, before, strict=True):
        for name in set(registry) - set(entries):
            registry.remove(name)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    folder = tmp_path_factory.mktemp("extending")
    memory = ClipMemory(folder / "memory")
    memory.add(write_video(folder / "film.mp4"), channels=["visual"], workers=0)
    return memory


def test_a_tool(memory: ClipMemory, tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(
        textwrap.dedent('''
            from rewatch.tools import VideoContext, tool

            @tool
            def frame_height(time: float, video: VideoContext) -> str:
                """Measure the height of a frame.

                Args:
                    time: seconds from the start of the video.
                """
                return f"{video.frame(time).shape[0]} pixels"
        '''),
        encoding="utf-8",
    )
    agent = VideoAgent(memory, tools=load_tools(str(path)).tools)
    assert "frame_height" in [tool.name for tool in agent.toolbox]


def test_a_strategy(memory: ClipMemory, load: Load, tmp_path: Path):
    load('''
        from rewatch.agent.strategies import ROUTES
        from rewatch.agent.strategies.route import Route, RouteResult

        def run(brief):
            """Look nowhere."""
            return RouteResult(text="The route of my own has looked.", answer_now=False)
            yield

        ROUTES.add("mine", Route(name="mine", paper="none", about="nothing", run=run, needs_viewer=False))
    ''')
    answer = VideoAgent(memory, traces=tmp_path).ask("What is shown?", route="mine")
    assert any("of my own has looked" in str(event.get("content")) for event in read_trace(answer.trace or ""))
    with pytest.raises(UnknownNameError, match="no route 'mini'.*Did you mean mine"):
        VideoAgent(memory).ask("What is shown?", route="mini")


def test_a_scaling(memory: ClipMemory, load: Load):
    load('''
        from rewatch.agent.test_time_scaling import SCALINGS, Attempt, Scaling

        def run(brief):
            """One attempt, as it is."""
            (result,) = yield (Attempt(budget=brief.budget),)
            return result.answer

        SCALINGS.add("once", Scaling(name="once", paper="none", about="one attempt", run=run))
    ''')
    policy = Scripted(step=lambda messages, tools: AIMessage("A wall."))
    assert VideoAgent(memory, policy=policy).ask("What is shown?", scale="once").text == "A wall."


def test_a_tool_format(load: Load):
    load("""
        from dataclasses import replace
        from rewatch.agent.tool_formats import TOOL_FORMATS

        TOOL_FORMATS.add("my-checkpoint", replace(TOOL_FORMATS["hermes"], name="my-checkpoint", call_tag="act"))
    """)
    mine = load_tool_format("my_checkpoint")
    parsed = mine.read('<act>{"name": "crop", "arguments": {"time": 3}}</act>', [])
    assert [(call["name"], call["args"]) for call in parsed.calls] == [("crop", {"time": 3})]


def test_a_policy(memory: ClipMemory):
    model = Scripted(step=lambda messages, tools: AIMessage("A wall."))
    assert load_policy(model) is model and VideoAgent(memory, policy=model).ask("What is shown?").text == "A wall."


def test_a_reward_and_an_objective(load: Load):
    load('''
        from dataclasses import replace
        from rewatch.training.objectives import OBJECTIVES
        from rewatch.training.rewards import Reward

        def brevity(most: int = 10):
            """Reward answers of few words."""
            return Reward(name="brevity", score=lambda rollout: float(len(rollout.answer.text.split()) <= most))

        STRICT = OBJECTIVES.add("mine", replace(OBJECTIVES["grpo"], name="mine", drop_flat=True))
    ''')
    config = {
        "policy": {"model": "tiny"},
        "tasks": {"families": ["clips16.color"], "count": 2},
        "rewards": {"components": {"short": {"reward": "mine:brevity", "options": {"most": 3}}}},
        "objective": "mine",
        "trainer": {"steps": 1},
    }
    run = read_config(RLRun, config)
    assert mix_of(run.rewards).name == "short"
    scored = Scored(reward=torch.tensor([0.0, 1.0]), group=torch.tensor([0, 0]))
    for name in (run.objective, "mine:STRICT"):
        assert objective_of(name).advantages(scored).values.tolist() == pytest.approx([-0.7071, 0.7071], abs=1e-3)


def test_a_text_encoder_a_transcriber_and_a_detector(load: Load, tmp_path: Path):
    mine = load('''
        import numpy as np
        from rewatch.memory import Span
        from rewatch.memory.speech.transcript import Utterance, Word
        from rewatch.memory.span import Box
        from rewatch.memory.tracking.detector import Detection

        class Letters:
            """Counts of letters."""
            name = stamp = "letters"
            dim = 26

            def encode(self, texts):
                counts = np.array([[t.lower().count(chr(97 + k)) for k in range(26)] for t in texts], np.float32)
                return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1)

        class Echo:
            """Hears one word in everything."""
            name = stamp = "echo"
            finds_speech = True

            def transcribe(self, samples, *, offset):
                word = Word(offset, offset + 1, "zebra", 0.9)
                return [Utterance(word.start, word.end, word.text, (word,))]

        class Middle:
            """Finds a zebra in the middle of every picture."""
            name = stamp = "middle"
            labels = ("zebra",)
            open_vocabulary = False

            def detect(self, images, *, labels=None, least=0.25):
                return [[Detection("zebra", 0.9, Box(0.4, 0.4, 0.6, 0.6))] for _ in images]
    ''')
    memory = ClipMemory(tmp_path / "memory", text_encoder=mine.Letters(), detector=mine.Middle())
    film = write_video(tmp_path / "film.mp4", sound=np.sin(np.arange(3 * 48000) / 20).astype(np.float32))
    record = memory.add(film, channels=["speech", "objects"], transcriber=mine.Echo(), workers=0)
    assert record.complete and not record.failures
    assert [text.text for text in memory.texts(record.id, channel="speech")][0] == "zebra"
    assert any("zebra" in text.text for text in memory.texts(record.id, channel="objects"))
    assert memory.search("zebra", channels=["speech"])[0].channels["speech"] == pytest.approx(1, abs=1e-3)


def test_a_set_a_measure_and_a_control(memory: ClipMemory, load: Load, tmp_path: Path):
    load("""
        from dataclasses import replace
        from rewatch.evaluation.benchmarks import BENCHMARKS, Benchmark
        from rewatch.evaluation.controls import CONTROLS, Control
        from rewatch.evaluation.measures import MEASURES, Figure
        from rewatch.training.data.task import Task, Truth

        def read(path):
            for n, line in enumerate(path.read_text().splitlines()):
                yield Task(id=f"film-{n}", question=line, kind="open", truth=Truth(absent=True), videos=("film.mp4",))

        BENCHMARKS.add("lines", Benchmark(name="lines", read=read, measures=("words",)))
        MEASURES.add("words", lambda judged: {"words": Figure(sum(len(one.task.question.split()) for one in judged))})
        CONTROLS.add("shouted", Control(name="shouted", about="in capitals", change=lambda task, rng: replace(
            task, question=task.question.upper()
        )))
    """)
    (tmp_path / "asked.txt").write_text("What is said of zebras?\nWho sings?\n")
    settings = Settings(control="shouted", budget=Budget(calls=1))
    asked = open_set(f"lines:{tmp_path / 'asked.txt'}")
    folder = evaluate(asked, settings, tmp_path / "run", memory=memory.folder)
    assert score(folder).rows[0].figures["words"].value == 7
    assert [one.answer.question for one in judged_items(folder)] == ["WHAT IS SAID OF ZEBRAS?", "WHO SINGS?"]


def test_a_name_is_taken_once():
    with pytest.raises(MisuseError, match="There is a route 'search' already"):
        ROUTES.add("search", ROUTES["search"])
