"""A new family is one class and one entry in the list: here one of four colors, made up for the test."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from checkpoints import make_tokenizer
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import BatchFeature, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from colpali_demo.encoder import load_encoder
from colpali_demo.encoder.families import FAMILIES, Family
from colpali_demo.encoder.layout import grid_slots
from colpali_demo.lessons.lesson import lesson_dict
from colpali_demo.retrieval import PageIndex

SIDE = 4  # patches


class ColToyConfig(PreTrainedConfig):
    model_type = "coltoy"


class ColToyModel(PreTrainedModel):
    """A vector for each word, and for each patch the vector of its mean color."""

    config_class = ColToyConfig

    def __init__(self, words: torch.Tensor):
        super().__init__(ColToyConfig())
        self.embedding_dim = words.shape[1]
        self.words = nn.Embedding.from_pretrained(words)
        self.colors = nn.Linear(3, self.embedding_dim)

    def get_input_embeddings(self) -> nn.Module:
        return self.words

    def forward(self, input_ids, attention_mask, pixel_values=None):
        vectors = self.words(input_ids)
        if pixel_values is not None:
            vectors[:, : SIDE * SIDE] = self.colors(pixel_values)
        return SimpleNamespace(embeddings=nn.functional.normalize(vectors, dim=-1))


class ColToy(Family):
    name = "ColToy"
    model_type = "coltoy"
    query_prefix = ""

    @classmethod
    def load_processor(cls, folder, config):
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        return SimpleNamespace(
            tokenizer=tokenizer,
            query_prefix="",
            visual_prompt_prefix="",
            query_augmentation_token=tokenizer.pad_token,
            image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        )

    @classmethod
    def load_model(cls, folder, config, dtype):
        weights = load_file(folder / "model.safetensors")
        model = ColToyModel(weights["words.weight"])
        return model.to(dtype), list(model.load_state_dict(weights, strict=False).missing_keys)

    @property
    def head(self):
        return self.model.colors

    @property
    def input(self):
        return {"height": None, "width": None, "resample": None, "text": "averaged in 4 x 4 patches"}

    def process_pages(self, images):
        small = [image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX) for image in images]
        pixels = torch.stack([torch.tensor(np.asarray(image)).view(-1, 3) / 255 for image in small])
        ids = torch.full((len(images), SIDE * SIDE), self.processor.image_token_id)
        return BatchFeature({"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": pixels})

    def image_slots(self, ids, inputs, position):
        return grid_slots(SIDE, SIDE)


@pytest.fixture
def folder(tmp_path):
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(0)
    save_file(ColToyModel(torch.randn(len(tokenizer), 8)).state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "coltoy"}))
    FAMILIES.append(ColToy)
    yield tmp_path
    FAMILIES.remove(ColToy)


def test_it_loads_embeds_searches_and_explains(folder, make_page):
    encoder = load_encoder(str(folder))
    assert encoder.model_info["family"] == "ColToy"
    assert encoder.model_info["input"]["text"] == "averaged in 4 x 4 patches"
    (embedding,) = encoder.embed_pages([make_page().image])
    assert embedding.vectors.shape == (16, 8)
    index = PageIndex(encoder)
    index.add([make_page(number) for number in (1, 2, 3)])
    hits = index.search("revenue by region")
    assert len(hits) == 3
    why = hits[0].explain()
    assert why.maps.shape == (len(why.tokens), 4, 4)
    assert sum(token.maxsim for token in why.tokens) == pytest.approx(hits[0].score, abs=1e-4)
    assert index.strength(hits[0])["word_mean"] is not None


def test_it_has_a_lesson(folder, make_page):
    index = PageIndex(load_encoder(str(folder)))
    index.add([make_page(number) for number in (1, 2)])
    ranking = index.rank("revenue by region")
    lesson = lesson_dict(index.encoder, ranking, ranking[0])
    assert lesson["page"]["score"] == ranking[0].score
    assert [(part["part"], part["width"]) for part in lesson["model"]["parts"]] == [("head", 8)]


def test_it_is_named_with_the_others_where_none_reads_a_checkpoint(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(Exception, match="none of ColPali.*ColToy in the format of transformers"):
        load_encoder(str(folder))
