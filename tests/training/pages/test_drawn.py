from pathlib import Path
from random import Random

import matplotlib
import numpy as np
import pytest
from PIL import Image

from colpali_demo.training.corpus.fonts import HELD_OUT_FAMILIES
from colpali_demo.training.corpus.text import collect
from colpali_demo.training.pages.degrade import degrade, move_boxes, photograph, rescan, scan
from colpali_demo.training.pages.drawn import KINDS, FontSet, TextSource, TrainingPage, make_page

SENTENCES = (
    "The river had fallen for a week before anybody noticed that the mill was turning backwards.",
    "Our auditors reviewed the quarterly statements and found a difference of twelve thousand crowns.",
    "Efficient filters fit between the flow meter and the final valve, as figure five explains.",
    "Gulls, kestrels and a solitary heron quarrelled over whatever the departing fishermen left behind.",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> TextSource:
    folder = tmp_path_factory.mktemp("text")
    (folder / "prose.txt").write_text("\n\n".join(SENTENCES * 30), encoding="utf-8")
    return TextSource(folder)


@pytest.fixture(scope="module")
def fonts() -> FontSet:
    # Matplotlib brings DejaVu along, so the tests need no fonts of the system.
    return FontSet([Path(matplotlib.get_data_path()) / "fonts" / "ttf"])


def ink(page: TrainingPage, boxes: np.ndarray) -> np.ndarray:
    """Measure in each box how much the brightest and the darkest pixel differ."""
    gray = np.asarray(page.image.convert("L"), dtype=int)
    height, width = gray.shape
    contrasts = []
    for left, top, right, bottom in boxes * [width, height, width, height]:
        part = gray[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
        contrasts.append(part.max() - part.min())
    return np.array(contrasts)


def char_boxes(page: TrainingPage) -> np.ndarray:
    return np.stack([page.chars[side] for side in ("left", "top", "right", "bottom")], axis=1)


def test_same_seed_draws_the_same_page(source, fonts):
    first, second = (make_page(np.random.default_rng(3), source, fonts) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()
    assert first.words == second.words
    assert np.array_equal(first.chars, second.chars)
    other = make_page(np.random.default_rng(4), source, fonts)
    assert other.words != first.words


def test_a_page_does_not_depend_on_those_before(source, fonts):
    make_page(np.random.default_rng(1), source, fonts, kind="article")
    after = make_page(np.random.default_rng(5), source, fonts, kind="article")
    fonts._caches.clear()
    alone = make_page(np.random.default_rng(5), source, fonts, kind="article")
    assert after.image.tobytes() == alone.image.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_lie_on_the_page_and_on_ink(kind, source, fonts):
    page = make_page(np.random.default_rng(7), source, fonts, kind=kind)
    assert page.image.mode == "RGB"
    assert 1190 <= max(page.image.size) <= 1600
    assert len(page.words) == len(page.word_boxes) == len(page.word_chars) >= 3
    for boxes in (page.word_boxes, char_boxes(page)):
        assert (boxes >= 0).all() and (boxes <= 1).all()
        assert (boxes[:, 2] > boxes[:, 0]).all() and (boxes[:, 3] > boxes[:, 1]).all()
    assert (ink(page, page.word_boxes) > 40).mean() > 0.97


@pytest.mark.parametrize("kind", ["article", "table", "slide"])
def test_words_are_made_of_their_characters(kind, source, fonts):
    page = make_page(np.random.default_rng(11), source, fonts, kind=kind)
    boxes = char_boxes(page)
    position = 0
    for word, (begin, end), box in zip(page.words, page.word_chars, page.word_boxes, strict=True):
        assert begin == position
        assert "".join(map(chr, page.chars["codepoint"][begin:end])) == word
        assert boxes[begin:end, 0].min() == pytest.approx(box[0], abs=1e-5)
        assert boxes[begin:end, 2].max() == pytest.approx(box[2], abs=1e-5)
        position = end
    assert position == len(page.chars)


def test_character_boxes_sit_on_their_glyphs(source, fonts):
    """A dark page on white, without pictures: a full stop is inked at its foot and an i in its middle column."""
    page = next(
        p
        for p in (make_page(np.random.default_rng(s), source, fonts, kind="letter") for s in range(20))
        if p.image.getpixel((2, 2)) == (255, 255, 255)
    )
    gray = np.asarray(page.image.convert("L"), dtype=int)
    height, width = gray.shape
    checked = 0
    for char, (left, top, right, bottom) in zip(page.chars, char_boxes(page), strict=True):
        middle = (left + right) / 2 * width
        column = gray[int(top * height) : int(bottom * height), max(0, int(middle) - 1) : int(middle) + 2]
        if char["codepoint"] in map(ord, "ilI|1"):
            checked += 1
            assert column.min() < 160
            dark = np.flatnonzero((column < 160).any(axis=1)) / len(column)
            assert dark.min() < 0.5 < dark.max()  # the middle of the box lies within the letter
    assert checked > 20


def test_ligatures_count_as_their_letters(source, fonts):
    pages = (make_page(np.random.default_rng(s), source, fonts, kind="article", difficulty=0.0) for s in range(12))
    words = {word.strip(".,").lower() for page in pages for word in page.words}
    assert {"efficient", "filters", "flow", "final"} <= words
    assert not any("\ufb00" <= character <= "\ufb04" for word in words for character in word)


def test_difficulty_sets_the_size_of_print(source, fonts):
    def height(difficulty: float) -> float:
        pages = [
            make_page(np.random.default_rng(s), source, fonts, kind="manual", difficulty=difficulty) for s in range(8)
        ]
        return float(np.median(np.concatenate([page.word_boxes[:, 3] - page.word_boxes[:, 1] for page in pages])))

    assert height(0.0) > 1.25 * height(1.0)


def test_unknown_kind_is_an_error(source, fonts):
    with pytest.raises(ValueError, match="article"):
        make_page(np.random.default_rng(0), source, fonts, kind="papyrus")


def test_held_out_families_are_left_out(fonts):
    paths = [Path(matplotlib.get_data_path()) / "fonts" / "ttf"]
    assert not any(family.name.startswith(HELD_OUT_FAMILIES) for family in fonts.families)
    assert len(HELD_OUT_FAMILIES) >= 5
    without = FontSet(paths, exclude=["DejaVu Serif"])
    assert {f.name for f in without.families} == {f.name for f in fonts.families} - {
        "DejaVu Serif",
        "DejaVu Serif Display",
    }
    assert {f.name for f in FontSet.only(["DejaVu Sans Mono"], paths).families} == {"DejaVu Sans Mono"}
    with pytest.raises(ValueError, match="no usable font"):
        FontSet.only(["No Such Family"], paths)


def test_scans_keep_boxes_on_ink(source, fonts):
    rng = np.random.default_rng(2)
    for seed in range(6):
        page = scan(make_page(np.random.default_rng(seed), source, fonts, kind="manual", difficulty=0.0), rng)
        assert page.word_boxes.min() >= 0 and page.word_boxes.max() <= 1
        # The middle band of the box: there is nothing but paper if it has slipped to the space between the lines.
        band = page.word_boxes.copy()
        band[:, 1] += 0.3 * (page.word_boxes[:, 3] - page.word_boxes[:, 1])
        band[:, 3] -= 0.3 * (page.word_boxes[:, 3] - page.word_boxes[:, 1])
        assert (ink(page, band) > 25).mean() > 0.9
        assert char_boxes(page)[page.word_chars[:, 0], 0] == pytest.approx(page.word_boxes[:, 0], abs=2e-3)


def test_degrade_leaves_most_pages_alone(source, fonts):
    page = make_page(np.random.default_rng(1), source, fonts, kind="slide")
    rng = np.random.default_rng(0)
    same = sum(degrade(page, rng) is page for _ in range(40))
    assert 18 <= same < 40


def test_rescan_moves_the_ink_as_its_matrix_says(source, fonts):
    page = make_page(np.random.default_rng(9), source, fonts, kind="letter")
    image, affine = rescan(page.image, np.random.default_rng(0))
    assert image.size == page.image.size and image.mode == "RGB"
    assert affine.shape == (2, 3)
    boxes = move_boxes(page.word_boxes, affine)
    assert np.abs(boxes - page.word_boxes).max() > 0.002
    moved = TrainingPage(image, page.chars, page.words, boxes, page.word_chars)
    assert (ink(moved, boxes) > 40).mean() > 0.97


def test_move_boxes_turns_about_the_center():
    quarter = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, 0.0]])  # a quarter turn of a square
    boxes = np.array([[0.4, 0.4, 0.6, 0.6], [0.7, 0.4, 0.9, 0.6]])
    assert move_boxes(boxes, quarter) == pytest.approx(np.array([[0.4, 0.4, 0.6, 0.6], [0.4, 0.7, 0.6, 0.9]]))


