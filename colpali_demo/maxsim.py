"""Late interaction: how a query of many vectors is scored against a page of many vectors.

A query is a matrix of shape (tokens, dim), a page one of shape (vectors, dim), and every row has length 1. Each query
token looks for the page vector most similar to it, and the score is the sum of what the tokens found:

    score(q, p) = sum over tokens i of  max over vectors j of  q_i . p_j

Nothing else is in it. The sum runs over every token of the query, and the maximum over every vector of the page.

- Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT",
  SIGIR 2020, section 3.3, equation 3. https://arxiv.org/abs/2004.12832
- Faysse et al., "ColPali: Efficient Document Retrieval with Vision Language Models", ICLR 2025, section 4.1, where the
  page vectors are those of image patches. https://arxiv.org/abs/2407.01449
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def similarities(query: Tensor, page: Tensor) -> Tensor:
    """Compare every token with every page vector by cosine: (tokens, dim), (vectors, dim) -> (tokens, vectors).

    In float32 whatever the vectors are stored in: in 16 bits the sums of 128 products would lose half their digits.
    """
    return query.float() @ page.float().T


def row_maxima(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Find the MaxSim of every token and where it was reached: (tokens, vectors) -> (tokens,), (tokens,).

    The second result holds the winners, indices of page vectors. The lowest index wins a tie, as torch promises.
    """
    maxima, winners = matrix.max(dim=1)
    return maxima, winners


def total(maxima: Tensor) -> float:
    """Add up the score: (tokens,) -> float, in Python's float64, so that anyone can add up the same terms again."""
    return sum(maxima.tolist())


def score(query: Tensor, page: Tensor) -> float:
    """Score one page for one query: (tokens, dim), (vectors, dim) -> float. The three steps above in a row.

    >>> query = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    >>> page = torch.tensor([[0.8, 0.6], [0.0, 1.0], [1.0, 0.0]])
    >>> similarities(query, page)
    tensor([[0.8000, 0.0000, 1.0000],
            [0.9600, 0.8000, 0.6000]])
    >>> row_maxima(similarities(query, page))
    (tensor([1.0000, 0.9600]), tensor([2, 0]))
    >>> round(score(query, page), 6)
    1.96
    """
    maxima, _ = row_maxima(similarities(query, page))
    return total(maxima)


def score_matrix(queries: Sequence[Tensor], pages: Sequence[Tensor], batch_size: int = 16) -> Tensor:
    """Score many queries against many pages: lists of (tokens_i, dim) and (vectors_j, dim) -> (queries, pages).

    The same numbers as `score`, up to the rounding of float32, in a few large matrix products of `batch_size` pages
    each. It serves measurements over many queries; the search itself uses the plain version.
    """
    # A query may be filled up with zeros: a zero vector has cosine 0 with everything and adds 0 to the sum.
    padded_queries, _ = _pad(queries)
    columns = []
    for start in range(0, len(pages), batch_size):
        padded_pages, real = _pad(pages[start : start + batch_size])
        # (queries, tokens, dim), (pages, vectors, dim) -> (queries, pages, tokens, vectors)
        matrix = torch.einsum("qtd,pvd->qptv", padded_queries, padded_pages)
        # A page may not: the 0 of a filled-up vector would beat a token whose real cosines are all negative.
        matrix = matrix.masked_fill(~real[None, :, None, :], -torch.inf)
        columns.append(matrix.amax(dim=3).sum(dim=2))
    return torch.cat(columns, dim=1)


def _pad(vectors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack (length_i, dim) into (n, longest, dim) with zeros, and say which rows are real: (n, longest) bool."""
    stacked = torch.nn.utils.rnn.pad_sequence([v.float() for v in vectors], batch_first=True)
    lengths = torch.tensor([len(v) for v in vectors])
    return stacked, torch.arange(stacked.shape[1]) < lengths[:, None]
