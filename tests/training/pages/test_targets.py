"""Where labels land: cells of characters, pieces of words, and patches that show a word."""

import numpy as np
import pytest
from PIL import Image

from colpali_demo.training.pages.drawn import CHAR, TrainingPage
from colpali_demo.training.pages.targets import CHARACTER_CLASS, bare_word, make_example, patch_overlap, searchable
from colpali_demo.training.tokenizer import train_tokenizer


@pytest.mark.parametrize(
    ("drawn", "searched"), [("Profit,", "profit"), ("(2023)", "2023"), ("—", ""), ("e.g.", "e.g"), ("don’t", "don’t")]
)
def test_words_as_people_search_for_them(drawn, searched):
    assert bare_word(drawn) == searched


def test_a_patch_shows_a_word_by_its_center_or_a_quarter_of_its_area():
    # Over a grid of 4 x 8, a word one row high that covers columns 1.9 to 4.1: 5 % in column 1, 45 % in 2 and in 3.
    share, shows = patch_overlap(np.array([1.9 / 8, 0.25, 4.1 / 8, 0.5]), rows=4, cols=8)
    assert share.sum() == pytest.approx(1.0)
    assert np.argwhere(shows).tolist() == [[1, 2], [1, 3]]


def test_the_center_counts_even_where_no_patch_has_a_quarter():
    # A headline over eight columns and two rows: each patch has at most a sixteenth.
    _, shows = patch_overlap(np.array([0.0, 0.0, 1.0, 0.5]), rows=4, cols=8)
    assert np.argwhere(shows).tolist() == [[1, 4]]


@pytest.mark.parametrize(
    ("word", "asked"), [("ab", True), ("42", True), ("a", False), ("", False), ("naïve", False), ("a<pad>", False)]
)
def test_words_that_training_asks_for(word, asked):
    assert searchable(word) is asked


def page_with(words, height=64, width=128):
    """Make a page: every character 8 pixels wide and 16 high, words on one line separated by a blank."""
    chars, spans, boxes, x = [], [], [], 8
    for word in words:
        start = len(chars)
        for character in word:
            chars.append((ord(character), x / width, 16 / height, (x + 8) / width, 32 / height))
            x += 8
        spans.append((start, len(chars)))
        boxes.append((chars[start][1], 16 / height, x / width, 32 / height))
        x += 8
    image = Image.new("RGB", (width, height), "white")
    return TrainingPage(image, np.array(chars, CHAR), list(words), np.array(boxes, np.float32), np.array(spans))


def test_characters_and_pieces_land_where_they_are_drawn():
    tokenizer = train_tokenizer([" ab cd ab cd"], vocabulary=300)
    example = make_example(page_with(["ab", "Cd,"]), tokenizer, size=256)
    # The page is squashed to 256 x 256: a character is 16 pixels wide and its middle is 96 pixels down.
    assert example.pixels.shape == (256, 256, 3)
    found = {
        tuple(cell): label
        for cell, label in zip(example.character_cells.tolist(), example.character_labels, strict=True)
    }
    assert found[12, 3] == CHARACTER_CLASS["a"] and found[12, 9] == CHARACTER_CLASS["c"]
    assert example.words == ["ab", "cd"]
    names = tokenizer.convert_ids_to_tokens(example.piece_ids.tolist())
    pieces = dict(zip(names, example.piece_centers.tolist(), strict=True))
    assert pieces["▁ab"] == pytest.approx([16 / 128, 24 / 64])
    assert pieces[","] == pytest.approx([(48 + 4) / 128, 24 / 64])


def test_two_characters_in_one_cell_leave_the_nearer_one():
    tokenizer = train_tokenizer(["ab"], vocabulary=300)
    page = page_with(["ab"])
    page.chars["left"], page.chars["right"] = (0.500, 0.510), (0.512, 0.514)
    example = make_example(page, tokenizer, size=256)
    assert example.character_labels.tolist() == [CHARACTER_CLASS["b"]]
