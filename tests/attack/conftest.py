"""A server for the attacks, or the one at `--server URL`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from live import check_log, run

from tests.attack.target import Target, Trap

PROGRAM = "tests/attack/served.py"
# Rates as if visitors came one by one: it is not them that hold an attack off here, but what they are said to bound.
SETTINGS = {"mcp": "on", "render_pixels": 200, "max_file_mb": 1, "session_mb": 2}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--server", metavar="URL", help="attack this server instead of one of our own")


@pytest.fixture(scope="session")
def target(
    request: pytest.FixtureRequest, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """The server under attack. At its end, its log must show no error."""
    if address := request.config.getoption("--server", default=None):
        yield Target(address.rstrip("/"))
        return
    folder = tmp_path_factory.mktemp("attacked")
    with run(folder, checkpoint, program=(PROGRAM,), **SETTINGS) as address:
        yield Target(address, folder / "server.log")
    check_log(folder)


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()
