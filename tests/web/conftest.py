from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.samples import read_samples
from colpali_demo.settings import Settings
from colpali_demo.web import sources as sources_module
from colpali_demo.web.api import prepare_mcp
from colpali_demo.web.engine import Engine
from colpali_demo.web.models import Models
from colpali_demo.web.page import build_page
from colpali_demo.web.serve import launch_options
from colpali_demo.web.sources import CheckpointSource, Sample
from colpali_demo.web.visitors import Sessions

Upload = Callable[..., str]


@dataclass(repr=False)
class Server:
    """The demo, served by this process, and a client that sends what no browser would."""

    address: str
    engine: Engine
    sessions: Sessions
    client: httpx.Client
    functions: dict[str, int]  # the index of each event handler
    blocks: gr.Blocks

    def join(self, session: str, function: int, data: Any = (), event_data: Any = None) -> httpx.Response:
        body = {"session_hash": session, "fn_index": function, "data": list(data), "event_data": event_data}
        return self.client.post("/gradio_api/queue/join", json=body)

    def call(self, session: str, name: str, data: Any = (), event_data: Any = None) -> dict[str, Any]:
        """Run an event handler to its end: the last message about it."""
        joined = self.join(session, self.functions[name], data, event_data)
        assert joined.status_code == 200, joined.text
        return self.outcome(session)

    def outcome(self, session: str) -> dict[str, Any]:
        """Return the last message about the event that this session has joined the queue with."""
        return next(self.outcomes(session))

    def outcomes(self, session: str) -> Iterator[dict[str, Any]]:
        """Yield the last message about each of the events that this session has joined the queue with, as they come."""
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
            text = ""
            for chunk in answer.iter_text():  # not `iter_lines`, which ends lines at U+0085, too
                *lines, text = (text + chunk).split("\n\n")
                for line in lines:
                    message = json.loads(line.removeprefix("data: "))
                    if message["msg"] in ("process_completed", "unexpected_error", "server_stopped"):
                        yield message
                    elif message["msg"] == "close_stream":
                        return
        raise AssertionError("the answer never ended")

    def upload(self, *files: tuple[str, bytes]) -> httpx.Response:
        return self.client.post("/gradio_api/upload", files=[("files", file) for file in files])


def _name(function: Callable) -> str:
    is_endpoint = function.__qualname__.startswith("add_endpoints")
    return f"api.{function.__name__}" if is_endpoint else function.__name__


@pytest.fixture(scope="module")
def server(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo with a random checkpoint and one sample of two pages."""
    folder = tmp_path_factory.mktemp("server")
    canvas = Canvas(str(folder / "sample.pdf"), pagesize=(200, 300), invariant=True)
    for number in (1, 2):
        canvas.drawString(20, 150, f"sample page {number}")
        canvas.showPage()
    canvas.save()
    entry = {"file": "sample.pdf", "title": "A sample", "description": "", "queries": ["sample"]}
    (folder / "samples.json").write_text(json.dumps([entry]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources_module, "read_samples", lambda: read_samples(folder))
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        settings = Settings(
            model=str(checkpoint),
            device="cpu",
            render_pixels=200,
            max_file_mb=1,
            session_mb=2,
            searches_per_minute=9999,
            files_per_minute=9999,
            mcp="on",
        )
        root = folder / "uploads" / "root"
        root.mkdir(parents=True)
        models = Models(settings, root / "models")
        engine = models.default
        sessions = Sessions(engine, root / "visitors")
        demo = build_page(models, sessions, settings)
        engine.start()
        _, address, _ = demo.launch(
            prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options(sessions, settings)
        )
        prepare_mcp(demo, sessions.uploads)
        functions = {_name(function.fn): index for index, function in demo.fns.items() if function.fn}
        try:
            assert engine.samples[0].finished.wait(60)
            with httpx.Client(base_url=address, timeout=60) as client:
                yield Server(address, engine, sessions, client, functions, demo)
        finally:
            demo.close()
            sessions.close()


@pytest.fixture
def engine(encoder, tmp_path) -> Engine:
    """An engine that has loaded, without samples."""
    settings = Settings(render_pixels=200)
    engine = Engine(settings, CheckpointSource(settings), tmp_path / "shared")
    engine.samples.clear()
    engine.encoder, engine.state = encoder, "ready"
    engine.settled.set()
    return engine


@pytest.fixture
def sessions(engine, tmp_path) -> Sessions:
    return Sessions(engine, tmp_path / "sessions")


@pytest.fixture
def upload(sessions) -> Upload:
    """Makes a PDF and uploads it."""

    def make(pages: int = 3, text: str = "revenue", name: str = "report.pdf") -> str:
        with sessions.uploads.new_folder(0) as request:
            folder = request / f"{pages}-{text}"  # which Gradio names after the content
            folder.mkdir()
        canvas = Canvas(str(folder / name), pagesize=(200, 300), invariant=True)
        for number in range(1, pages + 1):
            canvas.drawString(20, 150, f"{text} page {number}")
            canvas.showPage()
        canvas.save()
        return str(folder / name)

    return make


@pytest.fixture
def sample(engine, upload, tmp_path) -> Sample:
    engine._folder.mkdir()
    path = tmp_path / "sample.pdf"
    shutil.copy(upload(pages=2, text="sample"), path)
    sample = Sample(path, "A sample", "Two pages", ("first query", "second query"))
    engine.samples.append(sample)
    engine._embed(sample)
    return sample
