"""Explain vectors that another program made: colpali_engine, sentence-transformers, a vector database.

Nothing is embedded here, and nothing is changed: what is explained is the product of the very vectors that were given.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colpali_demo import maxsim
from colpali_demo.documents import Page
from colpali_demo.encoder.layout import PageLayout, QueryEmbedding, QueryToken, TokenKind, patch, prompt_token
from colpali_demo.encoder.queries import split_words
from colpali_demo.explain import Comparison, Explanation, compare_with_others, explain
from colpali_demo.explain.lead import LEAST_OTHERS

LENGTH_TOLERANCE = 0.02  # of a vector of length 1: 16 bits and levels of 8 are off by less
JPEG_QUALITY = 92
# What tokenizers write for a space and a newline: SentencePiece, and byte-level BPE.
MARKS = str.maketrans({"▁": " ", "Ġ": " ", "Ċ": "\n"})


class VectorsError(ValueError):
    """Vectors cannot be explained.

    `code` is one of bad_shape, not_finite, not_unit, wrong_patches and wrong_tokens; `message` is a sentence for people
    that says what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def explain_vectors(
    query_vectors: Any,
    page_vectors: Any,
    image: Image.Image | Page | Path | str,
    *,
    grid: tuple[int, int] | PageLayout,
    tokens: Sequence[str],
    query: str | None = None,
    patches: Any = None,
    others: Sequence[Any] = (),
    divisor: float = 1.0,
) -> Explanation:
    """Explain the score of a page for a query, given the vectors of both.

    query_vectors, page_vectors: (tokens, dim) and (vectors, dim), each vector of length 1: tensors, arrays or lists
    image: the page as it was embedded; a `Page` brings its name, its number and its text layer
    grid: (rows, cols) of the patches, row by row from the top left; a `PageLayout` where vectors are pooled or tiles
    tokens: the text of each token of the query; the marks that tokenizers put for a space, ▁ and Ġ, are read as such
    query: what was typed; tokens before it are the prefix, those after it augmentation. Without it, every token counts
        as a typed word of its own
    patches: which of the page's vectors are patches: indices, a slice, or one bool a vector. Without it, all are
    others: the vectors of other pages, from three on, which the page is compared with, see `Comparison`
    divisor: what the sum of MaxSim is divided by: 1, or the number of tokens for models that score by the mean

    Raises VectorsError for vectors, a grid or tokens that do not fit together.
    """
    asked = _vectors("the query", query_vectors)
    found = _vectors("the page", page_vectors, dim=asked.shape[1])
    layout = _layout(grid, len(found), patches)
    embedding = _query(asked, tokens, query, divisor)
    similarities = maxsim.similarities(asked, found)
    maxima, winners = maxsim.row_maxima(similarities)
    terms = maxima / divisor
    comparison = _comparison(asked, terms, others, divisor)
    return explain(embedding, _page(image), layout, similarities, terms, winners, comparison)


def _vectors(whose: str, data: Any, dim: int | None = None) -> Tensor:
    """Return vectors as float32 (n, dim) on the CPU, checked."""
    try:
        vectors = data if isinstance(data, Tensor) else torch.as_tensor(np.asarray(data))
        vectors = vectors.detach().cpu().float()
    except (TypeError, ValueError) as error:
        raise VectorsError("bad_shape", f"The vectors of {whose} are no matrix of numbers: {error}") from None
    shape = tuple(vectors.shape)
    if vectors.ndim != 2 or not vectors.numel():
        batch = " Of a batch, take one: vectors[0]." if vectors.ndim == 3 else ""
        raise VectorsError(
            "bad_shape", f"The vectors of {whose} have the shape {shape}, not (vectors, numbers).{batch}"
        )
    if dim is not None and shape[1] != dim:
        raise VectorsError(
            "bad_shape", f"The vectors of {whose} have {shape[1]} numbers each and those of the query {dim}: one model?"
        )
    if not vectors.isfinite().all():
        row = int((~vectors.isfinite()).any(dim=1).nonzero()[0])
        raise VectorsError("not_finite", f"Vector {row} of {whose} holds numbers that are not finite.")
    lengths = vectors.norm(dim=1)
    if not lengths.all():
        row = int((lengths == 0).nonzero()[0])
        raise VectorsError("not_unit", f"Vector {row} of {whose} is zero: leave out what pads a batch.")
    if ((lengths - 1).abs() > LENGTH_TOLERANCE).any():
        raise VectorsError(
            "not_unit",
            f"The vectors of {whose} have lengths from {lengths.min():.3g} to {lengths.max():.3g}. MaxSim is of "
            "cosines: divide each vector by its length, and score with those.",
        )
    return vectors


def _layout(grid: tuple[int, int] | PageLayout, count: int, patches: Any) -> PageLayout:
    if isinstance(grid, PageLayout):
        if len(grid.slots) != count:
            raise VectorsError("wrong_patches", f"The layout is of {len(grid.slots)} vectors; the page has {count}.")
        return grid
    rows, cols = grid
    places = _places(patches, count)
    if len(places) != rows * cols:
        hint = "" if patches is not None else " If some are of the prompt, say with `patches` which are not."
        raise VectorsError(
            "wrong_patches", f"{rows} rows of {cols} patches are {rows * cols} vectors, not {len(places)}.{hint}"
        )
    slots = [prompt_token(f"vector {vector}") for vector in range(count)]
    for place, vector in enumerate(places):
        slots[vector] = patch(divmod(place, cols))
    return PageLayout(rows, cols, tuple(slots))


