"""Whether questions find the page that answers them, beside BM25 without function words.

Questions are the lines of a file: document, number of the page that answers, kind, question; tabs between them. For
each all pages of the documents are ranked. A question of the kind "paraphrase" asks in other words than the page's.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rank_bm25 import BM25Okapi

from colpali_demo import maxsim
from colpali_demo.encoder import QueryEmbedding
from colpali_demo.training.evaluation.measures import Evaluation
from colpali_demo.training.pages.targets import bare_word
from colpali_demo.training.questions import FUNCTION_WORDS

PAGES = 60  # most pages of a document


class Question(NamedTuple):
    """`page` is the name of the evaluation page that answers, as "file:number"."""

    page: str
    kind: str
    text: str


def read_questions(file: Path) -> list[Question]:
    """Read a file of questions. Raises ValueError, with the line, where one has other parts."""
    questions = []
    for line in file.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        parts = line.split("\t")
        if len(parts) != 4 or not parts[1].isdecimal():
            raise ValueError(f"{file}: document, page, kind and question are expected, with tabs between, not {line!r}")
        document, number, kind, text = parts
        questions.append(Question(f"{document}:{number}", kind, text))
    return questions


def answers(evaluation: Evaluation, questions: Sequence[Question]) -> dict[str, dict[str, float]]:
    """Count how often the page that answers a question comes first, and among the first five.

    Questions in the page's words and paraphrases are counted apart.

    `function_spread` and `content_spread` are the standard deviations between pages of what function words, and the
    other words typed, add to the score; in the mean over the questions that have both.

    Raises:
        ValueError: a question's page is not among those of the evaluation.
    """
    names = [page.name for page in evaluation.pages]
    if missing := {question.page for question in questions} - set(names):
        raise ValueError(f"no page for the questions of {', '.join(sorted(missing))}")
    bm25 = BM25Okapi([content(page.words) for page in evaluation.pages])
    result = {}
    for kind, asked in (
        ("questions", [question for question in questions if question.kind != "paraphrase"]),
        ("paraphrases", [question for question in questions if question.kind == "paraphrase"]),
    ):
        places, theirs, spreads = [], [], []
        for question in asked:
            own = names.index(question.page)
            query = evaluation.encoder.embed_query(question.text)
            maxima = terms(query, evaluation)
            places.append(place(maxima.sum(axis=1), own))
            theirs.append(place(bm25.get_scores(content(map(bare_word, question.text.split()))), own))
            spreads.append(spread(query, maxima))
        result[kind] = hits(places, "") | hits(theirs, "bm25_") | {"questions": len(asked), "pages": len(names)}
        function, other = zip(*filter(None, spreads), strict=True) if any(spreads) else ((), ())
        result[kind] |= {"function_spread": mean(function), "content_spread": mean(other)}
    return result


def content(words: Iterable[str]) -> list[str]:
    return [word for word in words if word and word not in FUNCTION_WORDS]


def terms(query: QueryEmbedding, evaluation: Evaluation) -> np.ndarray:
    """Return the MaxSim of every token with every page, (pages, tokens)."""
    similarities = (maxsim.similarities(query.vectors, page.vectors) for page in evaluation.embeddings)
    return np.stack([maxsim.row_maxima(matrix)[0].numpy() for matrix in similarities])


def place(scores: np.ndarray, own: int) -> int:
    """Return how many pages come before the page's own; ties go to the lower index."""
    return int((scores > scores[own]).sum() + (scores[:own] == scores[own]).sum())


def hits(places: list[int], prefix: str) -> dict[str, float]:
    return {f"{prefix}hit@{k}": mean([place < k for place in places]) for k in (1, 5)}


def mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def spread(query: QueryEmbedding, maxima: np.ndarray) -> tuple[float, float] | None:
    """Return the deviation between pages of what function words and the others add; None where one kind is missing."""
    typed = [(token.index, bare_word(query.words[token.word])) for token in query.tokens if token.kind == "word"]
    function = [index for index, word in typed if not word or word in FUNCTION_WORDS]
    other = [index for index, word in typed if word and word not in FUNCTION_WORDS]
    if not function or not other:
        return None
    return float(maxima[:, function].sum(axis=1).std()), float(maxima[:, other].sum(axis=1).std())
