"""Tiny random checkpoints, built from the real classes and saved like any other."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    ColPaliConfig,
    ColPaliForRetrieval,
    ColPaliProcessor,
    GemmaConfig,
    PaliGemmaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
)

CORPUS = [
    "Question: Describe the image.\n",
    "revenue by region, costs of operation and the number of employees at the end of the year",
    "what is the average price of electricity in the northern counties? see table 3, page 12.",
    "The quick brown fox jumps over the lazy dog; 0123456789 <image> <loc0001> <pad> (a/b) = [c] + {d} - e * f % g & h",
]


def make_tokenizer(corpus: list[str] = CORPUS, vocab_size: int = 300, **model) -> PreTrainedTokenizerFast:
    """A byte-pair tokenizer in Gemma's manner: spaces are U+2581, what it never saw is `<unk>`; here lower-cased."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", **model))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tokenizer.decoder = decoders.Replace("▁", " ")
    specials = ["<pad>", "<eos>", "<bos>", "<unk>"]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=specials))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    )


def make_checkpoint(
    folder: Path,
    *,
    image_size: int = 56,
    patch_size: int = 14,
    vision: PreTrainedConfig | None = None,
    seed: int = 0,
) -> Path:
    """Save a random ColPali checkpoint with image_size / patch_size rows and columns of patches; returns the folder.

    `vision` configures the vision tower, by default a small SigLIP; its `projection_dim` has to be 32.
    """
    torch.manual_seed(seed)
    side = image_size // patch_size
    processor = ColPaliProcessor(
        image_processor=SiglipImageProcessorPil(
            size={"height": image_size, "width": image_size}, image_seq_length=side * side
        ),
        tokenizer=make_tokenizer(),
    )
    text = GemmaConfig(
        vocab_size=len(processor.tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
    )
    vision = vision or SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=image_size,
        patch_size=patch_size,
        projection_dim=32,
        vision_use_head=False,
    )
    vlm = PaliGemmaConfig(
        vision_config=vision, text_config=text, projection_dim=32, image_token_id=processor.image_token_id
    )
    model = ColPaliForRetrieval(ColPaliConfig(vlm_config=vlm, embedding_dim=16))
    # The usual initialization is so narrow that all vectors would be alike.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
