import importlib.util
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from dialogues import HIGH, LOW, Dialogue
from onnx import TensorProto, helper, numpy_helper
from rewatch import ClipMemory
from rewatch.memory import CapabilityError, MisuseError, VideoError
from rewatch.memory.people.speaker_models import OnnxSpeaker, speaker_model
from rewatch.memory.people.voices import turns_in


def _voices(memory: ClipMemory, dialogue: Dialogue) -> list[int | None]:
    """The identity that speaks in the middle of each line."""
    found = []
    for start, end, *_ in dialogue.turns:
        middle = (start + end) / 2
        turns = [turn for turn in memory.people.turns(memory.video(dialogue.path).id) if turn.start < middle < turn.end]
        found.append(turns[0].identity if turns else None)
    return found


def test_two_voices_are_told_apart_in_each_video(people_memory: ClipMemory, dialogues: list[Dialogue]):
    for dialogue in dialogues:
        low, high, low_again, high_again = _voices(people_memory, dialogue)
        assert (low, high) == (low_again, high_again) and low != high and None not in (low, high)
        for turn, (start, end, *_) in zip(
            people_memory.people.turns(people_memory.video(dialogue.path).id), dialogue.turns, strict=True
        ):
            assert (turn.start, turn.end) == pytest.approx((start, end), abs=0.5)


def test_nobody_is_learned_unless_it_is_asked_for(dialogues: list[Dialogue], tmp_path: Path):
    with ClipMemory(tmp_path / "memory") as memory:
        record = memory.add(dialogues[0].path, channels=["speech"], workers=0)
        assert not memory.people.on and memory.people.turns(record.id) == [] and memory.people.identities() == []
        assert (
            memory.store.rows("SELECT name FROM sqlite_master WHERE name LIKE '%ident%' OR name LIKE 'appear%'") == []
        )
        assert memory.until(5.0).people.turns(record.id) == []


def test_the_same_voice_of_two_videos_is_suggested_and_never_joined(
    people_memory: ClipMemory, dialogues: list[Dialogue]
):
    voices = {}
    for dialogue in dialogues:
        for (*_, voice, _), identity in zip(dialogue.turns, _voices(people_memory, dialogue), strict=True):
            voices[identity] = voice
    assert len(voices) == 6
    pairs = {(suggestion.a.id, suggestion.b.id) for suggestion in people_memory.people.suggestions()}
    alike = {(a, b) for a in voices for b in voices if a < b and voices[a] == voices[b]}
    assert pairs == alike and set(voices.values()) == {LOW, HIGH}


