"""The cards in a browser: their numbers are the model's, on the bundled example and on a visitor's own page."""

from __future__ import annotations

import re
from base64 import b64decode
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import make_checkpoint
from live import serve
from reportlab.pdfgen.canvas import Canvas

from colpali_demo import maxsim
from colpali_demo.documents import open_document
from colpali_demo.encoder import Calibration, load_encoder
from colpali_demo.evidence import erase_winners
from colpali_demo.lessons.batch import contrast
from colpali_demo.retrieval import PageIndex
from colpali_demo.samples import SAMPLES, read_questions
from colpali_demo.settings import Settings
from colpali_demo.web.lessons.value import MOST_ERASED

CARDS = ("square", "patches", "vector", "tokens", "cosine", "max", "sum", "rank", "training", "costs", "reason")
QUERY = "copper prices in Europe"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """The server's checkpoint, which the tests load as well."""
    checkpoint = make_checkpoint(tmp_path_factory.mktemp("lessons") / "random-colpali")
    Calibration(threshold=0.99, quantile=0.95, unrelated=(0.99,)).save(checkpoint / "calibration.json")
    return checkpoint


@pytest.fixture(scope="module")
def server(checkpoint, browser):
    with serve(checkpoint.parent, checkpoint) as address:
        yield address


class Lesson:
    """The cards of one visitor. `vectors` and `query` are what the server sent, (vectors, dim) and (tokens, dim)."""

    def __init__(self, visitor) -> None:
        self.page = visitor.page
        self.page.wait_for_selector("#lessons [data-lesson]", state="attached")
        self.value = self.page.evaluate("document.querySelector('#lessons [data-lesson]').lessonValue()")
        sheet = self.value["page"]
        reply = self.page.request.get(sheet["vectors_file"]["url"])
        self.vectors = np.frombuffer(reply.body(), dtype="<f4").reshape(-1, sheet["dim"])
        self.query = np.frombuffer(b64decode(self.value["query"]["vectors"]), dtype="<f4").reshape(-1, sheet["dim"])
        self.cosines = maxsim.similarities(torch.tensor(self.query), torch.tensor(self.vectors)).numpy()

    def turn_to(self, card: str) -> None:
        self.page.click(f"#lessons .steps a >> nth={CARDS.index(card)}")
        self.page.wait_for_selector(f"#lessons .lesson-card[data-card={card}]")

    def text(self, selector: str) -> str:
        return self.page.inner_text(f"#lessons {selector}").replace("−", "-").replace("\u202f", "").strip()

    def number(self, name: str) -> str:
        return self.text(f"[data-number='{name}']")

    def choose(self, token: int) -> None:
        self.page.click(f"#lessons .chip[data-token='{token}']")


def scores_of_the_samples(encoder) -> list[list[float]]:
    """Return what the batch of the samples scores, (queries, pages)."""
    file, questions = read_questions()
    index = PageIndex(encoder)
    with open_document(SAMPLES / file, settings=Settings(render_pixels=400)) as document:
        index.add(document)
    numbers = [page for _, page in questions]
    found = [{hit.page.number: hit.score for hit in index.rank(query)} for query, _ in questions]
    return [[scores[number] for number in numbers] for scores in found]


