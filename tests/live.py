"""`python app.py` as anybody runs it, on a free port, with a random checkpoint."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def serve(folder: Path, checkpoint: Path, *arguments: str, **settings: object) -> Iterator[str]:
    """Serve the demo inside, and answer its address; `settings` are those of the environment, without COLPALI_.

    At the end the log must show no error of ours. It is in `folder`, as are the uploads.
    """
    with run(folder, checkpoint, *arguments, **settings) as address:
        yield address
    check_log(folder)


def check_log(folder: Path) -> None:
    """Assert that the log of a server shows no error of ours."""
    text = (folder / "server.log").read_text()
    # Gradio itself logs that it refuses to touch a file that nobody uploaded.
    assert text.count("Traceback") == text.count("gradio.exceptions.InvalidPathError"), text


@contextmanager
def run(
    folder: Path, checkpoint: Path, *arguments: str, program: tuple[str, ...] = ("app.py",), **settings: object
) -> Iterator[str]:
    """Run a server as `serve`, without a look at the log; `program` is what Python runs, `app.py` unless given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    given = {"MODEL": checkpoint, "DEVICE": "cpu", "RENDER_PIXELS": 400, **settings}
    environment = {
        **os.environ,
        **{f"COLPALI_{name.upper()}": str(value) for name, value in given.items()},
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
    }
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, *program, "--port", str(port), *arguments],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 300
        while not answers(address):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        status = process.wait(30)
    assert status == 0, status


def answers(address: str) -> bool:
    """Return whether a server is there."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
