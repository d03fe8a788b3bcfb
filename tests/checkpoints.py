"""Tiny random checkpoints, built from the real classes and saved like any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    Idefics3Config,
    Idefics3ImageProcessorPil,
    LlamaConfig,
    ModernBertConfig,
    ModernVBertConfig,
    NeoMMEConfig,
    NeoMMEForRetrieval,
    PaliGemmaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    ProcessorMixin,
    Qwen2_5_VLConfig,
    Qwen2VLConfig,
    Qwen2VLImageProcessorPil,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
)

from colpali_demo.encoder.families.colidefics3 import ColIdefics3ForRetrieval

CORPUS = [
    "Question: Describe the image.\n",
    "revenue by region, costs of operation and the number of employees at the end of the year",
    "what is the average price of electricity in the northern counties? see table 3, page 12.",
    "The quick brown fox jumps over the lazy dog; 0123456789 <image> <loc0001> <pad> (a/b) = [c] + {d} - e * f % g & h",
]


def make_tokenizer(corpus: list[str] = CORPUS, vocab_size: int = 300, **model) -> PreTrainedTokenizerFast:
    """Make a byte-pair tokenizer in Gemma's manner: spaces are U+2581, what it never saw is `<unk>`; lower-cased."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", **model))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    tokenizer.decoder = decoders.Replace("▁", " ")
    specials = ["<pad>", "<eos>", "<bos>", "<unk>"]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=specials))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    )


Parts = tuple[PreTrainedModel, ProcessorMixin]


