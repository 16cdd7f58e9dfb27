"""Encoders with weights, on tiny checkpoints of the true architectures saved to disk: BERT, CLIP, SigLIP, SigLIP2."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from checkpoints import COLORS, FAMILIES, SIDE, colored, save_bert, save_visual, write_json
from rewatch.memory import Frame
from rewatch.memory.checkpoints import Checkpoint
from rewatch.memory.encoders import TextEncoder, VisualEncoder, export_visual, text_encoder, visual_encoder
from rewatch.memory.encoders.onnx_visual import OnnxVisual
from rewatch.memory.encoders.sentence_encoder import BertText, TransformersText
from rewatch.memory.encoders.transformers_visual import TransformersVisual
from rewatch.memory.errors import CapabilityError

Visual = Callable[[str], Path]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Visual:
    """The folder of a family's checkpoint that knows four colours; made once."""
    made: dict[str, Path] = {}

    def get(family: str) -> Path:
        if family not in made:
            made[family] = save_visual(tmp_path_factory.mktemp("visual") / family, family, steps=60)
        return made[family]

    return get


def frames(count: int = 4) -> list[Frame]:
    names = list(COLORS)
    return [Frame(float(n), colored(names[n % 4], (90, 160), seed=1000 + n)) for n in range(count)]


@pytest.mark.parametrize("family", FAMILIES)
def test_trained_weights_match_frames_and_queries(family: str, trained: Visual) -> None:
    """Both towers, processor and tokenizer, from the disk: each query finds its colour among unseen frames."""
    encoder = visual_encoder(str(trained(family)), threads=1)
    rows = encoder.encode_frames(frames())
    queries = [encoder.encode_query(f"A {name.upper()} picture") for name in COLORS]
    scores = np.array([rows @ query for query in queries if query is not None])
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert rows.shape == (4, encoder.dim) and rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert isinstance(encoder, VisualEncoder)
    assert "green" in (encoder.describe(frames(2)) or "")


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_equal_the_familys_own_code(family: str, trained: Visual) -> None:
    """Against transformers called as its documentation says, one picture at a time."""
    import torch
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = str(trained(family))
    encoder = visual_encoder(folder)
    model = AutoModel.from_pretrained(folder).eval()
    images = AutoImageProcessor.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    many = frames(19)  # more than a batch
    with torch.inference_mode():
        expected = torch.cat(
            [
                model.get_image_features(**images(images=[frame.image], return_tensors="pt")).pooler_output
                for frame in many
            ]
        )
        if family == "clip":
            tokens = dict(tokenizer(["a red picture"], return_tensors="pt"))
        else:
            ids = tokenizer(["a red picture"], padding=False)["input_ids"][0]
            tokens = {"input_ids": torch.tensor([ids + [0] * (32 - len(ids))])}  # <pad> on the right, no mask
        text = model.get_text_features(**tokens).pooler_output[0]
    rows, query = encoder.encode_frames(many), encoder.encode_query("a red picture")
    assert np.abs(rows - torch.nn.functional.normalize(expected, dim=-1).numpy()).max() < 1e-5
    assert query is not None
    assert np.abs(query - torch.nn.functional.normalize(text, dim=-1).numpy()).max() < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_odd_input(family: str, trained: Visual) -> None:
    encoder = visual_encoder(str(trained(family)))
    odd = [np.zeros((1, 1, 3), np.uint8), np.full((3, 300, 3), 255, np.uint8), np.zeros((3, 3, 3), np.uint8)]
    rows = encoder.encode_frames([Frame(float(n), image) for n, image in enumerate(odd)])
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert encoder.encode_frames([]).shape == (0, encoder.dim)
    assert encoder.encode_query("  ") is None
    long = encoder.encode_query("a red picture " * 100 + "\udce4")
    assert long is not None and np.isfinite(long).all()


def test_processors_are_found_under_the_names_of_the_hub(trained: Visual, tmp_path: Path) -> None:
    """Older checkpoints name an extractor or a processor that needs torchvision; the PIL one is taken."""
    source = trained("clip")
    expected = visual_encoder(str(source)).encode_frames(frames())
    renamed = {
        "plain": {"image_processor_type": "CLIPImageProcessor"},
        "fast": {"image_processor_type": "CLIPImageProcessorFast"},
        "first": {"feature_extractor_type": "CLIPFeatureExtractor", "size": SIDE, "crop_size": SIDE},
    }
    for title, change in renamed.items():
        folder = _copy(source, tmp_path / title)
        settings = json.loads((folder / "preprocessor_config.json").read_text())
        settings.pop("image_processor_type", None)
        write_json(folder / "preprocessor_config.json", {**settings, **change})
        assert np.abs(visual_encoder(str(folder)).encode_frames(frames()) - expected).max() < 1e-6, title


