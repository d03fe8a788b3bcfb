"""Sets made by a random checkpoint explain exactly as that checkpoint does, and load no model."""

import json
import shutil
import subprocess
import sys
import zipfile
from typing import get_type_hints

import numpy as np
import pytest
import torch
from checkpoints import MAKERS
from engine_checkpoints import make_engine_adapter, make_engine_checkpoint
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.__main__ import main
from colpali_demo.documents import Word
from colpali_demo.encoder import AnyEncoder, Capabilities, CheckpointError, load_encoder
from colpali_demo.encoder.calibration import blank_page
from colpali_demo.encoder.precomputed import PrecomputedSet, SetDocument, find_sets, save_set
from colpali_demo.explain import explanation_dict
from colpali_demo.retrieval import PageIndex, open_set

QUERIES = ("revenue by region", "price of copper")


@pytest.fixture(scope="module")
def documents(make_page):
    words = (Word("revenue", 0.1, 0.2, 0.4, 0.3), Word("naïve", 0.5, 0.5, 0.9, 0.9))
    report = SetDocument("d0c", "report.pdf", "A report", "Of two pages", QUERIES)
    letter = SetDocument("1e7", "letter.pdf", "A letter", "", QUERIES[:1])
    return [(report, [make_page(1, "d0c", words), make_page(2, "d0c")]), (letter, [make_page(1, "1e7")])]


@pytest.fixture(scope="module")
def folder(encoder, documents, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "random"
    save_set(folder, encoder, documents)
    return folder


def test_explanations_are_those_of_the_checkpoint(encoder, documents, folder):
    index = PageIndex(encoder)
    for _, pages in documents:
        index.add(pages)
    opened = open_set(folder)
    for query in QUERIES:
        ours, theirs = opened.rank(query), index.rank(query)
        # Names of the documents are the set's; everything else is the same to the last digit.
        ours, theirs = ([explanation_dict(hit.explain(), hit.rank) for hit in hits] for hits in (ours, theirs))
        assert [{**entry, "source": ""} for entry in ours] == [{**entry, "source": ""} for entry in theirs]
    hit, same = opened.search(QUERIES[0])[0], index.search(QUERIES[0])[0]
    assert np.array_equal(hit.explain().maps, same.explain().maps)
    assert hit.page.image.tobytes() == same.page.image.tobytes()
    assert opened.strength(hit) == index.strength(same)


def test_a_set_offers_all_that_an_encoder_is_asked_for(folder):
    encoder = PrecomputedSet(folder).encoder
    members = [*get_type_hints(AnyEncoder), *(name for name in vars(AnyEncoder) if not name.startswith("_"))]
    assert all(hasattr(encoder, name) for name in members)
    assert encoder.capabilities == Capabilities(embeds_pages=False, embeds_queries=False, has_model=False)


def test_a_set_of_a_family_that_scores_by_the_mean(tmp_path, make_page):
    neomme = load_encoder(str(MAKERS["NeoMME"](tmp_path / "neomme", max_side=60)), device="cpu", dtype="float32")
    document = SetDocument("d0c", "report.pdf", "A report", "", QUERIES[:1])
    save_set(tmp_path / "set", neomme, [(document, [make_page()])])
    opened = PrecomputedSet(tmp_path / "set")
    query = opened.encoder.embed_query(QUERIES[0])
    assert query.divisor == len(query.tokens) == neomme.embed_query(QUERIES[0]).divisor
    ((_, embedding),) = opened.pages(opened.documents[0])
    (expected,) = neomme.embed_pages([make_page().image])
    assert embedding.layout == expected.layout
    assert embedding.layout.extent is not None


def test_who_made_a_set(encoder, folder):
    opened = PrecomputedSet(folder)
    assert opened.encoder.model_info == {**encoder.model_info, "precomputed": True}
    assert [document.title for document in opened.documents] == ["A report", "A letter"]
    assert opened.encoder.queries == list(QUERIES)
    (blank,) = encoder.embed_pages([blank_page()])
    assert torch.equal(opened.blank.vectors, blank.vectors)
    assert opened.blank.layout == blank.layout
    for ours, theirs in zip(opened.encoder.reference_pages, encoder.reference_pages, strict=True):
        assert torch.equal(ours.vectors, theirs.vectors) and ours.layout == theirs.layout
    assert opened.encoder.calibration == encoder.calibration


def test_what_is_not_in_a_set_is_refused_by_name(folder, make_page):
    encoder = PrecomputedSet(folder).encoder
    for ask in (
        lambda: encoder.embed_query("something else"),
        lambda: encoder.embed_query(QUERIES[0], prefix="Query: "),
        lambda: encoder.embed_query(QUERIES[0], augmentation=3),
        lambda: encoder.embed_pages([make_page().image]),
    ):
        with pytest.raises(CheckpointError, match="random-colpali") as caught:
            ask()
        assert caught.value.code == "not_precomputed"
    assert encoder.embed_query(f" {QUERIES[0]} ", prefix="Question: ", augmentation=10).text == QUERIES[0]


def test_sixteen_bits_are_kept_where_they_lose_nothing(checkpoint, documents, folder, tmp_path):
    half = load_encoder(str(checkpoint), device="cpu", dtype="bfloat16")
    save_set(tmp_path / "half", half, documents)
    name = "d0c.safetensors"
    assert (tmp_path / "half" / name).stat().st_size < 0.6 * (folder / name).stat().st_size
    index = PageIndex(half)
    index.add(documents[0][1])
    opened = PrecomputedSet(tmp_path / "half")
    (first, *_) = opened.pages(opened.documents[0])
    assert torch.equal(first[1].vectors, half.embed_pages([documents[0][1][0].image])[0].vectors)


@pytest.mark.parametrize("name", ["set.json", "queries.safetensors"])
def test_a_damaged_set_is_a_named_error(folder, tmp_path, name):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / name).write_bytes((copy / name).read_bytes()[:50])
    with pytest.raises(CheckpointError) as caught:
        PrecomputedSet(copy)
    assert caught.value.code == "checkpoint_corrupt"
    (copy / "set.json").write_text(json.dumps({"schema": 1}))
    with pytest.raises(CheckpointError, match="schema 1, not 3"):
        PrecomputedSet(copy)
    (copy / "set.json").unlink()
    with pytest.raises(CheckpointError, match=r"no set\.json"):
        PrecomputedSet(copy)


