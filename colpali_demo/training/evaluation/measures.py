"""What is measured over pages: pointing, and whether phrases find their page.

*Pointing*: the query is a single word of the page. Of the word's tokens take the one with the highest MaxSim; it hits
when its winner, over all vectors of the page, is a patch that contains the center of an occurrence of the word or at
least a quarter of one. Text slots and tiles are misses; no neighbor counts. *Chance* is the mean share of a page's
vectors that would be hits.

*Retrieval*: the query is a phrase of 3-5 consecutive words of a page; all pages are ranked by their score. Pages that
hold the phrase too are as relevant as the one it was taken from. BM25 ranks the same pages by their text layer.
"""

import time

import numpy as np
import torch
from rank_bm25 import BM25Okapi

from colpali_demo import maxsim
from colpali_demo.encoder import Encoder
from colpali_demo.training.evaluation.pages import EvaluationPage
from colpali_demo.training.pages.targets import patch_overlap


class Evaluation:
    """A checkpoint over a set of pages, embedded once."""

    def __init__(self, encoder: Encoder, pages: list[EvaluationPage]):
        self.encoder, self.pages = encoder, pages
        started = time.perf_counter()
        self.embeddings = [encoder.embed_pages([page.image])[0] for page in pages]
        self.seconds_per_page = (time.perf_counter() - started) / len(pages)

    def pointing(self, rng: np.random.Generator, words_per_page: int = 10, accents: bool = False) -> dict[str, float]:
        """Measure how often a word's winner shows the word, for words of four letters or more.

        With `accents`, words with other letters than ASCII's are measured, too.
        """
        hits, chances = [], []
        for page, embedding in zip(self.pages, self.embeddings, strict=True):
            layout = embedding.layout
            words = {word for word in page.words if len(word) >= 4 and word.isalpha()}
            candidates = sorted(word for word in words if accents or word.isascii())
            for word in rng.permutation(candidates)[:words_per_page]:
                boxes = [box for other, box in zip(page.words, page.boxes, strict=True) if other == word]
                shows = np.any([patch_overlap(box, layout.rows, layout.cols)[1] for box in boxes], axis=0)
                query = typed_vectors(self.encoder, str(word))
                maxima, winners = maxsim.row_maxima(maxsim.similarities(query, embedding.vectors))
                slot = layout.slots[int(winners[int(maxima.argmax())])]
                hits.append(any(shows[cell] for cell in slot.cells))
                chances.append(shows.sum() / len(layout.slots))
        return {"pointing": float(np.mean(hits)), "chance": float(np.mean(chances)), "words": len(hits)}

    def retrieval(self, rng: np.random.Generator, phrases_per_page: int = 2) -> dict[str, float]:
        texts = [[word for word in page.words if word] for page in self.pages]
        joined = [f" {' '.join(words)} " for words in texts]
        bm25 = BM25Okapi(texts)
        phrases = []
        for words in texts:
            for _ in range(phrases_per_page):
                length = int(rng.integers(3, 6))
                start = int(rng.integers(0, len(words) - length + 1))
                phrases.append(" ".join(words[start : start + length]))
        relevant = np.array([[f" {phrase} " in text for text in joined] for phrase in phrases])
        pages = [embedding.vectors for embedding in self.embeddings]
        scores = []
        for start in range(0, len(phrases), 16):  # sixteen phrases fit into memory together
            queries = [self.encoder.embed_query(phrase).vectors for phrase in phrases[start : start + 16]]
            scores.append(maxsim.score_matrix(queries, pages).numpy())
        ours = [rank_measures(*pair) for pair in zip(np.concatenate(scores), relevant, strict=True)]
        theirs = [
            rank_measures(bm25.get_scores(phrase.split()), pages_with_it)
            for phrase, pages_with_it in zip(phrases, relevant, strict=True)
        ]
        recall, ndcg = np.mean(ours, axis=0)
        bm25_recall, bm25_ndcg = np.mean(theirs, axis=0)
        return {
            "recall@1": float(recall),
            "ndcg@5": float(ndcg),
            "bm25_recall@1": float(bm25_recall),
            "bm25_ndcg@5": float(bm25_ndcg),
            "recall_share": float(recall / bm25_recall),
            "phrases": len(ours),
            "pages": len(texts),
        }


def rank_measures(scores: np.ndarray, relevant: np.ndarray) -> tuple[float, float]:
    """Return recall@1 (is the first page relevant) and nDCG@5 with binary gains. Ties go to the lower index."""
    order = np.argsort(-scores, kind="stable")[:5]
    gains = relevant[order] / np.log2(np.arange(2, len(order) + 2))
    ideal = (1 / np.log2(np.arange(2, min(int(relevant.sum()), 5) + 2))).sum()
    return float(relevant[order[0]]), float(gains.sum() / ideal)


def typed_vectors(encoder: Encoder, text: str) -> torch.Tensor:
    """Return the vectors of the tokens that somebody typed, (tokens, dim): no prompt, no augmentation."""
    query = encoder.embed_query(text)
    return query.vectors[[token.index for token in query.tokens if token.kind == "word"]]
