"""What visitors may download of an explained page: figures, exact numbers, and a file that shows the lens."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from colpali_demo.export.standalone import standalone
from colpali_demo.export.tensors import tensors

if TYPE_CHECKING:
    from colpali_demo.encoder.interface import ModelInfo
    from colpali_demo.evidence import Erasure
    from colpali_demo.explain import Explanation
    from colpali_demo.export.figures import Scale
    from colpali_demo.export.lens_value import LensValue
    from colpali_demo.retrieval.ranking import CosineRange

KINDS = ("pdf", "svg", "json", "html")
SCALES = ("token", "page", "all")  # as the lens calls them
MEASURES = ("score", "lead")  # as the lens calls what it shows of a token


def file_name(explanation: Explanation, kind: str) -> str:
    """Return a name for the file of an explained page, of letters, digits, dots and hyphens."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(explanation.page.source).stem).strip("-")[:60] or "document"
    return f"{stem}-page-{explanation.page.number}.{kind}"


def file_bytes(
    kind: str,
    explanation: Explanation,
    *,
    rank: int,
    erasure: Erasure | None,
    model: ModelInfo,
    weak: bool,
    token: int | None,
    scale: str,
    measure: str,
    cosines: CosineRange,
    others: Sequence[Explanation],
    start: str,
    lens: Callable[[], LensValue],
) -> bytes:
    """Make a file of a kind.

    rank: of the page
    erasure: where parts of the page are erased, how it was before
    weak: whether the best match of the search is weak, which a figure says
    token: whose similarity map a figure shows; None for the contribution map
    scale: what the colors of a figure span, one of `SCALES`
    measure: what a contribution map places on winners, one of `MEASURES`
    cosines: of the whole search
    others: every explained page of the search, this one too
    start: what a file of the lens shows first, see `standalone`
    lens: makes the value of the lens
    """
    if kind == "json":
        return tensors(explanation, rank, model, erasure)
    if kind == "html":
        return standalone(lens(), start)
    from colpali_demo.export.figures import explanation_figure, figure_bytes  # takes a second to import

    figure = explanation_figure(
        explanation,
        explanation.page,
        token,
        scale=figure_scale(explanation, token, scale, measure, cosines, others),
        checkpoint=model["name"],
        weak=weak,
    )
    return figure_bytes(figure, f".{kind}")


def figure_scale(
    explanation: Explanation,
    token: int | None,
    scale: str,
    measure: str,
    cosines: CosineRange,
    others: Sequence[Explanation],
) -> Scale:
    """Return the scale that the lens uses for the same view, as `overlays/layers.js` has it."""
    from colpali_demo.export import figures

    if token is None:
        pages = others if scale == "all" else [explanation]
        leads = measure == "lead" and all(page.comparison for page in pages)
        return figures.contribution_scale(*pages, measure="lead" if leads else "maxsim")
    if scale == "token":
        return figures.token_scale(explanation, token)
    return figures.search_scale(cosines) if scale == "all" else figures.page_scale(explanation)