def walk(lesson: Lesson, encoder, page, hits) -> None:
    """Go through all cards and compare what they show with what Python makes of the page.

    encoder: the model of this lesson; page: the page it is about; hits: all pages of the search, best first. All three
    are None for the bundled example, whose model need not be there; then the server's own values are the measure.
    """
    value, sheet = lesson.value, lesson.value["page"]
    tokens, cols = value["query"]["tokens"], sheet["grid"]["cols"]
    word = max((t for t in tokens if t["kind"] == "word"), key=lambda t: sheet["tokens"][t["index"]]["maxsim"])["index"]

    lesson.turn_to("square")
    size = sheet["input"]
    caption = lesson.text(".stage:nth-of-type(2) figcaption")
    assert caption == f"What the model sees, {size['width']} × {size['height']}"
    assert lesson.page.evaluate(
        "file => fetch(file).then(r => r.blob()).then(createImageBitmap).then(b => [b.width, b.height])",
        size["image"]["url"],
    ) == [size["width"], size["height"]]
    if encoder is not None:
        assert (size["width"], size["height"]) == (
            encoder.model_info["input"]["width"],
            encoder.model_info["input"]["height"],
        )

    lesson.turn_to("patches")
    lesson.page.focus("#lessons .page.pick")
    lesson.page.keyboard.press("ArrowDown")
    row, col = (int(n) for n in re.findall(r"row (\d+), column (\d+)", lesson.text(".patch-closeup .facts"))[0])
    assert int(lesson.number("patch")) == row * cols + col
    lesson.page.click("#lessons [data-question=vectors] .choices button:last-child")
    assert f"= {len(lesson.vectors):,}. " in lesson.text("[data-question=vectors] .reveal")

    lesson.turn_to("vector")
    vector = lesson.vectors[sheet["patch_vectors"][row * cols + col]]
    assert float(lesson.number("length")) == pytest.approx(np.linalg.norm(vector), abs=1e-3)
    assert lesson.page.locator("#lessons .vector-chart rect").count() == sheet["dim"] == len(vector)
    first = re.findall(r"-?\d\.\d{3}", lesson.text(".vector-chart + .facts"))[:4]
    assert [float(number) for number in first] == pytest.approx(vector[:4].tolist(), abs=5.1e-4)
    if encoder is not None:
        assert f"{encoder.model.num_parameters():,} weights in all" in lesson.text(".columns .fine")

    lesson.turn_to("tokens")
    ids = [int(text) for text in lesson.page.locator("#lessons .piece small").all_inner_texts()]
    assert ids == [token["id"] for token in tokens]
    assert lesson.number("token-score") == f"{sheet['score']:.2f}"
    lesson.page.click("#lessons .segments button >> text=none")
    assert int(lesson.number("tokens")) == len(tokens) - value["query"]["augmentation"]
    if encoder is not None:
        bare = encoder.embed_query(value["query"]["text"], augmentation=0)
        scores = [maxsim.score(bare.vectors, hit.ranking.stored(hit.page).kept.vectors) for hit in hits]
        score = maxsim.score(bare.vectors, page.ranking.stored(page.page).kept.vectors)
        assert lesson.number("token-score") == f"{score:.2f}"
        assert lesson.number("token-rank") == f"{1 + sum(other > score for other in scores)} of {len(hits)}"

    lesson.turn_to("cosine")
    lesson.choose(word)
    lesson.page.focus("#lessons .page.pick")
    for key in ("ArrowRight", "ArrowDown"):
        lesson.page.keyboard.press(key)
        row, col = map(int, re.findall(r"row (\d+), column (\d+)", lesson.text(".product h3:nth-of-type(2)"))[0])
        cosine = lesson.cosines[word, sheet["patch_vectors"][row * cols + col]]
        assert float(lesson.number("cosine")) == pytest.approx(cosine, abs=5.1e-4)

    lesson.turn_to("max")
    for token in (word, len(tokens) - 1):
        lesson.choose(token)
        lesson.page.focus("#lessons input[type=range]")
        lesson.page.keyboard.press("End")
        assert float(lesson.number("maxsim")) == pytest.approx(lesson.cosines[token].max(), abs=5.1e-4)
        assert "maximum: " in lesson.text(".readout")
        if sheet["tokens"][token]["slot"] == "patch":
            box = lesson.page.locator("#lessons .boxes .box")
            place = [int(box.get_attribute(f"data-{name}")) for name in ("row", "col")]
            assert sheet["patch_vectors"][place[0] * cols + place[1]] == lesson.cosines[token].argmax()
    lesson.page.fill("#lessons .toy input >> nth=0", "0.95")  # beats the 0.9 beside it
    assert lesson.number("toy-sum") == f"{0.95 + 0.6 + 0.7:.2f}"

    lesson.turn_to("sum")
    maxima = lesson.cosines.max(axis=1)
    shown = [float(text.replace("−", "-")) for text in lesson.page.locator("#lessons .terms button").all_inner_texts()]
    assert shown == pytest.approx(maxima.tolist(), abs=5.1e-4)
    assert float(lesson.number("score")) == pytest.approx(float(maxima.sum()), abs=5.1e-3)
    if page is not None:
        assert lesson.number("score") == f"{page.score:.2f}"
    lesson.page.click(f"#lessons .terms button >> nth={word}")
    lesson.page.wait_for_selector(f"#lessons .flight .line.lit[data-token='{word}']")

    lesson.turn_to("rank")
    lesson.page.click("#lessons [data-question=mean] .choices button:first-child")
    shown = [float(text) for text in lesson.page.locator("#lessons [data-ranking=maxsim] li b").all_inner_texts()]
    if hits is not None:
        assert shown == pytest.approx([hit.score for hit in hits][: len(shown)], abs=5.1e-3)
    assert all(ahead >= behind for ahead, behind in pairwise(shown))
    mean = lesson.vectors.mean(axis=0)
    mean /= np.linalg.norm(mean)
    pooled = lesson.text(f".losses tr[data-token='{word}'] td:last-child")
    assert float(pooled) == pytest.approx(float(lesson.query[word] @ mean), abs=6e-4)

    lesson.turn_to("training")
    batch = value["batch"]
    if encoder is not None:
        assert np.allclose(scores_of_the_samples(encoder), batch["scores"], atol=1e-4)
    own = [row["own"] for row in batch["rows"]]
    assert float(lesson.number("loss")) == pytest.approx(contrast(batch["scores"], own)["loss"], abs=5.1e-4)
    lesson.page.click("#lessons [data-cell='0-1']")
    own[0] = 1
    swapped = contrast(batch["scores"], own)
    assert float(lesson.number("loss")) == pytest.approx(swapped["loss"], abs=5.1e-4)
    assert float(lesson.number("loss-0")) == pytest.approx(swapped["losses"][0], abs=5.1e-4)

    lesson.turn_to("costs")
    lesson.page.click("#lessons [data-question=bytes] .choices button:first-child")
    assert lesson.number("bytes-float32") == f"{lesson.vectors.nbytes:,}"
    assert lesson.number("bytes-binary") == f"{lesson.vectors.size // 8:,}"

    lesson.turn_to("reason")
    erased = value["erased"]
    if page is not None:
        lesson.page.click("#lessons .reason .play")
        lesson.page.wait_for_selector("#lessons .reason .changes")
        erased = lesson.page.evaluate("document.querySelector('#lessons [data-lesson]').lessonValue().erased")
        made = [winner.to_json() for winner in erase_winners(page.ranking, page.page, MOST_ERASED)]
        assert [each["token"] for each in erased] == [each["token"] for each in made]
        for mine, theirs in zip(erased, made, strict=True):
            assert mine["boxes"] == theirs["boxes"] and mine["fills"] == theirs["fills"]
            assert mine["tokens"] == pytest.approx(theirs["tokens"], abs=1e-4)
            assert mine["lost_elsewhere"] == (
                None if theirs["lost_elsewhere"] is None else pytest.approx(theirs["lost_elsewhere"], abs=1e-4)
            )
    assert erased
    chosen = erased[-1]
    lesson.page.click(f"#lessons .reason .segments [data-choice='{chosen['token']}']")
    before = sheet["tokens"][chosen["token"]]["maxsim"]
    assert float(lesson.number("claimed")) == pytest.approx(before, abs=5.1e-4)
    assert lesson.page.locator("#lessons .reason .traces .fill").count() == 0
    lesson.page.click("#lessons .reason .play")
    after = chosen["tokens"][chosen["token"]]
    assert float(lesson.number("left")) == pytest.approx(after, abs=5.1e-4)
    assert float(lesson.number("after-score")) == pytest.approx(chosen["score"], abs=5.1e-3)
    assert chosen["score"] == pytest.approx(sum(chosen["tokens"]), abs=1e-4)
    assert chosen["lost"] == pytest.approx(before - after, abs=1e-6)
    assert float(lesson.number("lost")) == pytest.approx(np.mean([each["lost"] for each in erased]), abs=5.1e-4)
    assert lesson.page.locator("#lessons .reason .traces .fill").count() == len(chosen["boxes"])
    rings = [each for each in erased if each["lost_elsewhere"] is not None]
    assert lesson.page.locator("#lessons .plot circle").count() == len(erased) + len(rings)
    lesson.page.click("#lessons .reason .play")
    assert float(lesson.number("claimed")) == pytest.approx(before, abs=5.1e-4)


