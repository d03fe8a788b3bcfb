"""Erased parts of a page look like its background, and nothing else changes."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from colpali_demo.documents import Page, Word
from colpali_demo.occlusion import count_regions, erase, erase_all_but, fill_boxes, keep_boxes

PAPER, NIGHT = (250, 244, 230), (20, 40, 90)


@pytest.fixture
def page() -> Page:
    """Print on paper, and print in white on a dark panel."""
    image = Image.new("RGB", (400, 300), PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((200, 150, 399, 299), fill=NIGHT)
    draw.text((40, 60), "hydropower", fill="black", font_size=24)
    draw.text((260, 210), "solar", fill="white", font_size=24)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    words = (Word("hydropower", 0.1, 0.2, 0.45, 0.3), Word("solar", 0.65, 0.7, 0.8, 0.8))
    return Page("d0c", "d0c.pdf", 1, 400, 300, file.getvalue(), words, False)


BOXES = [(0.1, 0.2, 0.45, 0.3), (0.65, 0.7, 0.8, 0.8)]


def test_boxes_are_filled_with_the_background_around_them(page):
    before, after = np.array(page.image, dtype=int), np.array(erase(page, BOXES).image, dtype=int)
    for (left, top, right, bottom), color in zip(BOXES, (PAPER, NIGHT), strict=True):
        inside = np.s_[round(top * 300) : round(bottom * 300), round(left * 400) : round(right * 400)]
        assert len(np.unique(after[inside].reshape(-1, 3), axis=0)) == 1
        assert np.abs(after[inside][0, 0] - color).max() <= 6
        before[inside] = after[inside]
    assert np.array_equal(before, after)


@pytest.mark.parametrize(
    ("boxes", "count"),
    [
        ([(0, 0, 0.1, 0.1)], 1),
        ([(0, 0, 0.1, 0.1), (0.1, 0.1, 0.2, 0.2)], 1),  # at a corner
        ([(0, 0, 0.1, 0.1), (0.2, 0, 0.3, 0.1)], 2),
        ([(0, 0, 0.1, 0.1), (0.2, 0, 0.3, 0.1), (0.1, 0, 0.2, 0.1)], 1),  # the last one joins them
        ([(7 / 64, 0, 8 / 64, 1), (8 / 64, 0, 9 / 64, 1)], 1),
    ],
)
def test_boxes_that_touch_are_one_region(page, boxes, count):
    assert count_regions(boxes) == count
    regions = "1 region" if count == 1 else f"{count} regions"
    assert erase(page, boxes).label == f"{regions} erased; embedded anew; the index is unchanged"
    assert erase_all_but(page, boxes).label.startswith(f"everything but {regions} erased")


def test_words_that_were_erased_are_gone(page):
    assert [word.text for word in erase(page, BOXES[:1]).words] == ["solar"]
    assert [word.text for word in erase_all_but(page, BOXES[:1]).words] == ["hydropower"]


def test_erasing_nothing_changes_nothing(page):
    edited = erase(page, [])
    assert edited.image.tobytes() == page.image.tobytes() and edited.words == page.words
    assert keep_boxes(page.image, [(0.0, 0.0, 1.0, 1.0)]).tobytes() == page.image.tobytes()


def test_everything_but_a_box_is_filled(page):
    after = np.array(erase_all_but(page, BOXES[:1]).image)
    kept = np.s_[60:90, 40:180]
    assert np.array_equal(after[kept], np.array(page.image)[kept])
    after[kept] = after[0, 0]
    assert len(np.unique(after.reshape(-1, 3), axis=0)) == 1


def test_steps_add_up_and_the_order_does_not_matter(page):
    one = erase(erase(page, BOXES[:1]), BOXES[1:])
    assert one.erased == tuple(BOXES)
    assert one.image.tobytes() == erase(page, BOXES).image.tobytes()
    assert one.image.tobytes() == fill_boxes(page.image, BOXES[::-1]).tobytes()


def test_what_was_erased_next_to_a_box_is_not_its_background(page):
    left, right = (0.1, 0.2, 0.3, 0.3), (0.3, 0.2, 0.45, 0.3)
    both = np.array(erase(page, [left, right]).image)[60:90, 40:180]
    assert len(np.unique(both.reshape(-1, 3), axis=0)) <= 2 and both.min() > 200


def test_every_pixel_that_a_box_touches_is_filled():
    image = Image.new("RGB", (10, 10), "white")
    image.putpixel((3, 4), (0, 0, 0))
    assert np.array(fill_boxes(image, [(0.39, 0.49, 0.5, 0.6)])).min() == 255
    assert np.array(fill_boxes(image, [(0.4, 0.5, 0.5, 0.6)])).min() == 0


@pytest.mark.parametrize("box", [(0.5, 0, 0.5, 1), (0, 0.2, 1, 0.1), (-0.1, 0, 1, 1), (0, 0, 1.01, 1)])
def test_what_is_no_box_is_refused(page, box):
    with pytest.raises(ValueError, match="is no box"):
        erase(page, [box])


def test_a_page_of_which_only_boxes_are_left_starts_anew(page):
    with pytest.raises(ValueError, match="whole page"):
        erase(erase_all_but(page, BOXES), BOXES)
    with pytest.raises(ValueError, match="whole page"):
        erase_all_but(erase(page, BOXES[:1]), BOXES)
