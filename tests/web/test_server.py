"""What a client that is no browser can do to the server."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import quote, urlsplit

import gradio as gr
import httpx
import pytest
import torch
from gradio import processing_utils
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from live import ROOT, serve
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.retrieval import RANKERS
from colpali_demo.retrieval.rankers import LateInteraction
from colpali_demo.web import guard, visitor_queue
from colpali_demo.web.inputs import MALFORMED, ONLY_UPLOADS
from colpali_demo.web.lessons.desk import Desk
from colpali_demo.web.turns import Rate
from colpali_demo.web.visitors import Visitor
from colpali_demo.web.visitors import search as search_module
from colpali_demo.web.visitors.search import Search
from tests.web.conftest import Server

NAMED = re.compile(r"quote [0-9a-f]{8}\.|not in the list of choices|[a-z]{3,}.*\.$")
numbers = itertools.count()


def new_session() -> str:
    return f"session{next(numbers)}"


def pdf(text: str = "revenue", pages: int = 1) -> bytes:
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(200, 300), invariant=True)
    for number in range(1, pages + 1):
        canvas.drawString(20, 150, f"{text} {number}")
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def file_data(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def add(server: Server, session: str, *paths: str) -> dict[str, Any]:
    """Have a session index uploads; the library then."""
    assert server.call(session, "receive", [[file_data(path) for path in paths]])["success"]
    # A generator's last message repeats no value, so the library is asked for once more.
    assert server.call(session, "index")["success"]
    return server.sessions.get(session).library()


# ---------------------------------------------------------------------- uploads


def test_an_upload_becomes_pages(server: Server) -> None:
    session = new_session()
    (path,) = server.upload(("report.pdf", pdf(pages=3))).json()
    library = add(server, session, path)
    assert [(entry["source"], entry["pages"]) for entry in library["documents"]] == [("report.pdf", 3)]
    assert not Path(path).exists()
    assert list(server.sessions.uploads.folder.iterdir()) == []
    server.call(session, "leave")


def test_missing_inputs_are_refused_and_not_written_into_the_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    session = new_session()
    message = server.call(session, "search", ["SECRET" * 1000])
    assert not message["success"]
    assert "malformed" in message["output"]["error"]
    assert "SECRET" not in caplog.text
    server.call(session, "leave")


def test_the_same_file_from_two_visitors_lies_at_two_addresses(server: Server) -> None:
    anna, ben = new_session(), new_session()
    (first,), (second,) = (server.upload(("report.pdf", pdf())).json() for _ in range(2))
    assert first != second
    assert len(add(server, anna, first)["documents"]) == 1
    assert len(add(server, ben, second)["documents"]) == 1
    server.call(anna, "leave")
    assert server.call(ben, "search", ["revenue", 1])["success"]
    server.call(ben, "leave")


def test_an_upload_can_be_taken_once_and_by_nobody_who_guesses(server: Server) -> None:
    session = new_session()
    (path,) = server.upload(("report.pdf", pdf())).json()
    add(server, session, path)
    library = add(server, session, path)
    assert [error["code"] for error in library["errors"]] == ["not_found"]
    server.call(session, "leave")


@pytest.mark.parametrize(
    "name",
    ["../../x.pdf", "a\0b.pdf", "-v.pdf", "n" * 250 + ".pdf", "'\"<b>.pdf", "new\nline.pdf", "", ".", "C:\\x.pdf"],
)
def test_names_of_uploads_are_only_names(server: Server, name: str) -> None:
    answer = server.upload((name, pdf()))
    assert answer.status_code in (200, 400, 422)
    if answer.status_code == 200:
        for path in answer.json():
            assert server.sessions.uploads.folder in Path(path).resolve().parents
            session = new_session()
            assert add(server, session, path)["documents"]
            server.call(session, "leave")
    assert list(server.sessions.uploads.folder.iterdir()) == []


def test_a_drop_of_many_files_is_noted_one_by_one(server: Server) -> None:
    """As browsers name them: each with all that Gradio writes about a file, more than 64 KB together."""
    session = new_session()
    (path,) = server.upload(("report.pdf", pdf())).json()
    own = {
        "url": f"{server.address}/gradio_api/file={path}",
        "orig_name": "report.pdf",
        "size": 900,
        "is_stream": False,
    }
    named = [{**file_data(path), **own, "mime_type": "application/pdf"}] * 300
    assert len(json.dumps(named)) > guard.MAX_BODY_BYTES
    body = {"fn_index": server.functions["receive"], "data": [named], "session_hash": session}
    for route in ("run/predict", "queue/join"):
        answer = server.client.post(f"/gradio_api/{route}", json=body)
        assert answer.status_code == 200, answer.text
    assert server.outcome(session)["success"]
    assert len(server.sessions.get(session).library()["errors"]) == 300
    too_many = server.call(session, "receive", [[file_data("x")] * 1001])
    assert too_many["output"]["error"] == "At most 1000 files are taken at once."
    too_long = server.call(session, "receive", [[file_data("x" * 300)]])
    assert too_long["output"]["error"] == "Only uploaded files are taken."
    server.call(session, "leave")


def guard_of(server: Server) -> guard.Guard:
    layer = server.blocks.app.middleware_stack
    while not isinstance(layer, guard.Guard):
        layer = layer.app
    return layer


def test_large_requests_have_room_together_and_no_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"fn_index": server.functions["receive"], "session_hash": new_session()}
    (path,) = server.upload(("r" * 100 + ".pdf", pdf())).json()
    large = {**body, "data": [[file_data(path)] * 900]}
    bodies = guard_of(server)._bodies
    monkeypatch.setattr(bodies, "_left", 100_000)
    answer = server.client.post("/gradio_api/run/predict", json=large)
    assert (answer.status_code, answer.text) == (503, guard.BUSY)
    for _ in range(3):  # a small one always has room, and what was counted is given back
        answer = server.client.post("/gradio_api/run/predict", json={**body, "data": [[file_data(path)] * 300]})
        assert answer.status_code == 200
    wait_until(lambda: bodies._left == 100_000)  # the last request may just be ending
    server.sessions.drop(body["session_hash"])


def test_large_uploads_are_refused_and_leave_nothing(server: Server) -> None:
    one = server.upload(("large.pdf", bytes(1_100_000)))
    assert (one.status_code, one.text) == (413, "This is too large: at most 1 MB may be sent at once.")
    many = server.upload(*[("part.pdf", bytes(900_000))] * 3)
    assert (many.status_code, many.text) == (413, "This is too large: at most 2 MB may be sent at once.")

    def body():  # without a length
        yield b"--x\r\nContent-Disposition: form-data; name=files; filename=a\r\n\r\n"
        yield from [bytes(10_000)] * 300

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert server.client.post("/gradio_api/upload", content=body(), headers=headers).status_code == 413
    assert list(server.sessions.uploads.folder.iterdir()) == []


def test_a_connection_lost_in_the_middle_of_an_upload_leaves_nothing(server: Server) -> None:
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 900000\r\n\r\n--x\r\n"
            b'Content-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n' + bytes(200_000)
        )
        wait_until(lambda: list(server.sessions.uploads.folder.iterdir()))
    wait_until(lambda: not list(server.sessions.uploads.folder.iterdir()))


BEGUN = (
    b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: 900000\r\n\r\n--x\r\n"
    b'Content-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n' + bytes(1000)
)


@pytest.mark.parametrize("limit", ["STALL_SECONDS", "UPLOAD_SECONDS"])
def test_an_upload_that_stalls_is_given_up_and_leaves_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(guard, limit, 0.5)
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.settimeout(20)
        connection.sendall(BEGUN)
        wait_until(lambda: list(server.sessions.uploads.folder.iterdir()))
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
    assert list(server.sessions.uploads.folder.iterdir()) == []


def test_uploads_on_their_way_count(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.sessions.uploads, "_max_bytes", 1_000_000)
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(BEGUN)
        wait_until(lambda: list(server.sessions.uploads.folder.iterdir()))
        answer = server.upload(("report.pdf", bytes(200_000)))
        assert (answer.status_code, "no room" in answer.text) == (507, True)
    wait_until(lambda: not list(server.sessions.uploads.folder.iterdir()))
    (path,) = server.upload(("report.pdf", bytes(200_000))).json()
    shutil.rmtree(Path(path).parents[1])


def wait_until(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_full_disk_refuses_uploads(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(1 << 40, (1 << 40) - 1000, 1000))
    answer = server.upload(("report.pdf", pdf()))
    assert (answer.status_code, "no room" in answer.text) == (507, True)


def test_a_disk_that_fills_up_during_an_upload_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(guard, "upload_fn", fail)
    answer = server.upload(("report.pdf", pdf()))
    assert (answer.status_code, "no room" in answer.text) == (507, True)
    assert list(server.sessions.uploads.folder.iterdir()) == []


def test_an_upload_that_fails_is_named(server: Server, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    async def fail(*arguments):
        raise RuntimeError("/secret/folder")

    monkeypatch.setattr(guard, "upload_fn", fail)
    answer = server.upload(("report.pdf", pdf()))
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert re.search(r"quote (\w{8})", answer.text)[1] in caplog.text
    assert list(server.sessions.uploads.folder.iterdir()) == []


@hypothesis_settings(max_examples=20)
@given(
    body=st.binary(max_size=300) | st.binary(max_size=99).map(lambda data: b"--x\r\n" + data + b"\r\n--x--\r\n"),
    kind=st.sampled_from(["multipart/form-data; boundary=x", "multipart/form-data", "application/json", "", "x"]),
    query=st.sampled_from(["", "?upload_id=x", "?upload_id="]),
)
def test_uploads_of_any_bytes_end_in_a_named_error(server: Server, body: bytes, kind: str, query: str) -> None:
    answer = server.client.post(f"/gradio_api/upload{query}", content=body, headers={"Content-Type": kind})
    assert answer.status_code in (200, 400)
    assert answer.text
    if answer.status_code == 200:
        for path in answer.json():
            shutil.rmtree(Path(path).parents[1])
    assert list(server.sessions.uploads.folder.iterdir()) == []


# ---------------------------------------------------------------------- events

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([file_data("/etc/passwd"), file_data("http://127.0.0.1:1/x"), {"path": None}, "sample.pdf"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "file", "document", "path", "meta", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)
EVENTS = (
    *("arrive", "follow_loading", "first_look", "search", "open_page", "open_sample", "follow_samples", "receive"),
    *(
        "index",
        "embed_again",
        "choose_model",
        "search_again",
        "encode_again",
        "erase",
        "take_away",
        "cancel",
        "dismiss",
        "remove",
        "clear",
        "choose_documents",
        "offer",
        "leave",
    ),
    *("open_lessons", "open_lesson", "measure", "erase_winners"),
    *("api.index", "api.search", "api.explain", "api.erase", "api.search_pdf"),
)


def test_every_event_is_fuzzed(server: Server) -> None:
    assert set(EVENTS) == set(server.functions)


def test_gradio_can_read_what_each_handler_takes(server: Server) -> None:
    """It looks for requests and event data among the types of the arguments, and gives up where it cannot read one."""
    for function in server.blocks.fns.values():
        if function.fn is not None:
            assert get_type_hints(function.fn) is not None


@pytest.mark.parametrize("name", EVENTS)
@hypothesis_settings(max_examples=15)
@given(data=st.lists(values, max_size=3), event_data=values)
def test_any_event_ends_in_an_answer_or_a_named_error(server: Server, name: str, data: list, event_data: Any) -> None:
    session = new_session()
    joined = server.join(session, server.functions[name], data, event_data)
    if joined.status_code != 200:
        assert joined.status_code == 422
        return
    message = server.outcome(session)
    if not message["success"]:
        error = message["output"]["error"]
        assert error and NAMED.search(error), error
        assert "Traceback" not in error and str(server.sessions._root) not in error
    server.sessions.drop(session)


@hypothesis_settings(max_examples=30)
@given(text=st.text(max_size=520) | st.integers() | st.none(), top_k=st.sampled_from([1, 3, 5, 10]) | values)
def test_any_query_is_answered_or_refused_in_words(server: Server, text: Any, top_k: Any) -> None:
    session = new_session()
    server.call(session, "arrive", [""])
    message = server.call(session, "search", [text, top_k])
    if message["success"]:
        (value,) = message["output"]["data"]
        assert "ranking" in value or value.get("message") or value.get("__type__") == "update"
        if "ranking" in value:
            assert {entry["source"] for entry in value["ranking"]} == {"sample.pdf"}
            for page in value["pages"].values():
                assert abs(page["score"] - sum(token["maxsim"] for token in page["tokens"])) < 1e-4
    else:
        assert NAMED.search(message["output"]["error"])
    server.sessions.drop(session)


@hypothesis_settings(max_examples=20)
@given(
    query=st.text(max_size=520) | values,
    top_k=st.integers() | values,
    number=st.sampled_from([0, 1, 2, 3, -1, 2**70]) | values,
    own=st.booleans(),
    maps=st.booleans() | values,
    region=st.sampled_from(["0", "99", "0,0,1,0.5", "0,0,1,0.5;0.2,0.5,0.3,0.9", "1,0,0,1", "nan,0,1,1"]) | values,
)
def test_any_call_of_the_endpoints_is_answered_or_refused_in_words(
    server: Server, query: Any, top_k: Any, number: Any, own: bool, maps: Any, region: Any
) -> None:
    session = new_session()
    document = server.engine.samples[0].document_id if own else query
    calls = {
        "search": [query, top_k],
        "explain": [query, document, number, maps],
        "erase": [query, document, number, region, maps],
    }
    for name, data in calls.items():
        joined = server.join(session, server.functions[f"api.{name}"], data)
        if joined.status_code != 200:
            assert joined.status_code == 422
            continue
        message = server.outcome(session)
        if message["success"]:
            (answer,) = message["output"]["data"]
            for result in [answer["erasure"]["after"]] if name == "erase" else answer["results"]:
                assert result["source"] == "sample.pdf"
                assert abs(result["score"] - sum(token["maxsim"] for token in result["tokens"])) < 1e-4
        else:
            assert NAMED.search(message["output"]["error"]), message
    server.sessions.drop(session)


class Trap:
    """A web server that counts who comes, at an address that Gradio's own guard lets pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        trap = self
        self.visits = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                trap.visits += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"from elsewhere")

            def log_message(self, *arguments: Any) -> None:
                pass

        monkeypatch.setattr(processing_utils, "PUBLIC_HOSTNAME_WHITELIST", ["127.0.0.1"])
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trap]:
    trap = Trap(monkeypatch)
    yield trap
    trap.server.shutdown()
    trap.server.server_close()


