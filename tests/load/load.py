"""Put the demo under load with real Gradio clients, and check what it answers, how soon, and in how much memory.

    python tests/load/load.py [--visitors 100] [--seconds 120] [--sessions 200] [--report report.json]

Starts `python app.py` with the settings of the environment (COLPALI_MODEL chooses the checkpoint). First a crowd, which
has no limits of rate:

1. searches alone, for the idle latency, and indexes alone, for the time of one page;
2. has visitors index documents of their own and search them, all at once, while one more only searches;
3. has sessions come, index, search and leave, ten at a time;
4. waits until all sessions have ended.

Then one visitor, at a server with the limits it comes with, who does the worst that these allow, see `worst`, while
another searches.

Every page in every answer must be the visitor's own. The exit status is 0 if all of this holds: no page of somebody
else, no error, p95 of a search at most one idle search of each of the crowd, who all search as well, plus one page, and
at most three times the idle p95 plus one page beside the worst visitor, memory back within 10 % of what it was before,
and at its peak within what the settings allow, and no temporary file left. What else the machine does meanwhile is in
the seconds too, so its load stands beside them: run this where nothing else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client, handle_file
from pages import WORDS, pdf, percentiles
from served import Server
from worst import measure_the_worst

from colpali_demo.samples import read_samples  # `worst` makes it importable

# Of the crowd's server: it is the server that is under test, not its patience.
PATIENT = {"searches_per_minute": 100_000, "files_per_minute": 100_000, "events_per_minute": 100_000}
PATIENCE_SECONDS = 600  # of its visitors, for an answer: the last of a hundred waits for the pages of all others


@dataclass
class Findings:
    """What all visitors found, together."""

    searches: list[float] = field(default_factory=list)  # seconds
    indexed: int = 0  # pages
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Visitor:
    """One client with documents of its own, whose names say whose they are."""

    def __init__(self, address: str, name: str, findings: Findings) -> None:
        self.name = name
        self._findings = findings
        self._folder = tempfile.TemporaryDirectory()
        self._client = Client(address, verbose=False, httpx_kwargs={"timeout": httpx.Timeout(PATIENCE_SECONDS)})
        self._pages = 0
        self._samples = {sample.source for sample in read_samples()}

    def index(self, pages: int) -> float:
        """Add a document of so many pages; the seconds it took."""
        path = Path(self._folder.name) / f"{self.name}-{self._pages}.pdf"
        path.write_bytes(pdf(f"{self.name} {self._pages}", pages))
        start = time.perf_counter()
        answer = self._ask(handle_file(path), api_name="/index")
        seconds = time.perf_counter() - start
        if answer is not None:
            self._pages += pages
            self._findings.indexed += pages
            self._findings.errors += [f"{self.name}: {error}" for error in answer["errors"]]
            self._check(document["source"] for document in answer["documents"])
        return seconds

    def search(self, words: str) -> float:
        """Search, and check that every page found is one's own, and that all of them could be."""
        start = time.perf_counter()
        answer = self._ask(words, 10, api_name="/search")
        seconds = time.perf_counter() - start
        if answer is not None:
            self._check(result["source"] for result in answer["results"])
            if self._pages and len(answer["results"]) != min(10, self._pages):
                self._findings.errors.append(f"{self.name}: {len(answer['results'])} results of {self._pages} pages")
        return seconds

    def leave(self) -> None:
        """Close the connection, as closing the tab does."""
        self._client.close()
        self._folder.cleanup()

    def _ask(self, *arguments: Any, api_name: str) -> dict[str, Any] | None:
        try:
            return self._client.predict(*arguments, api_name=api_name)
        except Exception as error:
            self._findings.errors.append(f"{self.name}: {api_name}: {error}")
            return None

    def _check(self, sources: Any) -> None:
        strange = {source for source in sources if not source.startswith(f"{self.name}-")} - self._samples
        self._findings.foreign += [f"{self.name} saw {source}" for source in sorted(strange)]


