"""Faces through OpenCV's own classes, by models of the true interfaces that take a bright square for a face."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rewatch import ClipMemory
from rewatch.memory import ArrayVideo, CapabilityError

STRIDES = (8, 16, 32)


def _save(path: Path, nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> Path:
    graph = helper.make_graph(
        nodes,
        "face",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, inputs)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def _detector(path: Path) -> Path:
    """The twelve outputs of YuNet: of each cell of three grids score, objectness, box and five landmarks."""
    constants: dict[str, np.ndarray] = {"flat": np.array([1, -1, 1], np.int64), "dark": np.array(150, np.float32)}
    constants |= {"scale": np.array(1 / 40, np.float32), "none": np.array(0, np.float32)}
    nodes = [helper.make_node("ReduceMax", ["input"], ["bright"], axes=[1], keepdims=1)]
    outputs = []
    marks = np.array([[-1, -1], [1, -1], [0, 0], [-0.7, 1], [0.7, 1]], np.float32).ravel()
    for stride in STRIDES:
        box = np.array([0.5, 0.5, np.log(6), np.log(6)], np.float32)
        constants |= {f"box{stride}": box.reshape(1, 1, 4), f"marks{stride}": (marks * 1.5).reshape(1, 1, 10)}
        side, edge = (
            48 if stride == 8 else stride,
            20 if stride == 8 else 0,
        )  # brightest where a square is in the middle
        pool = helper.make_node(
            "AveragePool", ["bright"], [f"pool{stride}"],
            kernel_shape=[side] * 2, strides=[stride] * 2, pads=[edge] * 4, count_include_pad=1,
        )  # fmt: skip
        nodes += [
            pool,
            helper.make_node("Reshape", [f"pool{stride}", "flat"], [f"cells{stride}"]),
            helper.make_node("Sub", [f"cells{stride}", "dark"], [f"above{stride}"]),
            # Only the finest grid finds anything.
            helper.make_node("Mul", [f"above{stride}", "scale" if stride == 8 else "none"], [f"score{stride}"]),
            helper.make_node("Relu", [f"score{stride}"], [f"cls_{stride}"]),
            helper.make_node("Relu", [f"score{stride}"], [f"obj_{stride}"]),
            helper.make_node("Mul", [f"cells{stride}", "none"], [f"zero{stride}"]),
            helper.make_node("Add", [f"zero{stride}", f"box{stride}"], [f"bbox_{stride}"]),
            helper.make_node("Add", [f"zero{stride}", f"marks{stride}"], [f"kps_{stride}"]),
        ]
        for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs.append((f"{name}_{stride}", [1, (320 // stride) ** 2, width]))
    return _save(path, nodes, [1, 3, 320, 320], outputs, constants)


def _recognizer(path: Path) -> Path:
    """The interface of SFace: an aligned face of 112 pixels to 128 numbers, here of its colors."""
    weights = np.random.default_rng(0).normal(size=(12, 128)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["input"], ["pool"], kernel_shape=[56, 56], strides=[56, 56]),
        helper.make_node("Flatten", ["pool"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["fc1"]),
    ]
    return _save(path, nodes, [1, 3, 112, 112], [("fc1", [1, 128])], {"weights": weights})


def _video() -> ArrayVideo:
    """A yellow square at the left for 4 s, nothing for 4 s, a blue one at the right, then the yellow one again."""
    frames = np.zeros((18, 160, 320, 3), np.uint8)
    frames[0:4, 50:98, 40:88] = (255, 255, 0)
    frames[8:12, 50:98, 200:248] = (0, 0, 255)
    frames[14:18, 50:98, 100:148] = (255, 255, 0)
    return ArrayVideo(frames, fps=1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("faces")
    return _detector(folder / "yunet.onnx"), _recognizer(folder / "sface.onnx")


def test_faces_become_tracks_and_identities(models: tuple[Path, Path], tmp_path: Path):
    with ClipMemory(tmp_path / "memory") as memory:
        video = memory.add(_video(), channels=["visual"], workers=0).id
        memory.learn_people(video, "faces", face_models=models)
        turns = memory.people.turns(video, kind="face")
        assert [(turn.start, turn.end) for turn in turns] == [(0, 4), (8, 12), (14, 18)]
        yellow, blue, again = (turn.identity for turn in turns)
        assert yellow == again != blue
        first = memory.people.identity(yellow)
        assert first.label == f"face {yellow}" and first.kinds == ("face",)
        left, top, width, height = (float(part) for part in first.exemplars[0].partition("percent:")[2].split(","))
        assert left <= 20 < left + width and top <= 46 < top + height

        memory.people.name(yellow, "Anna")
        memory.learn_people(video, "faces")  # by the models that it was made with
        early = memory.until(7.0).people
        assert [turn.label for turn in early.turns(video, kind="face")] == ["Anna"]
        assert memory.until(5.0).people.turns(video, kind="face") == []  # it may still be going on


def test_faces_need_two_files_of_the_persons_own(models: tuple[Path, Path], tmp_path: Path):
    with ClipMemory(tmp_path / "memory") as memory:
        video = memory.add(_video(), channels=["visual"], workers=0).id
        with pytest.raises(CapabilityError, match="YuNet's and SFace's"):
            memory.learn_people(video, "faces")
        with pytest.raises(CapabilityError, match="no face model at"):
            memory.learn_people(video, "faces", face_models=(models[0], tmp_path / "none.onnx"))
        (tmp_path / "bad.onnx").write_bytes(b"nothing")
        with pytest.raises(CapabilityError, match="no face models"):
            memory.learn_people(video, "faces", face_models=(tmp_path / "bad.onnx", models[1]))
        assert not memory.people.on
