"""For everyone: axe-core finds nothing serious, and the keyboard alone goes everywhere."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

SERIOUS = ("serious", "critical")


def violations(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(new_visitor, theme):
    visitor = new_visitor(color_scheme=theme).arrive(f"/?__theme={theme}")
    page = visitor.page
    assert violations(page) == []
    visitor.show_every_token()
    page.click("#lens [data-choice=winners]")
    page.click("#lens .chip[data-token=sum]")
    page.click('#lens .chip[data-token="5"]')
    page.click('#lens .chip[data-token="6"]', modifiers=["Shift"])
    page.click("#lens [data-choice=typed]")
    page.click("#lens [data-part=registers]")
    page.locator("#lens [data-versus]").first.click()
    page.click("#lens .again summary")
    page.click("#lens .rank-others summary")
    page.click("#lens [data-take=link]")
    page.focus("#lens .page >> nth=0")
    page.keyboard.press("ArrowDown")
    assert page.is_visible("#lens .card >> nth=0")
    assert violations(page) == []


def test_everything_is_done_by_keyboard_alone(visitor):
    visitor.show_every_token()
    page = visitor.page
    press = page.keyboard.press

    def tab_to(selector: str) -> None:
        for _ in range(80):
            press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"Tab never comes to {selector}")

    # Everything the lens and the matrix have is a stop of the Tab key, once, where a token is pinned.
    tab_to("#lens .chip")
    press("Home")
    press("Enter")
    press("ArrowRight")
    press("Enter")
    reached = []
    while not reached or reached[-1] != "cells":
        reached.append(
            page.evaluate(
                """() => {
                  const at = document.activeElement;
                  const named = at.closest('[data-part]');
                  return at.dataset.key ? 'page' : at.dataset.versus ? 'versus' : at.dataset.take
                    ? `take-${at.dataset.take}` : at.className === 'page' ? 'patches' : named?.dataset.part;
                }"""
            )
        )
        press("Tab")
        assert len(reached) < 60
    stops = """present chips measure unit several page versus overlay picture zoom-in patches take-png take-link scale
        threshold opacity smooth calibrated registers counts ledger again order cells"""
    assert set(stops.split()) <= set(reached)
    assert reached.count("chips") == reached.count("ledger") == reached.count("overlay") == 1

    # Ask, preview, pin two tokens, choose an overlay, walk on the page, compare, take away, weigh: no pointer.
    page.evaluate("document.activeElement.blur(); document.body.focus()")
    tab_to("#query input")
    press("Control+a")
    page.keyboard.type("revenue and wind")
    value = visitor.after_search(lambda: press("Enter"))
    assert value["query"]["text"] == "revenue and wind"
    tab_to("#lens .chip")
    press("Home")
    whole = visitor.heat()
    press("ArrowRight")
    assert visitor.heat() != whole
    press("Enter")
    press("ArrowRight")
    press("Shift+Enter")
    assert page.locator("#lens .chip[aria-pressed=true]").count() == 2
    tab_to("#lens [data-versus]")
    press("Enter")
    assert page.locator("#lens .stage").count() == 2
    assert page.evaluate("Boolean(document.activeElement.dataset.versus)")
    press("Enter")
    assert page.locator("#lens .stage").count() == 1
    tab_to("#lens [data-part=overlay] button")
    press("ArrowRight")
    assert page.inner_text("#lens .caption b") == "Contribution map"
    tab_to("#lens .page")
    press("+")
    assert page.inner_text("#lens [data-part=zoom-reset]") == "200 %"
    press("Enter")
    press("ArrowDown")
    assert "Patch row" in page.inner_text("#lens .card")
    press("Escape")
    assert not page.is_visible("#lens .card")
    assert page.locator("#lens .chip[aria-pressed=true]").count() == 2
    tab_to("#lens [data-take=link]")
    press("Enter")
    assert page.evaluate("document.activeElement.value.includes('q=revenue+and+wind')")
    tab_to("#lens [data-count]")
    score = page.inner_text("#lens .ledger tfoot .number")
    press("Space")
    assert page.inner_text("#lens .ledger tfoot .number") != score
    assert page.evaluate("document.activeElement.dataset.count") == "0"
    press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.count") == "1"
    tab_to("#matrix .cells")
    press("Home")
    press("ArrowDown")
    assert "S[" in page.inner_text("#matrix .readout")
    press("Enter")
    press("Escape")
    assert page.locator("#lens .chip[aria-pressed=true]").count() == 1


def test_reduced_motion_moves_nothing(new_visitor):
    visitor = new_visitor(reduced_motion="reduce").arrive()
    moving = visitor.page.evaluate(
        """[...document.querySelectorAll('#lens [data-part=lens] *, #matrix [data-part=matrix] *')].filter(one => {
          const style = getComputedStyle(one);
          return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none';
        }).map(one => one.outerHTML.slice(0, 80))"""
    )
    assert moving == []
