"""ColIdefics3 and ColSmol: Idefics3 and SmolVLM, whose pages are cut into tiles. They exist in colpali_engine alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from transformers import BatchFeature, Idefics3Config, Idefics3Model, Idefics3PreTrainedModel

from colpali_demo.encoder.engine_format import EngineFormat
from colpali_demo.encoder.families.base import AUGMENTATION
from colpali_demo.encoder.families.colmodernvbert import ColModernVBert
from colpali_demo.encoder.queries import QueryFrame


class ColIdefics3ForRetrieval(Idefics3PreTrainedModel):
    """Idefics3 and a head, called and answering as the retrievers of transformers do."""

    def __init__(self, config: Idefics3Config) -> None:
        super().__init__(config)
        self.embedding_dim = config.embedding_dim
        self.vlm = Idefics3Model(config)
        self.embedding_proj_layer = nn.Linear(config.text_config.hidden_size, config.embedding_dim)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.vlm.get_input_embeddings()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **inputs: Any) -> SimpleNamespace:
        """Return `embeddings` (batch, length, dim), each of length 1, or zero where nothing is attended to."""
        states = self.vlm(input_ids=input_ids, attention_mask=attention_mask, **inputs)[0]
        vectors = nn.functional.normalize(self.embedding_proj_layer(states), dim=-1)
        return SimpleNamespace(embeddings=vectors * attention_mask.unsqueeze(-1))


def _with_dimension(vlm: Idefics3Config, dimension: int) -> Idefics3Config:
    vlm.embedding_dim = dimension
    return vlm


class ColIdefics3(ColModernVBert):
    """Idefics3 and SmolVLM: tiles and a thumbnail as in ColModernVBERT, read from left to right by a language model."""

    name = "ColIdefics3"
    model_type = None
    model_class = ColIdefics3ForRetrieval
    query_prefix = "Query: "
    bidirectional = False
    engine = EngineFormat("idefics3", _with_dimension, head="linear")
    page_prompt = "<|im_start|>User:<image>Describe the image.<end_of_utterance>\nAssistant:"

    def frame(self) -> QueryFrame:
        frame = super().frame()
        return frame._replace(end=frame.end or "\n")  # the processor of transformers adds none, colpali_engine did

    def process_queries(self, texts: Sequence[str]) -> BatchFeature:
        processor = self.processor
        augmentation = processor.query_augmentation_token * AUGMENTATION
        queries = [f"{processor.query_prefix}{text}{augmentation}\n" for text in texts]
        return BatchFeature(processor.tokenizer(queries, padding="longest", return_tensors="pt"))

    def model_options(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        return {"use_cache": False}
