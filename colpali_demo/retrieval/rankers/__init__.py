"""How pages are ordered for a query. A ranker is one file here and one entry in `RANKERS`."""

from colpali_demo import maxsim
from colpali_demo.retrieval.rankers.base import Ranker
from colpali_demo.retrieval.rankers.late_interaction import LateInteraction
from colpali_demo.retrieval.rankers.mean import MeanVector, mean_vector, similarities_to_mean
from colpali_demo.retrieval.ranking import NoLedger

RANKERS: dict[str, Ranker] = {
    ranker.name: ranker
    for ranker in (
        LateInteraction("maxsim", "late interaction", maxsim.row_maxima),
        MeanVector("mean", "one mean vector"),
    )
}
"""The rankers by name."""

__all__ = [
    "RANKERS",
    "LateInteraction",
    "MeanVector",
    "Ranker",
    "check_explains",
    "mean_vector",
    "similarities_to_mean",
]


def check_explains(name: str) -> None:
    """Raise NoLedger unless `name` is that of a ranker whose pages can be explained token by token."""
    if name not in RANKERS or not RANKERS[name].has_terms:
        known = ", ".join(ranker.name for ranker in RANKERS.values() if ranker.has_terms)
        raise NoLedger(f"no method {name!r} gives terms of tokens, which explanations need; choose one of: {known}")
