"""Static figures of an explanation, for print: the page with its overlay, the ledger, the scale.

Everything is drawn on explicit `Figure` objects: no pyplot, no global state, any thread.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.patches import Rectangle

from colpali_demo.encoder.calibration import WEAK_MATCH, is_function_word
from colpali_demo.explain import place_text
from colpali_demo.export.colormap import TABLE, colorize, colorize_signed, common_scale
from colpali_demo.export.columns import width_in_columns
from colpali_demo.occlusion import ErasedPage

if TYPE_CHECKING:
    from colpali_demo.documents import Page
    from colpali_demo.encoder.layout import Cell, PageLayout
    from colpali_demo.explain import Explanation, TokenMatch
    from colpali_demo.retrieval.ranking import CosineRange

FORMATS = (".png", ".pdf", ".svg")
DPI = 240
OPACITY = 0.7  # opacity of the highest cell; black print on it keeps a contrast above 4.5 : 1

# All lengths are inches; 7.2 is the text width of a two-column journal.
WIDTH, MARGIN = 7.2, 0.12
LEGEND = 0.5
ROW = 0.17  # height of a row of the ledger; up to 0.22 where there is room
MAX_ROWS = 34  # rows of the ledger; the last one sums up any more tokens

_INK, _GRAY, _HAIR, _CAUTION = "#16191d", "#626b75", "#d3d7dc", "#b3261e"
_WORD, _OTHER, _CHOSEN = "#3d4f63", "#b3bcc6", "#{:02x}{:02x}{:02x}".format(*TABLE[-1])
# Fonts for what DejaVu Sans (which comes with matplotlib) lacks, where one is installed.
_FALLBACKS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "IPAGothic", "Hiragino Sans", "Yu Gothic",
              "Microsoft YaHei", "Malgun Gothic", "Arial Unicode MS")  # fmt: skip
_VISIBLE = {"\n": "↵", "\r": "↵", "\t": "⇥", " ": "␣"}

Box = tuple[float, float, float, float]  # left, top, right, bottom


class Scale(NamedTuple):
    """What the colors of an overlay span: from `threshold`, below which nothing is drawn, to `highest`.

    lowest: where the legend begins
    about: whose values these are, for the legend
    measure: what a contribution map places on winners: "maxsim", or "lead", whose values below zero are drawn, too
    """

    lowest: float
    threshold: float
    highest: float
    about: str
    measure: Literal["maxsim", "lead"] = "maxsim"

    def colors(self, values: np.ndarray) -> np.ndarray:
        """Return the colors of values, as `colorize` does."""
        if self.measure == "lead":
            return colorize_signed(values, self.lowest, self.highest, OPACITY)
        return colorize(values, self.threshold, self.highest, OPACITY)


def token_scale(explanation: Explanation, token: int) -> Scale:
    """Return the scale of the similarity map of one token."""
    values = explanation.maps[token]
    return Scale(float(values.min()), *common_scale(values), "scale of this token")


def page_scale(explanation: Explanation) -> Scale:
    """Return the scale of all similarity maps of a page."""
    return Scale(float(explanation.maps.min()), *common_scale(explanation.maps), "one scale for all tokens")


def search_scale(cosines: CosineRange) -> Scale:
    """Return the scale of all similarity maps of a search."""
    threshold = (cosines.median + cosines.highest) / 2  # as `common_scale`
    return Scale(cosines.lowest, threshold, cosines.highest, "one scale for all pages and tokens")


def contribution_scale(*explanations: Explanation, measure: Literal["maxsim", "lead"] = "maxsim") -> Scale:
    """Return the scale of the contribution maps of one or more pages, which place each token's MaxSim or its lead."""
    values = np.concatenate([contributions(explanation, measure).ravel() for explanation in explanations])
    finite = values[np.isfinite(values)]
    lowest, highest = float(finite.min(initial=0.0)), float(finite.max(initial=0.0)) or 1.0
    several = f"; one scale for {len(explanations)} pages" if len(explanations) > 1 else ""
    if measure == "lead":
        about = f"sum of the leads of the tokens that a patch won; green: behind{several}"
        return Scale(lowest, 0.0, highest, about, measure)
    return Scale(lowest, lowest, highest, f"sum of the MaxSim terms that a patch won{several or ' (cosines)'}")


