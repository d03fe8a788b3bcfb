"""The attacks can succeed: against the same server without its guard, each of these does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live import run

from tests.attack.attack_fetching import call_with_addresses, fetch_through_routes
from tests.attack.attack_files import ask_without_needed_routes
from tests.attack.attack_headers import ask_for_parts, ask_from_elsewhere
from tests.attack.attack_injection import put_scripts_into_addresses
from tests.attack.attack_memory import leave_answers_unread, send_large_bodies, send_long_names
from tests.attack.attack_stalling import ask_often
from tests.attack.attack_uploads import send_too_much, take_twice
from tests.attack.conftest import PROGRAM, SETTINGS
from tests.attack.target import Target, Trap

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def weakened(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("weakened")
    with run(folder, checkpoint, program=(PROGRAM, "--weakened"), **SETTINGS) as address:
        yield Target(address, folder / "server.log")


@pytest.mark.parametrize(
    "attack",
    [
        lambda target, trap: call_with_addresses(target, trap, "queue/join"),
        fetch_through_routes,
        lambda target, trap: ask_often(target),
        lambda target, trap: send_large_bodies(target),
        lambda target, trap: send_long_names(target),
        lambda target, trap: leave_answers_unread(target),
        lambda target, trap: ask_without_needed_routes(target),
        lambda target, trap: put_scripts_into_addresses(target),
        lambda target, trap: ask_from_elsewhere(target),
        lambda target, trap: ask_for_parts(target),
        lambda target, trap: send_too_much(target, 3),
        lambda target, trap: take_twice(target),
    ],
    ids=lambda attack: "+".join(attack.__code__.co_names[:1]) or attack.__name__,
)
def test_without_the_guard_the_attack_succeeds(
    weakened: Target, trap: Trap, attack: Callable[[Target, Trap], None]
) -> None:
    with pytest.raises(AssertionError):
        attack(weakened, trap)
