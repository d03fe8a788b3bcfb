"""docs/architecture.md is true: its list of files, and the lists and tests that it names."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def test_the_list_of_files_is_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    monkeypatch.delitem(sys.modules, "list_files", raising=False)
    import list_files

    assert list_files.page() == PAGE, "run: python docs/list_files.py"


def test_every_file_says_what_it_is(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import list_files

    files = [file for suffix in ("py", "js") for file in (ROOT / "colpali_demo").rglob(f"*.{suffix}")]
    assert [file for file in files if not list_files.first_sentence(file)] == []


def test_what_it_names_is_there():
    head = PAGE.partition("## Every file in a sentence")[0]
    for name in re.findall(r"`((?:tests|docs)/[\w/.-]+)`", head):
        assert (ROOT / name).exists(), name
    for list_name, file in re.findall(r"`([A-Z]+)` in `([\w/.]+)`", head):
        assert re.search(rf"\b{list_name}\b", (ROOT / "colpali_demo" / file).read_text("utf-8")), (list_name, file)
