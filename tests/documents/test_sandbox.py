from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from colpali_demo.documents import DocumentError, open_document, sandbox
from colpali_demo.settings import Settings
from tests.documents.pdf_files import pages_pdf, text

Save = Callable[..., Path]

# A renderer taken over by the file it reads: READY and OPEN are right, then it answers page requests with ANSWER.
TAKEN_OVER = """
import io, json, os, sys, time
from PIL import Image
def send(header, jpeg=b"", claim=None):
    body = header if isinstance(header, bytes) else json.dumps(header).encode()
    lengths = claim or (len(body), len(jpeg))
    sys.stdout.buffer.write(b"".join(n.to_bytes(4, "big") for n in lengths) + body + jpeg)
    sys.stdout.buffer.flush()
def jpeg(*size):
    data = io.BytesIO()
    Image.new("RGB", size, "white").save(data, "JPEG")
    return data.getvalue()
page = {"width": 90, "height": 80, "blank": True, "words": []}
READY
for line in sys.stdin:
    if int(line) != 2:
        send(page, jpeg(90, 80))
        continue
    ANSWER
"""
READY = 'send({"ready": True}); send({"pages": 3})'


def take_over(monkeypatch: pytest.MonkeyPatch, answer: str = "pass", ready: str = READY) -> None:
    script = TAKEN_OVER.replace("READY", ready).replace("ANSWER", answer)
    monkeypatch.setattr(sandbox, "COMMAND", (sys.executable, "-c", script))


@pytest.fixture
def path(save: Save) -> Path:
    return save(pages_pdf([text("1")]))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("sys.exit(0)", "page_crashed"),
        ("os.kill(os.getpid(), 11)", "page_crashed"),
        ("os.abort()", "page_memory"),
        ("os.kill(os.getpid(), 9)", "page_memory"),  # as the system does when it has no memory left
        ("os.close(1)", "page_memory"),
        ("time.sleep(600)", "page_timeout"),
        ("sys.stdout.write('1234'); sys.stdout.flush(); time.sleep(600)", "page_timeout"),
        ("send(b'{', jpeg(90, 80))", "page_crashed"),
        ("send(b'[]', jpeg(90, 80))", "page_crashed"),
        ("send(b'[' * 100_000, jpeg(90, 80))", "page_crashed"),
        ("send(page, claim=(4_000_000_000, 0))", "page_crashed"),
        ("send(page, claim=(10, 4_000_000_000))", "page_crashed"),
        ("send(page, jpeg(80, 90))", "page_crashed"),
        ("send({**page, 'width': 9000}, jpeg(9000, 80))", "page_crashed"),
        ("send(page, b'not a picture')", "page_crashed"),
        ("send({}, jpeg(90, 80))", "page_crashed"),
        ("send({**page, 'words': [['x', 0, 0, 2, 2]]}, jpeg(90, 80))", "page_crashed"),
        ("send({'error': 'page_too_small'})", "page_too_small"),
        ("send({'error': 'password_protected'})", "page_failed"),
        ("send({'error': ['<b>'], 'detail': 7})", "page_failed"),
    ],
)
def test_a_renderer_that_was_taken_over_costs_only_a_page(
    monkeypatch: pytest.MonkeyPatch, path: Path, settings: Settings, answer: str, code: str
) -> None:
    take_over(monkeypatch, answer)
    document = open_document(path, settings=replace(settings, page_seconds=2.0))
    assert [page.number for page in document] == [1, 3]
    assert [(error.page, error.code) for error in document.errors] == [(2, code)]


@pytest.mark.parametrize(
    ("ready", "code"),
    [
        ("time.sleep(600)", "renderer_failed"),
        ("sys.exit(1)", "renderer_failed"),
        ("send({'hello': 1})", "renderer_failed"),
        ("send({'ready': True}); sys.exit(0)", "damaged"),
        ("send({'ready': True}); os.abort()", "document_memory"),
        ("send({'ready': True}); time.sleep(600)", "document_timeout"),
        ("send({'ready': True}); send({'pages': 0})", "damaged"),
        ("send({'ready': True}); send({'pages': '3'})", "damaged"),
        ("send({'ready': True}); send({'error': 'page_memory'})", "document_memory"),
        ("send({'ready': True}); send({'error': 'gave_up'})", "damaged"),
    ],
)
def test_a_renderer_that_fails_before_the_first_page_costs_the_document(
    monkeypatch: pytest.MonkeyPatch, path: Path, settings: Settings, ready: str, code: str
) -> None:
    take_over(monkeypatch, ready=ready)
    monkeypatch.setattr(sandbox, "STARTUP_SECONDS", 3.0)
    with pytest.raises(DocumentError) as caught:
        open_document(path, settings=replace(settings, page_seconds=1.0))
    assert caught.value.code == code


def test_a_page_count_without_end_is_cut(monkeypatch: pytest.MonkeyPatch, path: Path, settings: Settings) -> None:
    take_over(monkeypatch, ready="send({'ready': True}); send({'pages': 10**30})")
    with open_document(path, settings=settings) as document:
        assert document.page_count == settings.max_pages


