"""The figures are read back as pixels and as text: what they show must be what the explanation says."""

import io
import re
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from vectors import explain_vectors

from colpali_demo.documents import Page
from colpali_demo.encoder.layout import PageEmbedding, PageLayout, QueryEmbedding, QueryToken, patch, prompt_token
from colpali_demo.explain import Explanation
from colpali_demo.export.colormap import BEHIND, colorize, colorize_signed, common_scale
from colpali_demo.export.figures import (
    DPI,
    MARGIN,
    MAX_ROWS,
    OPACITY,
    contribution_scale,
    contributions,
    explanation_figure,
    save_figure,
    search_scale,
    token_scale,
)
from colpali_demo.retrieval.ranking import CosineRange

GRAY = 200  # of the pages here


def make_page(width=300, height=420, source="report.pdf") -> Page:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (GRAY,) * 3).save(buffer, "JPEG")
    return Page("0" * 16, source, 2, width, height, buffer.getvalue(), (), False)


def make_explanation(cosines, page, *, rows, cols, texts=None, query="rain today", unknown=()) -> Explanation:
    """Make an explanation with these similarities, (tokens, rows * cols + 1); the last vector is a text slot."""
    tokens, vectors = cosines.shape
    texts = texts or [f"word{i}" for i in range(tokens)]
    slots = [patch((row, col)) for row in range(rows) for col in range(cols)] + [prompt_token("<bos>")]
    assert len(slots) == vectors
    queries = tuple(QueryToken(i, text, "word" if i else "bos", i or None, i) for i, text in enumerate(texts))
    query = QueryEmbedding(query, torch.eye(tokens), queries, (), tuple(unknown), "", 0)
    embedding = PageEmbedding(torch.tensor(cosines, dtype=torch.float32).T, PageLayout(rows, cols, tuple(slots)))
    return explain_vectors(query, page, embedding)


def planted(rows, cols, places, low=0.05) -> np.ndarray:
    """Plant one hot place per token; a place is (row, col) or None for the text slot."""
    cosines = np.full((len(places), rows * cols + 1), low)
    for token, place in enumerate(places):
        cosines[token, -1 if place is None else place[0] * cols + place[1]] = 0.9
    return cosines


def pixels(figure) -> np.ndarray:
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


def texts_of(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def page_box(figure) -> tuple[float, float, float, float]:
    """Return the page in the figure, in pixels: left, top, right, bottom."""
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    return left * DPI, top * DPI, right * DPI, bottom * DPI


def cell_center(figure, row, col, rows, cols) -> tuple[int, int]:
    left, top, right, bottom = page_box(figure)
    return round(top + (bottom - top) * (row + 0.5) / rows), round(left + (right - left) * (col + 0.5) / cols)


@pytest.mark.parametrize("size", [(300, 420), (640, 360)])
def test_a_hot_patch_is_drawn_where_it_is(size):
    rows, cols, hot = 5, 8, (1, 6)
    page = make_page(*size)
    explanation = make_explanation(planted(rows, cols, [hot, (4, 0)]), page, rows=rows, cols=cols)
    figure = explanation_figure(explanation, page, 0)
    shown = pixels(figure)
    colored = [
        (row, col)
        for row in range(rows)
        for col in range(cols)
        if np.abs(shown[cell_center(figure, row, col, rows, cols)] - GRAY).max() > 12
    ]
    assert colored == [hot]
    rgba = colorize(np.array(0.9), *common_scale(explanation.maps), OPACITY).astype(float)
    expected = GRAY * (1 - rgba[3] / 255 * (1 - rgba[:3] / 255))  # multiplied: black print would stay black
    assert shown[cell_center(figure, *hot, rows, cols)] == pytest.approx(expected, abs=3)


def test_the_page_keeps_its_shape_and_fits():
    for size in [(300, 420), (640, 360), (60, 900), (900, 60)]:
        page = make_page(*size)
        figure = explanation_figure(make_explanation(planted(2, 3, [(0, 0)]), page, rows=2, cols=3), page, 0)
        left, top, right, bottom = page_box(figure)
        assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=1e-6)
        assert left >= MARGIN * DPI and right <= (figure.get_figwidth() - MARGIN) * DPI + 1e-6
        assert bottom < figure.get_figheight() * DPI


