"""The measure of faithfulness: what it erases, and how it adds up."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from colpali_demo.encoder.layout import PageLayout, patch
from colpali_demo.evidence import measure_faithfulness
from colpali_demo.evidence.erasing import highest_cells, winner_boxes
from colpali_demo.evidence.faithfulness import METHODS, Faithfulness, WinnerTest, bootstrap, ink
from colpali_demo.retrieval import PageIndex

QUERIES = ["revenue by region", "the board"]


@pytest.fixture(scope="module")
def index(encoder, make_page) -> PageIndex:
    index = PageIndex(encoder)
    index.add([make_page(number) for number in range(1, 5)])
    return index


@pytest.fixture(scope="module")
def measured(index) -> Faithfulness:
    return measure_faithfulness(index, QUERIES, steps=(1, 3))


def test_winners_lose_what_erasing_their_surroundings_costs(index, measured):
    assert measured.winners
    for test in measured.winners:
        ranking = index.rank(test.query)
        hit = ranking[0]
        why = hit.explain()
        assert (test.source, test.page) == (hit.page.source, hit.page.number)
        token = why.tokens[test.token]
        assert (token.kind, token.text) == ("word", test.text)
        assert (test.maxsim, test.margin, test.lead) == (token.maxsim, token.margin, token.lead)
        after = ranking.without(hit.page, winner_boxes(why, test.token))
        assert test.lost == token.maxsim - after.tokens[test.token].maxsim


def test_every_method_has_a_curve_for_the_query_and_its_leading_token(index, measured):
    for query in QUERIES:
        points = [point for point in measured.curves if point.query == query]
        assert {point.method for point in points} == set(METHODS)
        assert {point.patches for point in points} == {1, 3}
        whose = {point.of for point in points}
        leading = max(
            (t for t in index.search(query)[0].explain().tokens if t.kind == "word" and t.cells), key=lambda t: t.lead
        )
        assert whose == {"query", f"{leading.index} {leading.text}"}


def test_a_curve_is_the_score_without_and_with_only_the_highest_patches(index, measured):
    ranking = index.rank(QUERIES[0])
    why = ranking[0].explain()
    typed = [token.index for token in why.tokens if token.kind == "word"]
    cells = highest_cells(why.maps[typed].sum(axis=0), 3)
    boxes = [why.layout.rectangle(*cell) for cell in cells]
    (point,) = (
        point
        for point in measured.curves
        if (point.query, point.of, point.method, point.patches) == (QUERIES[0], "query", "similarity", 3)
    )
    assert point.deletion == pytest.approx(why.score - ranking.without(why.page, boxes).score)
    empty = ranking.only(why.page, [])
    assert point.insertion == pytest.approx(ranking.only(why.page, boxes).score - empty.score)


def test_areas_and_losses_are_means_over_queries(measured):
    areas = measured.areas()
    assert set(areas) == {(of, method) for of in ("query", "token") for method in METHODS}
    by_query = [
        np.mean([p.deletion for p in measured.curves if (p.query, p.of, p.method) == (query, "query", "lead")])
        for query in QUERIES
    ]
    assert areas["query", "lead"][0].mean == pytest.approx(np.mean(by_query))
    lost, _ = measured.losses()
    assert lost.low <= lost.mean <= lost.high
    value = json.loads(json.dumps(measured.to_json()))
    assert len(value["areas"]) == 12 and value["schema"] == 1


def test_the_same_measurement_gives_the_same_numbers(index, measured):
    assert measure_faithfulness(index, QUERIES, steps=(1, 3)) == measured


def test_correlation_is_that_of_margins_and_losses():
    def test(margin: float, lost: float) -> WinnerTest:
        return WinnerTest("q", "d", 1, 0, "t", 1.0, 0.5, margin, lost, 0.0, 0.1, 0.1)

    lined_up = Faithfulness("m", (test(0.1, 0.2), test(0.2, 0.4), test(0.3, 0.6)), ())
    assert lined_up.correlation() == pytest.approx(1.0)
    assert np.isnan(Faithfulness("m", (test(0.1, 0.2),), ()).correlation())


def test_ink_is_how_much_differs_from_the_paper():
    image = Image.new("RGB", (90, 60), (240, 240, 240))
    ImageDraw.Draw(image).rectangle((30, 0, 59, 29), fill=(0, 0, 0))
    layout = PageLayout(2, 3, tuple(patch((row, col)) for row in range(2) for col in range(3)))
    np.testing.assert_allclose(ink(image, layout), [[0, 240 / 255, 0], [0, 0, 0]], atol=1e-9)


def test_an_interval_is_around_the_mean_and_none_is_nan():
    estimate = bootstrap([0.0, 1.0] * 20)
    assert estimate.mean == 0.5 and 0.3 < estimate.low < 0.5 < estimate.high < 0.7
    assert np.isnan(bootstrap([]).mean)


def test_without_pages_there_is_nothing_to_measure(encoder):
    with pytest.raises(ValueError, match="no pages"):
        measure_faithfulness(PageIndex(encoder), QUERIES)


def test_the_figure_and_the_tables_are_written(measured, tmp_path):
    import csv

    from colpali_demo.evidence.faithfulness import rows
    from colpali_demo.export.figures import figure_bytes
    from colpali_demo.export.measurements import faithfulness_figure, write_csv

    assert figure_bytes(faithfulness_figure(measured), ".png").startswith(b"\x89PNG")
    write_csv(tmp_path / "winners.csv", rows(measured.winners))
    with (tmp_path / "winners.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [float(row["lost"]) for row in read] == [test.lost for test in measured.winners]
