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

from colpali_demo.encoder.layout import PageEmbedding
from colpali_demo.explain import explanation_dict, token_dict, words_list
from colpali_demo.lessons import paper
from colpali_demo.lessons.anatomy import anatomy, lora_parameters
from colpali_demo.retrieval.codecs import CODECS
from colpali_demo.retrieval.rankers import RANKERS, similarities_to_mean

if TYPE_CHECKING:
    from colpali_demo.documents import Page, Word
    from colpali_demo.encoder import Encoder, QueryEmbedding
    from colpali_demo.retrieval import Hit, Ranking, StoredPage

LEGIBLE_PIXELS = 8  # height of a line of text; the smallest bitmap fonts that people read have 5 x 7 pixels


def lesson_dict(encoder: Encoder, ranking: Ranking, hit: Hit) -> dict[str, Any]:
    """Return everything the cards say about the page of `hit`, one of a `ranking`, as plain JSON values.

    The vectors themselves are left out: `ranking.query.vectors` and those of `ranking.stored(hit.page)`.
    """
    query, stored = ranking.query, ranking.stored(hit.page)
    layout = stored.kept.layout
    plain = encoder.embed_query(query.text, prefix=query.prefix, augmentation=0)
    others = {
        "mean": RANKERS["mean"].rank(query, ranking.stored_pages),
        "plain": RANKERS["maxsim"].rank(plain, ranking.stored_pages),
    }
    return {
        "schema": 1,
        "model": {
            **encoder.model_info,
            "checkpoint": encoder.model_info["name"],  # visitors are not told the folder of the checkpoint
            "parts": anatomy(encoder.family),
            "bidirectional": encoder.family.bidirectional,
        },
        "lora": {"rank": paper.LORA_RANK, "parameters": lora_parameters(encoder.family, paper.LORA_RANK)},
        "query": query_dict(query),
        "plain": {**query_dict(plain), "score": others["plain"].hit(hit.page).score},
        "page": {
            **explanation_dict(hit.explain(), hit.rank),
            "dim": stored.kept.vectors.shape[1],
            "slots": [
                [vector, slot.kind, slot.text] for vector, slot in enumerate(layout.slots) if slot.kind != "patch"
            ],
            "patch_vectors": layout.patch_vectors.ravel().tolist(),
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
                "mean": others["mean"].hit(other.page).score,
                "mean_rank": others["mean"].hit(other.page).rank,
                "plain": others["plain"].hit(other.page).score,
                "plain_rank": others["plain"].hit(other.page).rank,
            }
            for other in ranking
        ],
        "pooling": pooling(query, stored),
        "costs": costs(stored),
        "paper": paper.figures(),
    }


def query_dict(query: QueryEmbedding) -> dict[str, Any]:
    """Return a query and what went into the model for it."""
    return {
        "text": query.text,
        "prefix": query.prefix,
        "augmentation": query.augmentation,
        "words": list(query.words),
        "tokens": [{**token_dict(token), "id": token.id} for token in query.tokens],
    }


# ---------------------------------------------------------------------------------------------- the page as input


def input_image(encoder: Encoder, page: Page) -> Image.Image | None:
    """Return the picture that goes into the model, pixel by pixel: what the processor made, its normalization undone.

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
    """Return how high the page's text is in an input of `height` pixels: {"pixels", "least", "share"}.

    pixels: median height of a word's line; share: of words whose line is lower than `LEGIBLE_PIXELS`. None without a
    text layer, or where the input has no fixed height.
    """
    if not words or height is None:
        return None
    heights = [(word.bottom - word.top) * height for word in words]
    small = sum(pixels < LEGIBLE_PIXELS for pixels in heights)
    return {"pixels": statistics.median(heights), "least": LEGIBLE_PIXELS, "share": small / len(heights)}


# ---------------------------------------------------------------------------------------------- one vector instead


def pooling(query: QueryEmbedding, stored: StoredPage) -> dict[str, list[float]]:
    """Return what becomes of a page when its vectors are averaged.

    tokens: cosine of every query token with the page's mean vector; compare it with the token's MaxSim
    patches: cosine of every patch with the mean vector, row by row
    """
    vectors = stored.kept.vectors
    return {
        "tokens": similarities_to_mean(query.vectors, vectors).tolist(),
        "patches": similarities_to_mean(vectors, vectors)[stored.kept.layout.patch_vectors.ravel()].tolist(),
    }


# ---------------------------------------------------------------------------------------------- costs


def costs(stored: StoredPage) -> dict[str, Any]:
    """Return the bytes of a page's vectors at each precision, and of one vector in 16 bits instead of them all."""
    embedding = PageEmbedding(stored.kept.vectors, stored.kept.layout)
    return {
        "bytes": [{"name": name, "bytes": keep(embedding).nbytes} for name, keep in CODECS.items()],
        "single_bytes": embedding.vectors.shape[1] * 2,
    }


def measure(encoder: Encoder, ranking: Ranking, hit: Hit, clock: Callable[[], float] = time.perf_counter) -> dict:
    """Measure milliseconds here, each the median of a few runs: {"page", "query", "score", "pages", "device"}.

    page: to embed the page of `hit`; query: to embed its query; score: to score all `pages` for it
    """

    def median_ms(run: Callable[[], Any], times: int) -> float:
        spent = []
        for _ in range(times):
            start = clock()
            run()
            spent.append(1000 * (clock() - start))
        return statistics.median(spent)

    image, query, stored = hit.page.image, ranking.query, ranking.stored_pages
    return {
        "page": median_ms(lambda: encoder.embed_pages([image]), 3),
        "query": median_ms(lambda: encoder.embed_query(query.text), 5),
        "score": median_ms(lambda: RANKERS["maxsim"].rank(query, stored), 5),
        "pages": len(ranking),
        "device": encoder.model_info["device"],
    }
