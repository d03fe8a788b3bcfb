"""The server fetches nothing for anybody, whatever names an address."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.attack.target import ROUTES, Event, Target, Trap, everywhere, file_data, new_session


def shapes(trap: Trap) -> list[Any]:
    """Return the shapes in which an input may name a file."""
    first = {**file_data(trap.address()), "url": trap.address(), "file": file_data(trap.address())}
    return [first, [{**first, "path": trap.address()}], trap.address()]


def call_with_addresses(target: Target, trap: Trap, route: str) -> None:
    def attack(event: Event) -> None:
        for position in event.positions:
            for shape in shapes(trap):
                session = new_session()
                told = {**target.told(shape), **file_data(trap.address())}
                body = {"data": event.data(shape, position), "event_data": told, "session_hash": session}
                if "call" not in route:
                    body["fn_index"] = event.number
                name = event.name or "predict"
                answer = target.client.post(f"/gradio_api/{route.format(name=name)}", json=body)
                assert "from elsewhere" not in answer.text
                if answer.status_code == 200 and "event_id" in answer.json():
                    if "call" in route:
                        target.client.get(f"/gradio_api/call/{name}/{answer.json()['event_id']}")
                    else:
                        next(target.outcomes(session), None)

    everywhere(target, attack)
    assert trap.visits == []


@pytest.mark.parametrize("route", [ROUTES[0], *(pytest.param(route, marks=pytest.mark.long) for route in ROUTES[1:])])
def test_no_input_of_any_event_makes_the_server_fetch(target: Target, trap: Trap, route: str) -> None:
    call_with_addresses(target, trap, route)


def fetch_through_routes(target: Target, trap: Trap) -> None:
    for route in ("file=", "file/", "proxy=", "proxy/", "stream/", "deep_link?url="):
        answer = target.client.get(f"/gradio_api/{route}{trap.address()}")
        assert "from elsewhere" not in answer.text
        assert answer.status_code in (400, 403, 404), route
    assert trap.visits == []


def test_no_route_fetches(target: Target, trap: Trap) -> None:
    fetch_through_routes(target, trap)


def test_no_tool_of_assistants_fetches(target: Target, trap: Trap) -> None:
    for shape in shapes(trap):
        request = {"name": "search_pdf", "arguments": {"file": shape, "query": "revenue"}}
        answer = target.client.post(
            "/gradio_api/mcp/",
            content=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": request}),
            headers={"Accept": "application/json, text/event-stream", "Content-Type": "application/json"},
        )
        assert "from elsewhere" not in answer.text
    assert trap.visits == []
