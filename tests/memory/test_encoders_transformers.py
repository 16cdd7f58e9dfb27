"""Encoders with weights, on tiny checkpoints of the true architectures saved to disk: BERT, CLIP, SigLIP, SigLIP2."""

from __future__ import annotations

import json
import pickle
import string
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rewatch.memory.encoders import TextEncoder, VisualEncoder, text_encoder, visual_encoder
from rewatch.memory.errors import CapabilityError
from rewatch.memory.video import Frame

FAMILIES = ("clip", "siglip", "siglip2")

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 40), "blue": (30, 60, 220), "yellow": (230, 220, 40)}
PATCH, SIDE = 8, 32


def coloured(name: str, size: tuple[int, int] = (48, 64), seed: int = 0) -> np.ndarray:
    """A noisy picture [H, W, 3] uint8 of one colour."""
    noise = np.random.default_rng(seed).normal(0, 12, (*size, 3))
    return (np.array(COLOURS[name]) + noise).clip(0, 255).astype(np.uint8)


def save_bert(folder: Path, *, pooling: str | None = None, max_tokens: int | None = None, seed: int = 0) -> Path:
    """A sentence encoder; with `pooling` (such as "cls") it has the files of sentence-transformers."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(seed)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase]
    vocabulary += ["##" + letter for letter in string.ascii_lowercase]
    tokenizer = BertTokenizer(vocab={token: index for index, token in enumerate(vocabulary)})
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    if pooling is not None:
        module = "sentence_transformers.models."
        modules = [
            {"idx": 0, "name": "0", "path": "", "type": module + "Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": module + "Pooling"},
        ]
        (folder / "1_Pooling").mkdir()
        settings = {"word_embedding_dimension": 32, f"pooling_mode_{pooling}_token{'s' * (pooling != 'cls')}": True}
        _write(folder / "1_Pooling" / "config.json", settings)
        _write(folder / "modules.json", modules)
    if max_tokens is not None:
        _write(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    return folder


def save_visual(folder: Path, family: str, *, steps: int = 0, seed: int = 0) -> Path:
    """A `clip`, `siglip` or `siglip2` checkpoint, trained for `steps` to tell four colours apart by their names."""
    import torch
    from transformers import CLIPModel, Siglip2Model, SiglipModel

    torch.manual_seed(seed)
    model: Any
    if family == "clip":
        tokenizer, images, model = _clip_tokenizer(), _clip_images(), CLIPModel(_clip_config())
    else:
        tokenizer = _gemma_tokenizer()
        images, config = _siglip_parts(family)
        model = (Siglip2Model if family == "siglip2" else SiglipModel)(config)
    # As the hub has them: the padding is not stored in the tokenizer.
    tokenizer.save_pretrained(folder)
    images.save_pretrained(folder)
    _train(model, family, tokenizer, images, steps)
    model.save_pretrained(folder)
    return folder


def _train(model: Any, family: str, tokenizer: Any, images: Any, steps: int) -> None:
    """Contrastive steps on the inputs that the family's own documentation prescribes."""
    import torch

    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    names = list(COLOURS)
    texts = [f"a {name} picture" for name in names]
    padding = {"padding": True} if family == "clip" else {"padding": "max_length", "padding_side": "right"}
    tokens = tokenizer(texts, max_length=32, truncation=True, return_tensors="pt", **padding)
    if family != "clip":
        tokens.pop("attention_mask", None)
    model.train()
    for step in range(steps):
        batch = images(images=[coloured(name, seed=step) for name in names], return_tensors="pt")
        logits = model(**tokens, **batch).logits_per_image  # [4, 4]
        loss = torch.nn.functional.cross_entropy(logits, torch.arange(len(names)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.eval()


def _clip_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    tokens = [*string.ascii_lowercase, *(letter + "</w>" for letter in string.ascii_lowercase)]
    vocabulary = {token: index for index, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=vocabulary, merges=[])


def _clip_images() -> Any:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})


def _clip_config() -> Any:
    from transformers import CLIPConfig

    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**layers, "vocab_size": 54, "max_position_embeddings": 32, "bos_token_id": 52, "eos_token_id": 53}
    vision = {**layers, "image_size": SIDE, "patch_size": PATCH}
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)


def _gemma_tokenizer() -> Any:
    from transformers import Siglip2Tokenizer

    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *string.ascii_lowercase, "▁"]
    return Siglip2Tokenizer(vocab={token: index for index, token in enumerate(tokens)}, merges=[])


def _siglip_parts(family: str) -> tuple[Any, Any]:
    from transformers import Siglip2Config, SiglipConfig
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**layers, "vocab_size": 288, "max_position_embeddings": 32, "projection_size": 32}
    text |= {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1}
    if family == "siglip2":
        vision = {**layers, "patch_size": PATCH, "num_patches": 16}
        images = Siglip2ImageProcessorPil(patch_size=PATCH, max_num_patches=16)
        return images, Siglip2Config(text_config=text, vision_config=vision)
    images = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return images, SiglipConfig(text_config=text, vision_config={**layers, "patch_size": PATCH, "image_size": SIDE})


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


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
    names = list(COLOURS)
    return [Frame(float(n), coloured(names[n % 4], (90, 160), seed=1000 + n)) for n in range(count)]


@pytest.mark.parametrize("family", FAMILIES)
def test_trained_weights_match_frames_and_queries(family: str, trained: Visual) -> None:
    """Both towers, processor and tokenizer, from the disk: each query finds its colour among unseen frames."""
    encoder = visual_encoder(str(trained(family)), threads=1)
    rows = encoder.encode_frames(frames())
    queries = [encoder.encode_query(f"A {name.upper()} picture") for name in COLOURS]
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
        _write(folder / "preprocessor_config.json", {**settings, **change})
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
    _write(moved / "preprocessor_config.json", {**settings, "do_center_crop": False})
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


@pytest.mark.gpu
def test_half_precision_on_a_gpu_agrees_with_the_cpu(trained: Visual) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    from rewatch.memory.encoders.transformers_visual import TransformersVisual

    for family in FAMILIES:
        here, there = (TransformersVisual(str(trained(family)), device=device) for device in ("cpu", "cuda"))
        assert np.abs(here.encode_frames(frames()) - there.encode_frames(frames())).max() < 1e-2
        assert there.stamp == here.stamp


def _copy(source: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target
