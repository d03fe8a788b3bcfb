"""For everyone: axe-core finds nothing serious, and the keyboard alone goes everywhere."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

SERIOUS = ("serious", "critical")


def violations(page) -> list[str]:
    found = Axe().run(page, context="#lens, #matrix, #delivery").response["violations"]
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


def test_everything_is_reached_by_keyboard_alone(visitor):
    page = visitor.page
    page.focus("#lens .chip[tabindex='0']")
    reached = set()
    for _ in range(60):
        reached.add(
            page.evaluate(
                """() => {
                  const at = document.activeElement;
                  const named = at.closest('[data-part]');
                  return at.dataset.key ? 'page' : at.dataset.versus ? 'versus' : at.dataset.take
                    ? `take-${at.dataset.take}` : at.className === 'page' ? 'patches' : named?.dataset.part;
                }"""
            )
        )
        page.keyboard.press("Tab")
    stops = """chips unit several page versus overlay picture zoom-in patches take-png take-link scale threshold opacity
        smooth calibrated registers counts ledger again order cells"""
    assert set(stops.split()) <= reached

    # Turn the first token off, walk to its winner, zoom in, compare: no pointer.
    score = page.inner_text("#lens .ledger tfoot .number")
    page.focus("#lens [data-count][tabindex='0']")
    page.keyboard.press("Space")
    assert page.inner_text("#lens .ledger tfoot .number") != score
    assert page.evaluate("document.activeElement.dataset.count") == "0"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.count") == "1"
    page.focus("#lens .page")
    page.keyboard.press("+")
    assert page.inner_text("#lens [data-part=zoom-reset]") == "200 %"
    page.keyboard.press("Enter")
    assert page.is_visible("#lens .card")
    page.keyboard.press("Escape")
    page.focus("#lens [data-versus]")
    page.keyboard.press("Enter")
    assert page.locator("#lens .stage").count() == 2
    assert page.evaluate("Boolean(document.activeElement.dataset.versus)")


def test_reduced_motion_moves_nothing(new_visitor):
    visitor = new_visitor(reduced_motion="reduce").arrive()
    moving = visitor.page.evaluate(
        """[...document.querySelectorAll('#lens [data-part=lens] *, #matrix [data-part=matrix] *')].filter(one => {
          const style = getComputedStyle(one);
          return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none';
        }).map(one => one.outerHTML.slice(0, 80))"""
    )
    assert moving == []
