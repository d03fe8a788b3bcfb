"""ColModernVBERT: ModernVBERT, whose pages are cut into tiles. https://arxiv.org/abs/2510.01149"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image
from transformers import (
    AutoTokenizer,
    BatchFeature,
    ColModernVBertConfig,
    ColModernVBertForRetrieval,
    ColModernVBertProcessor,
    Idefics3ImageProcessorPil,
)

from colpali_demo.encoder.engine_format import EngineFormat
from colpali_demo.encoder.families.base import Family
from colpali_demo.encoder.interface import PageInput
from colpali_demo.encoder.layout import TILE, ImageSlots, grid_slots, patch
from colpali_demo.encoder.queries import QueryFrame


class ColModernVBert(Family):
    """ModernVBERT: the page is cut into square tiles, and a thumbnail of all of it follows them.

    Both sides are stretched to whole tiles. A small page is one tile. https://arxiv.org/abs/2510.01149
    """

    name = "ColModernVBERT"
    model_type = "colmodernvbert"
    model_class = ColModernVBertForRetrieval
    processor_class = ColModernVBertProcessor
    query_prefix = ""
    parts = {"vision tower": "vision_model", "projector": "connector", "language model": "text_model"}
    engine = EngineFormat(
        "modernvbert", lambda vlm, dimension: ColModernVBertConfig(vlm_config=vlm, embedding_dim=dimension)
    )
    page_prompt: ClassVar[str | None] = None
    """The prompt of a page that colpali_engine has for the family, None where it is the processor's own."""

    TILE = re.compile(r"<row_(\d+)_col_(\d+)>")

    @classmethod
    def engine_processor(cls, folder: Path, config: Mapping[str, Any]) -> ColModernVBertProcessor:
        images = Idefics3ImageProcessorPil.from_pretrained(folder, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        tokenizer.padding_side = "left"
        return ColModernVBertProcessor(
            images,
            tokenizer,
            image_seq_len=_vectors_a_tile(config),
            visual_prompt_prefix=cls.page_prompt,
            query_prefix=cls.query_prefix,
        )

    @property
    def input(self) -> PageInput:
        images = self.processor.image_processor
        tile, longest = images.max_image_size["longest_edge"], images.size["longest_edge"]
        text = f"scaled to {longest} pixels at most, cut into tiles of {tile} × {tile}, and a thumbnail of the whole"
        return {"height": None, "width": None, "resample": None, "text": text}

    def frame(self) -> QueryFrame:
        # Here the tokenizer, not the processor, adds the tokens at both ends.
        tokenizer = self.processor.tokenizer
        encoding = tokenizer("a", return_special_tokens_mask=True)
        special = [
            token if mask else None
            for token, mask in zip(encoding.tokens(), encoding["special_tokens_mask"], strict=True)
        ]
        start, end = (special[0] or ""), (special[-1] or "")
        return QueryFrame(start, self.processor.query_augmentation_token, end)

    def process_pages(self, images: Sequence[Image.Image]) -> BatchFeature:
        return self.processor.process_images(images=list(images))

    def process_queries(self, texts: Sequence[str]) -> BatchFeature:
        return self.processor.process_queries(text=list(texts))

    def image_slots(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> ImageSlots:
        side = math.isqrt(self.processor.image_seq_len)  # a tile has side x side vectors
        tiles: list[tuple[int, int] | None] = []  # (row, col) of each tile, None for the thumbnail
        for is_image, run in groupby(enumerate(ids), key=lambda item: item[1] == self.processor.image_token_id):
            if is_image:
                first = next(run)[0]
                name = self.TILE.fullmatch(self.processor.tokenizer.convert_ids_to_tokens(ids[first - 1]))
                tiles.append((int(name[1]) - 1, int(name[2]) - 1) if name else None)
        if tiles == [None]:  # nothing was cut: the only tile is the page
            return grid_slots(side, side)
        rows, cols = (side * (1 + max(tile[axis] for tile in tiles if tile)) for axis in (0, 1))
        slots = [
            patch((tile[0] * side + row, tile[1] * side + col)) if tile else TILE
            for tile in tiles
            for row in range(side)
            for col in range(side)
        ]
        return ImageSlots(rows, cols, slots)


def _vectors_a_tile(config: Mapping[str, Any]) -> int:
    """Return how many vectors the model makes of one tile: several patches of its vision tower become one."""
    vision = config["vision_config"]
    factor = config.get("pixel_shuffle_factor") or config["scale_factor"]
    return (vision["image_size"] // vision["patch_size"] // factor) ** 2