def test_learning_goes_on_where_it_was_stopped_and_does_nothing_twice(
    dialogues: list[Dialogue], people_memory: ClipMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rewatch.memory.people.learn.PIECE", 5.0)
    with ClipMemory(tmp_path / "other") as memory:
        video = memory.add(dialogues[0].path, channels=["speech"], workers=0).id
        seen: list[float] = []

        def stop(progress):
            seen.append(progress.span.end)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            memory.learn_people(video, progress=stop)
        covered = memory.coverage(video)
        assert 0 < covered.until("voices") < covered.whole.end and memory.video(video).complete
        memory.learn_people(video, progress=lambda progress: seen.append(progress.span.end))
        assert seen == sorted(set(seen)) and memory.coverage(video).complete
        stopped = [(turn.identity, turn.start, turn.end) for turn in memory.people.turns(video)]
        memory.learn_people(video, again=True)
        again = [(turn.start, turn.end) for turn in memory.people.turns(video)]
        assert again == [turn[1:] for turn in stopped]
        assert len({turn[0] for turn in stopped}) == 2


def test_a_piece_that_cannot_be_decoded_is_tried_again(
    dialogues: list[Dialogue], people_memory: ClipMemory, monkeypatch: pytest.MonkeyPatch
):
    video = people_memory.video(dialogues[0].path).id
    before = [(turn.start, turn.end) for turn in people_memory.people.turns(video)]

    def broken(*_: object) -> list[object]:
        raise VideoError("the sound cannot be decoded")

    with monkeypatch.context() as patch:
        patch.setattr("rewatch.memory.people.choice.turns_in", broken)
        (failure,) = people_memory.learn_people(video, again=True).failures
    assert failure.channel == "voices" and people_memory.people.turns(video) == []
    assert people_memory.coverage(video).until("voices") == 0
    assert not people_memory.learn_people(video).failures
    assert [(turn.start, turn.end) for turn in people_memory.people.turns(video)] == before


def test_a_view_of_the_past_knows_only_turns_that_were_over(
    people_memory: ClipMemory, dialogues: list[Dialogue], tmp_path: Path
):
    video = people_memory.video(dialogues[0].path).id
    everything = people_memory.people.turns(video)
    low = everything[0].identity
    people_memory.people.name(low, "Anna")
    for now in np.arange(0.0, everything[-1].end + 1, 0.37):
        view = people_memory.until(float(now)).people
        turns = view.turns(video)
        assert all(turn.end <= now for turn in turns)
        assert [turn.start for turn in turns] == [turn.start for turn in everything][: len(turns)]
        assert {one.label for one in view.identities() if video in one.videos} == {turn.label for turn in turns}
        for one in view.identities():
            assert all(float(uri.rpartition(",")[2]) <= now for uri in one.exemplars)
        assert all(max(s.a.seconds, s.b.seconds) <= now for s in view.suggestions())


def test_turns_are_the_same_whatever_is_said_later(people_memory: ClipMemory, dialogues: list[Dialogue]):
    model = speaker_model("resemblyzer")
    assert not {"resemblyzer", "librosa", "webrtcvad"} & set(sys.modules)  # its weights are read, its code is not run
    sound = people_memory.open(people_memory.video(dialogues[0].path).id).audio()
    whole = turns_in(sound, 0.0, model)
    for now in (4.0, 6.3, 9.1):
        early = [turn for turn in turns_in(sound[: int(now * 16000)], 0.0, model) if turn.known < now]
        expected = [turn for turn in whole if turn.known < now]
        assert [(turn.start, turn.end) for turn in early] == [(turn.start, turn.end) for turn in expected]
        for one, other in zip(early, expected, strict=True):
            assert one.vector @ other.vector == pytest.approx(1.0, abs=1e-4)


def _speaker_onnx(path: Path, *, features: bool) -> Path:
    """A model of the true interface: the mean of what it is given, through a matrix."""
    weights = np.random.default_rng(0).normal(size=(80 if features else 1, 16)).astype(np.float32)
    shape = ["batch", "frames", 80] if features else ["batch", "samples"]
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    source = "squares"
    nodes = [helper.make_node("Mul", ["input", "input"], ["squares"])]
    nodes += [
        helper.make_node("ReduceMean", [source, "axes"], ["mean"], keepdims=0 if features else 1),
        helper.make_node("MatMul", ["mean", "weights"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "speaker",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", 16])],
        [numpy_helper.from_array(weights, "weights"), axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("features", [True, False])
def test_an_onnx_model_tells_by_its_input_what_it_takes(tmp_path: Path, features: bool):
    model = OnnxSpeaker(_speaker_onnx(tmp_path / "speaker.onnx", features=features), same=0.6)
    vectors = model.encode(np.random.default_rng(1).normal(0, 0.1, (3, 25600)).astype(np.float32))
    assert vectors.shape == (3, 16) and np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3))
    assert model.stamp.startswith("onnx fbank80" if features else "onnx waveform")
    assert model.thresholds.same == 0.6


def test_what_is_no_speaker_model_says_so(tmp_path: Path):
    with pytest.raises(CapabilityError, match="no speaker model"):
        speaker_model(str(tmp_path / "none.onnx"))
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(CapabilityError, match="no ONNX model"):
        OnnxSpeaker(tmp_path / "bad.onnx")


def test_another_model_does_not_mix_with_the_first(people_memory: ClipMemory, tmp_path: Path):
    other = str(_speaker_onnx(tmp_path / "speaker.onnx", features=True))
    video = people_memory.videos()[0].id
    with pytest.raises(MisuseError, match="cannot be compared"):
        people_memory.learn_people(video, speaker_model=other)
    assert people_memory.people.turns(video)


def test_the_error_of_the_benchmark_is_that_of_pyannote_metrics():
    path = Path(__file__).parents[3] / "benchmarks" / "voices.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_voices", path)
    assert spec is not None and spec.loader is not None
    benchmark = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    # The example of pyannote.metrics' documentation, worked by hand: of 31 s nobody is heard in 0-2 (2 missed),
    # somebody in 10-12, 22-24 and 27-30 (7 false); of the 29 s that both call speech the best mapping (A is a, B is c,
    # D is b) has 8 + 6 + 8 right, so that 7 are confused.
    reference = [(0, 10, "A"), (12, 20, "B"), (24, 27, "C"), (30, 40, "D")]
    found = [(2, 13, "a"), (13, 14, "d"), (14, 20, "c"), (22, 38, "b"), (38, 40, "d")]
    one = benchmark.score(reference, found)
    assert (one.total, one.missed, one.false_alarm, one.confusion) == (31, 2, 7, 7)
    assert one.error == pytest.approx(16 / 31)
    # Most of a, b, c, d is of one speaker for 8, 8, 6 and 2 s; most of A, B, C, D is in one voice for 8, 6, 3 and 8 s.
    assert (one.pure, one.covered, one.shared) == (24, 25, 29)
    # A collar of 0.25 s takes 0-0.25, 9.75-10.25 and 19.75-20 out.
    collared = benchmark.score([(0, 10, "A"), (10, 20, "B")], [(0, 10.2, "a"), (10.2, 20, "b")], 0.25)
    assert (collared.total, collared.error) == (19, 0)
    assert benchmark.score([(0, 10, "A"), (8, 20, "B")], [(0, 9, "a"), (9, 20, "b")]).missed == 2  # overlapped speech
