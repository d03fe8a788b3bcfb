"""One visitor cannot keep others from being answered: not by many requests, and not by slow ones."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from tests.attack.target import Event, Target, everywhere, new_session

UNDER_WAY = 8  # requests of a session, as COLPALI_SESSION_EVENTS has it unless set
SHARED = {"search_pdf"}  # whose callers have no session, and one rate together instead


def ask_often(target: Target) -> None:
    """Ask for every event a dozen times at once, from one session that fetches no answer."""

    def attack(event: Event) -> None:
        if event.name in SHARED or event.name == "leave":  # which ends what is under way
            return
        session = new_session()
        told = target.told("x" * 50)
        taken = [target.join(session, event, event.data("x", 0), told).status_code for _ in range(UNDER_WAY + 4)]
        assert taken.count(200) <= UNDER_WAY, (event, taken)
        assert set(taken) <= {200, 400, 503}, (event, taken)

    everywhere(target, attack)


@pytest.mark.long
def test_a_visitor_has_few_requests_of_any_event_under_way(target: Target) -> None:
    ask_often(target)


@pytest.mark.long
def test_another_is_answered_while_one_asks_for_everything(target: Target) -> None:
    anna, ben = new_session(), new_session()
    target.index(ben, "ben.pdf")
    joined = 0
    for _ in range(3):
        for event in target.events:
            joined += target.join(anna, event, event.data("x " * 100, 0), target.told("x")).status_code == 200
    assert joined <= UNDER_WAY + 3  # of the last, some may have failed at once
    message = target.call(ben, "search", ["revenue", 1])
    assert message["success"], message
    target.leave(ben)


def searches_wait_for_no_other(target: Target) -> None:
    """Search eight times as one visitor, then once as another, whose answer comes before the last of the eight."""
    anna, ben = new_session(), new_session()
    for session, name in ((anna, "anna.pdf"), (ben, "ben.pdf")):
        target.index(session, name)
    search = target.event("search")
    for _ in range(UNDER_WAY):
        assert target.join(anna, search, ["revenue " * 20, 5]).status_code == 200
    assert target.call(ben, "search", ["revenue", 1])["success"]
    status = target.join(anna, search, ["revenue", 1]).status_code
    assert status == 400  # hers are still under way
    target.leave(anna, ben)


def test_searches_take_turns(target: Target) -> None:
    searches_wait_for_no_other(target)


def test_long_queries_are_refused_by_their_tokens(target: Target) -> None:
    session = new_session()
    target.index(session, "own.pdf")
    message = target.call(session, "search", ["".join(chr(0x1F600 + n % 80) for n in range(500)), 10])
    assert not message["success"] and "tokens" in message["output"]["error"], message
    message = target.call(session, "search", ["x" * 501, 10])
    assert not message["success"] and "characters" in message["output"]["error"], message
    target.leave(session)


def requests_that_do_not_end(target: Target) -> None:
    """Send forty bodies and uploads that stop in the middle; others are answered meanwhile."""
    address = urlsplit(target.address)
    place = (address.hostname, address.port or 80)
    held = []
    try:
        for number in range(40):
            path = ("queue/join", "upload", "run/predict", "mcp/")[number % 4]
            head = (
                f"POST /gradio_api/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                f"Content-Length: 40000\r\n\r\n--x\r\n"
            )
            held.append(socket.create_connection(place, 10))
            held[-1].sendall(head.encode())
        session = new_session()
        target.index(session, "own.pdf")
        assert target.call(session, "search", ["revenue", 1])["success"]
        target.leave(session)
    finally:
        for connection in held:
            connection.close()


def test_requests_that_do_not_end_keep_nobody_out(target: Target) -> None:
    requests_that_do_not_end(target)


@pytest.mark.long
@pytest.mark.parametrize("arguments", [[None, "x", 1], [{"path": "/etc/passwd"}, "x", 1], ["x", None, None]])
def test_what_all_share_is_not_used_up_by_nonsense(target: Target, arguments: list) -> None:
    for _ in range(25):
        message = target.call(new_session(), "search_pdf", arguments)
        assert not message["success"] and "Too many" not in str(message["output"]["error"]), message