def colpali(
    *,
    image_size: int = 56,
    patch_size: int = 14,
    vision: PreTrainedConfig | None = None,
    dim: int = 16,
    seed: int = 0,
) -> Parts:
    """Return a random ColPali.

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
    return ColPaliForRetrieval(ColPaliConfig(vlm_config=vlm, embedding_dim=dim)), processor


def colqwen2(*, max_patches: int = 24, dim: int = 16, seed: int = 0) -> Parts:
    """Return a random ColQwen2 whose pages have at most `max_patches` patches of 28 x 28 pixels."""
    torch.manual_seed(seed)
    processor = qwen2_processor(max_patches)
    vlm = Qwen2VLConfig(
        text_config=qwen2_text(processor),
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        image_token_id=processor.image_token_id,
    )
    return ColQwen2ForRetrieval(ColQwen2Config(vlm_config=vlm, embedding_dim=dim)), processor


def colqwen2_5(*, max_patches: int = 24, dim: int = 16, seed: int = 0) -> Parts:
    """Return a random ColQwen2.5; the first layer of its vision tower sees windows of 2 x 2 patches, the second all."""
    torch.manual_seed(seed)
    processor = qwen2_processor(max_patches)
    vlm = Qwen2_5_VLConfig(
        text_config=qwen2_text(processor),
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "out_hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "window_size": 56,
            "fullatt_block_indexes": [1],
        },
        image_token_id=processor.image_token_id,
    )
    return ColQwen2ForRetrieval(ColQwen2Config(vlm_config=vlm, embedding_dim=dim)), processor


def qwen2_processor(max_patches: int) -> ColQwen2Processor:
    tokenizer = make_tokenizer()
    special = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|endoftext|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": special, "pad_token": "<|endoftext|>"})
    tokenizer.padding_side = "left"  # as in the published checkpoints
    tokenizer.init_kwargs["padding_side"] = "left"  # the attribute alone is not saved
    return ColQwen2Processor(
        image_processor=Qwen2VLImageProcessorPil(
            size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * max_patches}
        ),
        tokenizer=tokenizer,
    )


def qwen2_text(processor: ColQwen2Processor) -> dict[str, Any]:
    return {
        "vocab_size": len(processor.tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
    }


def colmodernvbert(*, longest: int = 128, tile: int = 32, dim: int = 16, seed: int = 0) -> Parts:
    """Return a random ColModernVBERT: tiles of tile x tile pixels with 2 x 2 vectors each."""
    torch.manual_seed(seed)
    processor = tiles_processor(longest, tile)
    vlm = ModernVBertConfig(
        text_config=ModernBertConfig(
            vocab_size=len(processor.tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            pad_token_id=processor.tokenizer.pad_token_id,
        ),
        vision_config=tiles_vision(tile),
        image_token_id=processor.image_token_id,
        pixel_shuffle_factor=tile // 8,
    )
    return ColModernVBertForRetrieval(ColModernVBertConfig(vlm_config=vlm, embedding_dim=dim)), processor


def colidefics3(*, longest: int = 128, tile: int = 32, dim: int = 16, seed: int = 0) -> Parts:
    """Return a random ColIdefics3: tiles of tile x tile pixels with 2 x 2 vectors each."""
    torch.manual_seed(seed)
    processor = tiles_processor(longest, tile, sentence_marks=False)
    text = LlamaConfig(
        vocab_size=len(processor.tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        pad_token_id=processor.tokenizer.pad_token_id,
    )
    config = Idefics3Config(
        text_config=text,
        vision_config=tiles_vision(tile).to_dict() | {"model_type": "idefics3_vision"},
        image_token_id=processor.image_token_id,
        scale_factor=tile // 8,
    )
    config.embedding_dim = dim
    return ColIdefics3ForRetrieval(config), processor


def tiles_vision(tile: int) -> SiglipVisionConfig:
    return SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=tile,
        patch_size=4,
        vision_use_head=False,
    )


def tiles_processor(longest: int, tile: int, *, sentence_marks: bool = True) -> ColModernVBertProcessor:
    """Return the processor of both families with tiles; with `sentence_marks`, its tokenizer adds [CLS] and [SEP]."""
    tokenizer = make_tokenizer()
    marks = [f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7)]
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<global-img>", *marks]})
    if sentence_marks:
        tokenizer.add_special_tokens({"cls_token": "[CLS]", "sep_token": "[SEP]"})
        ids = [(token, tokenizer.convert_tokens_to_ids(token)) for token in ("[CLS]", "[SEP]")]
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ids)
    return ColModernVBertProcessor(
        image_processor=Idefics3ImageProcessorPil(
            size={"longest_edge": longest}, max_image_size={"longest_edge": tile}
        ),
        tokenizer=tokenizer,
        image_seq_len=4,
    )


NEOMME_TEMPLATE = (
    "{%- if task == 'query' -%}{{ query_token + messages[0].content + mask_token * 10 }}"
    "{%- else -%}{{ document_token + image_token }}{%- endif -%}"
)


def make_neomme_checkpoint(folder: Path, *, patch_size: int = 8, max_side: int = 64, seed: int = 0) -> Path:
    """Save a random NeoMME checkpoint whose pages have at most 8 x 8 patches of 8 x 8 pixels."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer()
    named = {"document_token": "<doc>", "image_token": "<img>", "query_token": "<query>", "row_token": "<row>"}
    tokenizer.add_special_tokens({"mask_token": "<mask>", "additional_special_tokens": [*named.values()]})
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
        mask_token="<mask>",
        extra_special_tokens=named,
        chat_template=NEOMME_TEMPLATE,
    )
    config = NeoMMEConfig(
        vocab_size=len(tokenizer),
        embedding_rank=16,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        layer_types=["sliding_attention", "full_attention"],
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        patch_size=patch_size,
        embedding_dim=16,
        pad_token_id=tokenizer.pad_token_id,
        document_token_id=tokenizer.document_token_id,
        image_token_id=tokenizer.image_token_id,
    )
    model = NeoMMEForRetrieval(config)
    spread(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    images = {"image_processor_type": "NeoMMEImageProcessor", "patch_size": patch_size, "max_side": max_side}
    settings = {"image_processor": images, "processor_class": "NeoMMEProcessor"}
    (folder / "processor_config.json").write_text(json.dumps(settings))
    return folder


def maker(build: Callable[..., Parts]) -> Callable[..., Path]:
    """Return what builds a random checkpoint, as what saves one into a folder and returns that."""

    def make(folder: Path, **settings: Any) -> Path:
        return _save(folder, *build(**settings))

    return make


make_checkpoint = maker(colpali)

MAKERS = {
    "ColPali": make_checkpoint,
    "ColQwen2": maker(colqwen2),
    "ColQwen2.5": maker(colqwen2_5),
    "ColModernVBERT": maker(colmodernvbert),
    "NeoMME": make_neomme_checkpoint,
}
"""Checkpoints in the format of transformers, by family."""


def spread(model: PreTrainedModel) -> None:
    """Draw the weights anew: the usual initialization is so narrow that all vectors would be alike."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)


def _save(folder: Path, model: PreTrainedModel, processor: ProcessorMixin) -> Path:
    spread(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
