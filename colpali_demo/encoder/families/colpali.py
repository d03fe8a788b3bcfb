"""ColPali: PaliGemma, whose pages are squashed to a square. https://arxiv.org/abs/2407.01449"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import (
    AutoTokenizer,
    BatchFeature,
    ColPaliConfig,
    ColPaliForRetrieval,
    ColPaliProcessor,
    SiglipImageProcessorPil,
)

from colpali_demo.encoder import tiny
from colpali_demo.encoder.engine_format import EngineFormat
from colpali_demo.encoder.families.base import Family
from colpali_demo.encoder.interface import PageInput
from colpali_demo.encoder.layout import ImageSlots, grid_shape, grid_slots
from colpali_demo.encoder.queries import QueryFrame


class ColPali(Family):
    """PaliGemma: the page is squashed to a square. https://arxiv.org/abs/2407.01449"""

    name = "ColPali"
    model_type = "colpali"
    model_class = ColPaliForRetrieval
    processor_class = ColPaliProcessor
    query_prefix = "Question: "
    parts = {"vision tower": "vision_tower", "projector": "multi_modal_projector", "language model": "language_model"}
    engine = EngineFormat(
        "paligemma",
        lambda vlm, dimension: ColPaliConfig(vlm_config=vlm, embedding_dim=dimension),
        names=((r"^language_model\.model\.", "language_model."), (r"^vision_tower\.vision_model\.", "vision_tower.")),
    )

    @classmethod
    def engine_processor(cls, folder: Path, config: Mapping[str, Any]) -> ColPaliProcessor:
        images = SiglipImageProcessorPil.from_pretrained(folder, local_files_only=True)
        vision = config["vision_config"]
        images.image_seq_length = (vision.get("image_size", images.size["height"]) // vision["patch_size"]) ** 2
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return ColPaliProcessor(images, tokenizer, query_prefix=cls.query_prefix)

    def prepare(self) -> None:
        tiny.prepare(self.model)

    @property
    def input(self) -> PageInput:
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