@pytest.mark.parametrize("route", ["run/predict", "api/{name}", "queue/join", "call/{name}"])
def test_no_input_of_any_event_makes_the_server_fetch_an_address(server: Server, trap: Trap, route: str) -> None:
    numbers = itertools.count()

    def addresses() -> list[Any]:
        """Each shape in which an input may name a file, each with an address of its own, for Gradio keeps copies."""
        data = [{**file_data(f"{trap.address}/{next(numbers)}"), "url": f"{trap.address}/{next(numbers)}"}]
        return [data[0], [data], data[0]["path"]]

    for function in server.client.get("/config").json()["dependencies"]:
        name = function["api_name"] or "predict"
        inputs = max(1, len(function["inputs"]))
        for bad in addresses():
            for position in range(inputs):
                session = new_session()
                data = ["sample", 3, None, None][:inputs] + [None] * (inputs - 4)
                data[position] = bad
                body = {"data": data, "event_data": bad, "session_hash": session}
                if "call" not in route:
                    body["fn_index"] = function["id"]
                answer = server.client.post(f"/gradio_api/{route.format(name=name)}", json=body)
                if answer.status_code == 200 and "event_id" in answer.json():
                    if "call" in route:
                        place = f"/gradio_api/call/{name}/{answer.json()['event_id']}"
                        assert "event: " in server.client.get(place).text
                        server.sessions.drop(answer.json()["event_id"])  # the name of a session that gave none
                    else:
                        server.outcome(session)
                server.sessions.drop(session)
    assert trap.visits == 0


