"""Evidence before the first turn: what is looked at, how it is numbered, how a chat model reads it, what it costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from rewatch import Budget, ClipMemory, VideoAgent
from rewatch.agent import read_trace
from rewatch.agent.evidence import pieces_of
from rewatch.agent.models.folding import folded
from rewatch.agent.planning.offered_tools import offered
from rewatch.agent.planning.planner import Plan, Situation, first_look, no_look, plan_by_rules
from rewatch.agent.prompts import SYSTEM, render
from rewatch.agent.questions.question import Question, question_about
from rewatch.agent.replay import replay
from rewatch.tools import BUILT_IN, INTERNAL_TOOLS, Toolbox

from .conftest import SUBTITLES
from .scripted import Scripted, calling, in_turn, observations

TOKENIZER = Path(__file__).resolve().parents[3] / "shared" / "weights" / "qwen_vl_tokenizer" / "tokenizer.json"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, make_talk: Callable[..., Path]) -> ClipMemory:
    """A memory of two talks that differ in one sentence."""
    folder = tmp_path_factory.mktemp("two")
    memory = ClipMemory(folder / "memory")
    for name, said in (("one", SUBTITLES), ("other", SUBTITLES.replace("ten million", "nine euros"))):
        video = make_talk(folder / f"{name}.mp4", 24, captions=lambda second, name=name: name.upper(), fps=4)
        (folder / f"{name}.srt").write_text(said, encoding="utf-8")
        memory.add(video, workers=0)
    return memory


def heard(memory: ClipMemory, question: str, **asked: Any) -> list[BaseMessage]:
    """What the policy is given at its first turn."""
    told: list[list[BaseMessage]] = []

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        told.append(messages)
        return AIMessage("NOT FOUND: nothing.")

    VideoAgent(memory, policy=Scripted(step=step)).ask(question, **{"route": "search", **asked})
    return told[0]


def calls(question: str, videos: int = 1, limit: int | None = 12, options: tuple[str, ...] = ()) -> list[Any]:
    facts = tuple(
        {"id": f"v{n}", "start": 0.0, "end": 600.0, "channels": ["speech", "screen_text"]} for n in range(videos)
    )
    asked = Question(text=question, options=options, videos=facts)
    names = ("search_clips", "transcribe", "read_text", "browse")
    return list(first_look(Situation(question=asked, tools=names, routes=("search",), budget=Budget(calls=limit))))


def test_the_least_is_one_search_with_the_questions_own_words():
    (search,) = calls("Who sings?")
    assert search == ("search_clips", {"query": "Who sings?", "k": 5})
    (search,) = calls("Who sings?", videos=3)
    assert "video" not in search.arguments, "all videos at once"
    assert [call.tool for call in calls("Who sings?", options=("Ann", "Bob"))] == ["search_clips"] * 2


@pytest.mark.parametrize(
    ("question", "tools", "start"),
    [
        ("What is said at the beginning?", ["search_clips", "transcribe", "read_text"], 0.0),
        ("Was wird am Anfang gesagt?", ["search_clips", "transcribe", "read_text"], 0.0),
        ("How does the talk end?", ["search_clips", "transcribe", "read_text"], 570.0),
        ("Summarize the video.", ["search_clips", "browse"], None),
    ],
)
def test_beginning_end_and_whole_are_looked_at_besides(question: str, tools: list[str], start: float | None):
    found = calls(question)
    assert [call.tool for call in found] == tools
    assert start is None or found[1].arguments["start"] == start


def test_it_takes_at_most_a_third_of_the_calls():
    question = "What is said at the beginning and at the end?"
    assert [len(calls(question, limit=limit)) for limit in (0, 1, 5, 6, 12, None)] == [0, 1, 1, 2, 4, 5]


def test_it_stands_before_the_first_turn_numbered_charged_and_in_the_trace(notices: ClipMemory, tmp_path: Path):
    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        (number,) = (n for n, piece in pieces_of(messages).items() if "ten million" in piece.text)
        return AIMessage(f"The budget is ten million [{number}].")

    policy = Scripted(step=step)
    answer = VideoAgent(notices, policy=policy, traces=tmp_path).ask("What is the budget?", route="search")
    events = read_trace(answer.trace or "")
    assert [e["event"] for e in events] == ["run", "plan", "policy", "observation", "policy", "answer"]
    assert events[2]["by"] == "route" and events[2]["tool_calls"][0]["name"] == "search_clips"
    assert answer.spend["calls"] == 1 and answer.text == "The budget is ten million."
    (evidence,) = answer.evidence
    assert evidence.quote == "The budget for next year is ten million." and evidence.supported
    (row,) = (row for row in events[3]["evidence"] if row["uri"] == evidence.uri)
    assert f"[{row['n']}] 00:09-00:13 speech: «" in events[3]["text"]
    assert replay(answer.trace or "").differences == []


def test_before_a_policy_that_only_reads_a_reader_by_words_goes_first(notices: ClipMemory, tmp_path: Path):
    given: list[BaseMessage] = []

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        given[:] = messages
        return AIMessage(str(messages[-1].text).splitlines()[-1])  # it repeats what it is told, number and all

    class Reader(Scripted):
        sees: ClassVar[bool] = False

    answer = VideoAgent(notices, policy=Reader(step=step), traces=tmp_path).ask("What is the budget for next year?")
    looked = [m for m in given if isinstance(m, AIMessage)]
    assert [m.additional_kwargs["by"] for m in looked] == ["route"] * 3, "a search, and the reader's two steps"
    (number,) = given[-1].additional_kwargs["cites"]
    assert str(given[-1].text).endswith(f"[{number}]") and "ten million" in pieces_of(given)[number].text
    assert "ten million" in answer.text and answer.evidence[0].supported and answer.spend["calls"] == 3
    shown = str(folded(given)[1].text)
    assert f"[{number}] " in shown and "umbrella" in shown, "the search's lines, and of the reader's those it goes by"
    assert replay(answer.trace or "").differences == []


def test_numbers_run_on_and_a_line_that_comes_again_keeps_its_own(notices: ClipMemory):
    told: list[BaseMessage] = []

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        told[:] = messages
        return AIMessage("NOT FOUND: x") if observations(messages) else calling("transcribe", start=0, end=24)

    VideoAgent(notices, policy=Scripted(step=step)).ask("What is the budget?")
    first, second = (m for m in told if isinstance(m, ToolMessage))
    one = {row["text"]: row["n"] for row in first.artifact["evidence"]}
    other = {row["text"]: row["n"] for row in second.artifact["evidence"]}
    assert one.items() & other.items(), "the same utterance has the same number"
    pieces = pieces_of(told)
    assert sorted(pieces) == list(range(1, len(pieces) + 1))


def test_several_videos_are_searched_in_one_call(two: ClipMemory):
    (seen,) = [m for m in heard(two, "How large is the budget?") if isinstance(m, ToolMessage)]
    assert "one.mp4 00:09-00:13 speech: «The budget for next year is ten million.»" in seen.content
    assert "other.mp4 00:09-00:13 speech: «The budget for next year is nine euros.»" in seen.content
    assert {hit["video"] for hit in seen.artifact["data"]["hits"]} == {video.id for video in two.videos()}


def test_a_chat_model_reads_it_under_the_question(notices: ClipMemory):
    messages = heard(notices, "What is the budget?")
    assert [type(m) for m in messages] == [SystemMessage, HumanMessage, AIMessage, ToolMessage]
    system, human = folded(messages)
    assert system.text == SYSTEM and human.text.startswith("Found so far, lines [1] to [")
    assert human.text.index("Question: What is the budget?") > human.text.index("ten million")
    later = [*messages, calling("browse"), ToolMessage("x", tool_call_id="y")]
    assert folded(later)[2:] == later[4:] and folded(messages[:2]) == messages[:2]


def test_a_planner_may_look_otherwise_and_a_loop_not_at_all(notices: ClipMemory):
    def planner(situation: Situation) -> Plan:
        return Plan(text="none", route="search", kind="fact", channel=None, looks=())

    told: list[int] = []

    def step(messages: list[BaseMessage], may_call: bool) -> AIMessage:
        told.append(sum(isinstance(m, ToolMessage) for m in messages))
        return AIMessage("NOT FOUND: x")

    VideoAgent(notices, policy=Scripted(step=step), planner=planner).ask("What?")
    assert told == [0]
    question = question_about(notices, "What?")
    assert no_look(Situation(question=question, tools=("search_clips",), routes=(), budget=Budget())) == ()


@pytest.mark.weights
def test_the_first_prompt_of_a_driver_that_only_reads_has_at_most_900_tokens(notices: ClipMemory):
    """With all tools that tell in words, as Qwen's template writes them; the first look aside."""
    tokenizers = pytest.importorskip("tokenizers")
    if not TOKENIZER.is_file():
        pytest.skip(f"needs {TOKENIZER}")
    asked = question_about(notices, "How many people come in while the second speaker talks about the budget?")
    facts = tuple({**video, "has_audio": True, "detector": True} for video in asked.videos)
    question = Question(text=asked.text, options=("none", "one", "two", "three or more"), videos=facts)
    policy = in_turn(AIMessage("x"))
    schemas = offered(Toolbox(BUILT_IN, inner=INTERNAL_TOOLS), policy, question)
    names = {schema["function"]["name"] for schema in schemas}
    assert names == {"search_clips", "transcribe", "read_text", "browse", "track_objects", "detect_objects"}
    budget = Budget()
    plan = plan_by_rules(Situation(question=question, tools=(), routes=(), budget=budget))
    human = render(question, plan, budget.as_dict(), pictures=False)
    written = QWEN.format(system=SYSTEM, tools="\n".join(json.dumps(schema) for schema in schemas))
    prompt = f"{written}<|im_start|>user\n{human}<|im_end|>\n<|im_start|>assistant\n"
    assert len(tokenizers.Tokenizer.from_file(str(TOKENIZER)).encode(prompt).ids) <= 900


QWEN = """<|im_start|>system
{system}

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{tools}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call><|im_end|>
"""
"""What Qwen2.5's chat template writes around a system prompt and tools."""
