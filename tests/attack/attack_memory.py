"""What one may leave in the server's memory is bounded, request by request; `tests/load` weighs the whole process."""

from __future__ import annotations

import pytest

from tests.attack.target import ROUTES, Event, Target, everywhere, file_data, new_session

KB, MB = 1 << 10, 1 << 20
FILES = {"receive", "index", "search_pdf"}  # events that name uploads


def send_large_bodies(target: Target) -> None:
    """Send every event a megabyte where a word belongs, and hundreds of kilobytes."""

    def attack(event: Event) -> None:
        for size in (100 * KB, 2 * MB):
            data = [[file_data("x" * 200)] * (size // 200)] if event.name in FILES else ["x" * size]
            status = target.join(new_session(), event, data).status_code
            refused = status == 413 or (event.name in FILES and size < MB)
            assert refused, (event, size, status)
            status = target.join(new_session(), event, ["x"], {"key": "x" * size}).status_code
            assert status == 413 or (event.name in FILES and size < MB), (event, size, status)

    everywhere(target, attack)


@pytest.mark.long
def test_no_event_takes_a_large_body(target: Target) -> None:
    send_large_bodies(target)


def send_long_names(target: Target) -> None:
    for length in (65, 60_000):
        for route in ROUTES:
            body = {"session_hash": "x" * length, "fn_index": target.events[0].number, "data": []}
            status = target.client.post(f"/gradio_api/{route.format(name='search')}", json=body).status_code
            assert status == 400, (route, length, status)
    for path in ("queue/data?session_hash=", "heartbeat/", "call/search/"):
        with target.client.stream("GET", f"/gradio_api/{path}{'x' * 3000}") as answer:
            assert answer.status_code in (400, 404) or "call" in path, path


def test_names_of_sessions_are_short(target: Target) -> None:
    send_long_names(target)


def nest_deeply(target: Target) -> None:
    for route in ROUTES:
        for body in ("[" * 30_000, '{"data":' * 7000, '{"data":[' + "[" * 20_000 + "]" * 20_000 + "]}"):
            address = f"/gradio_api/{route.format(name='search')}"
            answer = target.client.post(address, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 404, 422), (route, answer.status_code)


def test_deep_bodies_are_refused(target: Target) -> None:
    nest_deeply(target)


def leave_answers_unread(target: Target) -> None:
    """Fetch nothing: the session gets three answers, and its other requests are not begun."""
    session = new_session()
    target.index(session, "own.pdf")
    for _ in range(6):
        target.join(session, target.event("search"), ["revenue", 10])
    begun = [target.join(session, target.event("search"), ["revenue", 10]).status_code for _ in range(6)]
    assert begun[-1] == 400
    assert len([*target.outcomes(session)]) <= 8
    target.leave(session)


def test_answers_that_nobody_fetches_are_few(target: Target) -> None:
    leave_answers_unread(target)


def test_many_sessions_that_only_say_hello_are_no_burden(target: Target) -> None:
    arrive = next(each for each in target.events if each.name == "arrive")
    for _ in range(40):
        session = new_session()
        target.join(session, arrive, [None] * arrive.inputs)
        assert next(target.outcomes(session), {"success": False})["success"]
