from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from gradio.server_messages import EventMessage, ProcessCompletedMessage

from colpali_demo.web.visitor_queue import Mailbox
from colpali_demo.web.visitors.indexing import Indexing
from colpali_demo.web.visitors.search import Search
from tests.web.conftest import Server
from tests.web.test_server import new_session, wait_until


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Searches that wait until it is set."""
    gate, embed = threading.Event(), Search._embed

    def waiting(self: Search, *arguments: Any) -> Any:
        gate.wait(60)
        return embed(self, *arguments)

    monkeypatch.setattr(Search, "_embed", waiting)
    yield gate
    gate.set()


def faults(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("stays", [True, False])
def test_a_session_forgotten_under_its_stream_is_no_fault(
    server: Server, gate: threading.Event, caplog: pytest.LogCaptureFixture, stays: bool
) -> None:
    session, queue = new_session(), server.blocks._queue
    server.join(session, server.functions["search"], ["sample", 1])
    messages = []
    with server.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
        chunks = answer.iter_text()
        next(chunks)
        queue._drop(session)
        if stays:  # Gradio looks for messages for ten seconds before it looks for the session
            messages = [json.loads(line.removeprefix("data: ")) for line in "".join(chunks).split("\n\n") if line]
    gate.set()
    wait_until(lambda: not any(queue.active_jobs))
    server.sessions.drop(session)
    assert faults(caplog) == []
    assert not stays or messages[-1]["msg"] in ("unexpected_error", "close_stream"), messages


def test_a_session_may_be_forgotten_while_its_last_answer_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session, queue, get = new_session(), server.blocks._queue, Mailbox._get

    def forgetting(mailbox: Mailbox) -> EventMessage:
        message = get(mailbox)
        if isinstance(message, ProcessCompletedMessage):
            queue._drop(session)
        return message

    monkeypatch.setattr(Mailbox, "_get", forgetting)
    server.join(session, server.functions["search"], ["sample", 1])
    assert [message["msg"] for message in server.outcomes(session)] == ["process_completed"]
    server.sessions.drop(session)
    assert faults(caplog) == []


def test_an_event_that_is_cancelled_again_and_again_is_answered_once(server: Server, gate: threading.Event) -> None:
    session = new_session()
    event_id = server.join(session, server.functions["search"], ["sample", 1]).json()["event_id"]
    body = {"session_hash": session, "fn_index": server.functions["search"], "event_id": event_id}
    for _ in range(20):
        assert server.client.post("/gradio_api/cancel", json=body).status_code == 200
    mailbox = server.blocks._queue.pending_messages_per_session[session]
    assert sum(isinstance(message, ProcessCompletedMessage) for message in mailbox._queue) == 1
    gate.set()
    server.outcome(session)
    server.call(session, "leave")


def test_indexing_that_is_cancelled_in_the_middle_of_a_page_is_no_fault(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, gate, ended = threading.Event(), threading.Event(), threading.Event()

    def run(indexing: Indexing) -> Iterator[float]:
        try:
            begun.set()
            gate.wait(60)
            yield 0
        finally:
            ended.set()

    monkeypatch.setattr(Indexing, "run", run)
    session, index = new_session(), server.functions["index"]
    event_id = server.join(session, index).json()["event_id"]
    assert begun.wait(30)
    server.client.post("/gradio_api/cancel", json={"session_hash": session, "fn_index": index, "event_id": event_id})
    gate.set()
    assert ended.wait(30)
    wait_until(lambda: not any(server.blocks._queue.active_jobs))
    assert faults(caplog) == []
    server.sessions.drop(session)
