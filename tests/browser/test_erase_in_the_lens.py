"""Erasing a part of the page and looking again: by pointer, by keyboard, on a phone, with the numbers of Python."""

from __future__ import annotations

import json
import re
import urllib.parse
from pathlib import Path

import pytest
from live import serve
from PIL import Image
from test_takeaway import download

from colpali_demo.documents import open_document
from colpali_demo.encoder import load_encoder
from colpali_demo.encoder.checkpoints import BUNDLED_FOLDER
from colpali_demo.evidence import erase_again, winner_boxes
from colpali_demo.retrieval import PageIndex
from colpali_demo.samples import SAMPLES
from colpali_demo.settings import Settings

LABEL = "embedded anew; the index is unchanged"
ANSWERED, UNANSWERED = "energy from hydropower", "when was the telescope invented"
REPORT = "annual-report.pdf"


def number(text: str) -> float:
    return float(text.replace("−", "-"))


class Eraser:
    """A visitor who erases."""

    def __init__(self, visitor) -> None:
        self.visitor, self.page = visitor, visitor.page

    @property
    def entry(self) -> dict:
        value = self.visitor.value()
        return value["pages"][value["focus"]]

    def open(self) -> None:
        self.page.click("#lens [data-part=erase]")

    def erase(self, what: str, steps: int) -> dict:
        """Use a control; the page that comes of it, after so many steps."""
        self.page.click(f"#lens [data-erase={what}]")
        return self.wait(steps)

    def wait(self, steps: int) -> dict:
        self.page.wait_for_function(
            """steps => {
                const value = document.querySelector("#lens [data-search]").lensValue();
                return (value.pages[value.focus].steps || 0) === steps;
            }""",
            arg=steps,
        )
        self.page.wait_for_selector("#lens [data-part=erasing]:not([aria-busy=true])", state="attached")
        return self.entry

    def ledger(self) -> list[list[float]]:
        """The numbers of each line: before, after, change."""
        lines = self.page.locator("#lens [data-part=ledger] tr")
        return [
            [number(text) for text in lines.nth(at).locator(".number").all_inner_texts()] for at in range(lines.count())
        ]

    def text(self, part: str) -> str:
        return self.page.inner_text(f"#lens [data-part={part}]").replace("\u2068", "").replace("\u2069", "")


@pytest.fixture(scope="module")
def bundled(tmp_path_factory):
    """The address of the demo with the bundled checkpoint."""
    with serve(tmp_path_factory.mktemp("bundled"), BUNDLED_FOLDER, render_pixels=1600) as address:
        yield address


@pytest.fixture(scope="module")
def ranking():
    """The search of the story, as Python makes it."""
    index = PageIndex(load_encoder("tiny", device="cpu"))
    with open_document(SAMPLES / REPORT, settings=Settings()) as document:
        index.add(document)
    return index.rank(ANSWERED)


