"""The commands of the documents word by word, with the bundled checkpoint: `make test-long`. They take minutes."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from live import answers
from test_docs import CLI, ROOT, commands

pytestmark = pytest.mark.long


def run(line: str, folder: Path) -> None:
    """Run a command in a shell, as a reader does, but for the place of Python."""
    line = re.sub(r"^(\.venv/bin/)?python ", shlex.quote(sys.executable) + " ", line)
    subprocess.run(["sh", "-c", line], cwd=folder, check=True)


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith(CLI)])
def test_commands(line, workspace):
    run(line, workspace)


def test_benchmarks(workspace):
    """With the samples as the folder of SECURITY.md, which wants nearly all of its files to be sound."""
    run("python benchmarks/precisions.py", workspace)
    run("python benchmarks/pairs.py", workspace)
    run("python benchmarks/hostile_files.py hostile report.pdf", workspace)
    run("python benchmarks/folder_of_pdfs.py assets/samples --report report.json", workspace)
    assert (workspace / "report.json").is_file()


def test_a_fresh_clone_runs(tmp_path):
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(["make", "run", f"PORT={port}", f"PYTHON={sys.executable}"], cwd=tmp_path / "clone")
    try:
        deadline = time.monotonic() + 1200
        while not answers(f"http://127.0.0.1:{port}"):
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(1)
        client = Client(f"http://127.0.0.1:{port}", verbose=False)
        file = handle_file(ROOT / "assets/samples/lighthouse-letter.pdf")
        answer = client.predict(file, "fog horn compressor", 1, api_name="/search_pdf")
        assert answer["model"]["name"] == "colpali-tiny"
        assert answer["results"][0]["score"] == pytest.approx(
            sum(token["maxsim"] for token in answer["results"][0]["tokens"])
        )
    finally:
        server.terminate()
        server.wait(60)