def test_the_cards_on_the_bundled_example(new_visitor):
    visitor = new_visitor()
    visitor.page.goto(visitor.server + "/#lesson-5")  # whether or not a model is loaded
    lesson = Lesson(visitor)
    assert lesson.value["example"]
    assert lesson.text(".kicker") == "Card 5 of 11"
    lesson.page.keyboard.press("ArrowRight")
    assert lesson.text(".kicker") == "Card 6 of 11"
    assert lesson.page.evaluate("location.hash") == "#lesson-6"
    lesson.page.click("#lessons [data-part=back]")
    assert lesson.text(".kicker") == "Card 5 of 11"
    lesson.page.evaluate("location.hash = '#lesson-1'")
    lesson.page.wait_for_selector("#lessons .lesson-card[data-card=square]")
    assert lesson.page.is_disabled("#lessons [data-part=back]")
    walk(lesson, None, None, None)
    lesson.page.click("#lessons .aside a")
    assert "Is it really the reason?" in lesson.text("h3:target")
    links = lesson.page.locator("#lessons [data-part=sources] a").count()
    assert links == len(lesson.value["paper"]["sources"])


def test_the_cards_on_an_uploaded_pdf(visitor, checkpoint, tmp_path):
    file = tmp_path / "prices.pdf"
    canvas = Canvas(str(file), pagesize=(300, 400))
    for title in ("Copper in Europe", "Zinc in Asia", "Tin <b>everywhere</b>"):
        canvas.setFont("Helvetica", 20)
        canvas.drawString(30, 340, title)
        canvas.setFont("Helvetica", 9)
        canvas.drawString(30, 300, "prices and quantities of the year")
        canvas.showPage()
    canvas.save()
    visitor.open_shelf().page.click("#library .remove")
    visitor.upload(file)
    visitor.page.wait_for_selector("#library [data-document] >> text=prices.pdf", state="attached")
    visitor.wait_until_idle()
    found = visitor.search(QUERY)
    visitor.page.click("#how-it-works-button")
    lesson = Lesson(visitor)
    assert not lesson.value["example"]
    assert lesson.value["page"]["key"] == found["focus"]
    card = lesson.text(".kicker")
    visitor.page.keyboard.press("ArrowRight")  # while the tab has the focus
    assert lesson.text(".kicker") != card

    encoder = load_encoder(str(checkpoint), device="cpu")
    index = PageIndex(encoder)
    with open_document(file, settings=Settings(render_pixels=400)) as document:
        index.add(document)
    hits = index.rank(QUERY)
    page = hits[0]
    assert np.allclose(lesson.vectors, page.ranking.stored(page.page).kept.vectors.numpy(), atol=1e-5)
    walk(lesson, encoder, page, hits)

    lesson.turn_to("costs")
    visitor.page.click("#lessons .play >> text=Measure on this machine")
    visitor.page.wait_for_selector("#lessons [data-number=ms-page]")
    measured = visitor.page.evaluate("document.querySelector('#lessons [data-lesson]').lessonValue().measured")
    assert measured["device"] == "cpu"
    assert lesson.number("ms-query").split()[0] == (
        f"{measured['query']:.0f}" if measured["query"] >= 100 else f"{measured['query']:.1f}"
    )

    visitor.page.select_option("#lessons .subject select", index=1)
    visitor.page.wait_for_function(
        "key => document.querySelector('#lessons [data-lesson]').lessonValue().page.key !== key", arg=found["focus"]
    )


def test_the_cards_on_a_phone_by_keyboard_and_in_the_dark(new_visitor):
    visitor = new_visitor(color_scheme="dark")
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.page.goto(visitor.server + "/?__theme=dark#lesson-1")
    page = Lesson(visitor).page
    page.focus("#lessons [data-part=next]")
    for number, card in enumerate(CARDS, start=1):
        page.wait_for_selector(f"#lessons .lesson-card[data-card={card}]")
        assert page.evaluate("document.documentElement.scrollWidth") == 390, card
        assert page.inner_text("#lessons .kicker") == f"Card {number} of 11"
        background = page.evaluate("getComputedStyle(document.querySelector('#lessons .lesson-card')).backgroundColor")
        assert sum(map(int, re.findall(r"\d+", background)[:3])) < 150
        page.keyboard.press("ArrowRight")
    assert page.is_disabled("#lessons [data-part=next]")
