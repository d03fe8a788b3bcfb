"""The lens on a result in hand: an explanation, a hit, a ranking."""

from __future__ import annotations

import html as escaping
import json
import re
from pathlib import Path

import pytest

from colpali_demo import explain_vectors
from colpali_demo.export.result import NOT_EMBEDDED_HERE, OPENED, result_lens
from colpali_demo.retrieval import PageIndex

HOSTILE = "</iframe></script>\"'&amp; <img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def index(encoder, make_page) -> PageIndex:
    index = PageIndex(encoder)
    index.add([make_page(number) for number in range(1, 6)])
    return index


def page_in(frame: str) -> str:
    """The page that a frame shows."""
    return escaping.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])


def value_in(frame: str) -> dict:
    """The value of the lens in a frame."""
    return json.loads(re.search(r'id="value">(.*?)</script>', page_in(frame), re.DOTALL)[1])


def test_a_ranking_is_listed_and_its_best_pages_can_be_opened(index, tmp_path):
    ranking = index.rank("revenue by region")
    value = result_lens(ranking, tmp_path)
    assert [entry["score"] for entry in value["ranking"]] == [hit.score for hit in ranking]
    assert len(value["pages"]) == OPENED
    assert value["focus"] == value["ranking"][0]["key"]
    assert [bool(entry["thumb"]) for entry in value["ranking"]] == [True] * OPENED + [False] * 2


def test_of_a_hit_its_own_page_can_be_opened(index, tmp_path):
    hit = index.rank("revenue by region")[3]
    value = result_lens(hit, tmp_path)
    assert [page["score"] for page in value["pages"].values()] == [hit.score]
    assert value["ranking"][3]["key"] == value["focus"]
    assert len(value["ranking"]) == 5


def test_an_explanation_stands_alone_with_its_numbers(index, tmp_path):
    why = index.search("revenue by region")[0].explain()
    value = result_lens(why, tmp_path)
    (page,) = value["pages"].values()
    assert [token["maxsim"] for token in page["tokens"]] == [token.maxsim for token in why.tokens]
    assert page["compared_with"]["text"] == "the 4 other pages"
    assert (value["range"]["lo"], value["range"]["hi"]) == (why.maps.min(), why.maps.max())
    assert value["model"]["name"] == index.encoder.model_info["name"]


def test_no_folder_of_this_machine_is_told(index, checkpoint):
    assert str(checkpoint.parent) not in index.rank("revenue")._repr_html_()


def test_vectors_of_others_say_so(index, tmp_path):
    page = index.pages[0]
    asked, found = index.encoder.embed_query("revenue"), index.encoder.embed_pages([page.image])[0]
    tokens = [token.text for token in asked.tokens]
    why = explain_vectors(asked.vectors, found.vectors, page, grid=found.layout, tokens=tokens)
    assert result_lens(why, tmp_path)["model"]["reads"]["sentence"] == NOT_EMBEDDED_HERE


def test_a_notebook_gets_a_frame_that_holds_everything(index):
    hit = index.search("revenue by region")[0]
    frame = hit._repr_html_()
    assert re.fullmatch(r"<iframe [^>]*></iframe>", frame)
    assert 'sandbox="allow-scripts allow-downloads"' in frame
    assert value_in(frame)["query"]["text"] == "revenue by region"
    assert not re.search(r"""(?:src|href)=["']?(?:https?:|/)""", page_in(frame))


def test_what_people_type_stays_in_the_frame(index):
    frame = index.search(HOSTILE)[0]._repr_html_()
    assert re.fullmatch(r"<iframe [^>]*></iframe>", frame)
    assert "<img" not in frame
    assert value_in(frame)["query"]["text"] == HOSTILE


def test_a_page_takes_less_than_a_megabyte_beyond_its_picture(index):
    """On the grid of the published checkpoints, and with a long query."""
    import numpy as np

    page = index.pages[0]
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(1030 + 60, 128))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    why = explain_vectors(
        vectors[1030:], vectors[:1030], page, grid=(32, 32), tokens=["word"] * 60, patches=slice(0, 1024)
    )
    assert len(why._repr_html_()) - len(page.jpeg) * 4 / 3 < 1_000_000


def test_a_ranking_that_explains_nothing_shows_nothing(index, encoder):
    assert index.rank("revenue", method="mean")._repr_html_() is None
    assert PageIndex(encoder).rank("revenue")._repr_html_() is None


def test_large_arrays_are_files_for_a_server_and_stay_in_a_file(index, tmp_path, monkeypatch):
    monkeypatch.setattr("colpali_demo.export.lens_value.INLINE_BYTES", 0)
    ranking = index.rank("revenue by region")
    maps = [page["maps"] for page in result_lens(ranking, tmp_path)["pages"].values()]
    assert all(Path(each["file"]["path"]).is_file() for each in maps)
    assert all("data" in page["maps"] for page in result_lens(ranking, tmp_path, inline=True)["pages"].values())