def test_it_pointed_here_it_is_erased_the_score_falls(new_visitor, bundled, ranking):
    visitor = new_visitor(bundled)
    visitor.page.goto(f"{bundled}/?sample={REPORT}&q={urllib.parse.quote(UNANSWERED)}")
    visitor.page.wait_for_function(
        """query => document.querySelector("#lens [data-search]")?.lensValue().query.text === query""", arg=UNANSWERED
    )
    assert "Weak match" in visitor.page.inner_text("#lens .notes")
    visitor.search(ANSWERED)
    assert visitor.page.locator("#lens .note >> text=Weak match").count() == 0
    first = visitor.page.inner_text("#lens .headline .term >> nth=0")
    assert "hydropower" in first  # a content word has the largest lead

    eraser = Eraser(visitor)
    visitor.page.click("#lens .headline .term >> nth=0")
    top = visitor.page.locator("#lens .page").bounding_box()["y"]
    eraser.open()
    entry = eraser.erase("winner", 1)
    why = ranking[0].explain()
    tokens = [token.index for token in why.tokens if why.query.tokens[token.index].word == 2]
    boxes = list(dict.fromkeys(box for token in tokens for box in winner_boxes(why, token)))
    expected = erase_again(ranking, ranking[0].page, boxes)
    assert entry["score"] == pytest.approx(expected.after.score, abs=1e-4)
    assert (entry["whole"]["rank"], entry["rank"]) == (expected.rank_before, expected.rank_after)
    assert expected.rank_after > expected.rank_before == 1
    assert [line["maxsim"] for line in entry["tokens"]] == pytest.approx(
        [token.after for token in expected.tokens], abs=1e-4
    )
    before, after, change = eraser.ledger()[2]
    terms = [expected.tokens[token] for token in tokens]
    assert before == pytest.approx(sum(term.before for term in terms), abs=6e-4)
    assert after == pytest.approx(sum(term.after for term in terms), abs=6e-4)
    assert change == pytest.approx(sum(term.difference for term in terms), abs=6e-4)
    assert LABEL in eraser.text("erased")
    assert f"rank 1 → {expected.rank_after} of {len(ranking)}" in eraser.text("erased")
    assert f"{sum(term.before for term in terms):.3f} → {sum(term.after for term in terms):.3f}" in eraser.text(
        "headline"
    )
    card = visitor.page.locator("#lens .rank-card[aria-current=true] .rank-numbers b").inner_text()
    assert card == f"#{expected.rank_after}"
    moved = [term for term in terms if term.winner_before and term.winner_after not in (term.winner_before, ())]
    assert visitor.page.locator("#lens .traces .went").count() == len(moved)
    assert visitor.page.locator("#lens .page").bounding_box()["y"] == top

    whole = eraser.erase("undo", 0)
    assert whole["erased"] is None and whole["score"] == pytest.approx(ranking[0].score, abs=1e-4)
    assert visitor.page.locator("#lens .rank-card[aria-current=true] .rank-numbers b").inner_text() == "#1"
    assert eraser.text("erased") == ""
    assert visitor.page.locator("#lens .traces *").count() == 0


def test_every_way_to_erase_is_what_python_does(visitor):
    """With the pages and the model of the server: each way's boxes are those of the library."""
    eraser = Eraser(visitor)
    eraser.open()
    visitor.page.click("#lens .chip.word >> nth=0")
    token = visitor.value()["query"]["tokens"]
    token = next(each["index"] for each in token if each["kind"] == "word")
    grid = eraser.entry["grid"]
    winner = eraser.entry["tokens"][token]
    for what, regions in (("hot", 10), ("rest", 10)):
        entry = eraser.erase(what, 1)
        cells = {
            (round(top * grid["rows"]), round(left * grid["cols"])) for left, top, _, _ in entry["erased"]["boxes"]
        }
        assert len(cells) >= regions
        assert what == "rest" or tuple(winner["cells"][0]) in cells
        assert entry["erased"]["inverted"] == (what == "rest")
        if what == "rest":  # nothing is left to erase
            assert visitor.page.is_disabled("#lens [data-erase=winner]")
            assert visitor.page.is_disabled("#lens [data-erase=box]")
        else:
            assert visitor.page.is_disabled("#lens [data-erase=rest]")
        eraser.erase("reset", 0)


def test_a_box_is_drawn_by_pointer_and_by_keyboard(visitor):
    eraser = Eraser(visitor)
    eraser.open()
    visitor.page.click("#lens [data-erase=box]")
    frame = visitor.page.locator("#lens .page").bounding_box()
    left, top, right, bottom = 0.2, 0.1, 0.5, 0.2
    visitor.page.mouse.move(frame["x"] + left * frame["width"], frame["y"] + top * frame["height"])
    visitor.page.mouse.down()
    visitor.page.mouse.move(frame["x"] + right * frame["width"], frame["y"] + bottom * frame["height"], steps=3)
    assert visitor.page.is_visible("#lens .selection")
    visitor.page.mouse.up()
    (box,) = eraser.wait(1)["erased"]["boxes"]
    assert box == pytest.approx([left, top, right, bottom], abs=0.01)
    assert visitor.page.is_hidden("#lens .card")  # the click was no click on a patch
    visitor.page.keyboard.press("Escape")

    visitor.page.focus("#lens [data-erase=box]")
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.classList.contains('page')")
    visitor.page.keyboard.press("ArrowRight")  # to the winner
    visitor.page.keyboard.press("ArrowRight")
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        visitor.page.keyboard.press(f"Shift+{key}")
    selected = visitor.page.locator("#lens .selection").bounding_box()
    visitor.page.keyboard.press("Enter")
    grid = eraser.wait(2)["grid"]
    left, top, right, bottom = eraser.entry["erased"]["boxes"][1]
    assert right - left == pytest.approx(2 / grid["cols"])
    assert bottom - top == pytest.approx(3 / grid["rows"])
    assert selected["width"] == pytest.approx(frame["width"] * 2 / grid["cols"], abs=5)
    assert visitor.page.evaluate("document.activeElement.dataset.erase") == "box"
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Escape")  # leaves drawing alone
    assert visitor.page.evaluate("document.activeElement.dataset.erase") == "box"
    assert "region" in eraser.text("erased")


