"""Are the maps faithful? Erase the patches that each of them ranks highest, and measure what the score loses.

Two tests, for every query on the page that it finds:

- **Winners.** The neighborhood of a typed token's winner is erased, and, for comparison, one of as much ink that no
  token chose. If the winner is the cause, its token loses much and the other erasure costs nothing. The ledger
  foretells how much: the margin, because the best other place takes over.
- **Curves.** Deletion: erase the k highest patches of a map; the faster the score falls, the better the map. Insertion:
  erase everything but the k highest; the faster it rises, the better. The area is the mean over the steps.

Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018, section 4.3.
https://arxiv.org/abs/1806.07421
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from colpali_demo.encoder.calibration import blank_page
from colpali_demo.evidence.erasing import cell_boxes, highest_cells, neighbors, winner_boxes
from colpali_demo.explain import similarity_maps

if TYPE_CHECKING:
    from PIL import Image

    from colpali_demo.encoder.layout import Cell, PageLayout
    from colpali_demo.explain import Explanation
    from colpali_demo.retrieval import PageIndex, Ranking

STEPS = (1, 4, 16)
"""Patches erased, or left, at each step of a curve."""

CLOSEST = 20  # neighborhoods of the most similar ink, of which one is drawn by chance
RESAMPLES = 2000  # resamples of a bootstrap
QUERY = "query"


@dataclass(frozen=True)
class WinnerTest:
    """What a token lost when its winner's neighborhood was erased, and when others were.

    margin: what the ledger foretells
    lost: MaxSim before minus MaxSim after the winner's neighborhood was erased, a cosine as the margin is
    lost_random: the same where a neighborhood with as much ink was erased that no token chose
    ink, ink_random: of the two, the mean darkness from 0 to 1
    """

    query: str
    source: str
    page: int
    token: int
    text: str
    maxsim: float
    lead: float
    margin: float
    lost: float
    lost_random: float
    ink: float
    ink_random: float


@dataclass(frozen=True)
class CurvePoint:
    """One step of a curve.

    of: "query", or the token as "index text"
    method: which map ranked the patches, a name in `METHODS`
    patches: how many were erased, or left
    deletion: what the score (or the token's term) lost when they were erased
    insertion: what it gained over a page without any when all but they were erased
    """

    query: str
    source: str
    page: int
    of: str
    method: str
    patches: int
    deletion: float
    insertion: float


@dataclass(frozen=True)
class Estimate:
    """A mean over queries, with a 95 % bootstrap interval over queries."""

    mean: float
    low: float
    high: float


class Evidence:
    """A page, its explanation, and what the maps are made of. `token` is None for the query as a whole."""

    def __init__(self, explanation: Explanation, blank: np.ndarray, chance: np.random.Generator) -> None:
        """`blank`: similarity maps of a blank page, (tokens, rows, cols)."""
        self.explanation = explanation
        self.blank = blank
        self.chance = chance
        self.ink = ink(explanation.page.image, explanation.layout)
        self.typed = [token.index for token in explanation.tokens if token.kind == "word"]

    def summed(self, maps: np.ndarray, token: int | None) -> np.ndarray:
        """Take from maps (tokens, rows, cols) that of the token, or the sum over typed tokens."""
        return maps[self.typed].sum(axis=0) if token is None else maps[token]

    def on_winners(self, token: int | None, value: Callable[[Any], float]) -> np.ndarray:
        """Place a value of tokens on the cells of their winners and add up: (rows, cols), -inf elsewhere."""
        layout = self.explanation.layout
        values = np.full((layout.rows, layout.cols), -np.inf)
        for match in self.explanation.tokens:
            if token in (None, match.index):
                for cell in match.cells:
                    values[cell] = value(match) + (values[cell] if np.isfinite(values[cell]) else 0.0)
        return values

    def matched(self, token: int | None) -> np.ndarray:
        """Return patches that no token chose, in the order in which their ink matches that of the hottest ones."""
        values = np.full(self.ink.shape, -np.inf)
        free = self.ink.copy()
        for match in self.explanation.tokens:
            for cell in match.cells:
                free[cell] = np.nan
        hottest = highest_cells(self.summed(self.explanation.maps, token), max(STEPS))
        for place, cell in enumerate(hottest):
            if np.isnan(free).all():
                break
            differences = np.where(np.isnan(free), np.inf, np.abs(free - self.ink[cell]))
            closest = np.argsort(differences, axis=None, kind="stable")[:CLOSEST]
            closest = closest[np.isfinite(differences.ravel()[closest])]
            chosen = np.unravel_index(self.chance.choice(closest), free.shape)
            values[chosen], free[chosen] = -place, np.nan
        return values


METHODS: dict[str, Callable[[Evidence, int | None], np.ndarray]] = {
    "similarity": lambda evidence, token: evidence.summed(evidence.explanation.maps, token),
    "contribution": lambda evidence, token: evidence.on_winners(token, lambda match: match.maxsim),
    "lead": lambda evidence, token: evidence.on_winners(token, lambda match: match.lead),
    "minus blank": lambda evidence, token: evidence.summed(evidence.explanation.maps - evidence.blank, token),
    "random": lambda evidence, token: evidence.matched(token),
    "darkest": lambda evidence, token: evidence.ink,
}
"""What ranks patches, higher first: (rows, cols), -inf for those that are never erased."""


@dataclass(frozen=True)
class Faithfulness:
    """What was measured, for one checkpoint."""

    model: str
    winners: tuple[WinnerTest, ...]
    curves: tuple[CurvePoint, ...]

    def areas(self) -> dict[tuple[str, str], tuple[Estimate, Estimate]]:
        """Return the areas of the deletion and the insertion curve by (whose, method), whose: "query" or "token"."""
        found = {}
        for of in (QUERY, "token"):
            for method in METHODS:
                points = [
                    point for point in self.curves if point.method == method and (point.of == QUERY) == (of == QUERY)
                ]
                if points:
                    by_query: dict[str, list[CurvePoint]] = {}
                    for point in points:
                        by_query.setdefault(point.query, []).append(point)
                    groups = list(by_query.values())
                    found[of, method] = (
                        bootstrap([np.mean([point.deletion for point in group]) for group in groups]),
                        bootstrap([np.mean([point.insertion for point in group]) for group in groups]),
                    )
        return found

    def losses(self) -> tuple[Estimate, Estimate]:
        """Return what winners' tokens lose, to the erasure of the winner and to that of as much ink elsewhere."""
        by_query: dict[str, list[WinnerTest]] = {}
        for test in self.winners:
            by_query.setdefault(test.query, []).append(test)
        return (
            bootstrap([np.mean([test.lost for test in tests]) for tests in by_query.values()]),
            bootstrap([np.mean([test.lost_random for test in tests]) for tests in by_query.values()]),
        )

    def correlation(self) -> float:
        """Return Pearson's correlation of the margins with the losses; nan for fewer than two different ones."""
        margins, lost = ([getattr(test, name) for test in self.winners] for name in ("margin", "lost"))
        if len(margins) < 2 or np.ptp(margins) == 0 or np.ptp(lost) == 0:
            return float("nan")
        return float(np.corrcoef(margins, lost)[0, 1])

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        lost, lost_random = self.losses()
        return {
            "schema": 1,
            "model": self.model,
            "winners": [asdict(test) for test in self.winners],
            "curves": [asdict(point) for point in self.curves],
            "lost": asdict(lost),
            "lost_random": asdict(lost_random),
            "correlation": self.correlation(),
            "areas": [
                {"of": of, "method": method, "deletion": asdict(deletion), "insertion": asdict(insertion)}
                for (of, method), (deletion, insertion) in self.areas().items()
            ],
        }


def measure_faithfulness(
    index: PageIndex,
    queries: Iterable[str],
    *,
    steps: Sequence[int] = STEPS,
    tokens: int = 1,
    progress: Callable[[str], None] | None = None,
) -> Faithfulness:
    """Measure both tests for queries, each on the page that it finds best.

    steps: patches of each step of a curve; without any, there are no curves
    tokens: how many typed tokens of a query have curves of their own, those with the largest lead
    progress: is called with each query once it is measured

    A page is embedded anew 2 times for a typed token and 12 times for every step of a curve. Raises CheckpointError
    (not_precomputed) where the encoder has no model, ValueError for an index without pages.
    """
    if not len(index):
        raise ValueError("there are no pages to ask")
    chance = np.random.default_rng(0)
    winners: list[WinnerTest] = []
    curves: list[CurvePoint] = []
    for text in queries:
        ranking = index.rank(text, explained=1)
        explanation = ranking[0].explain()
        winners += _winner_tests(ranking, explanation, chance)
        if steps:
            blank = _blank_maps(index, explanation)
            curves += _curves(ranking, Evidence(explanation, blank, chance), steps, tokens)
        if progress is not None:
            progress(text)
    return Faithfulness(index.encoder.model_info["name"], tuple(winners), tuple(curves))


def _blank_maps(index: PageIndex, explanation: Explanation) -> np.ndarray:
    """Return similarity maps of a blank page that is cut into the same grid."""
    size = explanation.page.width, explanation.page.height
    (blank,) = index.encoder.embed_pages([blank_page().resize(size)])
    return similarity_maps(explanation.query, blank)


def _winner_tests(ranking: Ranking, explanation: Explanation, chance: np.random.Generator) -> list[WinnerTest]:
    page, layout = explanation.page, explanation.layout
    darkness = ink(page.image, layout)
    tests = []
    for match in explanation.tokens:
        if match.kind != "word" or not match.cells or match.margin is None:
            continue
        own = neighbors(match.cells, layout)
        other = place_with_as_much_ink(explanation, own, darkness, chance)
        if other is None:
            continue
        after = ranking.without(page, winner_boxes(explanation, match.index))
        elsewhere = ranking.without(page, cell_boxes(other, layout))
        tests.append(
            WinnerTest(
                query=explanation.query.text,
                source=page.source,
                page=page.number,
                token=match.index,
                text=match.text,
                maxsim=match.maxsim,
                lead=match.lead,
                margin=match.margin,
                lost=(match.maxsim - after.tokens[match.index].maxsim) * explanation.query.divisor,
                lost_random=(match.maxsim - elsewhere.tokens[match.index].maxsim) * explanation.query.divisor,
                ink=float(np.mean([darkness[cell] for cell in own])),
                ink_random=float(np.mean([darkness[cell] for cell in other])),
            )
        )
    return tests


def place_with_as_much_ink(
    explanation: Explanation, own: Sequence[Cell], darkness: np.ndarray, chance: np.random.Generator
) -> list[Cell] | None:
    """Return a place shaped as `own`, of about as much ink, in which no token has its winner; None if none exists.

    darkness: of every cell, see `ink`
    """
    layout = explanation.layout
    won = {cell for match in explanation.tokens for cell in match.cells}
    top, left = min(row for row, _ in own), min(col for _, col in own)
    wanted = np.mean([darkness[cell] for cell in own])
    shape = [(row - top, col - left) for row, col in own]
    height, width = (max(values) + 1 for values in zip(*shape, strict=True))
    places = []
    for row in range(layout.rows - height + 1):
        for col in range(layout.cols - width + 1):
            cells = [(row + y, col + x) for y, x in shape]
            if not won & set(cells) and not set(own) & set(cells):
                difference = abs(np.mean([darkness[cell] for cell in cells]) - wanted)
                places.append((float(difference), cells))
    places.sort(key=lambda place: place[0])
    return places[chance.integers(min(CLOSEST, len(places)))][1] if places else None


def _curves(ranking: Ranking, evidence: Evidence, steps: Sequence[int], tokens: int) -> list[CurvePoint]:
    explanation = evidence.explanation
    page, layout = explanation.page, explanation.layout
    empty = ranking.only(page, [])
    typed = [token for token in explanation.tokens if token.kind == "word" and token.cells]
    leading = sorted(typed, key=lambda token: -token.lead)[:tokens]
    points = []
    for token in (None, *(match.index for match in leading)):

        def found(why: Explanation, token: int | None = token) -> float:
            return why.score if token is None else why.tokens[token].maxsim

        for method, ranked_by in METHODS.items():
            order = highest_cells(ranked_by(evidence, token), max(steps))
            for count in steps:
                boxes = cell_boxes(order[:count], layout)
                points.append(
                    CurvePoint(
                        query=explanation.query.text,
                        source=page.source,
                        page=page.number,
                        of=QUERY if token is None else f"{token} {explanation.tokens[token].text}",
                        method=method,
                        patches=count,
                        deletion=found(explanation) - found(ranking.without(page, boxes)),
                        insertion=found(ranking.only(page, boxes)) - found(empty),
                    )
                )
    return points


def ink(image: Image.Image, layout: PageLayout) -> np.ndarray:
    """Return how much is printed in each cell: (rows, cols), mean distance from the commonest gray, 0 to 1."""
    gray = np.asarray(image.convert("L"), dtype=np.int16)
    paper = np.bincount(gray.ravel(), minlength=256).argmax()
    distance = np.abs(gray - paper) / 255.0
    rows = np.linspace(0, gray.shape[0], layout.rows + 1).round().astype(int)
    cols = np.linspace(0, gray.shape[1], layout.cols + 1).round().astype(int)
    summed = np.zeros((gray.shape[0] + 1, gray.shape[1] + 1))
    summed[1:, 1:] = distance.cumsum(axis=0).cumsum(axis=1)
    at = summed[np.ix_(rows, cols)]
    areas = np.maximum(np.outer(np.diff(rows), np.diff(cols)), 1)
    return (at[1:, 1:] - at[:-1, 1:] - at[1:, :-1] + at[:-1, :-1]) / areas


def bootstrap(values: Sequence[float]) -> Estimate:
    """Return the mean of values with its 95 % interval over resamples; the same values give the same interval."""
    numbers = np.asarray(values, dtype=np.float64)
    if not len(numbers):
        return Estimate(float("nan"), float("nan"), float("nan"))
    chance = np.random.default_rng(0)
    means = numbers[chance.integers(len(numbers), size=(RESAMPLES, len(numbers)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(numbers.mean()), float(low), float(high))


def rows(records: Sequence[Any]) -> list[Mapping[str, Any]]:
    """Return records of one kind as rows of a table, for CSV."""
    return [asdict(record) for record in records]
