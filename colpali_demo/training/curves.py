"""Curves of a run: losses and accuracies over pages seen, from its log.jsonl."""

import json
from pathlib import Path

from matplotlib import colormaps
from matplotlib.figure import Figure

LOSSES = {
    "character": "characters, stride 8",
    "piece": "subwords, stride 16",
    "grid": "subwords of a patch",
    "cell": "patch of a subword",
    "token": "token to patch",
    "page": "page",
    "untyped": "tokens nobody typed",
    "function": "function words",
    "kept": "pages kept as they were",
    "meaning": "meaning, of queries",
    "meaning_in_table": "meaning, of the table",
    "meaning_to_table": "meaning, of queries to the table",
    "meaning_on_page": "meaning, of patches",
    "patch_to_row": "patch to its subword's row",
    "query_to_row": "query to its word's row",
}
SHARES = {
    "character_accuracy": "characters right, stride 8",
    "piece_accuracy": "subwords right, stride 16",
    "grid_accuracy": "subwords of a patch right",
    "cell_accuracy": "patch of a subword right",
    "pointing": "tokens pointing at their word, of the batch",
    "first": "own page first, of the batch",
}


def draw_curves(folder: Path, out: Path) -> None:
    """Write a PNG of every curve in the run's log; a run that went back to an older state overwrites what followed."""
    lines = []
    for text in (folder / "log.jsonl").read_text().splitlines():
        line = json.loads(text)
        lines = [earlier for earlier in lines if earlier["seen"] < line["seen"]]
        lines.append(line)
    figure = Figure(figsize=(10, 6), layout="constrained")
    for axes, names, title in zip(
        figure.subplots(1, 2), (LOSSES, SHARES), ("losses (training batches)", "shares (training batches)"), strict=True
    ):
        axes.set_prop_cycle(color=colormaps["tab20"].colors[::2] + colormaps["tab20"].colors[1::2])
        for name, label in names.items():
            points = [(line["seen"], line[name]) for line in lines if name in line]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, linewidth=1)
        axes.set(title=title, xlabel="pages seen")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    figure.axes[1].set_ylim(0, 1)
    figure.savefig(out, dpi=110)
