"""A page whose winners are planted, and the value of the lens for it; its texts are hostile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from colpali_demo.documents import Page, Word
from colpali_demo.encoder.layout import PageEmbedding, PageLayout, QueryEmbedding, QueryToken
from colpali_demo.explain import Explanation
from colpali_demo.export.lens_value import lens_value
from colpali_demo.export.pictures import page_id, write_pictures
from colpali_demo.retrieval import RANKERS, StoredPage
from colpali_demo.retrieval.codecs import CODECS

HOSTILE = "</script><img src=x onerror=alert(1)>${alert(2)}{{alert(3)}}\u202eabc"
TOKENS = [("<bos>", "bos", None), (HOSTILE, "word", 0), ("wind", "word", 0), ("🦊", "word", 1), ("\n", "suffix", None)]


def plant(folder: Path, layout: PageLayout, winners: Sequence[int]) -> tuple[dict[str, Any], Explanation]:
    """Make the value of the lens for one landscape page, with its pictures in a folder; also its explanation.

    winners: for each of the five tokens the vector that it finds, with 0.9; it finds no other above 0.2
    """
    tokens = tuple(QueryToken(index, *token, index) for index, token in enumerate(TOKENS))
    # Query vectors are unit vectors, so a page vector's numbers are its cosines with the tokens.
    cosines = np.random.default_rng(0).uniform(-0.2, 0.2, (len(layout.slots), len(tokens)))
    cosines[winners, range(len(tokens))] = 0.9
    query = QueryEmbedding(HOSTILE, torch.eye(len(tokens)), tokens, (HOSTILE + "wind", "🦊"), (), "Question: ", 0)
    embedding = PageEmbedding(torch.tensor(cosines, dtype=torch.float32), layout)
    jpeg = folder / "page.jpg"
    Image.new("RGB", (400, 150), "white").save(jpeg)
    words = (Word(HOSTILE, 0.0, 0.0, 1.0, 1.0),)
    page = Page("d0c", f"{HOSTILE}.pdf", 1, 400, 150, jpeg.read_bytes(), words, False)
    ranking = RANKERS["maxsim"].rank(query, [StoredPage(page, CODECS["float32"](embedding))])
    model_input = {"width": 300, "height": 200, "resample": "bilinear"}
    value = lens_value(
        search="planted",
        model={
            "name": HOSTILE,
            "prefix": "Question: ",
            "augmentation": 0,
            "input": model_input,
            "reads": {"level": "reads", "sentence": ""},
        },
        ranking=ranking,
        explanations=[ranking.explain(page)],
        top_k=1,
        focus=page_id(page),
        strength=None,
        pictures={page_id(page): write_pictures(page, folder, model_input)},
        blank=None,
        samples=None,
        fits={page_id(page): None},
        save=lambda name, data: pytest.fail("the value is small"),
    )
    return value, ranking.explain(page)
