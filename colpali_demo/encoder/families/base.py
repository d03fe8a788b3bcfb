"""What every family of late-interaction retrievers has, and what its file says differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import nn
from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

from colpali_demo.encoder.engine_format import EngineFormat
from colpali_demo.encoder.interface import PageInput
from colpali_demo.encoder.layout import ImageSlots, PageLayout, page_layout
from colpali_demo.encoder.queries import QueryFrame

AUGMENTATION = 10
"""Augmentation tokens that the processors of all families give a query."""


class Family:
    """How one family of checkpoints is read; subclasses say what differs.

    name: what its authors call it
    model_type: what transformers calls it in a `config.json`, None for a family that it does not have
    scores_by_mean: whether a score is the mean of MaxSim over the tokens of the query, and not the sum
    engine: how colpali_engine stores its checkpoints, None for a family that it does not have
    query_prefix: what its published checkpoints were trained with; a checkpoint's processor may name another
    prompt: what its models were trained to read beside every page
    parts: what its models call their vision tower, projector and language model; the lessons show those that it names
    bidirectional: whether its language model lets every token attend to every other, or only to those before it
    """

    name: ClassVar[str]
    model_type: ClassVar[str | None]
    scores_by_mean: ClassVar[bool] = False
    engine: ClassVar[EngineFormat | None] = None
    not_for_model: ClassVar[tuple[str, ...]] = ("labels",)
    """What `process_pages` makes for others than the model."""
    model_class: ClassVar[type[PreTrainedModel]]
    processor_class: ClassVar[type[ProcessorMixin]]
    query_prefix: ClassVar[str]
    prompt: ClassVar[str] = "Describe the image."
    parts: ClassVar[Mapping[str, str]] = {}
    bidirectional: ClassVar[bool] = True

    @classmethod
    def reads(cls, config: Mapping[str, Any]) -> bool:
        """Return whether checkpoints with this `config.json` are of the family."""
        return config.get("model_type", "") == cls.model_type or cls.is_engine(config)

    @classmethod
    def is_engine(cls, config: Mapping[str, Any]) -> bool:
        """Return whether a checkpoint with this `config.json` is stored as colpali_engine does."""
        return cls.engine is not None and config.get("model_type") == cls.engine.model_type

    @classmethod
    def load_processor(cls, folder: Path, config: Mapping[str, Any]) -> ProcessorMixin:
        """Load what makes inputs of pages and queries from `folder`, for a checkpoint with this `config.json`."""
        if cls.is_engine(config):
            return cls.engine_processor(folder, config)
        # The PIL backend spares torchvision, and gives the same pixels with and without it installed.
        return cls.processor_class.from_pretrained(folder, backend="pil", local_files_only=True)

    @classmethod
    def engine_processor(cls, folder: Path, config: Mapping[str, Any]) -> ProcessorMixin:
        """Make the processor from the files of colpali_engine, with the prompts that the family was trained with."""
        raise NotImplementedError

    @classmethod
    def load_model(
        cls, folder: Path, config: Mapping[str, Any], dtype: torch.dtype
    ) -> tuple[PreTrainedModel, list[str]]:
        """Load the model onto the CPU, and the names of the weights that its files lack."""
        if cls.is_engine(config):
            return cls.engine.load_model(cls.model_class, folder, dict(config), dtype)
        # Safetensors only: a pickle is a program.
        model, report = cls.model_class.from_pretrained(
            folder, dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        return model, sorted(report["missing_keys"])

    def __init__(self, processor: ProcessorMixin, model: PreTrainedModel) -> None:
        self.processor = processor
        self.model = model
        self.config = model.config

    def prepare(self) -> None:
        """Make the model faster where it now lies, without changing what it computes."""

    @property
    def input(self) -> PageInput:
        """Return what a page is made into."""
        raise NotImplementedError

    @property
    def backbone(self) -> nn.Module:
        """The model without its head: ids and pixels to hidden states (batch, length, width)."""
        return self.model.vlm

    @property
    def head(self) -> nn.Linear:
        """The layer that makes the vectors of hidden states, before they are scaled to length 1."""
        return self.model.embedding_proj_layer

    @property
    def page_text(self) -> str:
        """The prompt that goes with every page, with its special tokens."""
        return self.processor.visual_prompt_prefix

    def frame(self) -> QueryFrame:
        """Return what stands around the prefix and the typed text of a query."""
        return QueryFrame(start="", augmentation=self.processor.query_augmentation_token, end="\n")

    def process_pages(self, images: Sequence[Image.Image]) -> BatchFeature:
        """Make the model's inputs of images of pages, padded to one length."""
        return self.processor(images=list(images))

    def process_queries(self, texts: Sequence[str]) -> BatchFeature:
        """Make the model's inputs of queries as the processor does, to compare with what `QueryTokenizer` makes."""
        return self.processor(text=list(texts))

    def model_options(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """Return what the model needs besides `inputs`, which the processor made of pages or queries."""
        return {}

    def language_model_inputs(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """Return the inputs of the vision language model where `verify` calls it whole, without its retriever.

        It then places and masks its tokens itself.
        """
        return dict(inputs)

    def image_slots(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> ImageSlots:
        """Return what the image tokens among the `ids` of the page at `position` of the batch stand for."""
        raise NotImplementedError

    def layout(self, ids: Sequence[int], inputs: BatchFeature, position: int) -> PageLayout:
        """Return the layout of a page by its own ids, without padding."""
        slots = self.image_slots(ids, inputs, position)
        return page_layout(ids, self.processor.image_token_id, slots, self._text)

    def _text(self, id: int) -> str:
        # Some decoders leave the sign for a space in the text.
        text = self.processor.tokenizer.decode([id]).replace("▁", " ")
        return text.strip() or text
