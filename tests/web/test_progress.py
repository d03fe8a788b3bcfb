from __future__ import annotations

import pytest

from colpali_demo.web.progress import WINDOW, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_is_known_before_the_first_page(clock):
    pace = Pace(12, clock)
    clock.now += 5
    assert (pace.done, pace.rate, pace.seconds_left) == (0, None, None)


def test_an_even_pace_tells_the_time_left(clock):
    pace = Pace(12, clock)
    for done in (1, 2, 3):
        clock.now += 0.5
        pace.reach(done)
    assert pace.rate == pytest.approx(2)
    assert pace.seconds_left == pytest.approx(4.5)


def test_pages_that_failed_count_as_done(clock):
    pace = Pace(10, clock)
    clock.now += 2
    pace.reach(4)  # pages 1 to 3 could not be drawn
    assert pace.rate == pytest.approx(2)
    assert pace.seconds_left == pytest.approx(3)


def test_a_slow_start_is_forgotten(clock):
    pace = Pace(100, clock)
    clock.now += 60
    pace.reach(1)
    for done in range(2, WINDOW + 2):
        clock.now += 1
        pace.reach(done)
    assert pace.rate == pytest.approx(1)


def test_nothing_is_left_after_the_last_page(clock):
    pace = Pace(1, clock)
    clock.now += 1
    pace.reach(1)
    assert pace.seconds_left == 0