def test_the_trap_would_spring(server: Server, trap: Trap) -> None:
    """The same request against a page of Gradio's own."""
    with gr.Blocks() as blocks:
        box = gr.Textbox()
        box.submit(lambda text: "", box, box)
    with blocks:
        data = [file_data(f"{trap.address}/own")]
        with contextlib.suppress(Exception):
            asyncio.run(blocks.process_api(0, data))
    assert trap.visits == 1


def call_tool(server: Server, arguments: Any) -> dict[str, Any]:
    """Call `search_pdf` over the Model Context Protocol and return the answer."""
    request = {"name": "search_pdf", "arguments": arguments}
    answer = server.client.post(
        "/gradio_api/mcp/",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": request},
        headers={"Accept": "application/json, text/event-stream"},
    )
    assert answer.status_code in (200, 400), answer.text
    return json.loads(next(line for line in answer.text.splitlines() if "{" in line).removeprefix("data: "))


def data_address(data: bytes) -> str:
    return f"data:application/pdf;base64,{b64encode(data).decode()}"


def test_a_tool_call_is_answered(server: Server) -> None:
    answer = call_tool(server, {"file": data_address(pdf(pages=2)), "query": "revenue"})
    (content,) = answer["result"]["content"]
    assert len(json.loads(content["text"])["results"]) == 2
    assert list(server.sessions.uploads.folder.iterdir()) == []