def contributions(explanation: Explanation, measure: Literal["maxsim", "lead"] = "maxsim") -> np.ndarray:
    """Return each token's MaxSim, or its lead, placed on its winner: (rows, cols).

    Where several meet, they are summed; where none is, there is -inf. Leads need an explanation that compares
    the page with others.
    """
    values = np.full((explanation.layout.rows, explanation.layout.cols), -np.inf)
    for match in explanation.tokens:
        if match.cells:
            at = tuple(np.transpose(match.cells))
            values[at] = getattr(match, measure) + np.where(np.isfinite(values[at]), values[at], 0.0)
    return values


def explanation_figure(
    explanation: Explanation,
    page: Page,
    token: int | None = None,
    *,
    scale: Scale | None = None,
    checkpoint: str = "",
    weak: bool = False,
) -> Figure:
    """Draw why `page` got its score.

    With a `token` (its index in the query) the overlay is the similarity map of that token, with the winner boxed.
    Without one it is the contribution map: each token's MaxSim, or its lead where that is the `measure` of `scale`, on
    the patch that won it. Colors are on `scale`, that of the page where none is given. The ledger beside it lists every
    token; its bars sum to the score. `checkpoint` names the model; `weak` (see `Ranking.strength`) says so in the
    figure.

    Raises IndexError for a token that the query does not have.
    """
    matches = explanation.tokens
    if token is not None and not 0 <= token < len(matches):
        raise IndexError(f"the query has no token {token}: it has {len(matches)}, counted from 0")

    rows = _ledger_rows(matches, token)
    title = _wrapped(explanation.query.text, 74, lines=2) or ["(empty query)"]
    top = 0.78 + 0.21 * len(title)
    wide = page.width > 1.15 * page.height  # then the ledger goes below the page, in two columns
    columns = 2 if wide else 1
    width = WIDTH - 2 * MARGIN if wide else min(4.3, 6.1 * page.width / page.height)
    height = min(width * page.height / page.width, 6.1)
    width = height * page.width / page.height
    lines = -(-len(rows) // columns)
    pitch = ROW if wide else min(0.22, max(ROW, (height - 0.6) / lines))
    ledger = 0.24 + pitch * lines + 0.78 + (0.26 if explanation.comparison else 0.0)
    if wide:
        size = top + height + LEGEND + 0.22 + ledger
        panel = (MARGIN, top + height + LEGEND + 0.2, WIDTH - MARGIN)
    else:
        size = top + max(height + LEGEND, ledger - 0.2) + 0.1
        panel = (MARGIN + width + 0.3, top - 0.17, WIDTH - MARGIN)

    figure = Figure(figsize=(WIDTH, size), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(size, 0))
    ax.set_axis_off()
    for number, line in enumerate(title):
        _text(ax, MARGIN, 0.27 + 0.21 * number, line, 11.5, weight="bold")
    about = f"{_elided(page.source, 60)}, page {page.number}" + (
        f"   ·   {_elided(checkpoint, 46)}" if checkpoint else ""
    )
    _text(ax, MARGIN, 0.25 + 0.21 * len(title), about, 7.6, color=_GRAY)

    cautions = [page.label] if isinstance(page, ErasedPage) else []
    if caution := " · ".join([*cautions, *([WEAK_MATCH] if weak else [])]):
        _text(ax, MARGIN, 0.39 + 0.21 * len(title), caution, 7.6, color=_CAUTION)

    box = (MARGIN, top, MARGIN + width, top + height)
    if token is None:
        _contribution_map(ax, explanation, page, box, scale or contribution_scale(explanation))
    else:
        _similarity_map(ax, explanation, matches[token], page, box, scale or page_scale(explanation))
    ax.add_patch(Rectangle(box[:2], width, height, fill=False, edgecolor=_HAIR, linewidth=0.6, zorder=2))
    _ledger(ax, explanation, rows, token, panel, columns, pitch)
    ax.set(xlim=(0, WIDTH), ylim=(size, 0))
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, PDF or SVG, as the name ends; the same figure always gives the same bytes of PNG and PDF.

    Raises ValueError for another ending and OSError where the file cannot be written.
    """
    kind = Path(path).suffix.lower()
    if kind not in FORMATS:
        raise ValueError(f"a figure is saved as {', '.join(FORMATS)}, not as {kind or 'a file without an ending'}")
    _write(figure, path, kind)


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """Return a figure as the bytes of a file that ends in `kind`: ".png", ".pdf" or ".svg"."""
    file = io.BytesIO()
    _write(figure, file, kind)
    return file.getvalue()


def _write(figure: Figure, file: str | Path | BinaryIO, kind: str) -> None:
    dates = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
    figure.savefig(file, format=kind[1:], dpi=DPI, metadata=dates[kind])


# The overlays


def _similarity_map(ax: Axes, explanation: Explanation, match: TokenMatch, page: Page, box: Box, scale: Scale) -> None:
    layout = explanation.layout
    _overlay(ax, page, scale.colors(explanation.maps[match.index]), box)
    found = f"maximum {_number(match.maxsim, 3)}"
    if match.slot == "patch":
        _outline(ax, match.cells, layout, box, 1.5)
        found += f", the boxed {place_text(match)}"
    elif match.slot == "tile":
        found += ", off the image: the thumbnail of the whole page"
    else:
        found += f", off the image: “{_drawable(match.slot_text or '', 14)}” of the page's prompt"
    shown = f"Similarity map of “{_drawable(match.text, 18)}” (token {match.index + 1} of {len(explanation.tokens)})"
    _heading(ax, box, shown, found)

    mark = match.maxsim if match.slot == "patch" else None
    label = f"cosine with {layout.rows} × {layout.cols} patches; clear below {_number(scale.threshold, 2)}"
    _legend(ax, box, scale, f"{label}; {scale.about}", mark)


def _contribution_map(ax: Axes, explanation: Explanation, page: Page, box: Box, scale: Scale) -> None:
    layout = explanation.layout
    typed: dict[tuple[Cell, ...], list[str]] = {}
    for match in explanation.tokens:
        if match.cells:
            typed.setdefault(match.cells, [])
            if match.kind == "word":
                typed[match.cells].append(_drawable(match.text, 14))
    _overlay(ax, page, scale.colors(contributions(explanation, scale.measure)), box)

    taken = [_place(cell, layout, box) for cells in typed for cell in cells]
    for cells, texts in typed.items():
        _outline(ax, cells, layout, box, 1.1 if texts else 0.6)
    for cells, texts in typed.items():
        if texts:
            taken.append(_tag(ax, " ".join(texts), _place(cells[0], layout, box), box, taken))

    placed = "lead" if scale.measure == "lead" else "MaxSim"
    _heading(ax, box, "Contribution map", f"each token's {placed}, on the patch that won it; labels: typed words")
    _legend(ax, box, scale, f"{scale.about}; clear: none", None)


def _overlay(ax: Axes, page: Page, rgba: np.ndarray, box: Box) -> None:
    """Draw a page multiplied by the colors of its cells, so that its print stays as dark as it is."""
    left, top, right, bottom = box
    picture = np.asarray(page.image, dtype=np.float32)
    rows, cols = (np.arange(picture.shape[axis]) * rgba.shape[axis] // picture.shape[axis] for axis in (0, 1))
    ink = rgba[..., 3:] / np.float32(255)
    tint = (1 - ink + ink * (rgba[..., :3] / np.float32(255)))[rows[:, None], cols]
    ax.imshow(np.rint(picture * tint).astype(np.uint8), extent=(left, right, bottom, top), aspect="auto", zorder=1)


def _place(cell: Cell, layout: PageLayout, box: Box) -> Box:
    """Return where a cell of the grid lies on the page drawn in `box`."""
    left, top, right, bottom = layout.rectangle(*cell)
    w, h = box[2] - box[0], box[3] - box[1]
    return box[0] + left * w, box[1] + top * h, box[0] + right * w, box[1] + bottom * h


def _outline(ax: Axes, cells: Sequence[Cell], layout: PageLayout, box: Box, width: float) -> None:
    """Draw a black line inside a white one around the cells that a winner covers: visible on any page."""
    edges = []
    for row, col in cells:
        left, top, right, bottom = _place((row, col), layout, box)
        sides = {
            (row - 1, col): [(left, top), (right, top)],
            (row + 1, col): [(left, bottom), (right, bottom)],
            (row, col - 1): [(left, top), (left, bottom)],
            (row, col + 1): [(right, top), (right, bottom)],
        }
        edges += [side for neighbor, side in sides.items() if neighbor not in cells]
    for color, line in (("white", 2.6 * width), ("black", width)):
        ax.add_collection(LineCollection(edges, colors=color, linewidths=line, capstyle="projecting", zorder=5))


def _tag(ax: Axes, text: str, cell: Box, box: Box, taken: Sequence[Box]) -> Box:
    """Write a label beside a cell, on whichever side has the most room; returns where it is."""
    text = _elided(text, 26)
    w, h, gap = 0.062 * width_in_columns(text) + 0.06, 0.125, 0.035
    left, top, right, bottom = cell
    x, y = (left + right) / 2, (top + bottom) / 2
    spots = [(right + gap, y - h / 2), (left - gap - w, y - h / 2)]
    spots += [(x - w / 2, edge) for edge in (top - gap - h, bottom + gap)]
    spots += [(right + gap, top - gap - h), (right + gap, bottom + gap), (left - gap - w, top - gap - h)]

    def cost(spot: tuple[float, float]) -> float:
        a, b, c, d = spot[0], spot[1], spot[0] + w, spot[1] + h
        out = max(0.0, box[0] - a) + max(0.0, c - box[2]) + max(0.0, box[1] - b) + max(0.0, d - box[3])
        hit = sum(max(0.0, min(c, r) - max(a, p)) * max(0.0, min(d, s) - max(b, q)) for p, q, r, s in taken)
        return 10 * out + hit

    a, b = min(spots, key=cost)
    ax.add_patch(Rectangle((a, b), w, h, facecolor="white", edgecolor=_INK, linewidth=0.4, alpha=0.93, zorder=6))
    _text(ax, a + w / 2, b + h * 0.74, text, 6.6, align="center", zorder=7)
    return a, b, a + w, b + h


def _heading(ax: Axes, box: Box, name: str, detail: str) -> None:
    _text(ax, box[0], box[1] - 0.2, name, 8.2, weight="bold")
    _text(
        ax,
        box[0],
        box[1] - 0.07,
        _wrapped(detail, max(30, int((box[2] - box[0]) / 0.054)), lines=1)[0],
        6.9,
        color=_GRAY,
    )


def _legend(ax: Axes, box: Box, scale: Scale, label: str, mark: float | None) -> None:
    """Draw the legend under the page: colors as they look on white paper."""
    low, threshold, high = scale.lowest, scale.threshold, scale.highest
    left, top, width = box[0], box[3] + 0.14, min(box[2] - box[0], 4.3)
    steps = np.linspace(low, high, 512)[None]
    ax.imshow(
        scale.colors(steps),
        extent=(left, left + width, top + 0.11, top),
        aspect="auto",
        interpolation="nearest",
        zorder=3,
    )

    def at(value: float) -> float:
        return left + width * (value - low) / (high - low) if high > low else left + width

    if threshold > low and scale.measure != "lead":
        clear = Rectangle(
            (left, top), at(threshold) - left, 0.11, fill=False, edgecolor=_HAIR, hatch="/////", linewidth=0
        )
        ax.add_patch(clear)
    ax.add_patch(Rectangle((left, top), width, 0.11, fill=False, edgecolor=_GRAY, linewidth=0.5, zorder=4))
    for value, align in ((low, "left"), (threshold, "center"), (high, "right")):
        if value == low and align == "center":
            continue
        ax.plot([at(value)] * 2, [top + 0.11, top + 0.14], color=_GRAY, linewidth=0.5)
        _text(ax, at(value), top + 0.235, _number(value, 2), 6.6, align=align)
    if mark is not None:
        ax.plot(at(mark), top - 0.03, marker="v", color=_INK, markersize=3.6, clip_on=False)
    _text(ax, left, top + 0.37, _wrapped(label, int((box[2] - box[0]) / 0.054), lines=1)[0], 6.6, color=_GRAY)


# The ledger

LedgerRow = tuple[str, str, float, str, bool]  # text, kind, MaxSim, winner, whether it is the chosen token


def _ledger_rows(matches: Sequence[TokenMatch], token: int | None) -> list[LedgerRow]:
    """One row per token; of a long query the chosen one and those with the largest terms, then the sum of the rest."""
    kept = set(range(len(matches)))
    if len(matches) > MAX_ROWS:
        by_size = sorted(kept, key=lambda index: (index != token, -matches[index].maxsim))
        kept = set(by_size[: MAX_ROWS - 1])
    rows = []
    for match in matches:
        if match.index in kept:
            where = f"{match.row}, {match.col}" if len(match.cells) == 1 else match.slot
            rows.append((_drawable(match.text, 15), match.kind, match.maxsim, where, match.index == token))
    rest = [match.maxsim for match in matches if match.index not in kept]
    if rest:
        rows.append((f"{len(rest)} more tokens", "rest", sum(rest), "", False))
    return rows


def _ledger(
    ax: Axes,
    explanation: Explanation,
    rows: Sequence[LedgerRow],
    token: int | None,
    panel: tuple[float, float, float],
    columns: int,
    pitch: float,
) -> None:
    left, top, right = panel
    gap = 0.35
    width = (right - left - gap * (columns - 1)) / columns
    per_column = -(-len(rows) // columns)
    terms = [value for _, kind, value, _, _ in rows if kind != "rest"]
    low, high = min(0.0, *terms), max(0.0, *terms, 1e-9)
    for column in range(columns):
        x = left + column * (width + gap)
        if part := rows[column * per_column : (column + 1) * per_column]:
            _ledger_column(ax, part, (x, top, x + width), (low, high), pitch)
    y = top + 0.24 + pitch * per_column + 0.02
    ax.plot([left, right], [y, y], color=_INK, linewidth=0.8)
    _text(ax, left, y + 0.17, "score", 8.4, weight="bold")
    _text(ax, right, y + 0.17, _number(explanation.score, 2), 9.4, weight="bold", align="right")
    _text(ax, left + 0.44, y + 0.17, f"= sum of {len(explanation.tokens)} MaxSim terms", 6.6, color=_GRAY)

    total = sum(max(0.0, match.maxsim) for match in explanation.tokens) or 1.0
    cursor = left
    for match in explanation.tokens:  # the same terms end to end
        piece = (right - left) * max(0.0, match.maxsim) / total
        chosen = match.index == token
        ax.add_patch(
            Rectangle(
                (cursor, y + 0.25),
                piece,
                0.085,
                facecolor=_bar_color(match.kind, chosen),
                edgecolor="white",
                linewidth=0.35,
            )  # fmt: skip
        )
        cursor += piece
    notes, room = [], int((right - left) / 0.052)
    if explanation.comparison:
        notes += _wrapped(_lead_text(explanation), room, lines=2)
    for slot, meaning in (("text", "the page's prompt"), ("tile", "the page's thumbnail")):
        terms = [match.maxsim for match in explanation.tokens if match.slot == slot]
        if terms:
            notes += _wrapped(f"{slot}: won by {meaning}, off the image (sum {_number(sum(terms), 2)})", room, lines=2)
    if explanation.query.unknown:
        notes += _wrapped("not in the vocabulary: " + ", ".join(explanation.query.unknown), room, lines=2)
    for number, note in enumerate(notes):
        _text(ax, left, y + 0.46 + 0.13 * number, note, 6.4, color=_GRAY)


def _lead_text(explanation: Explanation) -> str:
    """Return what set the page apart, in a sentence: its lead, and the tokens of telling words that add most to it."""
    words = explanation.query.words
    typed = [match for match in explanation.tokens if match.kind == "word"]
    telling = [match for match in typed if not is_function_word(words[match.word])]
    leads = sorted(telling, key=lambda match: -match.lead)
    most = ", ".join(f"{_drawable(match.text, 14)} {_signed(match.lead)}" for match in leads[:3])
    lead = _signed(explanation.score - explanation.expected_score)
    return f"lead over {explanation.comparison.text}: {lead}" + (f" ({most}, …)" if most else "")


def _signed(value: float) -> str:
    text = _number(value, 2)
    return text if value < 0 else f"+{text}"


def _ledger_column(
    ax: Axes,
    rows: Sequence[LedgerRow],
    panel: tuple[float, float, float],
    span: tuple[float, float],
    pitch: float,
) -> None:
    (left, top, right), (low, high) = panel, span
    values, bars = right - 0.46, right - 0.86
    start = left + 0.06 + 0.066 * max(8, max(width_in_columns(row[0]) for row in rows))
    zero = start + (bars - start) * (0 - low) / (high - low)
    _text(ax, left, top + 0.08, "token", 6.6, color=_GRAY)
    _text(ax, values, top + 0.08, "MaxSim", 6.6, color=_GRAY, align="right")
    _text(ax, right, top + 0.08, "row, col", 6.6, color=_GRAY, align="right")
    ax.plot([left, right], [top + 0.14] * 2, color=_HAIR, linewidth=0.6)
    for number, (text, kind, value, where, chosen) in enumerate(rows):
        base = top + 0.13 + pitch * (number + 0.5) + 0.09
        weight = "bold" if chosen else "normal"
        color = _CHOSEN if chosen else _INK if kind == "word" else _GRAY
        _text(ax, left, base, text, 7.2, color=color, weight=weight)
        if kind != "rest":
            end = zero + (bars - start) * value / (high - low)
            ax.add_patch(
                Rectangle((min(zero, end), base - 0.088), abs(end - zero), 0.11, facecolor=_bar_color(kind, chosen))
            )
        _text(ax, values, base, _number(value, 3), 7.2, color=color, weight=weight, align="right")
        _text(ax, right, base, where, 6.6, color=_GRAY, align="right")
    ax.plot([zero] * 2, [top + 0.17, top + 0.2 + pitch * len(rows)], color=_HAIR, linewidth=0.5)


def _bar_color(kind: str, chosen: bool) -> str:
    return _CHOSEN if chosen else _WORD if kind == "word" else _OTHER


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")  # no minus zero


# Text: whatever strangers typed is drawn as it is, never read as mathematics


def _text(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    color: str = _INK,
    weight: str = "normal",
    align: str = "left",
    zorder: float = 4,
) -> None:
    text = _drawable(text)
    bold = weight == "bold" and all(ord(char) in _bold_glyphs() for char in text)
    ax.text(
        x,
        y,
        text,
        fontsize=size,
        color=color,
        fontweight="bold" if bold else "normal",
        family="DejaVu Sans" if bold else _families(),
        ha=align,
        va="baseline",
        parse_math=False,
        zorder=zorder,
    )


@cache
def _families() -> list[str]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)]


@cache
def _glyphs() -> frozenset[int]:
    """Return every character that some font of `_families` can draw."""
    paths = [font_manager.findfont(font_manager.FontProperties(family=name)) for name in _families()]
    return frozenset().union(*(FT2Font(path).get_charmap() for path in paths))


@cache
def _bold_glyphs() -> frozenset[int]:
    """Return the characters of the bold face; a text with others is drawn regular: other fonts may have no bold."""
    path = font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight="bold"))
    return frozenset(FT2Font(path).get_charmap())


def _drawable(text: str, columns: int | None = None) -> str:
    """Text for one line: white space that stands alone made visible, controls and missing glyphs replaced by a box."""
    if text and not text.strip():
        text = "".join(_VISIBLE.get(char, "␣") for char in text)
    text = "".join(
        " " if char.isspace() else char if ord(char) in _glyphs() and char.isprintable() else "□" for char in text
    ).strip()
    return text if columns is None else _elided(text, columns)


def _elided(text: str, columns: int) -> str:
    """Return the text, with an ellipsis in its middle where it is wider than `columns`."""
    if width_in_columns(text) <= columns:
        return text
    head = tail = ""
    for first, last in zip(text, reversed(text), strict=True):
        if width_in_columns(head + first + tail) >= columns:
            break
        head += first
        if width_in_columns(head + last + tail) >= columns:
            break
        tail = last + tail
    return f"{head}…{tail}"


def _wrapped(text: str, columns: int, *, lines: int) -> list[str]:
    """Return the text in at most `lines` lines; what does not fit gives way to an ellipsis."""
    result, line = [], ""
    for word in _drawable(text).split():
        candidate = f"{line} {word}" if line else word
        if width_in_columns(candidate) <= columns or not line:
            line = candidate
        else:
            result.append(line)
            line = word
    if line:
        result.append(line)
    if len(result) > lines:
        result = [*result[: lines - 1], " ".join(result[lines - 1 :])]
        last = result[-1]
        while width_in_columns(last) > columns - 1:
            last = last[:-1]
        result[-1] = last.rstrip() + "…"
    return [_elided(line, columns) for line in result]
