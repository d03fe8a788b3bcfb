"""How well a checkpoint's vocabulary fits the words of a page, which tells pages in languages that it hardly knows.

Measured with the bundled checkpoint on text layers of manuals and reports: on 589 pages in English a word has 1.2 to
1.3 pieces (the middle half of the pages), on 95 in German, Dutch, French, Italian, Portuguese and Spanish 2.7 to 3.2.
Most words of 14 pages in Russian are unknown. `FOREIGN_PIECES` parts them: four of the pages in English reach it, and
nine of ten of the others. `web/lens/language.js` has the sentences.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from colpali_demo.documents.cjk import is_cjk
from colpali_demo.encoder.queries import TokenizedQuery

MIN_LETTERS = 4  # of a word: shorter ones are in one piece in any language
MIN_WORDS = 20  # different ones: fewer, such as the labels of a chart, tell no language
MAX_WORDS = 200  # different ones, from the top of the page: enough to tell, some 30 ms to tokenize
FOREIGN_PIECES = 2.2  # of a word, on average
FOREIGN_UNKNOWN = 1 / 3  # of the words without any piece in the vocabulary
EDGES = ".,;:!?()[]{}\"'«»“”„‘’‚"


class VocabularyFit(NamedTuple):
    """How a tokenizer cuts the words of a page.

    words: how many different ones were looked at
    pieces: tokens of a word, on average
    unknown: the share of words of which the vocabulary has no piece
    """

    words: int
    pieces: float
    unknown: float

    @property
    def foreign(self) -> bool:
        """Whether the page looks as if in a language that the checkpoint was not trained with."""
        return self.pieces >= FOREIGN_PIECES or self.unknown >= FOREIGN_UNKNOWN

    def to_json(self) -> dict[str, Any]:
        """Return the fields, and "foreign", as plain JSON values."""
        return {**self._asdict(), "foreign": self.foreign}


def vocabulary_fit(tokenize: Callable[[str], TokenizedQuery], texts: Iterable[str]) -> VocabularyFit | None:
    """Return how the words of a page are cut, None where there are too few to tell.

    tokenize: of a text, without prefix and augmentation
    texts: the words of the page's text layer; a scanned page has none
    """
    words = list(itertools.islice(dict.fromkeys(_telling(texts)), MAX_WORDS))
    if len(words) < MIN_WORDS:
        return None
    tokenized = tokenize(" ".join(words))
    tokens = sum(token.kind == "word" for token in tokenized.tokens)
    return VocabularyFit(len(words), tokens / len(words), len(tokenized.unknown) / len(words))


def _telling(texts: Iterable[str]) -> Iterator[str]:
    """Yield the words that tell a language: no numbers, abbreviations, addresses or names of variables."""
    for text in texts:
        word = text.strip(EDGES)
        if word.isalpha() and (is_cjk(word) or (len(word) >= MIN_LETTERS and word[1:].islower())):
            yield word
