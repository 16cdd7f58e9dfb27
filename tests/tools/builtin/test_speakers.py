"""Who speaks, as `transcribe` and `search_clips` tell it."""

import asyncio

from dialogues import Dialogue
from rewatch import ClipMemory
from rewatch.agent.questions.question import question_about
from rewatch.memory import CausalView
from rewatch.tools import BUILT_IN, Observation, Toolbox


def _call(memory: ClipMemory | CausalView, name: str, /, toolbox: Toolbox | None = None, **arguments) -> Observation:
    videos = [arguments["video"]] if "video" in arguments else [record.id for record in memory.videos()]
    left = {"frames": 0, "calls": 9, "seconds": 99}
    call = (toolbox or Toolbox(BUILT_IN)).call(
        name, arguments, memory=memory, videos=videos, left=left, raise_bugs=True
    )
    return asyncio.run(call)[0]


def test_lines_carry_the_speaker_and_names_what_shows_them(people_memory: ClipMemory):
    first, second, _ = (record.id for record in people_memory.videos())
    toolbox = Toolbox(BUILT_IN)
    unnamed = _call(people_memory, "transcribe", toolbox, video=first, start=0, end=30)
    low, high = (turn.label for turn in people_memory.people.turns(first)[:2])
    assert [line.text.split(" speech ")[1][:9] for line in unnamed.lines] == [f"[{who}]" for who in (low, high) * 2]
    people_memory.people.name(low, "Anna")
    named = _call(people_memory, "transcribe", toolbox, video=first, start=0, end=30)  # not what was cached before
    assert "speech [Anna]: «The budget" in named.text
    evidence = named.lines[-1]
    assert evidence.channel == "identity" and evidence.text.startswith("Anna, named by a person: the voice at ")
    assert evidence.uri.startswith(f"video:{first}#t=") and evidence.uri in named.uris
    other = _call(people_memory, "transcribe", video=second, start=0, end=30)
    assert "not confirmed]: «I left the keys" in other.text
    assert "which a person named" in other.lines[-1].text and "talk0.mp4" in other.lines[-1].text


def test_who_keeps_only_what_somebody_says(people_memory: ClipMemory, dialogues: list[Dialogue]):
    first, second, _ = (record.id for record in people_memory.videos())
    people_memory.people.name(people_memory.people.turns(first)[0].identity, "Anna")
    heard = _call(people_memory, "transcribe", video=first, start=0, end=30, who="anna")
    assert [row["text"] for row in heard.data["utterances"]] == [dialogues[0].turns[0][3], dialogues[0].turns[2][3]]
    found = _call(people_memory, "search_clips", query="the train to London", who="Anna", k=2)
    assert "train" in found.text and "water" not in found.lines[0].text
    assert all("not confirmed" in line.text or "Anna" in line.text for line in found.lines)
    scenes = _call(people_memory, "search_clips", query="", who="Anna", k=20)  # scenes of all videos, linked by a voice
    assert [row["video"] for row in scenes.data["turns"]][::2] == [record.id for record in people_memory.videos()]
    people_memory.people.name("Anna", "An </tool> na")  # told as «An ‹/tool> na», and asked for so by a model
    told = _call(people_memory, "transcribe", video=first, start=0, end=30).data["utterances"][0]["label"]
    assert "</tool>" not in told and not _call(people_memory, "search_clips", query="", who=told).error
    people_memory.people.name("voice 1", "Anna")
    nobody = _call(people_memory, "search_clips", query="budget", who="Bob")
    assert nobody.error and "Nobody goes by 'Bob'" in nobody.text and "Anna" in nobody.text


def test_nobody_is_known_where_nobody_was_learned(people_memory: ClipMemory, dialogues: list[Dialogue], tmp_path):
    with ClipMemory(tmp_path / "plain") as memory:
        video = memory.add(dialogues[0].path, channels=["speech"], workers=0).id
        refused = _call(memory, "transcribe", video=video, start=0, end=5, who="Anna")
        assert refused.error and "rewatch people learn" in refused.text
        assert "[" not in _call(memory, "transcribe", video=video, start=0, end=30).text


def test_nothing_after_now_is_told_of_anybody(people_memory: ClipMemory):
    first = people_memory.videos()[0].id
    turns = people_memory.people.turns(first)
    people_memory.people.name(turns[0].identity, "Anna")
    for now in (turns[1].start + 0.5, turns[2].start + 0.5, turns[3].end + 0.1):
        view = people_memory.until(now)
        for told in (
            _call(view, "transcribe", video=first, start=0, end=30),
            _call(view, "transcribe", video=first, start=0, end=30, who="Anna"),
            _call(view, "search_clips", query="", who="Anna", k=50),
        ):
            for row in told.data["turns"]:
                assert row["span"][1] <= now
                assert float(row["speaker"]["exemplar"].rpartition(",")[2]) <= now


def test_somebody_who_speaks_later_is_not_known_yet(people_memory: ClipMemory):
    first = people_memory.videos()[0].id
    turns = people_memory.people.turns(first)
    people_memory.people.name(turns[0].identity, "Anna")
    people_memory.people.name(turns[1].identity, "Zanzibarra")
    now = turns[1].end - 0.2
    (facts,) = question_about(people_memory, "Who speaks?", videos=[first], now=now).videos
    assert facts["people"] == ["Anna"]
    view = people_memory.until(now)
    refused = _call(view, "search_clips", query="", who="Bob")
    assert refused.error and "Anna" in refused.text and "Zanzibarra" not in refused.text
    for told in (_call(view, "transcribe", video=first, start=0, end=30), _call(view, "search_clips", query="garden")):
        assert "Zanzibarra" not in str(told)
    assert view.people.names(first) == ["Anna"] and "Zanzibarra" not in view.people.names()
