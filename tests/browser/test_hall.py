"""In a lecture hall: one card or the lens alone, turned by a clicker, every card whole on the screen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

SCREENS = ((1920, 1080), (1280, 720))
SMALLEST = 18  # pixels of a letter's height, of a screen of 1080
CARDS = 11
SHOWN = "#lessons [data-lesson]"
LESSON = json.loads((Path(__file__).parents[2] / "assets" / "example" / "lesson.json").read_text("utf-8"))

# Whatever is cut off or hidden behind a scroll bar, and the smallest letters, of the card on show.
MEASURE = """() => {
  const card = document.querySelector("#lessons .lesson-card");
  const room = card.getBoundingClientRect();
  const whole = document.documentElement;
  const cut = [];
  let smallest = Infinity;
  if (card.scrollHeight > card.clientHeight || card.scrollWidth > card.clientWidth) cut.push("the card scrolls");
  if (whole.scrollHeight > innerHeight || whole.scrollWidth > innerWidth) cut.push("the page scrolls");
  if (room.left < 0 || room.top < 0 || room.right > innerWidth || room.bottom > innerHeight) cut.push("the card");
  for (const one of card.querySelectorAll("*")) {
    const box = one.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const name = `${one.tagName}.${one.getAttribute("class")} ${one.textContent.slice(0, 40)}`;
    const larger = one.scrollHeight > one.clientHeight + 2 || one.scrollWidth > one.clientWidth + 2;
    const clipped = larger && getComputedStyle(one).overflow !== "visible" && !one.closest("math, .rankings small");
    if (clipped) cut.push(`scrolls: ${name}`);
    if (box.bottom > room.bottom + 1 || box.right > room.right + 1 || box.left < room.left - 1) cut.push(name);
    const says = [...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (says && !one.closest("math")) smallest = Math.min(smallest, parseFloat(getComputedStyle(one).fontSize));
  }
  return { cut, smallest };
}"""


def violations(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['target']}" for each in found for node in each["nodes"]]


@pytest.fixture
def hall(new_visitor):
    """Opens the cards of the bundled example at a place, with another screen than usual."""

    def open_(place: str, screen: tuple[int, int] = SCREENS[0], **options):
        visitor = new_visitor(**options)
        page = visitor.page
        page.set_viewport_size(dict(zip(("width", "height"), screen, strict=True)))
        theme = "?__theme=dark" if options.get("color_scheme") == "dark" else ""
        page.goto(f"{visitor.server}/{theme}#lesson-{place}")
        page.wait_for_selector(SHOWN, state="attached")
        page.wait_for_selector("#lessons .subject", state="visible")
        return page

    return open_


def number(page) -> int:
    """Return the number of the card on show."""
    return page.evaluate(
        "[...document.querySelectorAll('#lessons .steps a')].findIndex(step => step.ariaCurrent === 'step') + 1"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_card_is_whole_on_the_screen_and_large_enough_to_read(hall, screen, theme):
    page = hall("1", screen, color_scheme=theme)
    page.keyboard.press("f")
    for card in range(1, CARDS + 1):
        assert number(page) == card
        for answer in page.locator("#lessons .question .choices button:first-child").all():
            answer.click()  # what is said after the answer takes room, too
        found = page.evaluate(MEASURE)
        assert found["cut"] == [], card
        assert found["smallest"] >= SMALLEST * screen[1] / 1080 - 0.01, card
        assert not page.is_visible("#lessons .subject")
        page.keyboard.press("PageDown")


def test_cards_fit_the_tab_of_a_large_screen(hall):
    page = hall("1")
    for card in range(1, CARDS + 1):
        page.click(f"#lessons .steps a >> nth={card - 1}")
        box = page.locator("#lessons .lesson-card").bounding_box()
        assert box["y"] + box["height"] <= 1080, card


def test_a_clicker_and_the_keyboard_turn_the_cards(hall):
    page = hall("5")
    press = page.keyboard.press
    press("f")
    page.wait_for_selector("#lessons .presenting")
    assert page.evaluate("Boolean(document.fullscreenElement)")
    for keys, card in (
        (("PageDown",), 6),
        (("PageUp", "PageUp"), 4),
        (("Space",), 5),
        (("Shift+Space",), 4),
        (("ArrowRight", "ArrowDown"), 6),
        (("ArrowLeft", "ArrowUp", "ArrowUp"), 3),
        (("PageUp",) * 5, 1),
    ):
        for key in keys:
            press(key)
        assert number(page) == card, keys
    page.evaluate("location.hash = '#lesson-6'")
    page.wait_for_selector("#lessons .lesson-card[data-card=max]")
    page.focus("#lessons input[type=range]")
    press("PageDown")  # a clicker turns the card wherever the focus is
    assert number(page) == 7
    page.focus("#lessons .lesson-card .play")
    press("Space")  # and the space bar presses a button that has it
    assert number(page) == 7
    assert page.inner_text("#lessons .lesson-card .play") == "Take them apart"
    page.click("#lessons .steps a >> nth=10")
    assert number(page) == CARDS
    press("PageDown")
    assert number(page) == CARDS
    press("Escape")
    page.wait_for_function("!document.fullscreenElement && !document.querySelector('.presenting')")
    assert number(page) == CARDS
    assert page.is_visible("#lessons .subject")
    press("PageDown")  # scrolls, as on any page
    assert number(page) == CARDS


def test_where_the_full_screen_is_refused_the_window_is_filled(hall):
    page = hall("3")
    page.evaluate("void (Element.prototype.requestFullscreen = () => Promise.reject(new TypeError('refused')))")
    page.click("#lessons [data-part=present]")
    page.wait_for_selector("#lessons .presenting")
    box = page.locator("#lessons .lessons").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 1920, "height": 1080}
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || Boolean(document.activeElement.closest('.presenting'))"
        )
    page.click("#lessons [data-part=leave]")
    assert page.locator(".presenting").count() == 0
    assert page.is_visible(".masthead h1")
    assert page.evaluate("document.querySelectorAll('[inert]').length") == 0


def test_light_and_dark_in_a_hall_end_with_it(hall):
    page = hall("6")
    ground = "getComputedStyle(document.querySelector('#lessons .lesson-card')).backgroundColor"
    page.keyboard.press("f")
    light = page.evaluate(ground)
    page.keyboard.press("d")
    assert page.evaluate(ground) != light
    page.click("#lessons [data-part=shade]")
    assert page.evaluate(ground) == light
    page.keyboard.press("d")
    page.keyboard.press("f")
    assert page.locator("body.dark").count() == 0


def test_typing_an_f_presents_nothing(hall):
    page = hall("6")
    page.focus("#lessons .toy input >> nth=0")
    page.keyboard.press("f")
    page.click("[role=tab] >> text=Explore")
    page.fill("#query input", "")
    page.type("#query input", "food")
    assert page.input_value("#query input") == "food"
    assert page.locator(".presenting").count() == 0


def test_notes_say_what_each_card_leaves_behind_and_lead_to_it(hall):
    page = hall("notes", (1440, 900))
    entries = page.locator("#lessons .keep li")
    assert entries.count() == CARDS
    documentation = (Path(__file__).parents[2] / "docs" / "lessons.md").read_text("utf-8")
    for sentence in entries.locator("p").all_inner_texts():
        assert f"“{sentence}”" in documentation
    assert number(page) == 0
    assert violations(page) == []
    entries.nth(7).locator("a").click()
    page.wait_for_selector("#lessons .lesson-card[data-card=rank]")
    assert not page.is_visible("#lessons .keep")
    page.click("#lessons [data-part=notes-button]")
    assert page.is_visible("#lessons .keep")
    assert page.evaluate("location.hash") == "#lesson-notes"
    page.keyboard.press("f")  # presents the card, never the notes
    assert not page.is_visible("#lessons .keep")
    assert number(page) == 8


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_a_hall(hall, theme):
    page = hall("1", SCREENS[1], color_scheme=theme, reduced_motion="reduce")
    page.keyboard.press("f")
    for _ in range(CARDS):
        assert violations(page) == []
        page.keyboard.press("PageDown")


def test_reduced_motion_moves_nothing_in_a_hall(hall):
    page = hall("7", reduced_motion="reduce")
    page.keyboard.press("f")
    for _ in range(2):
        moving = page.evaluate(
            """[...document.querySelectorAll('#lessons .lessons *')].filter(one => {
              const style = getComputedStyle(one);
              return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none';
            }).map(one => one.outerHTML.slice(0, 80))"""
        )
        assert moving == []
        page.keyboard.press("PageDown")


def test_the_training_starts_with_right_pages_that_people_marked(hall):
    page = hall("9")
    batch = LESSON["batch"]
    loss = [float(page.inner_text(f"#lessons [data-number=loss-{i}]")) for i in range(len(batch["rows"]))]
    assert loss == pytest.approx(batch["loss"]["losses"], abs=5.1e-4)
    assert float(page.inner_text("#lessons [data-number=loss]")) == pytest.approx(batch["loss"]["loss"], abs=5.1e-4)
    for i, row in enumerate(batch["rows"]):
        assert page.get_attribute(f"#lessons [data-cell='{i}-{row['own']}']", "aria-pressed") == "true"
    (wrong,) = [i for i, each in enumerate(loss) if each > 0.694]
    assert batch["rows"][wrong]["text"] in page.inner_text("#lessons .training")
    assert page.locator("#lessons [data-part=own-queries]").count() == 0  # nobody has asked anything


def test_queries_of_a_visitor_are_shown_when_they_say_so_and_never_projected(visitor):
    page = visitor.page
    secret = "salary of somebody"
    visitor.search(secret)
    visitor.search("energy mix")
    page.click("#how-it-works-button")
    page.wait_for_selector(SHOWN, state="attached")
    page.click("#lessons .steps a >> nth=8")
    card = "#lessons .lesson-card"
    assert secret not in page.inner_text(card)
    page.click("#lessons [data-part=own-queries]")
    assert secret in page.inner_text(card)
    assert page.locator("#lessons .batch [aria-pressed=true]").count() == 0  # least of all the model's own first page
    assert page.inner_text("#lessons [data-number=loss]") == "–"
    page.click("#lessons [data-cell='0-1']")
    assert re.fullmatch(r"\d+\.\d{3}", page.inner_text("#lessons [data-number=loss]"))
    assert page.inner_text("#lessons [data-number=loss-1]") == "–"
    page.keyboard.press("f")
    page.wait_for_selector("#lessons .presenting")
    assert secret not in page.inner_text(card)


def test_the_lens_alone(visitor):
    page = visitor.page
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("f")
    page.wait_for_selector("#lens .presenting")
    for selector in ("#lens .headline", "#lens .chips", "#lens .page"):
        box = page.locator(selector).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 1080, selector
    for selector in (".masthead h1", "#samples", "#lens .ranking", "#lens .inspector"):
        assert page.locator(selector).evaluate("one => Boolean(one.closest('[inert]')) || !one.offsetParent"), selector
    page.keyboard.press("Escape")
    page.wait_for_function("!document.querySelector('.presenting')")
    assert page.is_visible("#lens .inspector")

    # The button does the same, and shows the key.
    button = page.get_by_role("button", name="Present F")
    button.click()
    page.wait_for_selector("#lens .presenting")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    page.wait_for_function("!document.querySelector('.presenting')")
    assert button.get_attribute("aria-pressed") == "false"