def test_a_folder_in_use_and_nothing_to_store(encoder, documents, tmp_path):
    with pytest.raises(ValueError, match="no queries"):
        save_set(tmp_path / "a", encoder, [(SetDocument("d0c", "a.pdf", "", "", ()), documents[0][1])])
    with pytest.raises(ValueError, match="no pages"):
        save_set(tmp_path / "b", encoder, [(documents[0][0], [])])
    with pytest.raises(FileExistsError):
        save_set(tmp_path, encoder, documents)


@pytest.fixture
def pdf(tmp_path):
    canvas = Canvas(str(tmp_path / "copper.pdf"), pagesize=(200, 300), invariant=True)
    canvas.drawString(20, 150, "copper")
    canvas.save()
    return tmp_path / "copper.pdf"


def test_the_command(checkpoint, pdf, tmp_path, capsys):
    command = ["precompute", str(pdf), "--model", str(checkpoint), "--out", str(tmp_path / "set")]
    assert main(command) == 2
    assert "--query" in capsys.readouterr().err
    assert main([*command, "--query", "price of copper", "--query", "copper"]) == 0
    assert "random-colpali" in capsys.readouterr().out
    (hit,) = open_set(tmp_path / "set").search("copper")
    assert (hit.page.source, hit.page.number) == ("copper.pdf", 1)
    assert [word.text for word in hit.page.words] == ["copper"]
    assert main([*command, "--query", "copper"]) == 2
    assert "not empty" in capsys.readouterr().err


