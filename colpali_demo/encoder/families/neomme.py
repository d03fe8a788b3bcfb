"""NeoMME: pages and text read by one model without a vision tower, scored by the mean of MaxSim."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from transformers import AutoTokenizer, BatchFeature, NeoMMEForRetrieval

from colpali_demo.encoder.families.base import AUGMENTATION, Family
from colpali_demo.encoder.files import read_json
from colpali_demo.encoder.interface import PageInput
from colpali_demo.encoder.layout import ImageSlots, PageLayout, patch, prompt_token
from colpali_demo.encoder.queries import QueryFrame


@dataclass(frozen=True)
class NeoMMEImages:
    """What `NeoMMEImageProcessor` of transformers does, without torchvision, under the names of its settings.

    A page keeps its shape. It is scaled only where `max_side` or the `size`, {"min_pixels", "max_pixels"}, asks for it,
    and padded with black on the right and below to whole patches.
    """

    patch_size: int = 32
    max_side: int | None = None
    size: Mapping[str, int | None] | None = None
    resample: int = Image.Resampling.BILINEAR
    do_resize: bool = True
    do_rescale: bool = True
    rescale_factor: float = 1 / 255
    do_normalize: bool = True
    image_mean: Sequence[float] = (0.5, 0.5, 0.5)
    image_std: Sequence[float] = (0.5, 0.5, 0.5)

    @classmethod
    def load(cls, folder: Path) -> NeoMMEImages:
        """Read the settings of a checkpoint."""
        path = folder / "processor_config.json"
        given = read_json(path).get("image_processor") if path.is_file() else None
        given = given or read_json(folder / "preprocessor_config.json")
        return cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given})

    def scaled_size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) in pixels that a page is scaled to, rounded as in transformers."""
        size = self.size or {}
        least, most = size.get("min_pixels") or 0, size.get("max_pixels") or math.inf
        longest = self.max_side or math.inf
        area = width * height
        scale = min(max(math.sqrt(least / area), 1), longest / max(width, height), math.sqrt(most / area))
        if not self.do_resize or scale == 1:
            return width, height

        def fits(size: tuple[int, int]) -> bool:
            return max(size) <= longest and size[0] * size[1] <= most

        rounded, lower, upper = (
            (max(1, to_whole(width * scale)), max(1, to_whole(height * scale)))
            for to_whole in (round, math.floor, math.ceil)
        )
        if fits(rounded):
            too_few = area < least and rounded[0] * rounded[1] < least
            return upper if too_few and fits(upper) else rounded
        width, height = lower
        if width * height > most:  # a side of less than a pixel was made one
            return (width, max(1, int(most) // width)) if height >= width else (max(1, int(most) // height), height)
        return lower

    def __call__(self, image: Image.Image) -> tuple[np.ndarray, tuple[int, int], tuple[float, float]]:
        """Return the patches (rows * cols, numbers), (rows, cols), and how many of both the page itself fills."""
        side = self.patch_size
        image = image.convert("RGB")
        width, height = self.scaled_size(*image.size)
        if (width, height) != image.size:
            image = image.resize((width, height), self.resample)
        rows, cols = math.ceil(height / side), math.ceil(width / side)
        pixels = np.zeros((rows * side, cols * side, 3), np.float32)
        pixels[:height, :width] = np.asarray(image)
        if self.do_rescale:
            pixels *= np.float32(self.rescale_factor)
        if self.do_normalize:
            pixels = (pixels - np.float32(self.image_mean)) / np.float32(self.image_std)
        patches = pixels.reshape(rows, side, cols, side, 3).swapaxes(1, 2).reshape(rows * cols, -1)
        return patches, (rows, cols), (height / side, width / side)


class NeoMME(Family):
    """A page is `<doc><img>`, then row by row its patches and `<row>`; a query `<query>`, its words, and `<mask>`s."""

    name = "NeoMME"
    model_type = "neomme"
    model_class = NeoMMEForRetrieval
    query_prefix = ""
    prompt = "<doc>"
    scores_by_mean = True
    parts = {"projector": "patch_embeddings", "language model": "model"}  # the projector reads the pixels
    not_for_model = ("extents",)

    @classmethod
    def load_processor(cls, folder: Path, config: Mapping[str, Any]) -> Any:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return SimpleNamespace(
            tokenizer=tokenizer,
            image_processor=NeoMMEImages.load(folder),
            image_token_id=tokenizer.image_token_id,
            query_augmentation_token=tokenizer.mask_token,
            query_prefix="",
            visual_prompt_prefix=tokenizer.document_token,
        )

    @property
    def backbone(self) -> nn.Module:
        return self.model.model

    @property
    def head(self) -> nn.Linear:
        return self.model.multi_vector_head.proj

    @property
    def input(self) -> PageInput:
        images = self.processor.image_processor
        side, longest = images.patch_size, images.max_side
        scaled = f"scaled to {longest} pixels at most, " if longest else ""
        text = f"{scaled}padded to whole patches of {side} × {side} pixels"
        return {"height": None, "width": None, "resample": None, "text": text}

    def frame(self) -> QueryFrame:
        return QueryFrame(self.processor.tokenizer.query_token, self.processor.tokenizer.mask_token, "")

    def process_pages(self, images: Sequence[Image.Image]) -> BatchFeature:
        tokenizer = self.processor.tokenizer
        patches, grids, extents = zip(*(self.processor.image_processor(image) for image in images), strict=True)
        image_id, row_id = tokenizer.image_token_id, tokenizer.row_token_id
        ids = [[tokenizer.document_token_id, image_id, *([image_id] * cols + [row_id]) * rows] for rows, cols in grids]
        inputs = tokenizer.pad({"input_ids": ids}, padding="longest", return_tensors="pt", return_attention_mask=True)
        pixels = torch.from_numpy(np.concatenate(patches))
        return BatchFeature({**inputs, "pixel_values": pixels, "extents": torch.tensor(extents)})

    def process_queries(self, texts: Sequence[str]) -> BatchFeature:
        tokenizer, frame = self.processor.tokenizer, self.frame()
        if tokenizer.chat_template:  # a checkpoint's own template says what stands around a query
            conversations = [[{"role": "user", "content": text}] for text in texts]
            queries = tokenizer.apply_chat_template(conversations, task="query", tokenize=False)
        else:
            queries = [f"{frame.start}{text}{frame.augmentation * AUGMENTATION}" for text in texts]
        return BatchFeature(tokenizer(queries, padding="longest", return_tensors="pt"))

    def model_options(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        # A token has a row and a column. Those of a page start at 2, after `<doc>` and its marker; `<row>` stands in a
        # column of its own. Of text both are its number.
        positions = torch.zeros((2, *inputs["input_ids"].shape), dtype=torch.long)
        for page, ids in enumerate(inputs["input_ids"]):
            attended = inputs["attention_mask"][page].bool()
            length = int(attended.sum())
            rows, cols = self._grid(ids[attended].tolist())
            places = torch.arange(length).expand(2, -1).clone()
            if rows:
                cells = torch.arange(length - 2)
                places[:, 2:] = 2 + torch.stack([cells // (cols + 1), cells % (cols + 1)])
            positions[:, page, attended] = places
        return {"position_ids": positions, "output_dense": False}

    def language_model_inputs(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        from transformers import NeoMMEProcessor

        rows, cols = self._grid(inputs["input_ids"][0].tolist())
        if not rows:
            return dict(inputs)
        return {**inputs, "position_ids": NeoMMEProcessor._image_positions(rows, cols).T[:, None]}

    def _grid(self, ids: Sequence[int]) -> tuple[int, int]:
        """Return (rows, cols) of a page by its ids, (0, 0) of a query."""
        rows = sum(id == self.processor.tokenizer.row_token_id for id in ids)
        patches = sum(id == self.processor.image_token_id for id in ids) - 1
        return (rows, patches // rows) if rows else (0, 0)

    def image_slots(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> ImageSlots:
        rows, cols = self._grid(ids)
        cells = [patch((row, col)) for row in range(rows) for col in range(cols)]
        # The first image token marks that a page follows, and stands for none of its patches.
        return ImageSlots(rows, cols, [prompt_token(self.processor.tokenizer.image_token), *cells])

    def layout(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> PageLayout:
        layout = super().layout(ids, inputs, position)
        rows, cols = inputs["extents"][position].tolist()
        return layout if (rows, cols) == (layout.rows, layout.cols) else replace(layout, extent=(rows, cols))
