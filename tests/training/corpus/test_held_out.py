"""Listed files are taken from packages by their content, and another version is refused."""

import gzip
import hashlib

import pytest

from colpali_demo.training.corpus import held_out


@pytest.fixture
def lists(tmp_path, monkeypatch):
    """A list of one language document and one of one font, and unpacked packages that hold them."""
    package = tmp_path / "packages" / "manual-xx"
    package.mkdir(parents=True)
    (package / "manual.pdf.gz").write_bytes(gzip.compress(b"%PDF manual"))
    (package / "face.ttf").write_bytes(b"face")
    (tmp_path / "lists").mkdir()
    for name, file, data in (("languages", "manual.xx.pdf", b"%PDF manual"), ("fonts", "face.ttf", b"face")):
        digest = hashlib.sha256(data).hexdigest()[:16]
        (tmp_path / "lists" / f"{name}.tsv").write_text(f"# a list\n{digest}\t{file}\tmanual-xx\n")
    monkeypatch.setattr(held_out, "LISTS", tmp_path / "lists")
    monkeypatch.setattr(held_out, "unpack", lambda names, folder: [tmp_path / "packages" / name for name in names])
    return tmp_path


def test_files_are_found_by_their_content_and_written_by_their_listed_name(lists):
    held_out.gather_listed(lists / "out")
    assert (lists / "out" / "languages" / "manual.xx.pdf").read_bytes() == b"%PDF manual"
    assert (lists / "out" / "fonts" / "face.ttf").read_bytes() == b"face"


def test_another_version_is_refused_by_name(lists):
    (lists / "packages" / "manual-xx" / "manual.pdf.gz").write_bytes(gzip.compress(b"%PDF newer"))
    with pytest.raises(RuntimeError, match=r"manual\.xx\.pdf"):
        held_out.gather_listed(lists / "out")
