"""Uploads: their sizes, their names, what becomes of them, and bodies that are none."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from tests.attack.target import Target, file_data, new_session, pdf

HEAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'
KIND = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture
def megabytes(request: pytest.FixtureRequest) -> int:
    """More than one upload may have: our own server takes 2, others 400."""
    return 450 if request.config.getoption("--server", default=None) else 3


def send_too_much(target: Target, megabytes: int) -> None:
    """Send one file, a body that states no length, and several files, none of which is too large alone."""
    answer = target.upload(("large.pdf", bytes(megabytes << 20)))
    assert answer.status_code == 413, answer.text

    def body():
        yield HEAD
        for _ in range(megabytes):
            yield bytes(1 << 20)

    answer = target.client.post("/gradio_api/upload", content=body(), headers=KIND)
    assert answer.status_code == 413, answer.text
    answer = target.upload(*[(f"{number}.pdf", bytes(1_000_000)) for number in range(megabytes)])
    assert answer.status_code == 413, answer.text


def test_uploads_have_a_limit(target: Target, megabytes: int) -> None:
    send_too_much(target, megabytes)


def take_twice(target: Target) -> None:
    (path,) = target.upload(("own.pdf", pdf("own"))).json()
    anna, ben = new_session(), new_session()
    assert target.call(anna, "index", [file_data(path)])["output"]["data"][0]["documents"]
    second = target.call(ben, "index", [file_data(path)])
    assert not second["success"] or not second["output"]["data"][0]["documents"], second
    target.leave(anna, ben)


def test_an_upload_is_taken_once(target: Target) -> None:
    take_twice(target)


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"--x--\r\n",
            b"--x\r\n\r\n",
            HEAD,
            HEAD + b"\r\n--x--",
            b"--x\r\nContent-Disposition: x\r\n\r\n1\r\n--x--",
        ),
        HEAD.replace(b"files", b"other") + b"1\r\n--x--\r\n",
        HEAD.replace(b"a.pdf", b"a" * 5000) + b"1\r\n--x--\r\n",
        HEAD.replace(b"a.pdf", b"..") + b"1\r\n--x--\r\n",
        HEAD.replace(b"a.pdf", b"\xff\xfe") + b"1\r\n--x--\r\n",
        (HEAD + b"1\r\n") * 1001 + b"--x--\r\n",
    ],
)
def test_what_is_no_upload_is_refused_in_words(target: Target, body: bytes) -> None:
    for kind in (KIND, {"Content-Type": "multipart/form-data"}, {"Content-Type": "application/json"}, {}):
        answer = target.client.post("/gradio_api/upload?upload_id=../x", content=body, headers=kind)
        assert answer.status_code in (200, 400), (answer.status_code, answer.text)
        assert "Traceback" not in answer.text


def lie_about_the_length(target: Target) -> None:
    """Send lengths that are no numbers, or smaller than what comes: refused, and the server goes on."""
    address = urlsplit(target.address)
    for length in ("-1", "99999999999999999999", "1e3", "5, 6"):
        with socket.create_connection((address.hostname, address.port or 80), 10) as connection:
            head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
            connection.sendall(head.encode() + HEAD)
            assert connection.recv(100).split(b" ")[1] in (b"400", b"413", b"507"), length
    assert target.client.get("/config").status_code == 200


def test_lengths_that_lie_are_refused(target: Target) -> None:
    lie_about_the_length(target)


def test_files_of_any_kind_end_in_a_named_error(target: Target) -> None:
    session = new_session()
    for number, data in enumerate(
        (b"", b"%PDF-", b"\x89PNG\r\n\x1a\n", b"II*\0", b"RIFF0000WEBP", b"<svg/>", bytes(9999))
    ):
        (path,) = target.upload((f"{number}.pdf", data)).json()
        message = target.call(session, "index", [file_data(path)])
        assert message["success"] and message["output"]["data"][0]["errors"], (data[:10], message)
    target.leave(session)
