"""The sample PDFs: their script makes them again, and `samples.json` describes them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

SAMPLES = Path(__file__).parents[2] / "assets" / "samples"
PAGES = {"annual-report.pdf": 8, "cooler-streets.pdf": 8, "lighthouse-letter.pdf": 2, "river-ice-paper.pdf": 3}


def page_texts(path: Path) -> list[str]:
    with pypdfium2.PdfDocument(path) as pdf:
        return [page.get_textpage().get_text_bounded() for page in pdf]


@pytest.fixture(scope="module")
def remade(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, SAMPLES / "make_samples.py", folder], check=True, capture_output=True)
    return folder


def test_the_folder_holds_what_the_script_makes(remade):
    assert {path.name for path in remade.iterdir()} == {path.name for path in SAMPLES.glob("*.pdf")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_the_script_makes_the_committed_pages_again(remade, name):
    texts = page_texts(SAMPLES / name)
    assert len(texts) == PAGES[name]
    assert page_texts(remade / name) == texts


def test_only_the_scan_has_no_text_layer():
    without = {name for name in PAGES if not any(text.strip() for text in page_texts(SAMPLES / name))}
    assert without == {"lighthouse-letter.pdf"}


def test_text_is_not_broken_into_letters():
    words = re.findall(r"[^\W\d_]+", " ".join(page_texts(SAMPLES / "annual-report.pdf")))
    assert {"Revenue", "Hydropower", "Hélène", "expenses"} <= set(words)
    assert sum(len(word) == 1 for word in words) < 0.05 * len(words)


def test_files_are_small():
    sizes = [(SAMPLES / name).stat().st_size for name in PAGES]
    assert max(sizes) < 600_000
    assert sum(sizes) < 2_000_000


def test_the_list_describes_every_file():
    entries = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))
    assert [entry["file"] for entry in entries] == list(PAGES)
    for entry in entries:
        assert set(entry) == {"file", "title", "description", "queries"}
        assert entry["title"].strip() and entry["description"].strip()
        assert 3 <= len(entry["queries"]) <= 5


@pytest.mark.parametrize("name", [name for name in PAGES if name != "lighthouse-letter.pdf"])
def test_example_queries_use_words_of_their_document(name):
    entries = {entry["file"]: entry for entry in json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))}
    text = " ".join(page_texts(SAMPLES / name)).lower()
    for query in entries[name]["queries"]:
        words = [word for word in re.findall(r"\w+", query.lower()) if len(word) > 3]
        assert sum(word in text for word in words) >= len(words) / 2, query


def test_the_batch_names_pages_that_are_there_each_for_one_query():
    batch = json.loads((SAMPLES / "batch.json").read_text("utf-8"))
    pages = [question["page"] for question in batch["questions"]]
    assert len(set(pages)) == len(pages) == 4
    assert set(pages) <= set(range(1, PAGES[batch["file"]] + 1))
