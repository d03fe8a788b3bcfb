from __future__ import annotations

import threading
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from colpali_demo.web.turns import PATIENCE, Places, Rate, Turns


class Crowd:
    """Threads that ask for turns one after the other, while somebody holds the turn, and then run as they are let."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.ran: list[str] = []
        self._threads: list[threading.Thread] = []

    def ask(self, name: str, then: Callable[[], None] = lambda: None, visitor: object = None) -> None:
        """Ask for a search if the name begins with "s", else for a batch; returns once it waits in line."""
        line = self.turns._searches if name.startswith("s") else self.turns._batches
        waiting = len(line)

        def run() -> None:
            with self.turns.search(visitor or name) if name.startswith("s") else self.turns.batch():
                self.ran.append(name)
                then()

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()
        while len(line) == waiting:
            pass

    def finish(self) -> list[str]:
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        return self.ran


def test_searches_come_before_pages_and_each_kind_in_order() -> None:
    crowd = Crowd()
    with crowd.turns.batch():
        for name in ("b1", "b2", "s1", "b3", "s2"):
            crowd.ask(name)
    assert crowd.finish() == ["s1", "s2", "b1", "b2", "b3"]


def test_one_at_a_time_even_after_an_error() -> None:
    turns = Turns()
    try:
        with turns.search("anna"):
            raise RuntimeError
    except RuntimeError:
        pass
    with turns.batch():
        pass


def test_visitors_who_index_take_turns() -> None:
    crowd = Crowd()
    with crowd.turns.search("nobody"):
        for name in ("anna", "ben"):
            crowd.ask(name, then=lambda name=name: crowd.ask(f"{name} again"))
    crowd.finish()
    assert crowd.finish() == ["anna", "ben", "anna again", "ben again"]


def test_visitors_who_search_take_turns() -> None:
    crowd = Crowd()
    with crowd.turns.batch():
        for name in ("s anna 1", "s anna 2", "s anna 3", "s ben 1", "s ben 2", "s cleo"):
            crowd.ask(name, visitor=name.split()[1])
    assert crowd.finish() == ["s anna 1", "s ben 1", "s cleo", "s anna 2", "s ben 2", "s anna 3"]


@given(st.lists(st.sampled_from("sb"), min_size=1, max_size=40), st.integers(1, 40))
def test_a_search_waits_for_one_batch_at_most(kinds: list[str], visitors: int) -> None:
    crowd = Crowd()
    with crowd.turns.batch():
        for number, kind in enumerate(kinds):
            crowd.ask(f"{kind}{number}", visitor=number % visitors + 1)
    ran = crowd.finish()
    # All of them have waited for the batch that ran, so no other comes before any of them.
    assert ran == sorted(ran, key=lambda name: name[0] != "s")


def test_a_stream_of_searches_does_not_keep_pages_out_for_ever() -> None:
    crowd = Crowd()
    with crowd.turns.search("nobody"):
        for number in range(3 * PATIENCE):
            crowd.ask(f"s{number}")
        crowd.ask("b")
    assert crowd.finish().index("b") == PATIENCE


def test_places_are_given_in_the_order_of_asking() -> None:
    places = Places(2)
    tickets = [places.enter() for _ in range(4)]
    assert [places.ahead(ticket) for ticket in tickets] == [0, 0, 1, 2]
    places.leave(tickets[2])  # has given up waiting
    assert places.ahead(tickets[3]) == 1
    places.leave(tickets[0])
    assert places.ahead(tickets[3]) == 0


def test_a_rate_allows_so_many_in_any_minute() -> None:
    now = 0.0
    rate = Rate(2, clock=lambda: now)
    assert [rate.wait(), rate.wait()] == [0, 0]
    now = 20.0
    assert rate.wait() == 40
    now = 60.0
    assert rate.wait() == 0
    assert rate.wait() == 0
    assert rate.wait() == 60