def test_a_changed_encoder_has_another_stamp(trained: Visual, tmp_path: Path) -> None:
    source = trained("clip")
    stamp = visual_encoder(str(source)).stamp
    moved = _copy(source, tmp_path / "elsewhere" / source.name)
    assert visual_encoder(str(moved)).stamp == stamp  # where it lies does not matter
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1000:] = bytes(1000)  # equal size, other numbers
    (moved / "model.safetensors").write_bytes(weights)
    changed = visual_encoder(str(moved)).stamp
    settings = json.loads((moved / "preprocessor_config.json").read_text())
    write_json(moved / "preprocessor_config.json", {**settings, "do_center_crop": False})
    assert len({stamp, changed, visual_encoder(str(moved)).stamp}) == 3
    assert stamp.startswith("clip:24:")


def test_visual_encoders_travel_without_weights(trained: Visual) -> None:
    encoder = visual_encoder(str(trained("siglip2")))
    encoder.encode_query("red")  # loaded
    packed = pickle.dumps(encoder)
    assert len(packed) < 2000
    assert np.array_equal(pickle.loads(packed).encode_frames(frames()), encoder.encode_frames(frames()))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_sentence_encoders_equal_sentence_transformers(tmp_path: Path, pooling: str) -> None:
    reference = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    folder = save_bert(tmp_path / "bert", pooling=pooling, max_tokens=24)
    texts = ["a red car", "the budget", "x", "a much longer text than twenty-four tokens of one letter each"]
    expected = reference.SentenceTransformer(str(folder), device="cpu").encode(texts, normalize_embeddings=True)
    encoder = text_encoder(str(folder))
    assert isinstance(encoder, TextEncoder)
    assert encoder.dim == 32 and np.abs(encoder.encode(texts) - expected).max() < 1e-5


def test_a_bare_bert_is_pooled_by_its_mean(tmp_path: Path) -> None:
    rows = text_encoder(str(save_bert(tmp_path / "bert"))).encode(["a red car", "b " * 500])
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("pooling", [None, "mean", "cls"])
def test_small_berts_are_computed_as_torch_does(tmp_path: Path, pooling: str | None) -> None:
    """Whole, in half precision, and saved as the body of a model with a head; other kinds are left to transformers."""
    from transformers import BertForMaskedLM

    folder = save_bert(tmp_path / "bert", pooling=pooling, max_tokens=24)
    texts = ["a red car", "", "b " * 500, *("word " * n for n in range(40))]
    expected = TransformersText(Checkpoint.find(str(folder))).encode(texts)
    encoder = text_encoder(str(folder))
    assert isinstance(encoder, BertText) and np.abs(encoder.encode(texts) - expected).max() < 1e-5
    model = BertForMaskedLM.from_pretrained(folder)
    model.half().save_pretrained(folder)
    headed = text_encoder(str(folder))
    assert isinstance(headed, BertText) and headed.stamp != encoder.stamp
    assert np.abs(headed.encode(texts) - expected).max() < 1e-2
    assert np.abs(headed.encode(texts) - TransformersText(Checkpoint.find(str(folder))).encode(texts)).max() < 1e-5
    model.bfloat16().save_pretrained(folder)
    assert isinstance(text_encoder(str(folder)), TransformersText)
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CapabilityError, match="cannot be loaded"):
        text_encoder(str(folder)).encode(["a red car"])


def test_what_cannot_be_computed_rightly_is_refused(trained: Visual, tmp_path: Path) -> None:
    clip, bert = str(trained("clip")), str(save_bert(tmp_path / "bert", pooling="max"))
    with pytest.raises(CapabilityError, match="pools by pooling_mode_max_tokens; rewatch computes mean and cls"):
        text_encoder(bert)
    with pytest.raises(CapabilityError, match=r"\(clip\) is not a text encoder"):
        text_encoder(clip)
    with pytest.raises(CapabilityError, match="is a bert model; give one of siglip2, siglip, clip"):
        visual_encoder(bert)
    (tmp_path / "bert" / "2_Dense").mkdir()
    with pytest.raises(CapabilityError, match="layer 2_Dense after pooling"):
        text_encoder(bert)


def test_damaged_checkpoints_are_reported_in_one_line(trained: Visual, tmp_path: Path) -> None:
    folder = _copy(trained("clip"), tmp_path / "clip")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:1000])
    with pytest.raises(CapabilityError, match="cannot be loaded") as caught:
        visual_encoder(str(folder)).encode_query("red")
    assert "\n" not in str(caught.value)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(CapabilityError, match=r"holds no \*\.safetensors"):
        visual_encoder(str(folder))
    (folder / "config.json").write_text("{")
    (folder / "model.safetensors").write_bytes(whole)
    with pytest.raises(CapabilityError, match="is not valid JSON"):
        visual_encoder(str(folder))


def test_an_absent_visual_encoder_says_what_to_do() -> None:
    with pytest.raises(CapabilityError, match=r"is not on this disk.*hf download google/siglip2-base-patch16-224"):
        visual_encoder("google/siglip2-base-patch16-224")


