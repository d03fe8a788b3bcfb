"""Published figures that the lessons set beside their own, each with its source. Nothing here is measured by us."""

from __future__ import annotations

from typing import Any

SOURCES = {
    "colpali": {
        "text": "Faysse, Sibille, Wu, Omrani, Viaud, Hudelot, Colombo: “ColPali: Efficient Document Retrieval with "
        "Vision Language Models”, ICLR 2025",
        "url": "https://arxiv.org/abs/2407.01449",
    },
    "colbert": {
        "text": "Khattab, Zaharia: “ColBERT: Efficient and Effective Passage Search via Contextualized Late "
        "Interaction over BERT”, SIGIR 2020",
        "url": "https://arxiv.org/abs/2004.12832",
    },
    "paligemma": {
        "text": "Beyer et al.: “PaliGemma: A versatile 3B VLM for transfer”, 2024",
        "url": "https://arxiv.org/abs/2407.07726",
    },
    "siglip": {
        "text": "Zhai, Mustafa, Kolesnikov, Beyer: “Sigmoid Loss for Language Image Pre-Training”, ICCV 2023",
        "url": "https://arxiv.org/abs/2303.15343",
    },
    "lora": {
        "text": "Hu et al.: “LoRA: Low-Rank Adaptation of Large Language Models”, ICLR 2022",
        "url": "https://arxiv.org/abs/2106.09685",
    },
}

# Mean nDCG@5 over the tasks of ViDoRe, in percent: ColPali paper, tables 2 and 3.
NDCG = [
    {"name": "BM25 on OCR", "vectors": "words", "ndcg": 65.5},
    {"name": "BGE-M3 on OCR", "vectors": "one vector", "ndcg": 66.1},
    {"name": "BiSigLIP", "vectors": "one vector", "ndcg": 58.6},
    {"name": "BiPali", "vectors": "one vector", "ndcg": 58.8},
    {"name": "ColPali", "vectors": "many vectors", "ndcg": 81.3},
]
# The same, without augmentation tokens and with five: section on query augmentation.
AUGMENTATION = {"without": 79.6, "with": 81.3, "tokens": 5}

# Latencies on a GPU: figure 1 and the section on latencies of the ColPali paper.
LATENCY_MS = {"page": 390, "query": 30, "score_of_1000_pages": 1}
BYTES_16_BIT = 257.5 * 1024  # a page: 1030 vectors of 128 numbers
POOLING = {"factor": 3, "kept": 97.8}  # percent of the performance, with a third of the vectors

# The fine-tuning: section 4.2. Everything but these adapters and the head keeps the weights of PaliGemma.
LORA_RANK = 32


def figures() -> dict[str, Any]:
    """Return all of them, as plain JSON values."""
    return {
        "sources": SOURCES,
        "ndcg": NDCG,
        "augmentation": AUGMENTATION,
        "latency_ms": LATENCY_MS,
        "bytes_16_bit": BYTES_16_BIT,
        "pooling": POOLING,
        "lora_rank": LORA_RANK,
    }