def test_source_needs_text(tmp_path):
    (tmp_path / "short.txt").write_text("Too little.")
    with pytest.raises(ValueError, match="too little text"):
        TextSource(tmp_path)


def test_source_gives_consecutive_words(source):
    text = " ".join(" ".join(SENTENCES * 30).split())
    run = source.run(Random(1), 25)
    assert len(run) == 25
    assert " ".join(run[:6]) in text
    assert source.vocabulary.count("kestrels") == 1


def test_words_of_a_list_take_the_place_of_others_in_half_of_the_text(tmp_path):
    (tmp_path / "prose.txt").write_text("\n\n".join(SENTENCES * 30), encoding="utf-8")
    (tmp_path / "short.words").write_text("aubergine\nzeppelin\n", encoding="utf-8")
    (tmp_path / "long.words").write_text("\n".join(["xylophone"] * 40), encoding="utf-8")
    source = TextSource(tmp_path)
    runs = [source.run(Random(seed), 12) for seed in range(200)]
    assert {len(run) for run in runs} == {12}
    words = [word for run in runs for word in run]
    listed = [word for word in words if word.lower().strip(".,") in ("aubergine", "zeppelin", "xylophone")]
    assert 0.2 < len(listed) / len(words) < 0.4
    assert 0.4 < sum(any(word in listed for word in run) for run in runs) / len(runs) < 0.6
    assert {"aubergine", "zeppelin", "Aubergine", "zeppelin,"} <= set(listed)  # of its case, with its punctuation
    assert sum("xylo" in word.lower() for word in listed) < 0.2 * len(listed)
    assert all(word in " ".join(SENTENCES).split() for word in words if word not in listed)