def test_a_word_under_the_pin_is_erased(visitor):
    eraser = Eraser(visitor)
    eraser.open()
    words = eraser.entry["words"]
    text, left, top, right, bottom = max(words, key=lambda word: word[4] - word[2])
    frame = visitor.page.locator("#lens .page").bounding_box()
    place = {"x": (left + right) / 2 * frame["width"], "y": (top + bottom) / 2 * frame["height"]}
    visitor.page.click("#lens .page", position=place)
    named = re.search("“\u2068(.*)\u2069”", visitor.page.inner_text("#lens [data-erase=word]")).group(1)
    (box,) = eraser.erase("word", 1)["erased"]["boxes"]
    assert [named, *box] in words
    assert left <= place["x"] / frame["width"] <= right and text
    assert len(eraser.entry["words"]) < len(words)  # it is no longer read under the patches


def test_files_say_what_was_erased(visitor, new_visitor, tmp_path):
    eraser = Eraser(visitor)
    whole = download(visitor, "png").read_bytes()
    eraser.open()
    visitor.page.click("#lens .chip.word >> nth=0")
    entry = eraser.erase("hot", 1)
    assert entry["erased"]["text"] in visitor.page.inner_text("#lens .caption")
    taken = json.loads(download(visitor, "json").read_text("utf-8"))
    assert taken["page"]["erased"] == entry["erased"]
    assert sum(line["difference"] for line in taken["erasure"]["tokens"]) == pytest.approx(
        entry["score"] - entry["whole"]["score"], abs=1e-4
    )
    with Image.open(download(visitor, "png")) as picture:
        assert picture.tobytes() != whole
    assert download(visitor, "pdf").read_bytes().startswith(b"%PDF")
    file = tmp_path / "lens.html"
    file.write_bytes(Path(download(visitor, "html")).read_bytes())
    reader = new_visitor(offline=True)
    reader.page.goto(file.as_uri())
    reader.page.wait_for_selector("#lens[data-search]")
    assert entry["erased"]["text"] in reader.page.inner_text("#lens .caption")
    assert LABEL in reader.page.inner_text("#lens [data-part=erased]")
    assert reader.page.locator("#lens [data-erase=undo]").count() == 0
    assert reader.page.is_disabled("#lens [data-part=erase]")
    assert "no model" in reader.page.get_attribute("#lens [data-part=erase]", "title")


def test_another_search_and_another_visitor_see_the_page_whole(visitor, new_visitor):
    eraser = Eraser(visitor)
    score = eraser.entry["score"]
    eraser.open()
    visitor.page.click("#lens .chip.word >> nth=0")
    eraser.erase("hot", 1)
    other = new_visitor().arrive()
    assert Eraser(other).entry["erased"] is None and Eraser(other).entry["score"] == score
    text = visitor.value()["query"]["text"]
    found = visitor.search(text)
    assert found["pages"][found["focus"]]["score"] == score and eraser.text("erased") == ""


def test_on_a_phone_in_the_dark_it_fits(new_visitor):
    visitor = new_visitor(color_scheme="dark", has_touch=True, is_mobile=True)
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.arrive("/?__theme=dark")
    eraser = Eraser(visitor)
    visitor.page.tap("#lens [data-part=erase]")
    visitor.page.tap("#lens [data-erase=hot]")
    eraser.wait(1)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 390
    for selector in ("[data-part=erasing]", "[data-erase=undo]", "[data-erase=winner]"):
        box = visitor.page.locator(f"#lens {selector}").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, selector
