"""The server under attack, and what `/config` says can be called there."""

from __future__ import annotations

import io
import itertools
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from reportlab.pdfgen.canvas import Canvas

ROOT = Path(__file__).resolve().parents[2]
END = ("process_completed", "unexpected_error", "server_stopped")
SECONDS = 120  # for any answer to come
HANDS = 6  # requests sent at once
# Ways to call an event; those with a name take it by that.
ROUTES = ("queue/join", "run/predict", "api/{name}", "run/{name}", "call/{name}")


def _told() -> list[str]:
    """Return the names of the fields that components send, read from where the server reads them."""
    sources = (ROOT / "colpali_demo" / "web").rglob("*.py")
    lines = [line for file in sources for line in file.read_text("utf-8").splitlines() if "_told(" in line]
    return sorted(set(re.findall(r'"(\w+)"', "\n".join(lines))))


@dataclass(frozen=True)
class Event:
    """Something that can be called: its number, its name where it has one, and how many inputs it takes."""

    number: int
    name: str | None
    inputs: int

    @property
    def positions(self) -> range:
        """Where a value may stand among the inputs; one place where there are none, for `told` has it, too."""
        return range(max(1, self.inputs))

    def data(self, value: Any, position: int) -> list[Any]:
        """Return arguments with a value at one position, and at the others what a search takes."""
        data = [*["sample", 3, None, None][: self.inputs], *[None] * (self.inputs - 4)]
        if position < self.inputs:
            data[position] = value
        return data

    def __str__(self) -> str:
        return f"{self.number}:{self.name}"


@dataclass
class Target:
    """A server at an address. `log` is its log where it was started here."""

    address: str
    log: Path | None = None
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.address, timeout=SECONDS)

    @cached_property
    def config(self) -> dict[str, Any]:
        return self.client.get("/config").json()

    @cached_property
    def events(self) -> list[Event]:
        """Every event that reaches the server, endpoints included."""
        return [
            Event(each["id"], each["api_name"] or None, len(each["inputs"]))
            for each in self.config["dependencies"]
            if each["backend_fn"]
        ]

    @cached_property
    def fields(self) -> list[str]:
        return _told()

    def event(self, name: str) -> Event:
        return next(each for each in self.events if each.name == name)

    def told(self, value: Any) -> dict[str, Any]:
        """Return what a component sends the server, with this value under every name."""
        return {**dict.fromkeys(self.fields, value), "augmentation": "5", "token": "0"}

    def join(self, session: Any, event: Event, data: list[Any] = (), event_data: Any = None) -> httpx.Response:
        body = {"session_hash": session, "fn_index": event.number, "data": list(data), "event_data": event_data}
        return self.client.post("/gradio_api/queue/join", json=body)

    def outcomes(self, session: str) -> Iterator[dict[str, Any]]:
        """Yield the last message about each event that a session has joined the queue with, as they come.

        Raises TimeoutError where one stays away, which heartbeats would hide from the client.
        """
        deadline = time.monotonic() + SECONDS
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
            if answer.status_code == 404:  # nothing is under way
                return
            text = ""
            for chunk in answer.iter_text():
                if time.monotonic() > deadline:
                    raise TimeoutError(f"session {session}: no answer after {SECONDS} s")
                *blocks, text = (text + chunk).split("\n\n")
                for block in blocks:
                    message = json.loads(block.removeprefix("data: "))
                    if message["msg"] in END:
                        yield message
                    elif message["msg"] == "close_stream":
                        return

    def call(self, session: str, name: str, data: list[Any] = (), event_data: Any = None) -> dict[str, Any]:
        """Run an event of this name to its end: the last message about it. Inputs that are not given are empty."""
        event = self.event(name)
        return self.run(session, event, [*data, *[None] * (event.inputs - len(data))], event_data)

    def run(self, session: str, event: Event, data: list[Any] = (), event_data: Any = None) -> dict[str, Any]:
        joined = self.join(session, event, data, event_data)
        if joined.status_code != 200:
            return {"success": False, "output": {"error": joined.text}}
        # To the end of the stream: Gradio deletes what a session waits for when its stream is closed earlier.
        answers = list(self.outcomes(session))
        return answers[0] if answers else {"success": False, "output": {"error": "no answer"}}

    def upload(self, *files: tuple[str, bytes]) -> httpx.Response:
        return self.client.post("/gradio_api/upload", files=[("files", file) for file in files])

    def index(self, session: str, name: str, pages: int = 1) -> dict[str, Any]:
        """Upload a PDF and have a session index it."""
        (path,) = self.upload((name, pdf(name, pages))).json()
        message = self.call(session, "index", [file_data(path)])
        assert message["success"], message
        return message["output"]["data"][0]

    def with_sample(self) -> str:
        """A session that can search a sample."""
        session = new_session()
        samples = self.call(session, "arrive")["output"]["data"][0]["samples"]
        self.call(session, "open_sample", [], {"file": samples[0]["file"]})
        for _ in range(10 * SECONDS):
            if self.call(session, "search", ["sample", 1])["success"]:
                return session
            time.sleep(0.1)
        raise TimeoutError("the sample is not embedded")

    def leave(self, *sessions: str) -> None:
        """End sessions as closing the tab does."""
        event = self.event("leave")
        for session in sessions:
            while self.join(session, event).status_code != 200:
                assert list(self.outcomes(session)), "nothing is under way, and yet the session cannot leave"
            list(self.outcomes(session))


def new_session() -> str:
    return secrets.token_hex(8)


def file_data(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def pdf(text: str, pages: int = 1) -> bytes:
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(200, 300))
    for number in range(1, pages + 1):
        canvas.drawString(20, 150, f"{text} {number}")
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def everywhere(target: Target, act: Callable[[Event], None]) -> None:
    """Do something to every event, several at a time; what fails first is raised."""
    pool = ThreadPoolExecutor(HANDS)
    try:
        for future in [pool.submit(act, event) for event in target.events]:
            future.result(2 * SECONDS)
    finally:
        pool.shutdown(cancel_futures=True)


class Trap:
    """A web server that counts who comes."""

    def __init__(self) -> None:
        trap = self
        self.visits: list[str] = []
        self._numbers = itertools.count()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                trap.visits.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"from elsewhere")

            do_HEAD = do_POST = do_GET

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def address(self) -> str:
        """Return an address of its own for each use, for Gradio keeps copies."""
        return f"http://127.0.0.1:{self._server.server_port}/{next(self._numbers)}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
