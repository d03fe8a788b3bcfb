"""One visitor who does the worst that the limits allow, and what becomes of another's searches meanwhile."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from pages import WORDS, pdf, percentiles
from served import Server

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from colpali_demo.settings import Settings  # noqa: E402
from colpali_demo.web.visitors.downloads import KINDS  # noqa: E402
from tests.attack.target import Target, file_data, new_session  # noqa: E402

LONG = "\U0001f9ff" * 55  # a token for each of its bytes, so nearly as many tokens as a query may have
FEWEST = 20  # searches, of which a 95th percentile says something
PAUSE = 1.1  # seconds between searches, so that those of one minute stay below the limit
EXPLANATION_MB = 2.2  # one page for 256 tokens: its cosines with 1030 vectors, and the same as maps
OTHERS_MB = 300  # of the process beside what settings name: pictures on their way, buffers of the server


def measure_the_worst(server: Server, seconds: float) -> dict[str, Any]:
    """Measure the seconds of a search alone and beside the worst visitor, and the most memory the process took."""
    server.wait_until_samples_are_in()
    target = Target(server.address)
    anna, worst = new_session(), new_session()
    start = time.perf_counter()
    _add(target, anna, 4)
    page_seconds = (time.perf_counter() - start) / 4
    idle = _searches(target, anna, seconds / 4)
    load_idle = os.getloadavg()[0]
    before = server.resources()["mb"]
    server.forget_peak()
    end = time.monotonic() + seconds
    keys: deque[str] = deque(["none yet"], maxlen=1)
    threads = [
        threading.Thread(target=act, args=(Target(server.address), worst, end, keys), daemon=True)
        for act in (_index_what_fits, _ask_for_everything, _read_answers)
    ]
    for thread in threads:
        thread.start()
    beside = _searches(target, anna, seconds)
    for thread in threads:
        thread.join(120)
    return {
        "load_when_idle": load_idle,
        "load_beside_the_worst": os.getloadavg()[0],
        "page_seconds": round(page_seconds, 3),
        "idle": percentiles(idle),
        "beside_the_worst": percentiles(beside),
        "mb_before": before,
        "mb_peak": server.peak(),
        "mb_allowed": before + allowed_mb(Settings.from_env()),
    }


def allowed_mb(settings: Settings) -> int:
    """Return what one visitor may add to the memory of the process: pages, the last search, what is on its way."""
    return round(settings.session_mb + 30 * EXPLANATION_MB + settings.session_events * 10 + OTHERS_MB)


def _searches(target: Target, session: str, seconds: float) -> list[float]:
    """Search for so long, one after the other; the seconds of each."""
    taken: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(taken) < FEWEST:
        start = time.perf_counter()
        message = target.call(session, "search", [WORDS[len(taken) % len(WORDS)], 3])
        taken.append(time.perf_counter() - start)
        assert message["success"], message
        time.sleep(PAUSE)
    return taken


def _add(target: Target, session: str, pages: int) -> None:
    (path,) = target.upload((f"{session}.pdf", pdf(new_session(), pages))).json()
    assert target.call(session, "index", [file_data(path)])["success"]


def _index_what_fits(target: Target, session: str, end: float, keys: deque[str]) -> None:  # noqa: ARG001
    """Documents of 40 pages, one after the other, as many as a library takes; then they are removed, and again."""
    while time.monotonic() < end:
        (path,) = target.upload(("worst.pdf", pdf(new_session(), 40))).json()
        target.join(session, target.event("receive"), [[file_data(path)]])
        target.join(session, next(each for each in target.events if each.name == "index_1"))
        time.sleep(5)


def _ask_for_everything(target: Target, session: str, end: float, keys: deque[str]) -> None:
    """Long searches, and between them every event there is but leaving, as fast as they are let in.

    Those that take a page get the last one that was found; files of every kind are asked for.
    """
    others = [each for each in target.events if each.name not in ("leave", "search_pdf", "index", "cancel", "clear")]
    number = 0
    while time.monotonic() < end:
        number += 1
        target.join(session, target.event("search_1"), [LONG, 10])  # the page's; `search` is the endpoint
        other = others[number % len(others)]
        told = {
            **target.told("own"),
            **dict.fromkeys(("key", "page_id"), keys[-1]),
            "kind": KINDS[number % len(KINDS)],
            "token": "",
            "start": "",
        }
        refused = target.join(session, other, other.data(LONG, 0), told).status_code != 200
        time.sleep(0.05 if refused else 0)


def _read_answers(target: Target, session: str, end: float, keys: deque[str]) -> None:
    while time.monotonic() < end:
        for message in target.outcomes(session):
            for value in (message.get("output") or {}).get("data") or ():
                if isinstance(value, dict) and isinstance(value.get("focus"), str):
                    keys.append(value["focus"])
        time.sleep(0.05)
