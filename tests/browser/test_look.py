"""Small screens, dark mode, and nothing that comes from elsewhere."""

from __future__ import annotations

from urllib.parse import urlsplit


def test_a_phone_needs_no_sideways_scrolling(new_visitor):
    visitor = new_visitor()
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.arrive()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 390
    for selector in (
        "#query input",
        "#search",
        "#lens .page",
        "#lens .ledger",
        "#lens [data-part=scale]",
        "#lens [data-part=overlay]",
        "#matrix .cells",
        "#shelf",
        "#upload",
    ):
        box = visitor.page.locator(selector).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390, selector
    ranking, page, inspector = (
        visitor.page.locator(selector).bounding_box()["y"]
        for selector in ("#lens .ranking", "#lens .page", "#lens .inspector")
    )
    assert page < ranking < inspector


def test_a_tap_on_a_phone_chooses_a_token_and_a_patch(new_visitor):
    visitor = new_visitor(has_touch=True, is_mobile=True)
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.arrive()
    pinned = visitor.page.locator("#lens .chip[aria-pressed=true]").bounding_box()
    assert 0 <= pinned["x"] <= 390 - pinned["width"]
    before = visitor.heat()
    visitor.page.tap("#lens .chip.word >> nth=0")
    assert visitor.heat() != before
    visitor.page.tap("#lens .page")
    assert "Patch row" in visitor.page.inner_text("#lens .card")


def test_columns_stand_side_by_side_on_a_wide_screen(visitor):
    visitor.page.set_viewport_size({"width": 1440, "height": 900})
    ranking, page, inspector = (
        visitor.page.locator(selector).bounding_box()
        for selector in ("#lens .ranking", "#lens .page", "#lens .inspector")
    )
    assert ranking["x"] + ranking["width"] < page["x"]
    assert page["x"] + page["width"] < inspector["x"]


def test_the_largest_screens_are_used(new_visitor):
    visitor = new_visitor()
    visitor.page.set_viewport_size({"width": 3840, "height": 2160})
    visitor.arrive()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 3840
    ranking, page, inspector, matrix = (
        visitor.page.locator(selector).bounding_box()
        for selector in ("#lens .ranking", "#lens .page", "#lens .inspector", "#matrix .cells")
    )
    assert ranking["x"] + ranking["width"] < page["x"]
    assert page["x"] + page["width"] < inspector["x"]
    assert page["width"] > 1200
    assert matrix["width"] > 2000
    type_size = "getComputedStyle(document.querySelector('#lens .chip-text')).fontSize"
    assert visitor.page.evaluate(type_size) == "17.5px"


def luminance(color: str) -> float:
    red, green, blue = (int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def test_dark_mode_is_dark_everywhere(new_visitor):
    visitor = new_visitor(color_scheme="dark").arrive("/?__theme=dark")
    style = "([selector, name]) => getComputedStyle(document.querySelector(selector))[name]"
    for selector in ("body", "#lens .chip.word", "#lens .rank-card", "#query input", "#samples .sample"):
        assert luminance(visitor.page.evaluate(style, [selector, "backgroundColor"])) < 0.2, selector
    for selector in ("#lens .headline", "#lens .chip.word .chip-text", "#lens .ledger th", "#query input", "h1"):
        assert luminance(visitor.page.evaluate(style, [selector, "color"])) > 0.5, selector


def test_everything_comes_from_the_server_itself(new_visitor):
    visitor = new_visitor()
    hosts = set()
    visitor.page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    visitor.arrive()
    assert hosts - {""} == {urlsplit(visitor.server).netloc}