@hypothesis_settings(max_examples=20)
@given(
    arguments=st.fixed_dictionaries(
        {},
        optional={
            "file": st.sampled_from(
                [data_address(pdf()), data_address(b"no PDF"), "data:;base64,A", "file:///etc/passwd"]
            )
            | values,
            "query": st.sampled_from(["revenue", "x" * 501]) | values,
            "top_k": st.integers() | values,
            "more": values,
        },
    )
    | values
)
def test_any_tool_call_is_answered_or_refused_in_words(server: Server, arguments: Any) -> None:
    answer = call_tool(server, arguments)
    text = json.dumps(answer)
    assert "Traceback" not in text and str(server.sessions._root) not in text and "root:" not in text
    if "error" in answer:
        assert answer["error"]["message"]
    else:
        (content,) = answer["result"]["content"]
        assert "results" in content["text"] or (answer["result"]["isError"] and content["text"])


@hypothesis_settings(max_examples=20)
@given(body=st.binary(max_size=200) | st.text().map(str.encode) | st.just(b'{"fn_index": 99999, "session_hash": "x"}'))
@pytest.mark.parametrize(
    "path",
    [
        *("queue/join", "run/predict", "run/search", "api/x", "cancel", "reset", "component_server"),
        *("call/index", "call/search", "call/explain", "call/search_pdf", "mcp/", "mcp/http"),
    ],
)
def test_any_request_ends_in_a_named_error(server: Server, path: str, body: bytes) -> None:
    answer = server.client.post(f"/gradio_api/{path}", content=body, headers={"Content-Type": "application/json"})
    refused = answer.status_code in (400, 404, 405, 406, 422)
    assert refused or NAMED.search(answer.text), (answer.status_code, answer.text)
    assert "Traceback" not in answer.text


def test_answers_to_what_nobody_asked_are_not_there_and_not_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    answer = server.client.get("/gradio_api/queue/data", params={"session_hash": new_session()})
    assert (answer.status_code, answer.text) == (404, "Nothing is under way in this session.")
    assert server.client.get("/gradio_api/queue/data").status_code == 404
    assert caplog.text == ""


def test_uploads_that_anybody_asks_after_are_kept_to_a_number(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "UPLOADS_FOLLOWED", 4)
    monkeypatch.setattr("gradio.route_utils.FileUploadProgress.is_tracked", _ask_after)
    for number in range(9):
        answer = server.client.get("/gradio_api/upload_progress", params={"upload_id": f"x{number}"})
        assert answer.status_code == 404
        server.client.post(f"/gradio_api/upload?upload_id=y{number}", files=[("files", ("a.pdf", b"1"))])
    progress = guard.file_upload_statuses
    assert len(progress._signals) <= 4 and len(progress._statuses) <= 4
    assert server.client.get("/gradio_api/upload_progress", params={"upload_id": "x" * 65}).status_code == 400


async def _ask_after(progress: Any, upload_id: str) -> None:
    """As Gradio's, without the three seconds."""
    _ = progress._signals[upload_id]
    raise TimeoutError


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info"])
def test_no_cache_on_the_way_keeps_what_repeats_an_address(server: Server, path: str) -> None:
    answer = server.client.get(path, headers={"X-Forwarded-Host": "elsewhere.example"})
    assert answer.headers["cache-control"] == "private, no-cache"


def test_requests_without_end_are_refused(server: Server) -> None:
    for route, size, most in (("cancel", 66_000, "64 KB"), ("queue/join", 1_100_000, "1 MB")):
        answer = server.client.post(f"/gradio_api/{route}", content=bytes(size))
        assert (answer.status_code, answer.text) == (413, f"This is too large: at most {most} may be sent at once.")
    session = new_session()
    for name in server.functions:  # whatever takes no files has no more than 64 KB
        joined = server.join(session, server.functions[name], ["x" * 66_000])
        assert (joined.status_code == 413) == (name not in ("receive", "api.index", "api.search_pdf")), name
    assert [outcome["success"] for outcome in server.outcomes(session)] == [False] * 3
    server.sessions.drop(session)

    def body():
        yield b'{"data": ["'
        yield from [b"x" * 10_000] * 120

    assert server.client.post("/gradio_api/queue/join", content=body()).status_code == 413