def _places(patches: Any, count: int) -> list[int]:
    """Return the indices of the vectors that are patches."""
    every = np.arange(count)
    if patches is None:
        return every.tolist()
    chosen = patches if isinstance(patches, slice) else np.asarray(patches)
    try:
        places = every[chosen].tolist()
    except IndexError as error:
        raise VectorsError("wrong_patches", f"`patches` does not select among {count} vectors: {error}") from None
    if len(set(places)) != len(places):
        raise VectorsError("wrong_patches", "`patches` names a vector twice.")
    return places


def _query(vectors: Tensor, tokens: Sequence[str], typed: str | None, divisor: float) -> QueryEmbedding:
    if len(tokens) != len(vectors):
        raise VectorsError("wrong_tokens", f"There are {len(tokens)} tokens and {len(vectors)} vectors of the query.")
    texts = [token.translate(MARKS) for token in tokens]
    if typed is None:
        words = tuple(text.strip() or text for text in texts)
        places: list[tuple[TokenKind, int | None]] = [("word", index) for index in range(len(texts))]
    else:
        places, words = _places_of_tokens(texts, typed)
    kinds = [kind for kind, _ in places]
    return QueryEmbedding(
        text=" ".join(words) if typed is None else typed,
        vectors=vectors,
        tokens=tuple(
            QueryToken(index, text.strip() or text, kind, word, id=-1)
            for index, (text, (kind, word)) in enumerate(zip(texts, places, strict=True))
        ),
        words=words,
        unknown=(),
        prefix="".join(text for text, kind in zip(texts, kinds, strict=True) if kind == "prefix"),
        augmentation=kinds.count("augmentation"),
        divisor=divisor,
    )


def _places_of_tokens(texts: Sequence[str], typed: str) -> tuple[list[tuple[TokenKind, int | None]], tuple[str, ...]]:
    """Find what was typed among the tokens, by its characters; return their kinds and words.

    White space and case do not count, which tokenizers change. It has to begin and end with a token. Where a prefix
    repeats it, it is the last of them.
    """
    pieces = [_characters(text) for text in texts]
    ends = list(accumulate(map(len, pieces)))
    starts = [0, *ends[:-1]]
    spelled, wanted = "".join(pieces), _characters(typed)
    at = spelled.rfind(wanted) if wanted else -1
    while at >= 0 and not (at in starts and at + len(wanted) in ends):
        at = spelled.rfind(wanted, 0, at + len(wanted) - 1)
    if at < 0:
        raise VectorsError(
            "wrong_tokens",
            f"The tokens spell {spelled!r}, which does not hold the query {typed!r} from token to token. Give the text "
            "of each token as it was typed, or leave out `query`.",
        )
    word_of, words = split_words(typed)
    of_characters = [word for word, character in zip(word_of, typed, strict=True) if not character.isspace()]
    places: list[tuple[TokenKind, int | None]] = []
    for start, end in zip(starts, ends, strict=True):
        if start >= at + len(wanted):
            places.append(("augmentation", None))
        elif end <= at:
            places.append(("prefix", None))
        else:
            places.append(("word", of_characters[max(end - 1, start) - at]))
    return places, words


def _characters(text: str) -> str:
    """Return the characters of a text that are no white space, each as its small letter if that is one character."""
    small = (character.lower() if len(character.lower()) == 1 else character for character in text)
    return "".join("".join(small).split())


def _comparison(asked: Tensor, terms: Tensor, others: Sequence[Any], divisor: float) -> Comparison | None:
    rows = [terms]
    for number, other in enumerate(others, start=1):
        vectors = _vectors(f"other page {number}", other, dim=asked.shape[1])
        rows.append(maxsim.row_maxima(maxsim.similarities(asked, vectors))[0] / divisor)
    if len(others) < LEAST_OTHERS:
        return None
    stacked = torch.stack(rows).numpy()
    return compare_with_others(stacked, 0, stacked.sum(axis=0, dtype=np.float64))


def _page(image: Image.Image | Page | Path | str) -> Page:
    """Return the page of an image, named by its file."""
    if isinstance(image, Page):
        return image
    if isinstance(image, (str, Path)):
        path = Path(image)
        with Image.open(path) as opened:
            return _page_of(opened, path.name)
    return _page_of(image, "page")


def _page_of(image: Image.Image, source: str) -> Page:
    pixels = image.convert("RGB")
    data = io.BytesIO()
    pixels.save(data, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    jpeg = data.getvalue()
    return Page(
        document_id=hashlib.sha256(jpeg).hexdigest()[:16],
        source=source,
        number=1,
        width=pixels.width,
        height=pixels.height,
        jpeg=jpeg,
        words=(),
        blank=all(low == high for low, high in pixels.getextrema()),
    )
