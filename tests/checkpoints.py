"""Tiny random checkpoints, built from the real classes and saved like any other."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import (
    ColModernVBertConfig,
    ColModernVBertForRetrieval,
    ColModernVBertProcessor,
    ColPaliConfig,
    ColPaliForRetrieval,
    ColPaliProcessor,
    ColQwen2Config,
    ColQwen2ForRetrieval,
    ColQwen2Processor,
    GemmaConfig,
    Idefics3ImageProcessorPil,
    ModernBertConfig,
    ModernVBertConfig,
    PaliGemmaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    ProcessorMixin,
    Qwen2VLConfig,
    Qwen2VLImageProcessorPil,
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
    """Save a random ColPali checkpoint; returns the folder.

    A page has image_size / patch_size columns of patches and as many rows, unless the tower makes them flatter.

    `vision` configures the vision tower, by default a small SigLIP; its `projection_dim` has to be 32.
    """
    torch.manual_seed(seed)
    columns = image_size // patch_size
    rows = image_size // getattr(vision, "patch_height", patch_size)
    processor = ColPaliProcessor(
        image_processor=SiglipImageProcessorPil(
            size={"height": image_size, "width": image_size}, image_seq_length=rows * columns
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
    return _save(folder, model, processor)


def make_colqwen2_checkpoint(folder: Path, *, max_patches: int = 24, seed: int = 0) -> Path:
    """Save a random ColQwen2 checkpoint whose pages have at most `max_patches` patches of 28 x 28 pixels."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer()
    special = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|endoftext|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": special, "pad_token": "<|endoftext|>"})
    tokenizer.padding_side = "left"  # as in the published checkpoints
    tokenizer.init_kwargs["padding_side"] = "left"  # the attribute alone is not saved
    processor = ColQwen2Processor(
        image_processor=Qwen2VLImageProcessorPil(
            size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * max_patches}
        ),
        tokenizer=tokenizer,
    )
    vlm = Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
        },
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        image_token_id=processor.image_token_id,
    )
    return _save(folder, ColQwen2ForRetrieval(ColQwen2Config(vlm_config=vlm, embedding_dim=16)), processor)


def make_colmodernvbert_checkpoint(folder: Path, *, longest: int = 128, tile: int = 32, seed: int = 0) -> Path:
    """Save a random ColModernVBERT checkpoint: tiles of tile x tile pixels with 2 x 2 vectors each."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer()
    marks = [f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7)]
    special = {"cls_token": "[CLS]", "sep_token": "[SEP]", "additional_special_tokens": ["<global-img>", *marks]}
    tokenizer.add_special_tokens(special)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(t, tokenizer.convert_tokens_to_ids(t)) for t in ("[CLS]", "[SEP]")]
    )
    processor = ColModernVBertProcessor(
        image_processor=Idefics3ImageProcessorPil(
            size={"longest_edge": longest}, max_image_size={"longest_edge": tile}
        ),
        tokenizer=tokenizer,
        image_seq_len=4,
    )
    vlm = ModernVBertConfig(
        text_config=ModernBertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            pad_token_id=tokenizer.pad_token_id,
        ),
        vision_config=SiglipVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=tile,
            patch_size=4,
            vision_use_head=False,
        ),
        image_token_id=processor.image_token_id,
        pixel_shuffle_factor=tile // 8,
    )
    return _save(folder, ColModernVBertForRetrieval(ColModernVBertConfig(vlm_config=vlm, embedding_dim=16)), processor)


MAKERS = {
    "ColPali": make_checkpoint,
    "ColQwen2": make_colqwen2_checkpoint,
    "ColModernVBERT": make_colmodernvbert_checkpoint,
}


def _save(folder: Path, model: PreTrainedModel, processor: ProcessorMixin) -> Path:
    # The usual initialization is so narrow that all vectors would be alike.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