def test_a_request_that_never_ends_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.2)
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.settimeout(20)
        connection.sendall(b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{")
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("session", ["", "x" * 65, "a b", "a\nb", "é", 5, ["x"], {}])
def test_sessions_have_short_names(server: Server, session: Any) -> None:
    for route in ("queue/join", "run/predict", "call/search"):
        body = {"session_hash": session, "fn_index": server.functions["arrive"], "data": [""]}
        answer = server.client.post(f"/gradio_api/{route}", json=body)
        assert (answer.status_code, "has 1 to 64" in answer.text) == (400, True)
    if isinstance(session, str):
        assert server.client.get("/gradio_api/queue/data", params={"session_hash": session}).status_code == 400
        assert server.client.get(f"/gradio_api/heartbeat/{quote(session)}").status_code in (400, 404)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        *(
            (route, {"fn_index": index})
            for route in ("queue/join", "run/predict", "api/x")
            for index in (9999, -1, "0")
        ),
        *((route, {}) for route in ("run/predict", "api/x", "call/x", "call/x/")),
    ],
)
def test_events_that_do_not_exist_are_named_and_not_logged(
    server: Server, caplog: pytest.LogCaptureFixture, route: str, body: dict
) -> None:
    body = {"data": [], "session_hash": new_session(), **body}
    answer = server.client.post(f"/gradio_api/{route}", json=body)
    assert (answer.status_code, answer.text) == (404, "There is no such event; reload the page.")
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["receive", "api.index", "api.search_pdf"])
@pytest.mark.parametrize("path", ["/etc/passwd", "app.py", "a\0b", "../x", "x" * 5000, "\ud800"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_what_is_no_upload_is_refused_in_words_and_not_logged(
    server: Server, caplog: pytest.LogCaptureFixture, name: str, path: str, wrapped: bool
) -> None:
    """Also a list where there should be one file, and one file where there should be a list."""
    session = new_session()
    data = [[file_data(path)] if wrapped else file_data(path), "sample", 1][: 1 + 2 * (name == "api.search_pdf")]
    body = {"session_hash": session, "fn_index": server.functions[name], "data": data}
    answer = server.client.post(
        "/gradio_api/queue/join", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200
    assert server.outcome(session)["output"]["error"] in (ONLY_UPLOADS, MALFORMED)
    server.call(session, "leave")
    assert "Traceback" not in caplog.text and "fault" not in caplog.text


def test_what_breaks_is_told_with_an_id_and_logged_with_its_trace(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session = new_session()
    server.call(session, "arrive", [""])

    def fail(*arguments, **named):
        raise RuntimeError("/secret/folder")

    monkeypatch.setattr(Search, "_embed", fail)
    (value,) = server.call(session, "search", ["sample", 1])["output"]["data"]
    told = [value["message"], server.call(session, "api.search", ["sample", 1])["output"]["error"]]
    monkeypatch.setattr(Visitor, "clear", fail)
    told.append(server.call(session, "clear")["output"]["error"])
    for text in told:
        assert "secret" not in text
        assert "fault " + re.search(r"quote (\w{8})", text)[1] in caplog.text
    assert caplog.text.count("RuntimeError: /secret/folder") == 3
    server.call(session, "leave")


def test_a_full_disk_spares_the_search_and_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**value):
        raise OSError(errno.ENOSPC, "No space left on device")

    session = new_session()
    server.call(session, "arrive", [""])
    monkeypatch.setattr(search_module, "lens_value", full)
    (value,) = server.call(session, "search", ["sample", 1])["output"]["data"]
    assert value["title"] == "The server’s disk is full"
    monkeypatch.undo()
    (value,) = server.call(session, "search", ["sample", 1])["output"]["data"]
    assert value["ranking"]
    server.call(session, "leave")


def test_another_ranker_ranks_the_pages_of_visitors(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def second_best(similarities: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, vectors = similarities.topk(2, dim=1)
        return values[:, 1], vectors[:, 1]

    monkeypatch.setitem(RANKERS, "second", LateInteraction("second", "the second best vector", second_best))
    monkeypatch.setattr(server.engine, "settings", replace(server.engine.settings, ranker="second"))
    session = new_session()
    server.call(session, "arrive", [""])
    (value,) = server.call(session, "search", ["sample", 3])["output"]["data"]
    expected = server.engine.samples[0].index.rank("sample", "second")
    assert [entry["score"] for entry in value["ranking"]] == [hit.score for hit in expected]
    assert value["ranking"][0]["score"] < server.engine.samples[0].index.rank("sample")[0].score
    for page in value["pages"].values():
        assert sum(token["maxsim"] for token in page["tokens"]) == pytest.approx(page["score"], abs=1e-4)
    server.call(session, "leave")


@pytest.mark.parametrize("ranker", ["mean", "guess"])
def test_a_ranker_that_explains_nothing_ends_the_start_with_a_sentence(ranker: str) -> None:
    environment = {**os.environ, "COLPALI_RANKER": ranker}
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"COLPALI_RANKER: no method '{ranker}' gives terms of tokens" in done.stderr
    assert "maxsim" in done.stderr and "Traceback" not in done.stderr


# ---------------------------------------------------------------------- what is served


def test_pictures_are_served_to_who_knows_their_address_and_marked_private(server: Server) -> None:
    session = new_session()
    server.call(session, "arrive", [""])
    (value,) = server.call(session, "search", ["sample", 1])["output"]["data"]
    image = value["pages"][value["focus"]]["image"]
    answer = server.client.get(f"/gradio_api/file={image['path']}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"].startswith("private")
    server.call(session, "leave")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "app.py",
        "./app.py",
        "colpali_demo/settings.py",
        "../../../../etc/passwd",
        "~/.bashrc",
        "file:///etc/passwd",
        "/proc/self/environ",
        "{root}/../../../etc/passwd",
        "{root}",
        "{root}/uploads",
        "\0",
        "",
    ],
)
def test_nothing_else_is_served(server: Server, path: str) -> None:
    path = quote(path.format(root=server.sessions._root))
    for route in ("file=", "file/"):
        answer = server.client.get(f"/gradio_api/{route}{path}")
        assert answer.status_code in (403, 404, 400), path
        assert "root:" not in answer.text and "import " not in answer.text


@hypothesis_settings(max_examples=30)
@given(st.text(max_size=60))
def test_any_address_ends_in_an_error(server: Server, path: str) -> None:
    answer = server.client.get(f"/gradio_api/file={quote(path, safe='')}")
    assert answer.status_code in (400, 403, 404), answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://example.org/x",
        "/gradio_api/file=HTTPS://example.org/x",
        "/gradio_api/file/http://example.org",
        "/gradio_api/proxy=https://example.hf.space/x",
        "/gradio_api/deep_link?session_hash=x",
        "/gradio_api/run-history/buckets",
        "/monitoring",
        "/monitoring/summary",
        "/openapi.json",
        "/gradio_api/openapi.json",
        "/gradio_api/custom_component/x/client/component/x.js",
        "/gradio_api/call/v2/search",
        "/gradio_api/mcp/sse",
        "/gradio_api/mcp/messages/",
        "/gradio_api/mcp/%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E/gradio_api/mcp",
    ],
)
def test_routes_that_are_not_needed_are_closed(server: Server, path: str) -> None:
    assert server.client.get(path).status_code == 404


def test_no_answer_repeats_headers_of_its_request(server: Server) -> None:
    session = new_session()
    server.call(session, "arrive", [""])
    (value,) = server.call(session, "search", ["sample", 1])["output"]["data"]
    path = f"/gradio_api/file={value['pages'][value['focus']]['image']['path']}"
    headers = {"Cookie": "token=secret", "X-Secret": "secret", "Access-Control-Expose-Headers": "cookie"}
    whole = server.client.get(path).content
    for asked in ({}, {"Range": "bytes=0-5"}, {"Range": "bytes=1-2-3"}, {"Range": "bytes=0-5", "If-Range": "x"}):
        answer = server.client.get(path, headers={**headers, **asked})
        assert (answer.status_code, answer.content) == (200, whole)
        assert "secret" not in str(answer.headers)
    server.call(session, "leave")


@pytest.mark.parametrize("range", ["bytes=0-5", "bytes=1-2-3", "bytes=-"])
@pytest.mark.parametrize("path", ["/favicon.ico", "/static/img/logo.svg", "/nowhere"])
def test_no_answer_is_a_part(server: Server, path: str, range: str) -> None:
    assert server.client.get(path, headers={"Range": range}).status_code in (200, 404)


@pytest.mark.parametrize("host", ["127.0.0.1", "demo.example.org"])
@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/queue/join", "/gradio_api/info", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_other_origin_is_let_in(server: Server, method: str, path: str, host: str) -> None:
    headers = {"Host": host, "Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = server.client.request(method, path, headers={**headers, "Access-Control-Request-Headers": "x-secret"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "elsewhere" not in str(answer.headers) and "x-secret" not in str(answer.headers)


@pytest.mark.parametrize(
    "path", ["/gradio_api/custom_component/a%0aFORGED/client/component/x", "/a%0aFORGED", "/%e2%80%a8"]
)
def test_addresses_write_no_lines_into_the_log(
    server: Server, capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    assert server.client.get(path).status_code == 404
    assert "FORGED" not in "".join(capfd.readouterr()) + caplog.text


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/nowhere", "/gradio_api/file=/etc/passwd"])
def test_every_answer_has_security_headers(server: Server, path: str) -> None:
    headers = server.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "object-src 'none'" in headers["content-security-policy"]


def test_the_page_and_its_answers_name_no_folder_of_the_server(server: Server, checkpoint: Path) -> None:
    session = new_session()
    texts = [server.client.get(path).text for path in ("/", "/config", "/gradio_api/info")]
    texts += [str(server.call(session, name, data)) for name, data in (("arrive", [""]), ("search", ["sample", 1]))]
    for text in texts:
        assert str(checkpoint) not in text
        assert str(Path(guard.__file__).parents[2]) not in text
    server.call(session, "leave")


def test_budgets_and_what_is_kept_are_on_the_page(server: Server) -> None:
    config = server.client.get("/config").text
    assert "up to 40 pages, 1 MB" in config
    assert "until you close this tab (reloading it keeps them) or do nothing for 60 minutes" in config


# ---------------------------------------------------------------------- many at once


def test_a_queue_that_is_full_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = server.blocks
    assert blocks._queue.max_size == server.engine.settings.queue_length
    monkeypatch.setattr(blocks._queue, "max_size", 0)
    answer = server.join(new_session(), server.functions["arrive"])
    assert (answer.status_code, answer.json()["detail"]) == (503, visitor_queue.FULL)
    assert NAMED.search(visitor_queue.FULL)


def test_one_search_of_a_visitor_runs_at_a_time_and_the_others_delay_nobody(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = new_session(), new_session()
    started, gate = [], threading.Event()

    def find(self: Search, text: str, top_k: int) -> dict[str, Any]:
        started.append(text)
        gate.wait(60)
        return {"title": text, "message": ""}

    for session in (anna, ben):
        server.call(session, "arrive", [""])
    monkeypatch.setattr(Search, "find", find)
    for _ in range(6):
        assert server.join(anna, server.functions["search"], ["anna", 1]).status_code == 200
    server.join(ben, server.functions["search"], ["ben", 1])
    try:
        wait_until(lambda: "ben" in started, seconds=10)
        assert started.count("anna") == 1
    finally:
        gate.set()
    assert len([*server.outcomes(anna)]) == 6
    assert started.count("anna") == 6
    server.outcome(ben)
    for session in (anna, ben):
        server.call(session, "leave")


def test_queued_searches_of_visitors_take_turns(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    visitors = [new_session() for _ in range(6)]
    started, gate = [], threading.Event()

    def find(self: Search, text: str, top_k: int) -> dict[str, Any]:
        started.append(text)
        gate.wait(60)
        return {"title": text, "message": ""}

    for session in visitors:
        server.call(session, "arrive", [""])
    monkeypatch.setattr(Search, "find", find)
    for name, session in enumerate(visitors):
        for _ in range(1 if name else 4):
            server.join(session, server.functions["search"], [str(name), 1])
    try:
        wait_until(lambda: len(started) == 4)
    finally:
        gate.set()
    for session in visitors:
        assert [*server.outcomes(session)]
    # Four run at once: whoever asked once does not come after the second search of the one who asked four times.
    assert started.index("5") < [place for place, name in enumerate(started) if name == "0"][2]
    for session in visitors:
        server.call(session, "leave")


def test_a_visitor_has_so_many_requests_under_way_and_no_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, ben, gate = new_session(), new_session(), threading.Event()
    monkeypatch.setattr(Search, "find", lambda *arguments: gate.wait(60) and {"title": "", "message": ""})
    server.call(anna, "arrive", [""])
    limit = server.engine.settings.session_events
    search = server.functions["search"]
    assert [server.join(anna, search, ["anna", 1]).status_code for _ in range(limit)] == [200] * limit
    refused = server.join(anna, search, ["anna", 1])
    assert (refused.status_code, refused.json()["detail"]) == (
        400,
        "8 of your requests are under way; wait for their answers, then ask again.",
    )
    assert server.join(ben, search, ["ben", 1]).status_code == 200
    gate.set()
    server.outcome(ben)
    assert len([*server.outcomes(anna)]) == limit
    for session in (anna, ben):
        assert server.call(session, "arrive", [""])["success"]
        server.call(session, "leave")


def test_answers_that_nobody_fetches_count_as_under_way(server: Server) -> None:
    session, limit = new_session(), server.engine.settings.session_events
    mailboxes = server.blocks._queue.pending_messages_per_session
    for _ in range(limit):
        assert server.join(session, server.functions["cancel"]).status_code == 200
    wait_until(lambda: len(mailboxes[session].answered) == server.engine.settings.session_unread)
    assert server.join(session, server.functions["cancel"]).status_code == 400
    assert len([*server.outcomes(session)]) == limit
    assert server.call(session, "cancel")["success"]
    server.call(session, "leave")


def unread(server: Server) -> dict[str, int]:
    """Count how many answers each session has not fetched."""
    mailboxes = server.blocks._queue.pending_messages_per_session
    return {session: len(mailbox.answered) for session, mailbox in list(mailboxes.items()) if mailbox.answered}


def test_answers_that_nobody_fetches_do_not_pile_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.blocks._queue, "unread_answers", 4)
    ready, searched = [], threading.Semaphore(0)
    embed = Search._embed

    def counted(self: Search, *arguments: Any) -> Any:
        searched.release()
        return embed(self, *arguments)

    monkeypatch.setattr(Search, "_embed", counted)
    for _ in range(3):
        session = new_session()
        server.call(session, "arrive", [""])
        for _ in range(4):
            server.join(session, server.functions["search"], ["sample", 1])
        for _ in range(3):
            assert searched.acquire(timeout=30)
        ready.append(session)
        wait_until(lambda: unread(server).get(ready[-1]) == 3)
        assert not searched.acquire(timeout=0.3)  # the fourth waits until an answer has been fetched
        assert sum(unread(server).values()) <= 4
    # Whoever came last can still fetch all four.
    assert len([*server.outcomes(ready[-1])]) == 4
    for session in ready:
        server.call(session, "leave")


def of_session(server: Server, session: str) -> list[Any]:
    """Return what the queue keeps of a session."""
    queue = server.blocks._queue
    kept = [queue.pending_messages_per_session.get(session), queue.pending_event_ids_session.get(session)]
    waiting = [event for group in queue.event_queue_per_concurrency_id.values() for event in group.queue]
    kept += [event for event in [*waiting, *queue.event_ids_to_events.values()] if event.session_hash == session]
    return [each for each in kept if each is not None]


def test_leaving_takes_what_was_not_fetched_along(server: Server) -> None:
    session = new_session()
    with server.client.stream("GET", f"/gradio_api/heartbeat/{session}") as heartbeat:
        beats = heartbeat.iter_text()
        next(beats)
        for _ in range(6):
            server.join(session, server.functions["search"], ["sample", 1])
        wait_until(lambda: unread(server).get(session) == server.engine.settings.session_unread)
        assert len(of_session(server, session)) > 2
    wait_until(lambda: not of_session(server, session))
    assert server.call(session, "arrive", [""])["success"]
    server.call(session, "leave")


def test_what_nobody_fetches_for_long_is_swept(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, there = new_session(), new_session()
    for session in (gone, there):
        for _ in range(5):
            server.join(session, server.functions["search"], ["sample", 1])
    wait_until(lambda: unread(server).get(gone) == unread(server).get(there) == 3)
    queue = server.blocks._queue
    queue.pending_messages_per_session[gone].unread_since -= visitor_queue.UNREAD_SECONDS
    queue.sweep()
    assert gone not in queue.pending_messages_per_session and gone not in queue.pending_event_ids_session
    wait_until(lambda: not of_session(server, gone))
    assert len([*server.outcomes(there)]) == 5
    wait_until(lambda: queue.sweep() or not of_session(server, there))  # once the last event has ended
    for session in (gone, there):
        server.sessions.drop(session)


def test_measuring_delays_no_search(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, visitors, anna = threading.Event(), [new_session() for _ in range(4)], new_session()
    monkeypatch.setattr(Desk, "measure", lambda *arguments: gate.wait(60) and {})
    for session in visitors:
        server.join(session, server.functions["measure"])
    server.join(anna, server.functions["search"], ["sample", 1])
    try:
        mailboxes = server.blocks._queue.pending_messages_per_session
        wait_until(lambda: mailboxes[anna].answered, seconds=10)
    finally:
        gate.set()
    for session in (*visitors, anna):
        server.outcome(session)
        server.sessions.drop(session)


@pytest.mark.parametrize(
    ("name", "event_data", "setting"),
    [("measure", None, "measures_per_minute"), ("open_lesson", {"source": "own"}, "lessons_per_minute")],
)
def test_lessons_and_measuring_have_a_rate(server: Server, name: str, event_data: Any, setting: str) -> None:
    session = new_session()
    server.call(session, "arrive", [""])
    (value,) = server.call(session, "search", ["sample", 1])["output"]["data"]
    if event_data:
        event_data["key"] = value["focus"]
    most = getattr(server.engine.settings, setting)
    outcomes = [server.call(session, name, [], event_data) for _ in range(most + 1)]
    assert [outcome["success"] for outcome in outcomes] == [True] * most + [False]
    assert re.fullmatch(r"Too many at once; try again in \d+ s\.", outcomes[-1]["output"]["error"])
    server.call(session, "leave")


def test_events_have_a_rate_together(server: Server) -> None:
    session, other = new_session(), new_session()
    quota = server.sessions.get(session).quota
    quota._events = Rate(3)
    outcomes = [server.call(session, name) for name in ("offer", "cancel", "dismiss", "search_again")]
    assert [outcome["success"] for outcome in outcomes] == [True, True, True, False]
    assert "Too many requests; try again in" in outcomes[-1]["output"]["error"]
    assert server.call(other, "cancel")["success"]
    for each in (session, other):
        server.call(each, "leave")  # never refused
    assert session not in server.sessions._visitors


def test_nobody_calls_past_the_queue(server: Server) -> None:
    body = {"fn_index": server.functions["search"], "data": ["sample", 1], "session_hash": new_session()}
    assert server.client.post("/gradio_api/run/predict", json=body).status_code == 404


def test_visitors_who_come_search_and_leave_leave_nothing(server: Server) -> None:
    wrong: list[str] = []
    remembered = set(server.blocks.state_holder.session_data)
    before = {visitor.folder.name for visitor in server.sessions._visitors.values()}  # of calls without a session

    def visit(number: int) -> None:
        session = new_session()
        with httpx.Client(base_url=server.address, timeout=60) as client:
            own = Server(server.address, server.engine, server.sessions, client, server.functions, server.blocks)
            (path,) = own.upload((f"own{number}.pdf", pdf(f"visitor {number}", pages=2))).json()
            add(own, session, path)
            (value,) = own.call(session, "search", ["visitor", 3])["output"]["data"]
            wrong.extend(
                entry["source"]
                for entry in value["ranking"]
                if entry["source"] not in (f"own{number}.pdf", "sample.pdf")
            )
            if len(value["ranking"]) != 2:
                wrong.append(f"{number}: {len(value['ranking'])} pages")
            own.call(session, "leave")

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert wrong == []
    assert len(server.sessions) == len(before)
    assert {path.name for path in server.sessions._root.iterdir() if path.is_dir()} == {*before, "uploads"}
    assert remembered >= set(server.blocks.state_holder.session_data)


def test_a_server_stopped_in_the_middle_of_a_sample_ends_in_order(tmp_path):
    with serve(tmp_path, Path("tiny")):
        deadline = time.monotonic() + 120
        while "Loading weights: 100%" not in (tmp_path / "server.log").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(1.0)  # of the samples' 20 pages some are embedded now, and others are not
    left = [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]
    assert left == []
