"""What a renderer process can no longer do once it has given up what it does not need. Linux's alone."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colpali_demo.documents import isolation, open_document, sandbox
from colpali_demo.settings import Settings
from tests.documents.pdf_files import pages_pdf, text

ROOT = Path(__file__).parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="nothing is given up elsewhere")

# What each attempt ends with: "done", or the name of the error.
ATTEMPTS = """
import ctypes, json, os, socket, subprocess, sys, threading
from colpali_demo.documents import isolation
given_up = GIVE_UP
outcomes = {}
def attempt(name, act):
    try:
        act()
        outcomes[name] = "done"
    except OSError as error:
        outcomes[name] = error.strerror
file, port = sys.argv[1], int(sys.argv[2])
attempt("connect", lambda: socket.create_connection(("127.0.0.1", port), 5).close())
attempt("socket", lambda: socket.socket(socket.AF_UNIX).close())
attempt("run", lambda: subprocess.run([sys.executable, "-c", ""], check=True))
attempt("read", lambda: open(file).close())
attempt("read again", lambda: open("/dev/fd/0").close())
attempt("thread", lambda: threading.Thread(target=int).start())
attempt("write", lambda: open(file, "a").close())
attempt("empty", lambda: os.truncate(file, 0))
attempt("delete", lambda: os.unlink(file))
attempt("rename", lambda: os.rename(file, file + "x"))
attempt("kill", lambda: os.kill(os.getppid(), 0))
outcomes["privileges"] = [line for line in open("/proc/self/status") if line.startswith(("CapEff", "NoNewPrivs"))]
print(json.dumps([given_up, outcomes]))
sys.stdout.flush()
os.abort()
"""


@pytest.fixture
def attempts(tmp_path: Path) -> Callable[[str], tuple[list[str], dict[str, Any]]]:
    """Run the attempts in a process that has given up what an expression says; what it gave up, and how they ended."""
    target = tmp_path / "target"
    target.write_text("kept")

    def run(give_up: str) -> tuple[list[str], dict[str, Any]]:
        code = ATTEMPTS.replace("GIVE_UP", give_up)
        with socket.create_server(("127.0.0.1", 0)) as listener, open(target) as file:
            command = [sys.executable, "-c", code, str(target), str(listener.getsockname()[1])]
            result = subprocess.run(command, cwd=ROOT, stdin=file, capture_output=True, text=True)
        assert result.returncode == -6, result.stderr  # `abort` still says what it is
        return json.loads(result.stdout)

    return run


@linux_only
def test_the_attempts_succeed_where_nothing_is_given_up(attempts: Callable) -> None:
    _, outcomes = attempts("os.unlink(sys.argv[1]) or open(sys.argv[1], 'w').close() or []")
    privileges = outcomes.pop("privileges")
    assert "NoNewPrivs:\t0\n" in privileges
    # The file is gone when it is to be renamed.
    assert {name for name, outcome in outcomes.items() if outcome != "done"} == {"rename"}


@linux_only
def test_calls_that_draw_no_page_are_refused(attempts: Callable) -> None:
    given_up, outcomes = attempts("isolation.give_up(programs=False)")
    if "calls" not in given_up:
        pytest.skip("this system has no filters of calls")
    assert {"privileges", "calls"} <= set(given_up)
    privileges = outcomes.pop("privileges")
    assert privileges == ["CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n"]
    assert {name for name, outcome in outcomes.items() if outcome == "done"} == {"read", "read again", "thread"}
    assert outcomes["connect"] == outcomes["socket"] == os.strerror(1)


@linux_only
def test_a_renderer_of_poppler_runs_its_programs_and_no_more(attempts: Callable) -> None:
    given_up, outcomes = attempts("isolation.give_up(programs=True)")
    if "calls" not in given_up:
        pytest.skip("this system has no filters of calls")
    assert outcomes["run"] == "done"
    assert outcomes["connect"] == outcomes["delete"] == outcomes["kill"] == os.strerror(1)


@linux_only
def test_without_a_filter_there_is_still_no_network(attempts: Callable) -> None:
    gone, outcomes = attempts("isolation._leave_network(__import__('ctypes').CDLL(None))")
    if not gone:
        pytest.skip("this system lets nobody leave the network")
    assert outcomes["connect"] != "done"
    assert outcomes["socket"] == "done"


def test_what_cannot_be_given_up_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __getattr__(self, name: str) -> Callable[..., int]:
            return lambda *arguments: -1

    monkeypatch.setattr(isolation.ctypes, "CDLL", lambda *arguments, **named: Refusing())
    assert isolation.give_up(programs=False) == []
    monkeypatch.setattr(isolation.sys, "platform", "darwin")
    monkeypatch.setattr(isolation.ctypes, "CDLL", None)
    assert isolation.give_up(programs=False) == []


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_numbers_of_calls_are_the_kernels(machine: str) -> None:
    column, _ = isolation._MACHINES[machine]
    place = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}[machine]
    header = Path("/usr/include") / place
    if not header.is_file():
        pytest.skip("the kernel's headers are not installed")
    numbers = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    for calls in (isolation.REFUSED, isolation.PROGRAMS, isolation.UNKNOWN, isolation.LIMITED):
        for name, both in calls.items():
            if both[column] is not None:
                assert numbers[name] == str(both[column]), name


def test_what_is_kept_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, save: Callable[..., Path], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(pages_pdf([text("1")]))
    monkeypatch.setattr(sandbox, "ALL", (*isolation.ALL, "the moon"))
    sandbox._tell_what_is_kept.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert len(list(open_document(path, settings=settings))) == 1
    kept = [record.message for record in caplog.records]
    assert len(kept) == 1 and kept[0].endswith("the moon. See SECURITY.md.")
    sandbox._tell_what_is_kept.cache_clear()
