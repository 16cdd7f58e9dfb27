"""Pictures for a model: their cost in tokens, the text that stands for each in the prompt, and their tensors.

Qwen-VL models take any size, so that a picture is made as small as the room in the context asks for. Other models have
one size a picture, which their own processor makes.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ....memory import CapabilityError
from ..contact_sheet import fitting
from .prompt import is_video

if TYPE_CHECKING:
    from PIL.Image import Image

QWEN = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"})
"""Model types that take pictures as Qwen2-VL does."""

VIDEO = frozenset({"qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"})
"""Those of them that read a video as pieces of two frames, each with its time as text before it."""

Grid = tuple[int, int, int]
"""Time, height and width of a picture: in patches for Qwen-VL, else in pixels."""


class SampledFrames(NamedTuple):
    """One picture as the model takes it."""

    name: str
    """Its media URI, or a name made of its content."""
    grid: Grid
    inputs: Any
    """Tensors, or what `VisionAdapter.collate` makes them of."""


class VisionAdapter:
    """The way in which a family of models takes pictures; this one is of models that only read, and takes none."""

    placeholders: tuple[str, ...] = ()
    """What the chat template writes for a picture and, where the model takes any, for a piece of video."""
    token_ids: tuple[int, ...] = ()
    """Ids that stand for parts of a picture or of a video."""
    video_ids: tuple[int, ...] = ()
    """Those of a video."""
    smallest: int = 1
    largest: int = 1
    """Pixels of a picture."""
    sees: bool = False
    """Whether the model takes pictures at all."""
    typed: bool = False
    """Whether the model is told of each token which kind of input it is (`mm_token_type_ids`)."""

    def grid(self, size: tuple[int, int], pixels: int) -> Grid:
        """Return the grid of a picture of (width, height) that may have `pixels` pixels."""
        raise ValueError("A model that only reads takes no pictures.")

    def size(self, grid: Grid) -> tuple[int, int]:
        """Return width and height in pixels in which the model sees a picture of this grid."""
        return 1, 1

    def text(self, placeholder: str, grid: Grid) -> str:
        """Return what stands in the prompt instead of the placeholder."""
        return ""

    def tokens(self, grid: Grid) -> int:
        """Return the number of tokens that `text` has."""
        return 0

    def vision_tokens(self, grid: Grid) -> int:
        """Return the number of `token_ids` among them."""
        return self.tokens(grid)

    def frames_per_picture(self, size: tuple[int, int]) -> int:
        """Return how many frames of (width, height) to put into one picture: 1 where that saves nothing."""
        return 1

    def prepare(self, pictures: Sequence[Image], grid: Grid) -> Any:
        """Make the inputs of one picture, or of two frames as a piece of video, brought to its grid."""
        return self.grid((0, 0), 0)

    def collate(self, frames: Sequence[SampledFrames]) -> dict[str, Any]:
        """Make the tensors of all pictures of a batch, rows one after another."""
        return {}


def vision_adapter_of(model: Any, processor: Any) -> VisionAdapter:
    """Return the adapter of the model's family.

    Raises:
        CapabilityError: if its processor has no way to say what stands for a picture.
    """
    if not hasattr(processor, "tokenizer"):
        return VisionAdapter()
    if model.config.model_type in QWEN:
        return QwenVision(processor)
    return ProcessorVision(processor, model.config.model_type)


class QwenVision(VisionAdapter):
    """Qwen2-VL and what came after it: any size, in patches."""

    sees = typed = True

    def __init__(self, processor: Any) -> None:
        self._images = processor.image_processor
        self._merge = int(self._images.merge_size)
        self._patch = int(self._images.patch_size)
        self.placeholders: tuple[str, ...] = (str(processor.image_token), str(processor.video_token))
        self.video_ids: tuple[int, ...] = (int(processor.video_token_id),)
        self.token_ids: tuple[int, ...] = (int(processor.image_token_id), *self.video_ids)
        size = self._images.size
        self.smallest = 16 * self._factor**2
        self.largest = max(int(size["longest_edge"]), self.smallest)

    @property
    def _factor(self) -> int:
        return self._patch * self._merge

    def grid(self, size: tuple[int, int], pixels: int) -> Grid:
        """Whole cells of `patch * merge` pixels, as near to the picture's shape as the limits allow."""
        width, height = size
        cells = (max(height / self._factor, 1e-3), max(width / self._factor, 1e-3))
        low = self.smallest / self._factor**2
        high = max(min(pixels, self.largest) / self._factor**2, 1.0)
        rows, columns = (max(1, round(c)) for c in cells)
        if rows * columns > high:
            shrink = math.sqrt(high / (cells[0] * cells[1]))
            rows, columns = (max(1, math.floor(c * shrink)) for c in cells)
            rows, columns = min(rows, int(high)), min(columns, max(1, int(high) // rows))
        elif rows * columns < low:
            grow = math.sqrt(low / (cells[0] * cells[1]))
            rows, columns = (max(1, math.ceil(c * grow)) for c in cells)
            if rows * columns > high:
                rows, columns = min(rows, int(high)), max(1, min(columns, int(high) // min(rows, int(high))))
        return 1, rows * self._merge, columns * self._merge

    def size(self, grid: Grid) -> tuple[int, int]:
        """All patches."""
        return grid[2] * self._patch, grid[1] * self._patch

    def text(self, placeholder: str, grid: Grid) -> str:
        """One placeholder for each cell."""
        return placeholder * self.tokens(grid)

    def tokens(self, grid: Grid) -> int:
        """Cells of the grid."""
        return grid[0] * grid[1] * grid[2] // self._merge**2

    def prepare(self, pictures: Sequence[Image], grid: Grid) -> Any:
        """Patches `[n, channels * time * patch * patch]`; of two frames, each is one of the two times.

        A picture is a video of two equal frames to these models, so that no video processor is needed.
        """
        one, *other = [self._patches(picture, grid) for picture in pictures]
        if not other:
            return one
        shape = (len(one), -1, 2, self._patch**2)
        both = one.reshape(shape).clone()
        both[:, :, 1] = other[0].reshape(shape)[:, :, 1]
        return both.reshape(one.shape)

    def _patches(self, picture: Image, grid: Grid) -> Any:
        from PIL import Image as Pillow

        size = (grid[2] * self._patch, grid[1] * self._patch)
        resized = picture if picture.size == size else picture.resize(size, Pillow.Resampling.BICUBIC)
        inputs = self._images(images=[resized], do_resize=False, return_tensors="pt")
        assert tuple(inputs["image_grid_thw"][0].tolist()) == grid
        return inputs["pixel_values"]

    def collate(self, frames: Sequence[SampledFrames]) -> dict[str, Any]:
        """Pixels and grids of pictures and of videos, each in the order of `seen`."""
        import torch

        inputs = self.grids(frames)
        for pixels, video in (("pixel_values", False), ("pixel_values_videos", True)):
            some = [s.inputs for s in frames if is_video(s.name) == video]
            if some:
                inputs[pixels] = torch.cat(some)
        return inputs

    def grids(self, frames: Sequence[SampledFrames]) -> dict[str, Any]:
        """Grids of pictures and of videos, each in the order of `seen`."""
        import torch

        both = {"image_grid_thw": False, "video_grid_thw": True}
        some = {name: [s.grid for s in frames if is_video(s.name) == video] for name, video in both.items()}
        return {name: torch.tensor(grids) for name, grids in some.items() if grids}


class ProcessorVision(VisionAdapter):
    """Any other model: its processor makes the tensors, one tile a picture where it would cut it into several."""

    sees, typed = True, False
    _TILES = ("do_image_splitting", "crop_to_patches", "do_pan_and_scan")

    def __init__(self, processor: Any, family: str) -> None:
        if not hasattr(processor, "image_token") or not hasattr(processor, "replace_image_token"):
            raise CapabilityError(
                f"Models of type {family} cannot be driven with this transformers: their processor does not say what "
                "stands for a picture. pip install -U transformers"
            )
        self._processor = processor
        images = processor.image_processor
        self._options = {
            **getattr(processor, "images_kwargs", {}),
            **{name: False for name in self._TILES if hasattr(images, name)},
        }
        self._texts: dict[Grid, str] = {}
        self._encoded: dict[Grid, list[int]] = {}
        self.placeholders: tuple[str, ...] = (str(processor.image_token),)
        self.video_ids: tuple[int, ...] = ()
        self.token_ids = tuple(int(i) for i in processor.image_token_ids if i is not None)
        self.smallest = self.largest = 2**31

    def grid(self, size: tuple[int, int], pixels: int) -> Grid:
        """The picture's own size; what `pixels` says is left to the processor."""
        return 1, size[1], size[0]

    def size(self, grid: Grid) -> tuple[int, int]:
        """The picture's own size."""
        return grid[2], grid[1]

    def text(self, placeholder: str, grid: Grid) -> str:
        """Return what the processor writes for a picture of this size."""
        if grid not in self._texts:
            from PIL import Image

            inputs = self._inputs([Image.new("RGB", (grid[2], grid[1]))])
            self._texts[grid] = str(self._processor.replace_image_token(inputs, 0))
        return self._texts[grid]

    def tokens(self, grid: Grid) -> int:
        """Counted by the tokenizer."""
        return len(self._ids(grid))

    def vision_tokens(self, grid: Grid) -> int:
        """Counted among them."""
        return sum(i in self.token_ids for i in self._ids(grid))

    def frames_per_picture(self, size: tuple[int, int]) -> int:
        """As many as fit into the size to which pictures are brought, where that takes half of the tokens at most."""
        side = dict(self._processor.image_processor.size)
        count = fitting(size, (side.get("width") or 0, side.get("height") or 0))
        columns = math.isqrt(count)
        sheet = self.grid((columns * size[0], columns * size[1]), self.largest)
        one = self.grid(size, self.largest)
        return count if count > 1 and 2 * self.tokens(sheet) <= count * self.tokens(one) else 1

    def prepare(self, pictures: Sequence[Image], grid: Grid) -> Any:
        """The picture itself: how tensors are put together differs from model to model."""
        picture = pictures[0]
        return picture if picture.size == (grid[2], grid[1]) else picture.resize((grid[2], grid[1]))

    def collate(self, frames: Sequence[SampledFrames]) -> dict[str, Any]:
        """Return what the model reads of what the image processor returns for all pictures as one row."""
        if not frames:
            return {}
        inputs = self._inputs([s.inputs for s in frames])
        return {key: inputs[key] for key in self._processor.model_input_names if key in inputs}

    def _ids(self, grid: Grid) -> list[int]:
        if grid not in self._encoded:
            text = self.text("", grid)
            self._encoded[grid] = self._processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self._encoded[grid]

    def _inputs(self, pictures: list[Image]) -> Any:
        row = pictures
        if "batch_num_images" in self._processor.model_input_names and len(pictures) == 1:
            row = pictures * 2  # LLaVA-OneVision: a picture must not change when another one joins it, so none is alone
        inputs = self._processor.image_processor([row], return_tensors="pt", **self._options)
        if len(row) > len(pictures):
            return {key: inputs[key] if key == "batch_num_images" else inputs[key][:1] for key in inputs}
        return inputs


class ImageCache:
    """Prepared pictures by name and grid, so that a picture is decoded and prepared once. Safe between threads."""

    def __init__(self, vision: VisionAdapter, *, keep: int = 512 << 20) -> None:
        self._vision = vision
        self._keep = keep
        self._held = 0
        self._seen: OrderedDict[tuple[str, Grid], SampledFrames] = OrderedDict()
        self._lock = threading.Lock()
        self._making = [threading.Lock() for _ in range(16)]
        self.prepared = 0
        """How many pictures were prepared so far."""

    def get(
        self, keys: Sequence[tuple[str, Grid]], read: Callable[[list[str]], Sequence[Image]]
    ) -> list[SampledFrames]:
        """The pictures in order; `read` brings those that are not here yet, by their names."""
        found = self._kept(keys)
        missing = tuple(key for key in dict.fromkeys(keys) if key not in found)
        if missing:
            video = missing[0][0].partition("#")[0]  # runs side by side often ask for the same pictures
            with self._making[hash(video) % len(self._making)]:
                found |= self._kept(missing)
                self._make([key for key in missing if key not in found], found, read)
        return [found[key] for key in keys]

    def _kept(self, keys: Sequence[tuple[str, Grid]]) -> dict[tuple[str, Grid], SampledFrames]:
        with self._lock:
            found = {key: self._seen[key] for key in keys if key in self._seen}
            for key in found:
                self._seen.move_to_end(key)
        return found

    def _make(
        self,
        missing: Sequence[tuple[str, Grid]],
        found: dict[tuple[str, Grid], SampledFrames],
        read: Callable[[list[str]], Sequence[Image]],
    ) -> None:
        if not missing:
            return
        pictures = iter(read([one for name, _ in missing for one in name.split()]))
        for key in missing:
            its = [next(pictures) for _ in key[0].split()]
            found[key] = SampledFrames(*key, self._vision.prepare(its, key[1]))
            self._hold(found[key])

    def _hold(self, frames: SampledFrames) -> None:
        with self._lock:
            self.prepared += 1
            if (frames.name, frames.grid) in self._seen:
                return
            self._seen[frames.name, frames.grid] = frames
            self._held += _size(frames)
            while self._held > self._keep and len(self._seen) > 1:
                self._held -= _size(self._seen.popitem(last=False)[1])


def _size(frames: SampledFrames) -> int:
    if hasattr(frames.inputs, "nbytes"):
        return int(frames.inputs.nbytes)
    return 3 * frames.grid[1] * frames.grid[2]
