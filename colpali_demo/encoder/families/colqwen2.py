"""ColQwen2: Qwen2-VL, whose pages keep their shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    BatchFeature,
    ColQwen2Config,
    ColQwen2ForRetrieval,
    ColQwen2Processor,
    Qwen2VLImageProcessorPil,
)

from colpali_demo.encoder.engine_format import EngineFormat
from colpali_demo.encoder.families.base import AUGMENTATION, Family
from colpali_demo.encoder.interface import PageInput
from colpali_demo.encoder.layout import ImageSlots, grid_slots
from colpali_demo.encoder.queries import QueryFrame


class ColQwen2(Family):
    """Qwen2-VL: the page keeps its shape, in whole patches; one vector for 2 x 2 of them.

    The vectors of page and query see what comes before them only.
    """

    name = "ColQwen2"
    model_type = "colqwen2"
    model_class = ColQwen2ForRetrieval
    processor_class = ColQwen2Processor
    query_prefix = "Query: "
    bidirectional = False
    parts = {"vision tower": "visual", "projector": "merger", "language model": "language_model"}
    engine = EngineFormat(
        "qwen2_vl",
        lambda vlm, dimension: ColQwen2Config(vlm_config=vlm, embedding_dim=dimension),
        names=((r"^(layers|embed_tokens|norm)\.", r"language_model.\1."),),
    )

    @classmethod
    def engine_processor(cls, folder: Path, config: Mapping[str, Any]) -> ColQwen2Processor:
        images = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        tokenizer.padding_side = "left"
        return ColQwen2Processor(images, tokenizer, query_prefix=cls.query_prefix)

    @property
    def input(self) -> PageInput:
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
        if "pixel_values" in inputs:  # the rows that make the pages of a batch equally long are left out
            counts = inputs["image_grid_thw"].prod(dim=1).tolist()
            pages = [page[:count] for page, count in zip(inputs["pixel_values"], counts, strict=True)]
            given["pixel_values"] = torch.cat(pages)
        return given

    def _token_types(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return 1 for a token of the image, 0 for one of text: (batch, length), int32."""
        return (inputs["input_ids"] == self.processor.image_token_id).int()

    def image_slots(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> ImageSlots:
        _, rows, cols = inputs["image_grid_thw"][position].tolist()  # counted in patches of the vision tower
        merge = self.processor.image_processor.merge_size
        return grid_slots(rows // merge, cols // merge)
