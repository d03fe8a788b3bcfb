"""Queries made from the words of pages: single words and phrases, as they stand there."""

from typing import NamedTuple

import numpy as np

from colpali_demo.training.meaning import stem
from colpali_demo.training.pages.targets import Example, searchable

LOOK_ALIKES = 4.0  # factor: how much more often a word is a query when another word on the pages begins alike


class Query(NamedTuple):
    """A query, the number of its page in the batch, and what other pages must show to answer it, too."""

    text: str
    page: int
    shows: tuple[str, ...]

    def answered_by(self, text: str) -> bool:
        """Return whether a page of these bare words, with a space around each, shows every run of words in `shows`."""
        return all(f" {run} " in text for run in self.shows)


def sample_queries(
    examples: list[Example], count: int, counts: dict[str, int], rng: np.random.Generator
) -> list[Query]:
    """Draw `count` queries for each page.

    Half are single words of the page, one as likely as the other; a quarter single words drawn by how rare they are; a
    quarter phrases of 2-8 consecutive words about one drawn like that. By rarity alone hardly an everyday word would
    be a query by itself, and a model that finds it in a phrase would miss it alone. Among the rare, words with which
    another word of the pages begins alike come up more often: "option" is easily taken for "options".
    """
    stems: dict[str, set[str]] = {}
    for example in examples:
        for word in example.words:
            stems.setdefault(stem(word), set()).add(word)
    queries = []
    for number, example in enumerate(examples):
        usable = np.array([searchable(word) for word in example.words])
        if not usable.any():
            continue
        rarity = np.array([(1 + counts.get(w, 0)) ** -0.4 for w in example.words]) * usable
        rarity *= [LOOK_ALIKES if len(stems[stem(w)]) > 1 else 1.0 for w in example.words]
        rarity /= rarity.sum()
        words = sorted({word for word, asked_for in zip(example.words, usable, strict=True) if asked_for})
        for i in range(count):
            if i % 4 > 1:
                word = words[rng.integers(len(words))]
                queries.append(Query(word, number, (word,)))
                continue
            start = rng.choice(len(rarity), p=rarity)
            if i % 4 == 0:
                queries.append(Query(example.words[start], number, (example.words[start],)))
                continue
            length = int(rng.integers(2, 9))
            start = max(0, start - int(rng.integers(0, length)))
            phrase = [w for w in example.words[start : start + length] if w and "<" not in w]
            if phrase:
                text = " ".join(" ".join(phrase).split())
                queries.append(Query(text, number, (text,)))
    return queries
