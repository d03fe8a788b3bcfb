"""What every answer says to browsers, and what it does not."""

from __future__ import annotations

import pytest

from tests.attack.target import Target

PLACES = (
    *("/", "/config", "/gradio_api/info", "/nowhere", "/gradio_api/file=/etc/passwd", "/theme.css", "/favicon.ico"),
    *("/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/run/predict", "/gradio_api/mcp/", "/manifest.json"),
)
SECRETS = {"Cookie": "token=COOKIE", "Authorization": "Bearer COOKIE", "X-Secret": "COOKIE"}


def ask_from_elsewhere(target: Target) -> None:
    """Ask anything from elsewhere, at any host: no origin is let in."""
    for place in PLACES:
        for method in ("GET", "POST", "OPTIONS"):
            for host in ("127.0.0.1", "demo.example.org", "localhost"):
                headers = {
                    **SECRETS,
                    "Host": host,
                    "Origin": "https://elsewhere.example",
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "x-secret",
                    "Access-Control-Expose-Headers": "cookie",
                    "Range": "bytes=0-5",
                }
                with target.client.stream(method, place, headers=headers) as answer:
                    told = str(answer.headers)
                    assert "access-control-" not in told, (method, place, host)
                    assert "elsewhere" not in told and "COOKIE" not in told, (method, place, host)
                    assert answer.status_code != 206, (method, place)


def test_no_other_origin_reads_answers(target: Target) -> None:
    ask_from_elsewhere(target)


def ask_for_parts(target: Target) -> None:
    """Ask for parts of a picture: it comes whole, for its visitor’s browser alone, with no header of the request."""
    session = target.with_sample()
    answer = target.call(session, "arrive")
    path = next(each for each in _paths(answer["output"]["data"]) if each.endswith((".jpg", ".webp", ".png")))
    whole = target.client.get(f"/gradio_api/file={path}")
    assert whole.status_code == 200
    for asked in ("bytes=0-5", "bytes=1-2-3", "bytes=-", "bytes=0-0,2-3", "x"):
        headers = {**SECRETS, "Range": asked, "If-Range": "x", "Access-Control-Expose-Headers": "cookie"}
        part = target.client.get(f"/gradio_api/file={path}", headers=headers)
        assert (part.status_code, part.content) == (200, whole.content), asked
        assert "COOKIE" not in str(part.headers), asked
        assert part.headers["cache-control"].startswith("private")
    target.leave(session)


def _paths(value: object) -> list[str]:
    """Return the paths of all files in an answer."""
    if isinstance(value, dict):
        own = [value["path"]] if isinstance(value.get("path"), str) else []
        return own + [path for each in value.values() for path in _paths(each)]
    return [path for each in value for path in _paths(each)] if isinstance(value, list) else []


def test_pictures_come_whole_and_private(target: Target) -> None:
    ask_for_parts(target)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_every_answer_has_the_headers_that_bind_browsers(target: Target, method: str) -> None:
    for place in PLACES:
        with target.client.stream(method, place) as answer:
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy and "object-src 'none'" in policy, place
            assert answer.headers["x-content-type-options"] == "nosniff", place
            assert answer.headers["referrer-policy"] == "same-origin", place
            assert answer.status_code < 500, (method, place)