def test_collect_reads_several_formats_and_leaves_out_what_is_no_prose(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text(f"{SENTENCES[0]}\n\n0 1 2 3 4 5 6 7 8 9 10 11\n\n{SENTENCES[0]}\n")
    (folder / "b.html").write_text(
        f"<script>no the of and a to in is it</script><p>{SENTENCES[1]} It was &amp; is.</p>"
    )
    (folder / "c.py").write_text(f'def f():\n    """{SENTENCES[2]}"""\n')
    (folder / "d.1").write_text(
        ".TH D 1\n.SH NAME\nGulls, \\fIkestrels\\fP and a solitary\n.B heron\nquarrelled over all of it.\n"
    )
    (folder / "e.py").write_text("def broken(:\n")
    (folder / "f.pdf").write_bytes(b"%PDF-1.4 damaged")
    words = collect(tmp_path / "out", [folder])
    text = "".join(file.read_text() for file in (tmp_path / "out").glob("*.txt"))
    assert text.count(SENTENCES[0]) == 1
    assert f"{SENTENCES[1]} It was & is." in text
    assert SENTENCES[2] in text
    assert "Gulls, kestrels and a solitary heron quarrelled over all of it." in text
    assert "script" not in text and "10 11" not in text and "no the of" not in text
    assert words == len(text.split())


def test_the_boxes_of_a_photographed_page_are_where_its_ink_went():
    pixels = np.full((800, 600, 3), 255, np.uint8)
    boxes = np.array([[0.1, 0.1, 0.2, 0.14], [0.7, 0.1, 0.8, 0.14], [0.4, 0.85, 0.5, 0.89]], np.float32)
    for left, top, right, bottom in boxes:
        pixels[round(top * 800) : round(bottom * 800), round(left * 600) : round(right * 600)] = 0
    for seed in range(5):
        image, moved = photograph(Image.fromarray(pixels), boxes, np.random.default_rng(seed))
        levels = np.asarray(image.convert("L")).astype(float)
        assert image.size == (600, 800) and not np.allclose(moved, boxes, atol=0.005)
        for left, top, right, bottom in moved * (600, 800, 600, 800):
            inside = levels[int(top) + 6 : int(bottom) - 6, int(left) + 6 : int(right) - 6]
            around = levels[int(top) - 30 : int(top) - 10, int(left) : int(right)]
            assert inside.mean() < around.mean() - 60