@pytest.mark.parametrize("stated", ["None", "'40'", "True", "-1", "2", "10**30", "[5]", "'<b>'"])
def test_a_renderer_cannot_make_up_how_many_pages_there_are(
    monkeypatch: pytest.MonkeyPatch, path: Path, settings: Settings, stated: str
) -> None:
    take_over(monkeypatch, ready=f"send({{'ready': True}}); send({{'pages': 3, 'stated': {stated}}})")
    with open_document(path, settings=replace(settings, max_pages=2)) as document:
        assert document._stated_pages is None
        assert document.page_count == 2


def test_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch, path: Path, settings: Settings) -> None:
    monkeypatch.setattr(sandbox, "COMMAND", ("/nowhere/python",))
    with pytest.raises(DocumentError) as caught:
        open_document(path, settings=settings)
    assert caught.value.code == "renderer_failed"


def test_a_replacement_that_does_not_start_ends_the_document(
    monkeypatch: pytest.MonkeyPatch, path: Path, settings: Settings
) -> None:
    take_over(monkeypatch, "sys.exit(1)")
    document = open_document(path, settings=settings)
    monkeypatch.setattr(sandbox, "COMMAND", ("/nowhere/python",))
    assert [page.number for page in document] == [1]
    assert [(error.page, error.code) for error in document.errors] == [(2, "page_crashed"), (None, "gave_up")]


def test_the_child_gets_no_secrets_and_no_descriptors(
    monkeypatch: pytest.MonkeyPatch, path: Path, settings: Settings, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    report = tmp_path / "report.json"
    ready = f"json.dump([dict(os.environ), os.listdir('/dev/fd')], open({str(report)!r}, 'w')); sys.exit()"
    take_over(monkeypatch, ready=ready)
    extra = os.open(path, os.O_RDONLY)
    os.set_inheritable(extra, True)
    try:
        with pytest.raises(DocumentError):
            open_document(path, settings=settings)
    finally:
        os.close(extra)
    environment, descriptors = json.loads(report.read_text())
    assert "hf_secret" not in environment.values()
    assert len(descriptors) <= 5  # three standard streams, the document, and the listing itself


def test_the_child_imports_nothing_heavy() -> None:
    heavy = {"torch", "gradio", "transformers", "numpy"}
    code = (
        "import sys, colpali_demo.documents.child, colpali_demo.documents.pdfium, colpali_demo.documents.images;"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    root = str(Path(__file__).parents[2])
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_child_limits_itself(tmp_path: Path) -> None:
    code = """
import resource, sys
from colpali_demo.documents.child import _limit
_limit(256, 9)
print([resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1] for name in ("CPU", "FSIZE", "CORE", "NOFILE")])
try:
    bytearray(300 << 20)
except MemoryError:
    print("no memory")
try:
    with open(sys.argv[1], "w") as file:
        file.write("x")
except OSError as error:
    print(error.strerror)
"""
    root = str(Path(__file__).parents[2])
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "file")], cwd=root, capture_output=True, text=True, check=True
    )
    limits, *rest = result.stdout.splitlines()
    assert limits == "[9, 0, 0, 32]"
    assert rest[-1] == "File too large"
    if sys.platform == "linux":
        assert rest[0] == "no memory"


# A first renderer that refuses page 2, and another that answers with ANSWER.
SECOND_OPINION = """
second = json.loads(sys.argv[1])["renderer"] == "pdf2image"
if not second:
    send({"error": REFUSAL})
    continue
page["blank"] = False
ANSWER
"""


@pytest.mark.parametrize(
    ("refusal", "answer", "read", "codes"),
    [
        ("page_failed", "send(page, jpeg(90, 80))", [1, 2, 3], []),
        ("page_failed", "send({'error': 'page_failed'})", [1, 3], ["page_failed"]),
        ("page_failed", "os.abort()", [1, 3], ["page_failed"]),
        ("page_failed", "time.sleep(600)", [1, 3], ["page_failed"]),
        ("page_too_small", "send(page, jpeg(90, 80))", [1, 3], ["page_too_small"]),
    ],
)
def test_a_page_that_pdfium_refuses_gets_a_second_opinion(
    monkeypatch: pytest.MonkeyPatch,
    path: Path,
    settings: Settings,
    refusal: str,
    answer: str,
    read: list[int],
    codes: list[str],
) -> None:
    lines = SECOND_OPINION.replace("REFUSAL", repr(refusal)).replace("ANSWER", answer)
    take_over(monkeypatch, lines.strip().replace("\n", "\n    "))
    document = open_document(path, settings=replace(settings, page_seconds=2.0))
    pages = list(document)
    assert [page.number for page in pages] == read
    assert [page.blank for page in pages] == [page.number != 2 for page in pages]
    assert [error.code for error in document.errors] == codes
    assert document._processes == {}


def test_a_second_renderer_that_does_not_start_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, path: Path, settings: Settings, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    ready = f"""
if json.loads(sys.argv[1])["renderer"] == "pdf2image":
    open({str(started)!r}, "a").write("x")
    sys.exit(1)
{READY}
"""
    script = TAKEN_OVER.replace("READY", ready).replace("if int(line) != 2:", "if False:")
    script = script.replace("ANSWER", "send({'error': 'page_failed'})")
    monkeypatch.setattr(sandbox, "COMMAND", (sys.executable, "-c", script))
    document = open_document(path, settings=settings)
    assert list(document) == []
    assert [(error.page, error.code) for error in document.errors] == [(n, "page_failed") for n in (1, 2, 3)]
    assert started.read_text() == "x"