def main() -> int:
    """Run the phases and print the report; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--report", metavar="FILE", type=Path, help="where to write the numbers, as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder), **PATIENT) as server:
        report = measure(server, given.visitors, given.seconds, given.sessions)
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
        report["worst"] = measure_the_worst(server, given.seconds)
    checks = judge(report)
    for name, value in report.items():
        long = isinstance(value, list) and len(value) > 3
        print(f"{name}: {f'{len(value)}, the first: {value[:3]}' if long else value}")
    for name, holds in checks.items():
        print(f"{'ok    ' if holds else 'FAILED'} {name}")
    if given.report:
        given.report.write_text(json.dumps({**report, "checks": checks}, indent=1))
    return 0 if all(checks.values()) else 1


def measure(server: Server, visitors: int, seconds: float, sessions: int) -> dict[str, Any]:
    """Measure the four phases: seconds, counts and megabytes."""
    alone = Findings()
    prober = Visitor(server.address, "prober", alone)
    prober.index(3)  # and what is loaded at first use
    page_seconds = min(prober.index(4) for _ in range(3)) / 4
    idle = [prober.search(word) for word in WORDS * 3][len(WORDS) :]
    load_idle = os.getloadavg()[0]
    server.wait_until_samples_are_in()
    before = server.resources()

    crowd = Findings()
    end = time.monotonic() + seconds
    members = [Visitor(server.address, f"visitor{number}", crowd) for number in range(visitors)]
    under_load: list[float] = []
    threads = [threading.Thread(target=_index_and_search, args=(member, crowd, end)) for member in members]
    threads.append(threading.Thread(target=_search_on, args=(prober, under_load, end)))
    _run(threads)
    during = server.resources()
    load_under = os.getloadavg()[0]
    for member in (*members, prober):
        member.leave()

    passing = Findings()

    def visit(number: int) -> None:
        guest = Visitor(server.address, f"guest{number}", passing)
        guest.index(1)
        passing.searches.append(guest.search(WORDS[number % len(WORDS)]))
        guest.leave()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(visit, range(sessions)))
    server.wait_until_empty()
    after = server.resources()
    everything = (alone, crowd, passing)
    return {
        "visitors": visitors,
        "machine": {"cores": os.cpu_count(), "load_when_idle": load_idle, "load_with_the_crowd": load_under},
        "page_seconds": round(page_seconds, 3),
        "idle": percentiles(idle),
        "search_while_others_index": percentiles(under_load),
        "searches_of_those_who_index": percentiles(crowd.searches),
        "pages_indexed_by_the_crowd": crowd.indexed,
        "sessions": sessions,
        "foreign_pages": [it for findings in everything for it in findings.foreign],
        "errors": [it for findings in everything for it in findings.errors],
        "before": before,
        "during": during,
        "after": after,
    }


def judge(report: dict[str, Any]) -> dict[str, bool]:
    """Judge which of the promises hold."""
    worst = report["worst"]
    fair = 3 * worst["idle"]["p95"] + worst["page_seconds"]
    allowed = (report["visitors"] + 1) * report["idle"]["p95"] + report["page_seconds"]
    return {
        "no page of another visitor": not report["foreign_pages"],
        "no error": not report["errors"],
        f"in the crowd a search waits for one search of each and a page at most (p95 <= {allowed:.3f} s)": (
            report["search_while_others_index"]["p95"] <= allowed
        ),
        f"beside the worst visitor a search takes three times as long at most (p95 <= {fair:.3f} s)": (
            worst["beside_the_worst"]["p95"] <= fair
        ),
        f"memory at its peak within the settings (<= {worst['mb_allowed']} MB)": worst["mb_peak"]
        <= worst["mb_allowed"],
        "memory back within 10 %": report["after"]["mb"] <= 1.1 * report["before"]["mb"],
        "no temporary file left": report["after"]["session_files"] == 0,
        "no renderer left": report["after"]["children"] == 0,
    }


def _index_and_search(member: Visitor, findings: Findings, end: float) -> None:
    number = 0
    while time.monotonic() < end:
        if member._pages < 100:
            member.index(1)
        findings.searches.append(member.search(WORDS[number % len(WORDS)]))
        number += 1


def _search_on(prober: Visitor, seconds: list[float], end: float) -> None:
    while time.monotonic() < end or len(seconds) < 2:
        seconds.append(prober.search(WORDS[len(seconds) % len(WORDS)]))
        time.sleep(1)


def _run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
