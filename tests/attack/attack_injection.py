"""What visitors send is data wherever it comes out: in answers, in pages, and in the log."""

from __future__ import annotations

import json

import pytest

from tests.attack.target import Event, Target, everywhere, new_session

SCRIPT = "\"'></script><script>alert(1)</script>{{constructor}}${alert(1)}"
LINE = "\n2000-01-01 FORGED\r\n\u2028"


TEXTS = (SCRIPT, LINE, "%s%n{0}{__class__}", "\ud800", "\0", "../" * 30)


def send_scripts(target: Target, texts: tuple[str, ...] = TEXTS) -> None:
    """Send every event a script and lines of a log: answers are JSON, and say neither where nor how it failed."""

    def attack(event: Event) -> None:
        for text in texts:
            session = new_session()
            body = json.dumps(
                {
                    "session_hash": session,
                    "fn_index": event.number,
                    "data": event.data(text, 0),
                    "event_data": target.told(text),
                }
            )
            answer = target.client.post(
                "/gradio_api/queue/join", content=body, headers={"Content-Type": "application/json"}
            )
            assert not answer.headers["content-type"].startswith("text/html"), event
            if answer.status_code == 200:
                message = str(next(target.outcomes(session), None))
                assert "Traceback" not in message and 'File "' not in message, (event, message[:300])

    everywhere(target, attack)
    assert_log_is_ours(target)


def assert_log_is_ours(target: Target) -> None:
    if target.log:
        lines = target.log.read_text(errors="replace").splitlines()
        assert not [line for line in lines if line.startswith("2000-01-01 FORGED")]


@pytest.mark.parametrize("texts", [TEXTS[:2], pytest.param(TEXTS[2:], marks=pytest.mark.long)], ids=["two", "all"])
def test_no_event_answers_with_a_page_or_a_trace(target: Target, texts: tuple[str, ...]) -> None:
    send_scripts(target, texts)


def put_scripts_into_addresses(target: Target) -> None:
    for path in (
        *("/?q={}", "/?model={}&sample={}", "/{}", "/gradio_api/mcp/{}", "/gradio_api/file={}", "/config?x={}"),
        *("/gradio_api/custom_component/{}/client/component/x", "/gradio_api/upload_progress?upload_id={}"),
    ):
        for text in (SCRIPT, "%0a2000-01-01%20FORGED%0d%0a"):
            with target.client.stream("GET", path.replace("{}", text)) as answer:
                if answer.headers.get("content-type", "").startswith("text/html"):
                    assert "<script>alert(1)" not in answer.read().decode(), path
                assert "FORGED" not in str(answer.headers), path
    assert_log_is_ours(target)


def test_no_page_repeats_its_address(target: Target) -> None:
    put_scripts_into_addresses(target)


@pytest.mark.parametrize("name", [f"<img src=x onerror=alert(1)>{'.pdf'}", "a\r\nSet-Cookie: x=1.pdf", "../../x.pdf"])
def test_names_of_files_are_one_line_of_text(target: Target, name: str) -> None:
    session = new_session()
    answer = target.upload((name, b"%PDF-1.4 broken"))
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        message = target.call(session, "index", [{"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}])
        errors = message["output"]["data"][0]["errors"]
        assert [error["code"] for error in errors] and "\n" not in json.dumps(errors), errors
    target.leave(session)