def test_a_set_in_one_file_is_the_same_set(encoder, documents, folder, tmp_path):
    save_set(tmp_path / "random.colpali", encoder, documents)
    ours, theirs = open_set(tmp_path / "random.colpali"), open_set(folder)
    for query in QUERIES:
        ranked = [(hit.page.source, hit.page.number, hit.score, hit.page.jpeg) for hit in ours.rank(query)]
        assert ranked == [(hit.page.source, hit.page.number, hit.score, hit.page.jpeg) for hit in theirs.rank(query)]
    assert ours.encoder.model_info == theirs.encoder.model_info
    names = set(zipfile.ZipFile(tmp_path / "random.colpali").namelist())
    assert names == {file.name for file in folder.iterdir()}
    with pytest.raises(FileExistsError, match="there already"):
        save_set(tmp_path / "random.colpali", encoder, documents)


def test_a_damaged_file_is_a_named_error(encoder, documents, tmp_path):
    file = tmp_path / "random.colpali"
    save_set(file, encoder, documents)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"random\.colpali") as caught:
        PrecomputedSet(file)
    assert caught.value.code == "checkpoint_corrupt"
    for inside in (b"1e7.safetensors", b"1e7-1.jpg", b"set.json"):
        at = whole.index(inside) + 200
        file.write_bytes(whole[:at] + bytes(byte ^ 255 for byte in whole[at : at + 50]) + whole[at + 50 :])
        with pytest.raises(CheckpointError) as caught:
            open_set(file)
        assert caught.value.code == "checkpoint_corrupt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "no set")
    with pytest.raises(CheckpointError, match=r"no set\.json"):
        PrecomputedSet(file)


def test_nothing_is_left_of_a_file_that_could_not_be_made(encoder, documents, tmp_path):
    with pytest.raises(ValueError, match="no pages"):
        save_set(tmp_path / "set.colpali", encoder, [(documents[0][0], [])])
    assert [*tmp_path.iterdir()] == []


def test_sets_are_found_as_folders_and_files(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "a")
    (tmp_path / "b.colpali").touch()
    (tmp_path / "c.zip").touch()
    (tmp_path / "d").mkdir()
    assert [place.name for place in find_sets(tmp_path)] == ["a", "b.colpali"]


def merged(folder):
    return [make_engine_checkpoint(folder / "merged", "ColQwen2")]


def current(folder):
    return [make_engine_checkpoint(folder / "current", "ColPali", published=False)]


def adapter(folder):
    base = make_engine_checkpoint(folder / "base", "ColQwen2.5")
    return [make_engine_adapter(folder / "adapter", base, "ColQwen2.5")]


def chosen_adapter(folder):
    base = make_engine_checkpoint(folder / "base", "ColIdefics3")
    return [base, "--adapter", make_engine_adapter(folder / "adapter", base, "ColIdefics3", base_name="nobody/knows")]


def neomme(folder):
    return [MAKERS["NeoMME"](folder / "neomme", max_side=60)]


@pytest.mark.parametrize("make", [merged, current, adapter, chosen_adapter, neomme])
def test_the_command_takes_every_format_that_can_be_loaded(make, pdf, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLPALI_DTYPE", "float32")
    monkeypatch.setenv("COLPALI_RENDER_PIXELS", "200")
    model = [*map(str, make(tmp_path))]
    out = tmp_path / "set.colpali"
    query = ["price of copper", "a board"]
    command = ["precompute", str(pdf), "--query", query[0], "--query", query[1], "--out", str(out)]
    assert main([*command, "--model", *model]) == 0, capsys.readouterr().err
    options = {"adapter": model[2]} if len(model) > 1 else {}
    live = load_encoder(model[0], device="cpu", dtype="float32", **options)
    opened = open_set(out)
    assert opened.encoder.model_info["name"] == live.model_info["name"]
    for text in query:
        (hit,) = opened.search(text)
        (expected,) = live.embed_pages([hit.page.image])
        why = hit.explain()
        assert why.layout == expected.layout
        cosines = live.embed_query(text).vectors @ expected.vectors.T
        assert why.score == pytest.approx(float(cosines.amax(dim=1).sum()) / why.query.divisor, abs=1e-4)


def test_opening_a_set_builds_no_model(folder):
    program = (
        "import sys; from pathlib import Path; import torch; from colpali_demo.retrieval import open_set\n"
        "def refuse(*_): raise AssertionError('a module was built')\n"
        "torch.nn.Module.__init__ = refuse\n"
        f"print(len(open_set(Path({str(folder)!r})).search({QUERIES[0]!r})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3"]
