"""A new ranker, one file and one entry in a list, ranks and explains in the page."""

from __future__ import annotations

import numpy as np
import pytest
from checkpoints import make_checkpoint
from live import check_log, run

from colpali_demo import PageIndex, Settings, load_encoder, open_document

SAMPLE = "assets/samples/lighthouse-letter.pdf"
QUERY = "fog horn compressor"


def test_a_new_ranker_ranks_what_the_page_shows(new_visitor, tmp_path):
    checkpoint = make_checkpoint(tmp_path / "random-colpali")
    settings = {"render_pixels": 400, "dtype": "float32", "ranker": "second"}
    with run(tmp_path, checkpoint, program=("tests/browser/second_best.py",), **settings) as address:
        visitor = new_visitor(at=address).arrive("/?sample=lighthouse-letter.pdf")
        value = visitor.search(QUERY)
        visitor.context.close()
    check_log(tmp_path)
    index = PageIndex(load_encoder(str(checkpoint), device="cpu", dtype="float32"))
    with open_document(SAMPLE, settings=Settings(render_pixels=400)) as document:
        index.add(document)
    ranking = index.rank(QUERY)
    second = {}
    for hit in ranking:
        cosines = ranking.query.vectors.numpy() @ ranking.stored(hit.page).kept.vectors.numpy().T
        second[hit.page.number] = float(np.sort(cosines, axis=1)[:, -2].sum())
    assert {entry["page"]: entry["score"] for entry in value["ranking"]} == pytest.approx(second, abs=1e-3)
    scores = [entry["score"] for entry in value["ranking"]]
    assert scores == sorted(scores, reverse=True)
    for page in value["pages"].values():
        assert sum(token["maxsim"] for token in page["tokens"]) == pytest.approx(page["score"], abs=1e-4)
