"""The lens where it is a guest: in somebody's own Gradio app, as the guide has it, and in a notebook."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import answers

ROOT = Path(__file__).resolve().parents[2]
HEAT = "canvas => canvas.toDataURL()"


def example() -> str:
    """The app in the guide."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "guide.md").read_text("utf-8"), re.DOTALL)
    (app,) = (block for block in blocks if ".launch(" in block)
    return app


@pytest.fixture
def own_app(tmp_path, make_pdf) -> Iterator[str]:
    """The address of the app in the guide, run as a program beside a report.pdf."""
    make_pdf("report.pdf", pages=5)
    (tmp_path / "app.py").write_text(example())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "COLPALI_DTYPE": "float32",
        "COLPALI_RENDER_PIXELS": "400",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(tmp_path / "gradio"),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    log = tmp_path / "log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [sys.executable, "app.py"], cwd=tmp_path, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 300
        while not answers(address):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)
    assert "Traceback" not in log.read_text()


def test_the_lens_in_an_app_of_ones_own(own_app, new_visitor):
    page = new_visitor(at=own_app).page
    page.goto(own_app)
    page.fill("input, textarea", "revenue page")
    page.press("input, textarea", "Enter")
    lens = page.locator("[data-lens][data-search]")
    lens.wait_for()
    assert "revenue" in lens.locator(".chips").inner_text()
    page.wait_for_function("document.querySelector('img.paper').naturalWidth > 100")
    assert page.evaluate("getComputedStyle(document.querySelector('[data-lens] .lens')).getPropertyValue('--accent')")
    before = lens.locator("canvas.heat").evaluate(HEAT)
    lens.locator(".chip[data-token=w1]").click()
    assert lens.locator("canvas.heat").evaluate(HEAT) != before
    assert lens.locator("[data-take=pdf]").count() == 0, "there is nobody to ask for a file"
