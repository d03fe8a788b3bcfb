"""What meets the eye first: before and after a search, on samples and an upload, on a wide screen and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from live import serve
from reportlab.pdfgen.canvas import Canvas

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# What sticks out of the lens to its right.
BEYOND = """() => {
  const edge = document.querySelector("#lens").getBoundingClientRect().right + 0.5;
  return [...document.querySelectorAll("#lens .inspector *")]
    .filter((one) => one.getBoundingClientRect().right > edge)
    .map((one) => one.outerHTML.slice(0, 80));
}"""
PAGE, CHIPS = "#lens .page", "#lens .chips"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("first"), Path("tiny"), render_pixels=800) as address:
        yield address


@pytest.fixture
def wide(new_visitor):
    visitor = new_visitor()
    visitor.page.set_viewport_size(WIDE)
    return visitor.arrive()


@pytest.fixture
def report(tmp_path) -> Path:
    """Four pages about rivers, each with a heading of its own."""
    path = tmp_path / "rivers.pdf"
    canvas = Canvas(str(path), pagesize=(400, 560))
    for heading in ("Rivers in the north", "Who repairs the barriers", "Ice on the harbour", "Price of a new bridge"):
        canvas.setFont("Helvetica", 24)
        canvas.drawString(40, 480, heading)
        canvas.setFont("Helvetica", 11)
        for line in range(8):
            canvas.drawString(40, 440 - 18 * line, f"The towns along the water paid for works number {line}.")
        canvas.showPage()
    canvas.save()
    return path


def box(visitor, selector: str) -> dict:
    return visitor.page.locator(selector).first.bounding_box()


def fits(visitor, selector: str, height: int) -> bool:
    """Return whether an element is on the first screen from top to bottom."""
    found = box(visitor, selector)
    return found["y"] >= 0 and found["y"] + found["height"] <= height


@pytest.fixture
def french(tmp_path) -> Path:
    """A page in a language that the bundled checkpoint was not trained with."""
    path = tmp_path / "rivières.pdf"
    canvas = Canvas(str(path), pagesize=(400, 560))
    canvas.setFont("Helvetica", 11)
    for line, text in enumerate(
        (
            "Les communes riveraines financent désormais les travaux",
            "nécessaires à la réparation des barrages endommagés pendant",
            "les inondations, notamment dans les vallées septentrionales.",
            "Chaque année, plusieurs kilomètres de berges sont renforcés",
            "grâce aux subventions accordées par le gouvernement régional.",
        )
    ):
        canvas.drawString(40, 480 - 18 * line, text)
    canvas.save()
    return path


# ------------------------------------------------------------------ one screen


def test_before_a_search_samples_upload_query_and_explanation_meet_the_eye(wide):
    for selector in ("#samples", "#upload", "#query", "#lens .headline", CHIPS):
        assert fits(wide, selector, 900), selector
    assert wide.page.evaluate(BEYOND) == []
    assert box(wide, PAGE)["y"] < 620  # and a good part of the page


def test_after_a_search_query_chips_and_the_whole_page_fit_a_screen(wide):
    wide.search("who chairs the audit committee")
    assert wide.page.is_hidden("#samples")
    assert wide.page.is_hidden("#upload")
    assert "Annual report · 8 pages" in wide.page.inner_text("#shelf")
    assert box(wide, PAGE)["y"] <= 330
    for selector in ("#query", "#lens .headline", "#lens .beats", CHIPS, PAGE, "#lens .ledger"):
        assert fits(wide, selector, 900), selector
    badge, neighbour = box(wide, '#lens [data-token="w1"] .chip-number'), box(wide, '#lens [data-token="w0"]')
    assert badge["x"] >= neighbour["x"] + neighbour["width"]  # each number on its own chip
    ranking, page, inspector = (box(wide, selector) for selector in ("#lens .ranking", PAGE, "#lens .inspector"))
    assert ranking["x"] + ranking["width"] < page["x"]
    assert page["x"] + page["width"] < inspector["x"]
    assert ranking["y"] <= 340 and inspector["y"] <= 340
    wide.page.click("#shelf [data-part=toggle]")
    assert wide.page.is_visible("#samples")
    assert wide.page.is_visible("#upload")


def test_a_landscape_page_fits_a_screen_too_under_a_note(wide):
    wide.after_search(lambda: wide.page.click('#samples [data-file="cooler-streets.pdf"]'))
    wide.search("drought tolerant tree species")
    assert "Weak match" in wide.page.inner_text("#lens .notes")
    assert box(wide, PAGE)["y"] <= 330
    assert fits(wide, PAGE, 900)


def test_the_page_is_large_on_a_large_screen(new_visitor):
    visitor = new_visitor()
    visitor.page.set_viewport_size({"width": 2560, "height": 1440})
    visitor.arrive().search("who chairs the audit committee")
    page = box(visitor, PAGE)
    assert page["height"] > 1000
    assert fits(visitor, PAGE, 1440)


def test_on_a_phone_the_words_stay_with_the_page_and_a_tap_shows_on_it(new_visitor):
    visitor = new_visitor(has_touch=True, is_mobile=True)
    visitor.page.set_viewport_size(PHONE)
    visitor.arrive().search("who chairs the audit committee")
    chips, page = box(visitor, CHIPS), box(visitor, PAGE)
    assert chips["y"] + chips["height"] <= page["y"] < 600
    assert page["y"] < box(visitor, "#lens .ranking")["y"]
    visitor.page.evaluate(f"document.querySelector('{PAGE}').scrollIntoView()")
    visitor.page.wait_for_function(f"document.querySelector('{CHIPS}').getBoundingClientRect().top < 5")
    shown = """() => {
      const page = document.querySelector('#lens .page').getBoundingClientRect();
      return [...document.querySelectorAll('#lens .box')].map(one => one.getBoundingClientRect())
        .filter(one => one.top >= page.top - 1 && one.bottom <= page.bottom + 1).length;
    }"""
    before, boxes = visitor.heat(), visitor.page.evaluate(shown)
    visitor.page.tap("#lens .chip.word >> nth=3")
    assert visitor.heat() != before
    assert 0 < visitor.page.evaluate(shown) < boxes


# ------------------------------------------------------------------ words first


def test_words_come_first_and_what_the_model_adds_is_one_chip(wide):
    value = wide.search("who chairs the audit committee")
    chips = wide.page.locator("#lens .chip .chip-text").all_inner_texts()
    added = sum(token["kind"] != "word" for token in value["query"]["tokens"])
    assert chips == ["Lead", "who", "chairs", "the", "audit", "committee", f"+ {added} added"]
    wide.page.click("#lens .chip.added")
    assert wide.page.locator("#lens .chip.augmentation").count() > 1
    wide.page.click("#lens .chip.fold")
    assert wide.page.locator("#lens .chip.augmentation").count() == 0


def test_a_search_opens_on_what_set_the_page_apart(wide):
    value = wide.search("who chairs the audit committee")
    scores = [entry["score"] for entry in value["ranking"]]
    lead = scores[0] - sum(scores[1:]) / (len(scores) - 1)
    headline = wide.page.inner_text("#lens .headline")
    assert headline.startswith(f"Page {value['ranking'][0]['page']} leads by {lead:.2f}: ")
    assert f"on average on the {len(scores) - 1} other pages" in headline
    first = wide.page.locator("#lens .headline .term").first.inner_text()
    assert first.strip("“”\u2068\u2069") in ("chairs", "audit", "committee")
    assert wide.page.inner_text("#lens .caption b") == "Winners"
    assert wide.page.locator("#lens .leaders path.typed").count() > 0
    beats = wide.page.inner_text("#lens .beats")
    assert f"Ahead of #2, page {value['ranking'][1]['page']}, by {scores[0] - scores[1]:.2f}" in beats
    wide.page.click("#lens .side-by-side")
    assert wide.page.locator("#lens .stage").count() == 2


def test_a_word_is_found_in_words_of_the_page(wide):
    wide.page.click("#lens .chip >> text=hydropower")
    headline = wide.page.inner_text("#lens .headline").replace("\u2068", "").replace("\u2069", "")
    assert headline.startswith("“hydropower” matched best here, at “")
    assert "hydropower" in headline.split("at “")[1].split("”")[0].lower()


def test_lead_and_score_are_one_switch_for_chips_ledger_and_map(wide):
    page, value = wide.page, wide.search("who chairs the audit committee")
    chip = "#lens .chip.word >> nth=3"
    lead = page.inner_text(f"{chip} >> css=.chip-value")
    assert lead.startswith("+")
    assert page.locator("#lens .ledger thead th").all_inner_texts()[-3:] == ["lead", "MaxSim", "expected"]
    page.click("#lens [data-choice=contribution]")
    by_lead = wide.heat()
    page.click("#lens [data-part=measure] [data-choice=score]")
    assert wide.heat() != by_lead
    audit = next(token for token in value["query"]["tokens"] if token["text"].strip() == "audit")["index"]
    maxsim = value["pages"][value["focus"]]["tokens"][audit]["maxsim"]
    assert page.inner_text(f"{chip} >> css=.chip-value") == f"{maxsim:.3f}"
    assert page.locator("#lens .ledger thead th").all_inner_texts()[-2:] == ["MaxSim", "margin"]


def test_leads_follow_the_tokens_that_count(wide):
    value = wide.search("who chairs the audit committee")
    ledgers = wide.page.evaluate(
        """() => {
          const { found } = document.querySelector('#lens [data-lens]').lens;
          return found.value.ranking.map(entry => [...found.ledger(entry.key)]);
        }"""
    )
    wide.page.click("#lens [data-choice=typed]")
    typed = [token["index"] for token in value["query"]["tokens"] if token["kind"] == "word"]
    scores = [sum(terms[index] for index in typed) for terms in ledgers]
    lead = scores[0] - sum(scores[1:]) / (len(scores) - 1)
    assert f"by {abs(lead):.2f}: " in wide.page.inner_text("#lens .headline")
    assert wide.page.inner_text("#lens .chip.total .chip-value") == f"{lead:+.2f}".replace("-", "−")


def test_the_hint_goes_once_it_is_followed_and_stays_away(wide):
    assert wide.page.is_visible("#lens .hint")
    wide.page.click("#lens .hint .term")
    assert wide.page.is_hidden("#lens .hint")
    wide.page.reload()
    wide.wait_for_search()
    assert wide.page.is_hidden("#lens .hint")


# ------------------------------------------------------------------ always an answer


def test_enter_is_answered_at_once(wide):
    page = wide.page
    page.evaluate(
        """() => document.addEventListener('query-asked', () => requestAnimationFrame(() => {
          const lens = document.querySelector('#lens [data-part=lens]');
          window.answered = [lens.getAttribute('aria-busy'), lens.querySelector('.headline').textContent];
        }))"""
    )
    wide.search("copper price risk")
    assert page.evaluate("window.answered") == ["true", "Searching for “\u2068copper price risk\u2069” …"]
    page.wait_for_function("!document.querySelector('#lens [data-part=lens]').hasAttribute('aria-busy')")


def test_an_empty_query_is_said(wide):
    before = wide.search_id()
    wide.page.fill("#query input", "  ")
    wide.page.press("#query input", "Enter")
    wide.page.wait_for_selector("#shelf .note >> text=Type what you are looking for first")
    assert wide.search_id() == before
    assert wide.page.get_attribute("#lens [data-part=lens]", "aria-busy") is None


def test_a_cut_query_is_said(wide):
    wide.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    wide.page.evaluate("navigator.clipboard.writeText('river '.repeat(100))")
    wide.page.fill("#query input", "")
    wide.page.press("#query input", "Control+v")
    wide.page.wait_for_selector("#shelf .note >> text=500 characters")
    assert len(wide.page.input_value("#query input")) == 500


def test_a_control_that_is_off_says_why(wide):
    off = wide.page.locator("#lens :is(button, input):disabled")
    assert off.count() > 2
    for at in range(off.count()):
        control = off.nth(at)
        assert control.get_attribute("aria-description") == control.get_attribute("title") != ""


def test_a_query_in_another_language_is_said(wide):
    wide.search("Энергия из гидроэлектростанций")
    assert "may not read this language" in wide.page.inner_text("#lens .notes")


# ------------------------------------------------------------------ one's own documents


DROP = """([name, data]) => {
  const given = new DataTransfer();
  given.items.add(new File([Uint8Array.from(data)], name, {type: 'application/pdf'}));
  const at = document.querySelector('h1');
  for (const type of ['dragover', 'drop'])
    at.dispatchEvent(new DragEvent(type, {dataTransfer: given, bubbles: true, cancelable: true}));
}"""


def test_a_drop_anywhere_is_taken_and_leads(wide, report):
    value = wide.after_search(
        lambda: wide.page.evaluate(DROP, [report.name, list(report.read_bytes())]),
        "value => value.ranking.some(entry => entry.source === 'rivers.pdf')",
    )
    # Only it is searched, for one of its own headings; others are offered.
    assert {entry["source"] for entry in value["ranking"]} == {"rivers.pdf"}
    headings = wide.page.locator(".examples button:visible").all_inner_texts()
    assert headings == ["Who repairs the barriers", "Ice on the harbour", "Price of a new bridge"]
    assert value["query"]["text"] == headings[0] == wide.page.input_value("#query input")
    assert "rivers.pdf · 4 pages" in wide.page.inner_text("#shelf")
    assert box(wide, PAGE)["y"] <= 330
    assert fits(wide, PAGE, 900)

    # Any choice of documents, by check boxes.
    wide.open_shelf()
    assert wide.page.is_disabled('#library [aria-label="Search rivers.pdf"]')
    value = wide.after_search(lambda: wide.page.check('#library [aria-label="Search Annual report"]'))
    assert len({entry["source"] for entry in value["ranking"]}) == 2
    value = wide.after_search(lambda: wide.page.uncheck('#library [aria-label="Search rivers.pdf"]'))
    assert "rivers.pdf" not in {entry["source"] for entry in value["ranking"]}
    value = wide.after_search(lambda: wide.page.click("#library [data-part=all]"))
    assert len({entry["source"] for entry in value["ranking"]}) == 2


def test_nothing_of_documents_that_are_gone_is_offered(wide, report):
    wide.after_search(lambda: wide.upload(report))
    wide.open_shelf().page.click("#library [data-part=clear]")
    wide.page.wait_for_selector("#lens .empty", state="visible")
    wide.page.wait_for_function("!document.querySelector('.examples button:not(.hidden)')?.offsetParent")
    assert wide.page.inner_text("#delivery") == ""


def test_whoever_leaves_with_documents_of_their_own_is_asked(wide, report):
    wide.page.click("#query input")  # browsers ask only for those who have done something
    wide.page.reload()
    wide.wait_for_search()
    assert wide.asked_to_stay == 0
    wide.page.click("#query input")
    wide.after_search(lambda: wide.upload(report))
    wide.page.reload()
    assert wide.asked_to_stay == 1


# ------------------------------------------------------------------ languages


def test_a_page_in_a_language_that_the_checkpoint_does_not_read_is_said(wide, french):
    wide.search("who chairs the audit committee")
    assert "another language" not in wide.page.inner_text("#lens .notes")
    wide.open_shelf().after_search(lambda: wide.upload(french))
    assert "A page in another language?" in wide.page.inner_text("#lens .notes")


def test_of_pages_that_are_alike_no_word_is_said_to_make_a_difference(wide, tmp_path):
    path = tmp_path / "copies.pdf"
    canvas = Canvas(str(path), pagesize=(400, 560))
    for _ in range(4):
        canvas.drawString(40, 480, "Price of a new bridge")
        canvas.showPage()
    canvas.save()
    wide.after_search(lambda: wide.upload(path))
    assert "by 0.00: no word makes a difference." in wide.page.inner_text("#lens .headline")
    assert "by 0.00: no word makes a difference." in wide.page.inner_text("#lens .beats")
