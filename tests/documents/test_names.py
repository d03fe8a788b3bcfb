from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colpali_demo.documents.names import MAX_NAME_CHARS, display_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("/tmp/upload/report.pdf", "report.pdf"),
        (r"C:\Users\ann\report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("folder/..", "folder"),
        ("-v.pdf", "-v.pdf"),
        ("a\nb\0c.pdf", "a\ufffdb\ufffdc.pdf"),
        ("\u202egpj.exe", "\ufffdgpj.exe"),
        ("two   spaces .pdf", "two spaces .pdf"),
        ('<b>"quoted"</b>.pdf', "b>.pdf"),
        ("Jahresbericht für 2024.pdf", "Jahresbericht für 2024.pdf"),
        ("می\u200cخواهم.pdf", "می\u200cخواهم.pdf"),
        ("\udcff.pdf", "\ufffd.pdf"),
        ("", "document"),
        ("///", "document"),
        ("..", "document"),
    ],
)
def test_display_name(name: str, shown: str) -> None:
    assert display_name(name) == shown


def test_long_names_keep_their_extension() -> None:
    shown = display_name("a" * 10_000_000 + ".pdf")
    assert len(shown) == MAX_NAME_CHARS
    assert shown.startswith("aaa") and shown.endswith("aaa.pdf") and "…" in shown


@given(st.text() | st.text(alphabet="a/\\.\0\n\u202e\u2028 \ud800"))
def test_any_name_can_be_shown_on_one_line(name: str) -> None:
    shown = display_name(name)
    assert 0 < len(shown) <= MAX_NAME_CHARS
    assert not set(shown) & set("/\\\n")
    assert all(unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") for char in shown)
    shown.encode()
