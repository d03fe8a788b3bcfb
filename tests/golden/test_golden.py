"""The numbers of all sample queries are those of the golden file."""

import json

import pytest
from golden.make import GOLDEN, found

# Convolutions sum in another order on another processor; on the machine that made the file the numbers are equal.
TOLERANCE = 1e-4


def test_every_score_and_term_of_the_samples_is_as_it_was():
    expected, computed = json.loads(GOLDEN.read_text("utf-8")), found()
    assert computed.keys() == expected.keys()
    for query, pages in expected.items():
        assert computed[query].keys() == pages.keys()
        for page, numbers in pages.items():
            now = computed[query][page]
            assert now["score"] == pytest.approx(numbers["score"], abs=TOLERANCE * len(numbers["terms"])), (query, page)
            assert now["terms"] == pytest.approx(numbers["terms"], abs=TOLERANCE), (query, page)
            changed = sum(a != b for a, b in zip(now["winners"], numbers["winners"], strict=True))
            assert changed <= 1, (query, page)
