"""Detector weights that are found without being named: which files are taken, by which memories, and what is said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from painted import Painted, across, write
from rewatch.memory import CHANNELS, OBJECTS, ClipMemory
from rewatch.memory.tracking.detector_weights import detectors_here, finds_boxes, usual_detector


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s in which something passes."""
    return write(tmp_path_factory.mktemp("street") / "street.mp4", 3, [("car", across(0.5, 2.5))])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights in an empty data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    made = tmp_path / "data" / "rewatch" / "weights"
    made.mkdir(parents=True)
    return made


def test_other_files_are_no_detectors(folder: Path, tmp_path: Path) -> None:
    (folder / "broken.pt").write_bytes(b"not a zip file")
    (folder / "clip.onnx").write_bytes(b"pytorch, image_embeds, detect")
    (folder / "notes.txt").write_text("ultralytics names detect")
    assert detectors_here() == [] and usual_detector() is None
    memory = ClipMemory(tmp_path / "memory")
    assert memory.found_detector() is None and memory.found_detector([OBJECTS]) is None


@pytest.mark.slow
@pytest.mark.weights
def test_a_new_memory_takes_them_and_an_old_one_when_asked(
    folder: Path, yolo: Path, street: Path, tmp_path: Path
) -> None:
    old = ClipMemory(tmp_path / "old")
    old.add(street, channels=["visual"], workers=0)
    shutil.copy(yolo, folder / "zebra.onnx")
    shutil.copy(yolo, folder / "ant.onnx")
    assert finds_boxes(yolo) and [file.name for file in detectors_here()] == ["ant.onnx", "zebra.onnx"]
    assert old.found_detector() is None
    assert OBJECTS not in old.add(street, channels=["visual"], workers=0).channels
    assert OBJECTS in old.add(street, again=[OBJECTS], workers=0).channels
    new = ClipMemory(tmp_path / "new")
    assert new.found_detector() == folder / "ant.onnx" and new.found_detector(CHANNELS) is None
    assert ClipMemory(tmp_path / "given", detector=Painted()).found_detector() is None
    assert "ant" in new.add(street, workers=0).channels[OBJECTS]
    assert ClipMemory(tmp_path / "new").detector_stamp.startswith(str(folder / "ant.onnx"))


@pytest.mark.weights
def test_weights_of_pytorch_are_known_by_their_classes(yolo: Path, tmp_path: Path) -> None:
    import torch
    from rewatch.memory.tracking.ultralytics_detector import import_ultralytics

    made = import_ultralytics().YOLO("yolov8n.yaml", task="detect")
    made.save(str(tmp_path / "random.pt"))
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    assert finds_boxes(tmp_path / "random.pt") and not finds_boxes(tmp_path / "other.pt")


@pytest.mark.slow
@pytest.mark.weights
def test_it_is_said_in_one_line(folder: Path, yolo: Path, street: Path, tmp_path: Path) -> None:
    shutil.copy(yolo, folder / "ant.onnx")

    def rewatch(*words: object) -> str:
        command = [sys.executable, "-m", "rewatch", *map(str, words)]
        env = {**os.environ, "COLUMNS": "300", "REWATCH_MEMORY": str(tmp_path / "memory")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    rows = {row["name"]: row for row in json.loads(rewatch("doctor", "--json"))["capabilities"]}
    assert str(folder / "ant.onnx") in rows["objects"]["in_use"]
    said = rewatch("index", street, "--workers", "1")
    assert f"objects  by {folder / 'ant.onnx'}" in said and "objects ·" in said.splitlines()[-1]
    assert "objects  by" not in rewatch("index", street)
