from __future__ import annotations

import json

from colpali_demo.documents import DocumentError, PageError
from colpali_demo.settings import Settings
from colpali_demo.web import payload

HOSTILE = "<img src=x onerror=alert(1)> ${alert(1)} {{alert(1)}} <image> \u202egnp.exe 🦊"


def test_errors_of_files_and_of_pages_stand_side_by_side():
    errors = [DocumentError("a.pdf", "empty_file", Settings()), PageError(HOSTILE, 3, "page_timeout", "Too slow.")]
    value = payload.library_value([], errors)
    assert [(error["source"], error["page"], error["code"]) for error in value["errors"]] == [
        ("a.pdf", None, "empty_file"),
        (HOSTILE, 3, "page_timeout"),
    ]
    assert "empty" in value["errors"][0]["message"]
    assert json.loads(json.dumps(value)) == value
