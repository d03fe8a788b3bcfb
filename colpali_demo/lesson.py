"""What the guided cards show of one page and one query: pure functions over what the search has computed already.

Nothing is estimated here. The vectors are those that ranked the page, the tokens those that went into the model, the
sizes those of the loaded checkpoint, and the milliseconds those of this machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from colpali_demo import maxsim, paper
from colpali_demo.anatomy import anatomy, lora_parameters
from colpali_demo.baselines import mean_similarity, mean_vector
from colpali_demo.explain import explanation_dict, token_dict, words_list

if TYPE_CHECKING:
    from colpali_demo.documents import Page, Word
    from colpali_demo.encoder import Encoder, PageEmbedding, QueryEmbedding
    from colpali_demo.index import Hit

LEGIBLE_PIXELS = 8  # height of a line of text; the smallest bitmap fonts that people read have 5 x 7 pixels
BATCH = 4  # queries and pages of the training batch
HEADLINE_WORDS = 6
PRECISIONS = (("float32", 32), ("float16", 16), ("int8", 8), ("binary", 1))  # bits a number


def lesson_dict(encoder: Encoder, hits: Sequence[Hit], hit: Hit, asked: Sequence[str] = ()) -> dict[str, Any]:
    """Everything the cards say about the page of `hit`, one of `hits`, as plain JSON values.

    hits: every page searched, best first
    asked: other queries, for the training batch

    The vectors themselves are left out: `hit.query.vectors` and `hit.embedding.vectors`.
    """
    query = hit.query
    plain = encoder.embed_query(query.text, prefix=query.prefix, augmentation=0)
    rankings = {
        "mean": [mean_similarity(query.vectors, other.embedding.vectors) for other in hits],
        "plain": [maxsim.score(plain.vectors, other.embedding.vectors) for other in hits],
    }
    ranks = {name: ranks_of(scores) for name, scores in rankings.items()}
    return {
        "schema": 1,
        "model": {
            **encoder.model_info,
            "checkpoint": encoder.model_info["name"],  # and not the folder in which it lies
            "parts": anatomy(encoder.model),
            "bidirectional": encoder.family.bidirectional,
        },
        "lora": {"rank": paper.LORA_RANK, "parameters": lora_parameters(encoder.model, paper.LORA_RANK)},
        "query": query_dict(query),
        "plain": {**query_dict(plain), "score": maxsim.score(plain.vectors, hit.embedding.vectors)},
        "page": {
            **explanation_dict(hit.explain(), hit.rank),
            "dim": hit.embedding.vectors.shape[1],
            "slots": [
                [vector, slot.kind, slot.text]
                for vector, slot in enumerate(hit.embedding.layout.slots)
                if slot.kind != "patch"
            ],
            "patch_vectors": hit.embedding.layout.patch_vectors.ravel().tolist(),
            "words": words_list(hit.page.words),
            "file_bytes": len(hit.page.jpeg),
            "legibility": legibility(hit.page.words, encoder.model_info["input"]["height"]),
        },
        "ranking": [
            {
                "source": other.page.source,
                "page": other.page.number,
                "rank": other.rank,
                "score": other.score,
                "mean": rankings["mean"][place],
                "mean_rank": ranks["mean"][place],
                "plain": rankings["plain"][place],
                "plain_rank": ranks["plain"][place],
            }
            for place, other in enumerate(hits)
        ],
        "pooling": pooling(query, hit.embedding),
        "batch": training_batch(encoder, hits, hit, asked),
        "costs": costs(hit.embedding),
        "paper": paper.figures(),
    }


def query_dict(query: QueryEmbedding) -> dict[str, Any]:
    """A query and what went into the model for it."""
    return {
        "text": query.text,
        "prefix": query.prefix,
        "augmentation": query.augmentation,
        "words": list(query.words),
        "tokens": [{**token_dict(token), "id": token.id} for token in query.tokens],
    }


def ranks_of(scores: Sequence[float]) -> list[int]:
    """The rank of each score, from 1 for the highest; of equal ones the first is ahead."""
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    ranks = [0] * len(scores)
    for rank, place in enumerate(order, start=1):
        ranks[place] = rank
    return ranks


# ---------------------------------------------------------------------------------------------- the page as input


def input_image(encoder: Encoder, page: Page) -> Image.Image | None:
    """The picture that goes into the model, pixel by pixel: what the processor made, its normalization undone.

    None for families whose input is no single picture.
    """
    info = encoder.model_info["input"]
    if info["height"] is None:
        return None
    pixels = np.asarray(encoder.family.process_pages([page.image])["pixel_values"][0])  # (3, height, width)
    images = encoder.processor.image_processor
    mean, std = (np.array(values)[:, None, None] for values in (images.image_mean, images.image_std))
    levels = np.rint((pixels * std + mean) / images.rescale_factor)
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0))


def legibility(words: Sequence[Word], height: int | None) -> dict[str, Any] | None:
    """How high the page's text is in an input of `height` pixels: {"pixels", "least", "share"}.

    pixels: median height of a word's line; share: of words whose line is lower than `LEGIBLE_PIXELS`. None without a
    text layer, or where the input has no fixed height.
    """
    if not words or height is None:
        return None
    heights = [(word.bottom - word.top) * height for word in words]
    small = sum(pixels < LEGIBLE_PIXELS for pixels in heights)
    return {"pixels": statistics.median(heights), "least": LEGIBLE_PIXELS, "share": small / len(heights)}


# ---------------------------------------------------------------------------------------------- one vector instead


def pooling(query: QueryEmbedding, page: PageEmbedding) -> dict[str, list[float]]:
    """What becomes of a page when its vectors are averaged.

    tokens: cosine of every query token with the page's mean vector; compare it with the token's MaxSim
    patches: cosine of every patch with the mean vector, row by row
    """
    mean = mean_vector(page.vectors)[None]
    patches = page.vectors[page.layout.patch_vectors.ravel()]
    return {
        "tokens": maxsim.similarities(query.vectors, mean)[:, 0].tolist(),
        "patches": maxsim.similarities(patches, mean)[:, 0].tolist(),
    }


# ---------------------------------------------------------------------------------------------- training


def training_batch(encoder: Encoder, hits: Sequence[Hit], hit: Hit, asked: Sequence[str]) -> dict[str, Any]:
    """A batch as in training, of at most `BATCH` queries and as many pages: {"rows", "pages", "scores", "loss"}.

    rows: {"text", "own", "made"}: `own` is the column of the page that answers the query. The first is the query and
        page at hand; other queries take the page that ranks first for them, unless another has it; the rest are
        `made` from the headline of their page
    pages: places among `hits`
    scores: (queries, pages)
    """
    places = {id(other): place for place, other in enumerate(hits)}
    texts, queries, pages, made = [hit.query.text], [hit.query], [places[id(hit)]], [False]

    def add(text: str, query: QueryEmbedding, place: int, is_made: bool) -> None:
        texts.append(text)
        queries.append(query)
        pages.append(place)
        made.append(is_made)

    for text in asked:
        if len(texts) == BATCH:
            break
        if text in texts:
            continue
        query = encoder.embed_query(text)
        scores = [maxsim.score(query.vectors, other.embedding.vectors) for other in hits]
        place = scores.index(max(scores))
        if place not in pages:
            add(text, query, place, False)
    for place, other in enumerate(hits):
        text = headline(other.page.words)
        if len(texts) < BATCH and place not in pages and text and text not in texts:
            add(text, encoder.embed_query(text), place, True)
    scores = [[maxsim.score(query.vectors, hits[place].embedding.vectors) for place in pages] for query in queries]
    own = list(range(len(pages)))
    return {
        "rows": [
            {"text": text, "own": at, "made": is_made} for text, at, is_made in zip(texts, own, made, strict=True)
        ],
        "pages": pages,
        "scores": scores,
        "loss": contrast(scores, own) if len(pages) > 1 else None,
    }


def headline(words: Sequence[Word]) -> str:
    """The first words among the largest of a page, a query that somebody might ask of it; "" without a text layer."""
    named = [word for word in words if any(character.isalpha() for character in word.text)]
    if not named:
        return ""
    largest = max(word.bottom - word.top for word in named)
    title = [word.text for word in named if word.bottom - word.top >= 0.8 * largest]
    return " ".join(title[:HEADLINE_WORDS])


def contrast(scores: Sequence[Sequence[float]], own: Sequence[int]) -> dict[str, Any]:
    """The in-batch contrastive loss of ColPali and what it is made of; `own` has the column of each query's own page.

    probabilities: softmax of each row, (queries, pages)
    hardest: the column of the other page that scores highest, for each query
    losses: softplus(hardest - own), for each query; `loss` is their mean
    cross_entropy: the mean of -log(probability of the own page), the loss over all pages of the batch

    Faysse et al. 2024, section 4.1; the same as in `training.losses`, query by query. Raises ValueError for fewer than
    two pages, which leave nothing to compare with.
    """
    table = np.array(scores, dtype=np.float64)
    if table.shape[1] < 2:
        raise ValueError("a batch has at least two pages")
    queries = np.arange(len(table))
    logs = table - np.logaddexp.reduce(table, axis=1, keepdims=True)
    others = table.copy()
    others[queries, own] = -np.inf
    hardest = others.argmax(axis=1)
    losses = np.logaddexp(0.0, others[queries, hardest] - table[queries, own])
    return {
        "probabilities": np.exp(logs).tolist(),
        "hardest": hardest.tolist(),
        "losses": losses.tolist(),
        "loss": float(losses.mean()),
        "cross_entropy": float(-logs[queries, own].mean()),
    }


# ---------------------------------------------------------------------------------------------- costs


def costs(page: PageEmbedding) -> dict[str, Any]:
    """Bytes of a page's vectors at each precision, and of one vector in 16 bits instead of them all."""
    vectors, dim = page.vectors.shape
    return {
        "bytes": [{"name": name, "bits": bits, "bytes": vectors * dim * bits // 8} for name, bits in PRECISIONS],
        "single_bytes": dim * 2,
    }


def measure(encoder: Encoder, hits: Sequence[Hit], hit: Hit, clock: Callable[[], float] = time.perf_counter) -> dict:
    """Milliseconds on this machine, each the median of a few runs: {"page", "query", "score", "pages", "device"}.

    page: to embed the page of `hit`; query: to embed its query; score: to score all `pages` for it
    """

    def median_ms(run: Callable[[], Any], times: int) -> float:
        spent = []
        for _ in range(times):
            start = clock()
            run()
            spent.append(1000 * (clock() - start))
        return statistics.median(spent)

    image, query = hit.page.image, hit.query
    return {
        "page": median_ms(lambda: encoder.embed_pages([image]), 3),
        "query": median_ms(lambda: encoder.embed_query(query.text), 5),
        "score": median_ms(lambda: [maxsim.score(query.vectors, other.embedding.vectors) for other in hits], 5),
        "pages": len(hits),
        "device": encoder.model_info["device"],
    }
