"""Documents from packages: the right ones are held out, and nothing of them is trained on."""

import gzip
import hashlib

import pytest
from reportlab.pdfgen import canvas

from colpali_demo.training.corpus import debian

PROSE = "it is the {0} of a {0} that was in the {0} and not by its {0} "  # no eight words without a name


def pdf(file, words):
    file.parent.mkdir(parents=True, exist_ok=True)
    page = canvas.Canvas(str(file), invariant=True)
    for start in range(0, len(words), 10):
        page.drawString(40, 800 - start, " ".join(words[start : start + 10]))
    page.save()
    return file.read_bytes()


def prose(name):
    return " ".join(PROSE.format(f"{name}{i}") for i in range(8)).split()


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Unpacked packages in place of Debian's, and a lab book that lists one held-out file."""
    root = tmp_path / "packages"
    docs = "usr/share/doc"
    data = pdf(root / "held" / docs / "manual.pdf", prose("ship"))
    (root / "held" / docs / "manual.pdf").rename(root / "held" / docs / "notlisted.txt")
    (root / "held" / docs / "manual.pdf.gz").write_bytes(gzip.compress(data))
    pdf(root / "held" / docs / "other.pdf", prose("other"))
    pdf(root / "choose" / docs / "guide.pdf", prose("tree"))
    pdf(root / "good" / docs / "book.pdf", prose("house"))
    (root / "good" / docs / "copy.pdf").write_bytes((root / "good" / docs / "book.pdf").read_bytes())
    pdf(root / "good" / docs / "again.pdf", prose("tree"))
    pdf(root / "good" / docs / "numbers.pdf", [str(i) for i in range(200)])
    (root / "good" / docs / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    (root / "good" / docs / "notes.txt").write_text(" ".join(prose("ship")[:40]) + "\n\n" + " ".join(prose("sea")[:40]))
    (root / "font" / "usr/share/fonts/truetype").mkdir(parents=True)
    (root / "font" / "usr/share/fonts/truetype/a.ttf").write_bytes(b"font")
    (root / "font" / "usr/share/fonts/truetype/b.ttf").symlink_to("/nowhere/b.ttf")  # into a package it depends on
    (root / "good" / "usr/share/dict").mkdir()
    (root / "good" / debian.DICTIONARY).write_text("apple\napple's\nzebra")
    book = tmp_path / "TRAINING.md"
    book.write_text(f"| `{hashlib.sha256(data).hexdigest()[:16]}` | held-manual.pdf |\n")
    groups = {"held out": ["held"], "for choosing": ["choose"], "fonts": ["font"], "text": ["good"],
              "documents": ["good"]}  # fmt: skip
    monkeypatch.setattr(debian, "LAB_BOOK", book)
    monkeypatch.setattr(debian, "read_packages", lambda: groups)
    monkeypatch.setattr(debian, "unpack", lambda names, folder: [root / name for name in names])
    return tmp_path


def test_nothing_held_out_is_trained_on(packages):
    out = packages / "out"
    debian.gather(out)
    pages = {str(file.relative_to(out)) for file in [*out.rglob("*.pdf"), *out.rglob("*.ttf")]}
    assert pages == {
        "held_out/held-manual.pdf",
        "choosing/choose-guide.pdf",
        "documents/good-book.pdf",
        "fonts/truetype/a.ttf",
    }
    (text,) = (out / "text").glob("*.txt")
    assert "sea0" in text.read_text() and "ship0" not in text.read_text()
    (held_out_text,) = (out / "held_out_text").glob("*.txt")
    assert "ship0" in held_out_text.read_text()
    assert (out / "text" / "dictionary.words").read_text() == "apple\nzebra"


def test_another_version_of_a_held_out_file_is_refused(packages):
    debian.LAB_BOOK.write_text("| `0123456789abcdef` | held-manual.pdf |\n")
    with pytest.raises(RuntimeError, match="held-manual.pdf"):
        debian.gather(packages / "out")


def test_what_is_missing_or_fails_is_named():
    with pytest.raises(RuntimeError, match="no-such-program is needed"):
        debian.call("no-such-program")
    with pytest.raises(RuntimeError, match="pdftotext failed: .*nothing.pdf"):
        debian.call("pdftotext", "nothing.pdf", "-")


def test_packages_are_in_one_group_only():
    groups = debian.read_packages()
    assert list(groups) == ["held out", "for choosing", "fonts", "text", "documents"]
    apart = [
        set(groups["held out"]),
        set(groups["for choosing"]),
        {*groups["fonts"], *groups["text"], *groups["documents"]},
    ]
    assert sum(map(len, apart)) == len(set.union(*apart))
    assert "wamerican-large" in groups["text"]  # it holds the dictionary


def test_what_two_documents_share_is_counted_in_sequences_of_eight():
    words = list("abcdefghijkl")
    known = set(debian.sequences(words))
    assert len(known) == 5
    assert debian.shared(words, known) == 1
    assert debian.shared(list("abcdefghi") + ["x"] * 3, known) == 2 / 5
    assert debian.shared(list("abc"), known) == 0
