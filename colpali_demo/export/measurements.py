"""What was measured of a checkpoint, for print and for spreadsheets: a figure and CSV files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from colpali_demo.evidence.faithfulness import METHODS, QUERY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from colpali_demo.evidence import Faithfulness

COLORS = dict(zip(METHODS, ("#0b3c5d", "#b3261e", "#2f6f4f", "#7a4fa0", "#9aa3ad", "#c08a1e"), strict=True))
_GRAY = "#626b75"


def faithfulness_figure(measured: Faithfulness) -> Figure:
    """Draw margins against losses, one point a typed token, and the curves of the queries, where there are any."""
    has_curves = any(point.of == QUERY for point in measured.curves)
    figure = Figure(figsize=(10.2 if has_curves else 3.6, 3.6), dpi=160, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3 if has_curves else 1, squeeze=False)[0]
    _scatter(axes[0], measured)
    if has_curves:
        _curves(axes[1], measured, "deletion", "score lost when they are erased")
        _curves(axes[2], measured, "insertion", "score gained when only they are left")
        axes[2].legend(frameon=False, fontsize=7)
    figure.suptitle(measured.model, fontsize=8, color=_GRAY, parse_math=False)
    return figure


def _scatter(ax: Axes, measured: Faithfulness) -> None:
    margins, lost, elsewhere = (
        np.array([getattr(test, name) for test in measured.winners]) for name in ("margin", "lost", "lost_random")
    )
    highest = float(max([*margins, *lost, 0.01]))
    ax.plot([0, highest], [0, highest], color=_GRAY, linewidth=0.6)
    ax.scatter(margins, elsewhere, s=9, color=COLORS["random"], label="as much ink elsewhere erased", linewidths=0)
    ax.scatter(margins, lost, s=11, color=COLORS["similarity"], label="the winner's neighborhood erased", linewidths=0)
    ax.set_xlabel("margin in the ledger", fontsize=8)
    ax.set_ylabel("MaxSim lost", fontsize=8)
    ax.set_title(f"correlation {measured.correlation():.2f}, {len(margins)} tokens", fontsize=8)
    ax.legend(frameon=False, fontsize=7)
    ax.tick_params(labelsize=7)


def _curves(ax: Axes, measured: Faithfulness, kind: str, label: str) -> None:
    points = [point for point in measured.curves if point.of == QUERY]
    steps = sorted({point.patches for point in points})
    for method, color in COLORS.items():
        means = [
            np.mean([getattr(point, kind) for point in points if (point.method, point.patches) == (method, step)])
            for step in steps
        ]
        ax.plot(steps, means, color=color, marker="o", markersize=3, linewidth=1.1, label=method)
    ax.set_xscale("log", base=2)
    ax.set_xticks(steps, [str(step) for step in steps])
    ax.set_xlabel("patches", fontsize=8)
    ax.set_title(label, fontsize=8)
    ax.tick_params(labelsize=7)


def write_csv(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write records of the same keys as a CSV file, keys first."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if records:
            writer = csv.DictWriter(file, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
