"""Nothing of one visitor reaches another, through any event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.attack.target import Event, Target, everywhere, file_data, new_session

SECRET = "annas-secret-report"


def ask_for_what_is_anothers(target: Target) -> None:
    """Send, as Ben, each name of Anna's page, document, picture and upload to every event: no answer has any of it."""
    anna = new_session()
    library = target.index(anna, f"{SECRET}.pdf")
    (document,) = [each["document"] for each in library["documents"]]
    found = target.call(anna, "search", ["secret", 1])["output"]["data"][0]
    assert is_annas(found, document)
    (waiting,) = target.upload((f"{SECRET}-2.pdf", b"%PDF-1.4 nothing")).json()
    names = [document, f"{document}-1", f"{SECRET}.pdf", anna]
    files = [file_data(f"{waiting}x"), file_data(waiting.rsplit("/", 1)[0]), file_data("..")]

    def attack(event: Event) -> None:
        ben = target.with_sample()
        for value in [*names, *files[: 3 * event.inputs]]:
            message = target.run(ben, event, event.data(value, 0), target.told(value))
            assert not is_annas(message.get("output"), document), (event, value)
        target.leave(ben)

    everywhere(target, attack)
    again = target.call(anna, "search", ["secret", 1])
    assert SECRET in json.dumps(again), "and she still has it"
    target.leave(anna)


def is_annas(value: Any, document: str) -> bool:
    """Return whether an answer has a page or a document of Anna's.

    What was sent along comes back as a query, or in a refusal.
    """
    if isinstance(value, dict):
        named = {str(value.get(name)) for name in ("source", "document", "document_id")}
        own = "code" not in value and any(SECRET in name or name == document for name in named)
        return own or any(is_annas(each, document) for each in value.values())
    return isinstance(value, list) and any(is_annas(each, document) for each in value)


@pytest.mark.long
def test_no_event_answers_with_what_is_anothers(target: Target) -> None:
    ask_for_what_is_anothers(target)


def test_addresses_of_uploads_and_pictures_cannot_be_guessed(target: Target) -> None:
    paths = [target.upload(("report.pdf", b"same")).json()[0] for _ in range(2)]
    folders = [path.split("/uploads/")[-1].split("/")[0] for path in paths]
    assert folders[0] != folders[1]
    assert all(len(folder) >= 32 for folder in folders)  # 192 bits


def end_what_is_anothers(target: Target) -> None:
    """Leave, clear, cancel and reset under other names: a visitor keeps what they have."""
    anna = new_session()
    target.index(anna, "anna.pdf")
    for session in (new_session(), anna.upper(), f"{anna}.", anna[:-1]):
        for event in target.events:
            if event.name in ("leave", "clear", "cancel", "remove", "dismiss"):
                target.run(session, event, [], target.told("anna.pdf"))
        for route in ("cancel", "reset"):
            body = {"session_hash": session, "fn_index": 0, "event_id": "x"}
            target.client.post(f"/gradio_api/{route}", json=body)
    found = target.call(anna, "search", ["anna", 1])
    assert [each["source"] for each in found["output"]["data"][0]["results"]] == ["anna.pdf"]
    target.leave(anna)


def test_nobody_ends_what_is_anothers(target: Target) -> None:
    end_what_is_anothers(target)