def test_a_hub_name_is_found_in_the_local_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `hf download` leaves it: refs/main names the snapshot."""
    home = tmp_path / "models--someone--tiny-bert"
    save_bert(home / "snapshots" / "0123abc", pooling="mean")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("0123abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    encoder = text_encoder("someone/tiny-bert")
    assert encoder.stamp.startswith("someone/tiny-bert:32:")
    assert encoder.encode(["a red car"]).shape == (1, 32)


def test_a_download_is_announced_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The hub's client is replaced: there is no network in tests."""
    folder, file = save_bert(tmp_path / "bert"), SimpleNamespace(file_size=133_500_000, will_download=True)

    def fetch(name: str, *, local_files_only: bool = False, dry_run: bool = False, **rest: object) -> object:
        if local_files_only:
            raise LocalEntryNotFoundError("not here")
        return [file] if dry_run else str(folder)

    from huggingface_hub.errors import LocalEntryNotFoundError

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert text_encoder("someone/tiny-bert", download=True).dim == 32
    assert "Fetching encoder someone/tiny-bert from the hub: 134 MB" in caplog.text
    monkeypatch.undo()
    with pytest.raises(CapabilityError, match=r"could not be fetched .*Try it by hand: hf download someone/tiny-bert"):
        text_encoder("someone/tiny-bert", download=True)  # HF_HUB_OFFLINE is set in tests


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_onnx_gives_the_same_vectors(family: str, trained: Visual, tmp_path: Path) -> None:
    """Exported, read back by onnxruntime, and put beside torch: to 1e-4, in batches, for odd sizes and long queries."""
    pytest.importorskip("onnx", reason="exporting needs onnx")
    source = trained(family)
    folder = export_visual(str(source), tmp_path / family)
    assert not list(folder.glob("*.safetensors")) and (folder / "onnx" / "vision_model.onnx").is_file()
    torch_, onnx = visual_encoder(str(source)), visual_encoder(str(folder), threads=1)
    assert isinstance(onnx, OnnxVisual) and isinstance(onnx, VisualEncoder) and onnx.dim == torch_.dim
    many = [*frames(19), Frame(20.0, np.full((3, 300, 3), 255, np.uint8))]
    assert np.abs(onnx.encode_frames(many) - torch_.encode_frames(many)).max() < 1e-4
    for query in ("a red picture", "A", "green " * 200, "a blue picture \udce4"):
        ours, theirs = onnx.encode_query(query), torch_.encode_query(query)
        assert ours is not None and theirs is not None and np.abs(ours - theirs).max() < 1e-4
    assert onnx.encode_query(" ") is None and onnx.encode_frames([]).shape == (0, onnx.dim)
    assert onnx.stamp != torch_.stamp and onnx.stamp == visual_encoder(f"onnx:{folder}").stamp
    packed = pickle.dumps(onnx)
    assert len(packed) < 2000 and np.array_equal(
        pickle.loads(packed).encode_frames(many[:2]), onnx.encode_frames(many[:2])
    )


def test_onnx_that_is_not_whole_or_not_for_us(trained: Visual, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="exporting needs onnx")
    with pytest.raises(CapabilityError, match="clip and siglip can be exported"):
        export_visual(str(trained("siglip2")), tmp_path / "siglip2")
    with pytest.raises(CapabilityError, match=r"holds no .*_model\.onnx"):
        visual_encoder(f"onnx:{trained('clip')}")
    folder = export_visual(str(trained("clip")), tmp_path / "clip")
    (folder / "onnx" / "vision_model.onnx").write_bytes(b"cut")
    with pytest.raises(CapabilityError, match="cannot be loaded"):
        visual_encoder(str(folder)).encode_query("red")
    (folder / "onnx" / "text_model.onnx").unlink()
    with pytest.raises(CapabilityError, match=r"holds no text_model\.onnx"):
        visual_encoder(str(folder))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_close(dtype: str, trained: Visual) -> None:
    for family in FAMILIES:
        whole, half = (TransformersVisual(str(trained(family)), dtype=kind) for kind in (None, dtype))
        assert np.abs(whole.encode_frames(frames()) - half.encode_frames(frames())).max() < 0.03
        queries = [each.encode_query("a red picture") for each in (whole, half)]
        assert queries[0] is not None and queries[1] is not None and queries[1].dtype == np.float32
        assert np.abs(queries[0] - queries[1]).max() < 0.03
    with pytest.raises(CapabilityError, match="dtype 'int4' is none of float32"):
        TransformersVisual(str(trained("clip")), dtype="int4")


@pytest.mark.gpu
def test_half_precision_on_a_gpu_agrees_with_the_cpu(trained: Visual) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    for family in FAMILIES:
        here, there = (TransformersVisual(str(trained(family)), device=device) for device in ("cpu", "cuda"))
        assert np.abs(here.encode_frames(frames()) - there.encode_frames(frames())).max() < 1e-2
        assert there.stamp == here.stamp


def _copy(source: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target
