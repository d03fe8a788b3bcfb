"""Build colpali-tiny from nothing, save and load it: its processor and a `ColPaliForRetrieval` with random weights."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import (
    ColPaliConfig,
    ColPaliForRetrieval,
    ColPaliProcessor,
    GemmaConfig,
    PaliGemmaConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from colpali_demo.encoder.tiny.tower import DEPTHS, ConvTowerConfig
from colpali_demo.training.pages.targets import RESAMPLE


def build_processor(tokenizer: PreTrainedTokenizerFast, image_size: int = 1024) -> ColPaliProcessor:
    """Build the processor of ColPali v1.3 for a larger square and our tower's patches: 64 rows of 32 at 1,024 pixels.

    Raises ValueError where the square is not a whole number of patches.
    """
    tower = ConvTowerConfig(image_size=image_size)
    if image_size <= 0 or image_size % tower.patch_size:
        raise ValueError(f"a square of {image_size} pixels is no whole number of patches of {tower.patch_size}")
    image_processor = SiglipImageProcessorPil(
        size={"height": image_size, "width": image_size},
        resample=int(RESAMPLE),
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
        image_seq_length=(image_size // tower.patch_height) * (image_size // tower.patch_size),
    )
    return ColPaliProcessor(image_processor=image_processor, tokenizer=tokenizer)


def build_model(
    processor: ColPaliProcessor,
    width: int = 256,
    layers: int = 4,
    embedding_dim: int = 128,
    depths: Sequence[int] = DEPTHS,
) -> ColPaliForRetrieval:
    """Build a `ColPaliForRetrieval` with random weights: our tower, PaliGemma's projector, a small Gemma, a 128-d head.

    The Gemma has one attention head: over 2,057 vectors attention is two thirds of its time with four.
    """
    tokenizer = processor.tokenizer
    size = processor.image_processor.size["height"]
    vision = ConvTowerConfig(depths=depths, image_size=size, projection_dim=width)
    text = GemmaConfig(
        vocab_size=len(tokenizer),  # the processor has added <image> and 1,152 <loc>/<seg> tokens
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=4096,
        is_causal=False,  # token types say so, too, but with this no mask of 2,057 x 2,057 is made only to allow all
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    vlm = PaliGemmaConfig(
        vision_config=vision,
        text_config=text,
        projection_dim=width,
        hidden_size=width,
        image_token_id=processor.image_token_id,
    )
    model = ColPaliForRetrieval(ColPaliConfig(vlm_config=vlm, embedding_dim=embedding_dim))
    start_near_identity(model)
    return model


@torch.no_grad()
def start_near_identity(model: ColPaliForRetrieval) -> None:
    """Set weights with which a patch's vector is its tower feature, and a token's its row of the table, rotated.

    Small random numbers (the usual deviation of 0.02) in a chain of linear maps learn one direction after the other: in
    a run that began with them all patches lay in 13 of 128 dimensions. Here projector and head begin as rotations, rows
    of the table have unit variance, and the language model's layers add nothing at first. So what the dense losses
    teach the tower is worth something to the late-interaction losses from their first step.
    """
    language_model = model.vlm.language_model
    config, table = language_model.config, language_model.embed_tokens.weight
    nn.init.normal_(table, std=config.hidden_size**-0.5)  # times its root
    # Ten of a query's tokens are <pad>. Like <bos>, which stands in every page's prompt, they begin by adding 1 to the
    # score of any page; as random directions they would drown the words.
    table[config.pad_token_id] = table[config.bos_token_id]
    projector = model.vlm.multi_modal_projector.linear
    nn.init.orthogonal_(projector.weight)
    nn.init.zeros_(projector.bias)
    for layer in language_model.layers:
        nn.init.zeros_(layer.self_attn.o_proj.weight)
        nn.init.zeros_(layer.mlp.down_proj.weight)
    nn.init.orthogonal_(model.embedding_proj_layer.weight)
    nn.init.zeros_(model.embedding_proj_layer.bias)


def without_layers(model: ColPaliForRetrieval, hidden: torch.Tensor) -> torch.Tensor:
    """Return the vectors that hidden states (..., width) would give if the language model's layers added nothing."""
    hidden = model.vlm.language_model.norm(hidden)
    return nn.functional.normalize(model.embedding_proj_layer(hidden), dim=-1)


def page_ids(processor: ColPaliProcessor) -> torch.Tensor:
    """Return the token ids of a page's prompt, (1, vectors): the image tokens come first."""
    text = f"{processor.image_token * processor.image_seq_length}<bos>{processor.visual_prompt_prefix}\n"
    return processor.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]


def save_checkpoint(model: ColPaliForRetrieval, processor: ColPaliProcessor, folder: Path) -> None:
    """Write bf16 weights (shards under 10 MB) and the processor, the way any ColPali checkpoint is laid out."""
    state = {
        name: value.to(torch.bfloat16) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    model.save_pretrained(folder, state_dict=state, max_shard_size="9MB")
    processor.save_pretrained(folder)


def load_checkpoint(folder: Path, image_size: int | None = None) -> ColPaliForRetrieval:
    """Load what `save_checkpoint` wrote, in float32, for squares of `image_size` pixels where that is given.

    Convolutions and rotary positions take any size; how well the weights read there is another matter.
    """
    model = ColPaliForRetrieval.from_pretrained(folder, dtype=torch.float32)
    if image_size is not None:
        model.config.vlm_config.vision_config.image_size = image_size
    return model
