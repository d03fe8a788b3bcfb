"""No file of the server is read, through any route or event."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.attack.target import Event, Target, everywhere, file_data, new_session

PATHS = (
    *("/etc/passwd", "../../../../../../etc/passwd", "app.py", "./colpali_demo/settings.py", "/proc/self/environ"),
    *("file:///etc/passwd", "/dev/stdin", "/etc/passwd\0.pdf", "~/.bashrc", "\\\\etc\\passwd", "/proc/self/fd/0"),
)
MARKS = ("root:", "import ", "PATH=")


def read_through_events(target: Target, paths: tuple[str, ...] = PATHS) -> None:
    def attack(event: Event) -> None:
        for path in paths:
            for position in event.positions:
                for shape in (file_data(path), [file_data(path)])[: 1 + (event.inputs > 0)]:
                    message = target.run(new_session(), event, event.data(shape, position), target.told(path))
                    text = str(message.get("output"))
                    assert not [mark for mark in MARKS if mark in text], (event, path)
                    answered = message["success"] and event.inputs > position and event.name != "receive"
                    assert not answered, (event, path, text[:300])

    everywhere(target, attack)


@pytest.mark.parametrize("paths", [PATHS[:2], pytest.param(PATHS[2:], marks=pytest.mark.long)], ids=["two", "all"])
def test_no_event_takes_a_path_that_is_no_upload(target: Target, paths: tuple[str, ...]) -> None:
    read_through_events(target, paths)


def read_through_routes(target: Target) -> None:
    routes = ("file=", "file/", "file=//", "FILE=", "../file=", "stream/", "component_server/", "custom_component/")
    for path in PATHS:
        for route in routes:
            for sent in (quote(path), quote(path, safe=""), quote(quote(path, safe=""), safe="")):
                answer = target.client.get(f"/gradio_api/{route}{sent}")
                assert answer.status_code in (400, 403, 404, 405), (route, path, answer.status_code)
                assert not [mark for mark in MARKS if mark in answer.text], (route, path)


def test_no_route_serves_a_file_of_the_server(target: Target) -> None:
    read_through_routes(target)


@pytest.mark.parametrize("path", ["/static/../../app.py", "/assets/..%2f..%2fapp.py", "/theme.css/../app.py"])
def test_static_routes_stay_inside(target: Target, path: str) -> None:
    answer = target.client.get(path)
    assert "import " not in answer.text and "root:" not in answer.text


def ask_without_needed_routes(target: Target) -> None:
    for path in (
        *("/openapi.json", "/docs", "/monitoring", "/monitoring/summary", "/gradio_api/openapi.json"),
        *("/gradio_api/deep_link", "/gradio_api/vibe-code", "/gradio_api/profiling/x", "/gradio_api/dev/reload"),
        *("/gradio_api/custom_component/x/client/component/x", "/gradio_api/run-history/buckets"),
    ):
        assert target.client.get(path).status_code in (404, 405), path


def test_routes_that_are_not_needed_are_closed(target: Target) -> None:
    ask_without_needed_routes(target)
