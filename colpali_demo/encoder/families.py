"""The families of late-interaction retrievers, each a class that says only what it does in its own way.

A checkpoint's `model_type` chooses the family. All of them make one vector a token, score by the sum of MaxSim, and are
read through their processor in `transformers`; what differs is how a page is cut up, what stands around a query, and
what the model wants to be told besides ids and pixels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, ClassVar

import torch
from PIL import Image
from transformers import (
    BatchFeature,
    ColModernVBertForRetrieval,
    ColModernVBertProcessor,
    ColPaliForRetrieval,
    ColPaliProcessor,
    ColQwen2ForRetrieval,
    ColQwen2Processor,
    PreTrainedModel,
    ProcessorMixin,
)

from colpali_demo.encoder.layout import TILE, ImageSlots, PageLayout, grid_shape, grid_slots, page_layout, patch
from colpali_demo.encoder.queries import QueryFrame

AUGMENTATION = 10
"""Augmentation tokens that the processors of all families give a query."""


class Family:
    """How one family of checkpoints is read; subclasses say what differs.

    name: what its authors call it
    query_prefix: what its published checkpoints were trained with; a checkpoint's processor may name another
    bidirectional: whether its language model lets every token attend to every other, or only to those before it
    """

    name: ClassVar[str]
    model_class: ClassVar[type[PreTrainedModel]]
    processor_class: ClassVar[type[ProcessorMixin]]
    query_prefix: ClassVar[str]
    bidirectional: ClassVar[bool] = True

    def __init__(self, processor: ProcessorMixin, model: PreTrainedModel) -> None:
        self.processor = processor
        self.model = model
        self.config = model.config

    @property
    def input(self) -> dict[str, Any]:
        """What a page is made into: {"height", "width", "resample", "text"}.

        Pixels, and Pillow's name for how they are interpolated; None where that depends on the page.
        """
        raise NotImplementedError

    def frame(self) -> QueryFrame:
        """What the processor puts around a query."""
        return QueryFrame(start="", augmentation=self.processor.query_augmentation_token, end="\n")

    def process_pages(self, images: Sequence[Image.Image]) -> BatchFeature:
        """Images to the model's inputs, padded to one length."""
        return self.processor(images=list(images))

    def process_queries(self, texts: Sequence[str]) -> BatchFeature:
        """Queries to the model's inputs, as the processor does it. For comparison: `QueryTokenizer` is what is used."""
        return self.processor(text=list(texts))

    def model_options(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """What the model is told besides what the processor made of pages or queries: `inputs`, ids (batch, length)."""
        return {}

    def language_model_inputs(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """What the vision language model takes where it is called whole, without the retriever around it.

        For comparison, see `verify`: there it places and masks its tokens itself.
        """
        return dict(inputs)

    def image_slots(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> ImageSlots:
        """What the image tokens among the `ids` of a page are; the page is the one at `position` of the batch."""
        raise NotImplementedError

    def layout(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> PageLayout:
        """Layout of a page from its own ids, padding left out."""
        slots = self.image_slots(ids, inputs, position)
        return page_layout(ids, self.processor.image_token_id, slots, self._text)

    def _text(self, id: int) -> str:
        text = self.processor.tokenizer.decode([id]).replace("▁", " ")  # not every tokenizer's decoder does that
        return text.strip() or text


class ColPali(Family):
    """PaliGemma: the page is squashed to a square. https://arxiv.org/abs/2407.01449"""

    name = "ColPali"
    model_class = ColPaliForRetrieval
    processor_class = ColPaliProcessor
    query_prefix = "Question: "

    @property
    def input(self) -> dict[str, Any]:
        images = self.processor.image_processor
        height, width = images.size["height"], images.size["width"]
        resample = Image.Resampling(images.resample).name.lower()
        text = f"squashed to {width} × {height} pixels"
        return {"height": height, "width": width, "resample": resample, "text": text}

    def frame(self) -> QueryFrame:
        return super().frame()._replace(start=self.processor.tokenizer.bos_token)

    def process_pages(self, images: Sequence[Image.Image]) -> BatchFeature:
        # What the processor makes, but sooner: it would tokenize the prompt anew for every page, and rescale and
        # normalize in NumPy, on one core, for as long as it resizes.
        settings = self.processor.image_processor
        inputs = settings(list(images), do_rescale=False, do_normalize=False, return_tensors="pt")
        pixels = inputs["pixel_values"].float()
        if settings.do_rescale:
            pixels.div_(1 / settings.rescale_factor)
        if settings.do_normalize:
            mean, std = (torch.tensor(of)[:, None, None] for of in (settings.image_mean, settings.image_std))
            pixels.sub_(mean).div_(std)
        prompt = {name: ids.expand(len(images), -1) for name, ids in self._prompt.items()}
        return BatchFeature({**prompt, "pixel_values": pixels})

    @cached_property
    def _prompt(self) -> dict[str, torch.Tensor]:
        """What the processor makes of any page besides pixels: ids, mask, types and labels, each (1, length)."""
        inputs = self.processor(images=[Image.new("RGB", (1, 1))])
        return {name: value for name, value in inputs.items() if name != "pixel_values"}

    def model_options(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        # ColPali attends in both directions. PaliGemma does so only where it is told that a token belongs to the
        # prefix, with type 0; without the types its attention is causal, and the embeddings are others.
        return {"token_type_ids": torch.zeros_like(inputs["input_ids"]), "use_cache": False}

    def language_model_inputs(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        return {**inputs, **self.model_options(inputs)}

    def image_slots(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> ImageSlots:
        height, width = inputs["pixel_values"].shape[-2:]
        tower = self.config.vlm_config.vision_config
        shape = getattr(tower, "patch_height", tower.patch_size), tower.patch_size
        return grid_slots(*grid_shape(sum(id == self.processor.image_token_id for id in ids), height, width, shape))


class ColQwen2(Family):
    """Qwen2-VL and Qwen2.5-VL: the page keeps its shape, in whole patches; one vector for 2 x 2 of them.

    The vectors of page and query see what comes before them only.
    """

    name = "ColQwen2"
    model_class = ColQwen2ForRetrieval
    processor_class = ColQwen2Processor
    query_prefix = "Query: "
    bidirectional = False

    @property
    def input(self) -> dict[str, Any]:
        images = self.processor.image_processor
        side = images.patch_size * images.merge_size
        most = images.size["longest_edge"] // side**2
        text = f"scaled to at most {most} patches of {side} × {side} pixels"
        return {"height": None, "width": None, "resample": None, "text": text}

    def frame(self) -> QueryFrame:
        # The published checkpoints were trained without the newline that the processor adds since transformers 5.15.
        # The model is causal: the newline would leave the other vectors alone and add one more term to every score.
        return super().frame()._replace(end="")

    def process_queries(self, texts: Sequence[str]) -> BatchFeature:
        augmentation = self.processor.query_augmentation_token * AUGMENTATION
        queries = [f"{self.processor.query_prefix}{text}{augmentation}" for text in texts]
        return BatchFeature(self.processor.tokenizer(queries, padding="longest", return_tensors="pt"))

    def model_options(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        # Qwen2-VL was trained with a time, a row and a column as the position of a token (M-RoPE; Wang et al. 2024,
        # arXiv 2409.12191, section 2.1). `ColQwen2ForRetrieval` of transformers 5.2 to 5.24 passes neither ids nor
        # grids on, so that its language model numbers all tokens 0, 1, 2, ... on every axis.
        positions, _ = self.model.vlm.get_rope_index(
            inputs["input_ids"],
            mm_token_type_ids=self._token_types(inputs),
            image_grid_thw=inputs.get("image_grid_thw"),
            attention_mask=inputs["attention_mask"],
        )
        return {"position_ids": positions, "use_cache": False}

    def language_model_inputs(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        given = {**inputs, "mm_token_type_ids": self._token_types(inputs), "use_cache": False}
        if "pixel_values" in inputs:  # without the rows that make the pages of a batch equally long
            counts = inputs["image_grid_thw"].prod(dim=1).tolist()
            pages = [page[:count] for page, count in zip(inputs["pixel_values"], counts, strict=True)]
            given["pixel_values"] = torch.cat(pages)
        return given

    def _token_types(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """1 for a token of the image, 0 for one of text: (batch, length), int32."""
        return (inputs["input_ids"] == self.processor.image_token_id).int()

    def image_slots(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> ImageSlots:
        _, rows, cols = inputs["image_grid_thw"][position].tolist()  # in patches of the vision tower
        merge = self.processor.image_processor.merge_size
        return grid_slots(rows // merge, cols // merge)


class ColModernVBert(Family):
    """ModernVBERT: the page is cut into square tiles, and a thumbnail of all of it follows them.

    Both sides are stretched to whole tiles. A small page is one tile. https://arxiv.org/abs/2510.01149
    """

    name = "ColModernVBERT"
    model_class = ColModernVBertForRetrieval
    processor_class = ColModernVBertProcessor
    query_prefix = ""

    TILE = re.compile(r"<row_(\d+)_col_(\d+)>")

    @property
    def input(self) -> dict[str, Any]:
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


FAMILIES: dict[str, type[Family]] = {"colpali": ColPali, "colqwen2": ColQwen2, "colmodernvbert": ColModernVBert}
"""The families by `model_type`."""

MEAN_SCORED = {"neomme": "NeoMME"}
"""Late-interaction retrievers of transformers that score otherwise, by `model_type`."""