def test_contribution_map_colors_the_winners_only():
    rows, cols, winners = 4, 6, [(0, 1), (3, 5), (3, 5), None]
    page = make_page()
    explanation = make_explanation(planted(rows, cols, winners), page, rows=rows, cols=cols)
    figure = explanation_figure(explanation, page)
    shown = np.asarray(figure.axes[0].images[0].get_array(), dtype=float)
    tinted = np.abs(shown - np.asarray(page.image)).max(axis=-1) > 2
    high, wide = tinted.shape
    cells = {(row * rows // high, col * cols // wide) for row, col in np.argwhere(tinted).tolist()}
    assert cells == {(0, 1), (3, 5)}
    for (row, col), rgba in zip(sorted(cells), colorize(np.array([0.9, 1.8]), 0.0, 1.8, OPACITY), strict=True):
        place = int(high * (row + 0.5) / rows), int(wide * (col + 0.5) / cols)  # two terms meet on the second patch
        ink = rgba[3] / 255
        expected = np.asarray(page.image)[place] * (1 - ink + ink * rgba[:3] / 255)
        assert shown[place] == pytest.approx(expected, abs=1)
    assert "Contribution map" in texts_of(figure)
    assert "word1 word2" in texts_of(figure)


def test_a_winner_off_the_image_is_named_and_not_drawn():
    page = make_page()
    explanation = make_explanation(planted(3, 3, [(1, 1), None]), page, rows=3, cols=3)
    shown = " ".join(texts_of(explanation_figure(explanation, page, 1)))
    assert "maximum 0.900, off the image: “<bos>” of the page's prompt" in shown
    assert "text: won by the page's prompt" in shown

    assert (
        len(black_edges(explanation_figure(explanation, page, 0))),
        len(black_edges(explanation_figure(explanation, page, 1))),
    ) == (4, 0)


def black_edges(figure) -> list[np.ndarray]:
    """Return the black lines around winners: (2, 2) each, from and to."""
    lines = [lines for lines in figure.axes[0].collections if (lines.get_color()[0] == (0, 0, 0, 1)).all()]
    return [edge for collection in lines for edge in collection.get_segments()]


def test_a_winner_of_several_cells_is_outlined_as_one():
    page = make_page()
    slots = (patch((0, 0), (0, 1), (1, 1)), patch((1, 0)))
    query = QueryEmbedding("q", torch.eye(1), (QueryToken(0, "q", "word", 0, 0),), ("q",), (), "", 0)
    explanation = explain_vectors(query, page, PageEmbedding(torch.tensor([[0.9], [0.1]]), PageLayout(2, 2, slots)))
    similarity, contribution = (explanation_figure(explanation, page, token) for token in (0, None))
    assert len(black_edges(similarity)) == len(black_edges(contribution)) == 8
    assert "3 patches pooled around row 0, column 1" in " ".join(texts_of(similarity))
    left, top, right, bottom = page_box(contribution)
    drawn = pixels(contribution)
    heat = {
        cell: drawn[
            round(top + (cell[0] + 0.5) / 2 * (bottom - top)), round(left + (cell[1] + 0.3) / 2 * (right - left))
        ]
        for cell in ((0, 0), (0, 1), (1, 1), (1, 0))
    }
    assert (heat[0, 0] == heat[1, 1]).all() and (heat[0, 0] == heat[0, 1]).all()
    assert (heat[1, 0] == GRAY).all() and (heat[0, 0] != GRAY).any()


@pytest.mark.parametrize("tokens", [3, 2 * MAX_ROWS])
def test_the_ledger_adds_up(tokens):
    rng = np.random.default_rng(tokens)
    page = make_page()
    explanation = make_explanation(rng.uniform(-0.2, 0.8, (tokens, 13)), page, rows=3, cols=4)
    ax = explanation_figure(explanation, page, 1).axes[0]
    score = next(text for text in ax.texts if text.get_text() == "score")
    column = [text for text in ax.texts if text.get_fontsize() == 7.2 and text.get_ha() == "right"]
    terms = [float(text.get_text().replace("−", "-")) for text in column]
    assert len(terms) == min(tokens, MAX_ROWS)
    assert sum(terms) == pytest.approx(explanation.score, abs=0.0006 * len(terms))
    shown = next(
        text for text in ax.texts if text.get_position()[1] == score.get_position()[1] and text.get_ha() == "right"
    )
    assert shown.get_text() == f"{explanation.score:.2f}"
    assert any(text.get_text() == "word1" and text.get_fontweight() == "bold" for text in ax.texts)
    assert any("more tokens" in text.get_text() for text in ax.texts) == (tokens > MAX_ROWS)


def test_title_and_scale_name_everything():
    page = make_page(source="a" * 200 + ".pdf")
    explanation = make_explanation(planted(3, 4, [(0, 0), (1, 2)]), page, rows=3, cols=4, unknown=["zzz"])
    shown = texts_of(explanation_figure(explanation, page, 1, checkpoint="org/model", weak=True))
    assert shown[0] == "rain today"
    assert any(text.endswith("page 2   ·   org/model") and "…" in text and len(text) < 90 for text in shown)
    assert any(text.startswith("Weak match") for text in shown)
    assert "Similarity map of “word1” (token 2 of 2)" in shown
    assert {"0.05", "0.90"} <= set(shown)  # median and highest cosine
    assert any("3 × 4 patches; clear below 0.4" in text for text in shown)
    assert "not in the vocabulary: zzz" in shown


def test_strange_text_is_drawn_as_it_is():
    page = make_page(source="$\\frac{a}{b}$ {{x}} <b>.pdf")
    nasty = ["$x^2$", "\\alpha_{", "\n", "\U0010fffd\U0001f9ff", "日本語", "\x07\u200b", "مرحبا", "%s{0}", " the"]
    explanation = make_explanation(
        planted(3, 3, [(0, 0)] * 9), page, rows=3, cols=3, texts=nasty, query=" ".join(nasty)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for token in (None, 0, 3):
            figure = explanation_figure(explanation, page, token, checkpoint="$y$")
            pixels(figure)
    shown = texts_of(figure)
    assert {"$x^2$", "\\alpha_{", "↵", "%s{0}", "the"} <= set(shown)
    assert any(text.startswith("$\\frac{a}{b}$ {{x}} <b>.pdf, page 2") for text in shown)
    assert not any(text.get_parse_math() for text in figure.axes[0].texts)


def test_the_whole_query_may_be_white_space():
    page = make_page()
    explanation = make_explanation(planted(3, 3, [(0, 0)]), page, rows=3, cols=3, texts=["\t \n"], query="\t \n")
    assert "⇥␣↵" in texts_of(explanation_figure(explanation, page, 0))


def test_a_token_that_is_not_there_is_refused():
    page = make_page()
    explanation = make_explanation(planted(2, 2, [(0, 0), (1, 1)]), page, rows=2, cols=2)
    for token in (-1, 2):
        with pytest.raises(IndexError, match="no token"):
            explanation_figure(explanation, page, token)


def test_save_goes_by_the_ending(tmp_path):
    page = make_page()
    explanation = make_explanation(planted(2, 2, [(0, 0), (1, 1)]), page, rows=2, cols=2)
    for name, magic in (("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.svg", b"<?xml")):
        save_figure(explanation_figure(explanation, page, 0), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(magic)
    save_figure(explanation_figure(explanation, page, 0), tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == (tmp_path / "a.pdf").read_bytes()
    for name in ("a.jpg", "a"):
        with pytest.raises(ValueError, match=".png, .pdf, .svg"):
            save_figure(explanation_figure(explanation, page, 0), tmp_path / name)
        assert not (tmp_path / name).exists()


def test_a_compared_page_says_what_set_it_apart(encoder, make_page):
    from colpali_demo.retrieval import PageIndex

    index = PageIndex(encoder)
    index.add([make_page(number) for number in range(1, 6)])
    why = index.search("see table 3, page 12")[0].explain()
    shown = " ".join(texts_of(explanation_figure(why, why.page)))
    lead = why.score - why.expected_score
    assert "lead over the 4 other pages: " + f"{lead:+.2f}".replace("-", "−") in shown


def ends_of(figure) -> list[str]:
    """What stands under the legend: its two ends, and where drawing begins in between."""
    return [text for text in texts_of(figure) if re.fullmatch(r"−?\d\.\d\d", text)]


def test_colors_are_on_the_scale_that_was_on_show():
    page = make_page()
    cosines = planted(3, 4, [(0, 0), (1, 2)])
    cosines[1] *= 0.5
    explanation = make_explanation(cosines, page, rows=3, cols=4)
    draw = partial(explanation_figure, explanation, page, 1)
    assert {"0.90", "0.03"} <= set(ends_of(draw()))  # of all tokens of the page
    assert any("one scale for all tokens" in text for text in texts_of(draw()))
    of_token = draw(scale=token_scale(explanation, 1))
    assert "0.45" in ends_of(of_token) and "0.90" not in ends_of(of_token)
    assert any("scale of this token" in text for text in texts_of(of_token))
    of_all = draw(scale=search_scale(CosineRange(lowest=-0.35, median=0.25, highest=0.95, sample=9)))
    assert {"−0.35", "0.60", "0.95"} <= set(ends_of(of_all))

    # The winner is drawn fully on its own scale, and palely beside hotter ones.
    def strength(figure) -> float:
        row, col = cell_center(figure, 1, 2, 3, 4)
        return float(np.abs(pixels(figure)[row + 8, col + 8] - GRAY).sum())

    assert strength(of_token) > strength(of_all)


def test_contributions_of_several_pages_may_share_a_scale():
    page = make_page()
    one, other = (
        make_explanation(planted(2, 2, [(0, 0), (1, 1)]) * share, page, rows=2, cols=2) for share in (0.5, 1.0)
    )
    shared = explanation_figure(one, page, scale=contribution_scale(one, other))
    assert "0.45" in ends_of(explanation_figure(one, page))
    assert "0.90" in ends_of(shared)
    assert any("one scale for 2 pages" in text for text in texts_of(shared))


def test_leads_are_placed_where_the_lens_has_them(encoder, make_page):
    from colpali_demo.retrieval import PageIndex

    index = PageIndex(encoder)
    index.add([make_page(number) for number in range(1, 6)])
    why = index.search("see table 3, page 12")[0].explain()
    placed = contributions(why, "lead")
    on_patches = sum(token.lead for token in why.tokens if token.cells)
    assert placed[np.isfinite(placed)].sum() == pytest.approx(on_patches, abs=1e-4)
    scale = contribution_scale(why, measure="lead")
    assert (scale.lowest, scale.highest) == (min(0.0, placed[np.isfinite(placed)].min()), placed.max())
    shown = texts_of(explanation_figure(why, why.page, scale=scale))
    assert any("each token's lead" in text for text in shown)
    assert any(text.startswith("sum of the leads") for text in shown)


def test_what_is_behind_is_green_and_nothing_is_clear():
    red, green, blue, alpha = range(4)
    colors = colorize_signed(np.array([-0.2, -0.4, 0.0, -np.inf, 0.4]), -0.4, 0.4)
    assert tuple(colors[0, :3]) == tuple(colors[1, :3]) == BEHIND
    assert 0 < colors[0, alpha] < colors[1, alpha] == colors[4, alpha] == 255
    assert colors[2, alpha] == colors[3, alpha] == 0
    assert colors[4, red] > colors[4, green]
    assert colors[1, green] > colors[1, blue] > colors[1, red]
