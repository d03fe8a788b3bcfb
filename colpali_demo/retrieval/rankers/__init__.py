"""How pages are ordered for a query. A ranker is one file here and one entry in `RANKERS`."""

from colpali_demo import maxsim
from colpali_demo.retrieval.rankers.base import Ranker
from colpali_demo.retrieval.rankers.late_interaction import LateInteraction
from colpali_demo.retrieval.rankers.mean import MeanVector, mean_vector, similarities_to_mean

RANKERS: dict[str, Ranker] = {
    ranker.name: ranker
    for ranker in (
        LateInteraction("maxsim", "late interaction", maxsim.row_maxima),
        MeanVector("mean", "one mean vector"),
    )
}
"""The rankers by name."""

__all__ = ["RANKERS", "LateInteraction", "MeanVector", "Ranker", "mean_vector", "similarities_to_mean"]
