"""Explanations of vectors that a test makes up."""

from colpali_demo import maxsim
from colpali_demo.documents import Page
from colpali_demo.encoder.layout import PageEmbedding, QueryEmbedding
from colpali_demo.explain import Explanation, explain


def explain_vectors(query: QueryEmbedding, page: Page, embedding: PageEmbedding) -> Explanation:
    """Explain a page by late interaction, its three steps written out."""
    similarities = maxsim.similarities(query.vectors, embedding.vectors)
    terms, winners = maxsim.row_maxima(similarities)
    return explain(query, page, embedding.layout, similarities, terms, winners)
