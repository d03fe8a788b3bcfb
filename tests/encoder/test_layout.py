import json

import numpy as np
import pytest

from colpali_demo.encoder.layout import (
    TILE,
    ImageSlots,
    PageLayout,
    grid_shape,
    grid_slots,
    page_layout,
    patch,
    prompt_token,
)

IMAGE = 9


def layout(rows: int, cols: int, text: int = 0) -> PageLayout:
    patches = tuple(patch((row, col)) for row in range(rows) for col in range(cols))
    return PageLayout(rows, cols, patches + (prompt_token("x"),) * text)


@pytest.mark.parametrize(
    ("patches", "height", "width", "shape"),
    [
        (1024, 448, 448, (32, 32)),
        (1024, 1024, 1024, (32, 32)),
        (24, 56, 84, (4, 6)),
        (24, 84, 56, (6, 4)),
        (16, 60, 60, (4, 4)),
        (24, 62, 97, (4, 6)),
        (7, 32, 224, (1, 7)),
    ],
)
def test_grid_follows_the_shape_of_the_input(patches, height, width, shape):
    assert grid_shape(patches, height, width) == shape


def test_patches_need_not_be_square():
    assert grid_shape(2048, 1024, 1024, (16, 32)) == (64, 32)
    assert grid_shape(24, 60, 80, (20, 10)) == (3, 8)


@pytest.mark.parametrize("patches", [0, 17])
def test_patches_that_fill_no_grid(patches):
    with pytest.raises(ValueError, match="no grid"):
        grid_shape(patches, 56, 56)


def test_layout_comes_from_the_ids_wherever_the_prompt_is():
    ids = [1, *[IMAGE] * 3, 2, *[IMAGE] * 3, 3]
    page = page_layout(ids, IMAGE, grid_slots(2, 3), decode=lambda id: f"<{id}>")
    assert (page.rows, page.cols) == (2, 3)
    assert page.slots == (
        prompt_token("<1>"),
        patch((0, 0)),
        patch((0, 1)),
        patch((0, 2)),
        prompt_token("<2>"),
        patch((1, 0)),
        patch((1, 1)),
        patch((1, 2)),
        prompt_token("<3>"),
    )
    assert page.patch_vectors.tolist() == [[1, 2, 3], [5, 6, 7]]


def test_slots_of_an_image_may_come_in_any_order():
    image = ImageSlots(1, 2, [patch((0, 1)), TILE, patch((0, 0))])
    page = page_layout([IMAGE, 1, IMAGE, IMAGE], IMAGE, image, decode=str)
    assert page.slots == (patch((0, 1)), prompt_token("1"), TILE, patch((0, 0)))
    assert page.patch_vectors.tolist() == [[3, 0]]


@pytest.mark.parametrize("found", [0, 5, 7])
def test_image_tokens_and_slots_have_to_agree(found):
    with pytest.raises(ValueError, match=f"{found} image tokens cannot be 6 slots"):
        page_layout([1, *[IMAGE] * found], IMAGE, grid_slots(2, 3), decode=str)


def test_every_cell_needs_exactly_one_patch():
    with pytest.raises(ValueError, match="2 x 2"):
        PageLayout(2, 2, (patch((0, 0)), patch((0, 1)), patch((1, 0)), prompt_token("x")))
    with pytest.raises(ValueError, match="1 x 2"):
        PageLayout(1, 2, (patch((0, 0)), patch((0, 0))))


@pytest.mark.parametrize(
    ("row", "col", "expected"),
    [
        (0, 0, [0, 1, 5, 6]),
        (1, 2, [1, 2, 3, 6, 7, 8, 11, 12, 13]),
        (2, 4, [8, 9, 13, 14]),
    ],
)
def test_neighborhood_is_cut_off_at_the_borders(row, col, expected):
    assert layout(3, 5).neighborhood([(row, col)]).tolist() == expected


def test_a_pooled_vector_covers_several_cells():
    page = PageLayout(2, 3, (patch((0, 0), (0, 1), (1, 0)), prompt_token("x"), patch((1, 1)), patch((0, 2), (1, 2))))
    assert page.patch_vectors.tolist() == [[0, 0, 3], [0, 2, 3]]
    assert page.neighborhood([(0, 0)]).tolist() == [0, 2]
    assert page.neighborhood(page.slots[3].cells).tolist() == [0, 2, 3]
    assert PageLayout.from_json(json.loads(json.dumps(page.to_json()))) == page
    with pytest.raises(ValueError, match="1 x 2"):
        PageLayout(1, 2, (patch((0, 0), (0, 1)), patch((0, 1))))


def test_rectangles_tile_the_page():
    page = layout(3, 5)
    assert page.rectangle(0, 0) == (0, 0, 1 / 5, 1 / 3)
    assert page.rectangle(2, 4) == (4 / 5, 2 / 3, 1, 1)
    corners = np.array([page.rectangle(row, col) for row in range(3) for col in range(5)])
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    assert areas.sum() == pytest.approx(1)
