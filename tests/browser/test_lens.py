"""The lens on a sample: tokens, overlays, winners, patches, and no request for any of it."""

from __future__ import annotations

import pytest


def chip(token: int | str) -> str:
    return f'#lens .chip[data-token="{token}"]'


def focused(value: dict) -> dict:
    return value["pages"][value["focus"]]


def test_a_visitor_sees_an_explanation_without_a_click(visitor):
    value = visitor.value()
    assert visitor.page.input_value("#query input") == value["query"]["text"]
    assert len(value["ranking"]) >= 5
    assert visitor.page.is_visible("#lens img.paper")
    assert visitor.page.get_attribute("#lens .headline", "aria-live") == "polite"
    assert "best of" in visitor.page.inner_text("#lens .headline")


def test_every_scoring_token_has_a_chip_with_its_maxsim(visitor):
    page = focused(visitor.value())
    for token in page["tokens"]:
        shown = visitor.page.inner_text(f"{chip(token['index'])} .chip-value")
        assert shown.replace("−", "-").removesuffix(" ↗") == f"{token['maxsim']:.3f}"
    assert visitor.page.inner_text(f"{chip('sum')} .chip-value") == f"{page['score']:.2f}"
    kinds = {token["kind"] for token in visitor.value()["query"]["tokens"]}
    assert kinds == {"bos", "prefix", "word", "augmentation", "suffix"}


def test_the_ledger_adds_up(visitor):
    page = focused(visitor.value())
    shown = [
        text.replace("−", "-")
        for text in visitor.page.locator("#lens .ledger tbody .number:not(.quiet)").all_inner_texts()
    ]
    assert sum(map(float, shown)) == pytest.approx(page["score"], abs=0.0005 * len(shown))
    assert visitor.page.inner_text("#lens .ledger tfoot .number") == f"{page['score']:.2f}"


def test_hovering_a_chip_changes_the_overlay_without_a_request(visitor):
    visitor.settle()
    requests = []
    visitor.page.on("request", lambda request: requests.append(request.url))
    visitor.page.hover(chip(0))
    first = visitor.heat()
    visitor.page.hover(chip(5))
    second = visitor.heat()
    visitor.page.hover(chip("sum"))
    assert len({first, second, visitor.heat()}) == 3
    assert requests == []


def test_a_hover_is_a_preview_and_a_click_stays(visitor):
    visitor.page.click(chip(5))
    chosen = visitor.heat()
    visitor.page.hover(chip(6))
    assert visitor.heat() != chosen
    visitor.page.hover("#query")
    assert visitor.heat() == chosen
    assert visitor.page.get_attribute(chip(5), "aria-checked") == "true"


def test_arrows_move_and_escape_releases(visitor):
    visitor.page.focus('#lens .chip[aria-checked="true"]')
    visitor.page.keyboard.press("Home")
    assert visitor.page.get_attribute(chip("sum"), "aria-checked") == "true"
    visitor.page.keyboard.press("ArrowRight")
    visitor.page.keyboard.press("ArrowRight")
    assert visitor.page.get_attribute(chip(1), "aria-checked") == "true"
    assert visitor.page.evaluate("document.activeElement.dataset.token") == "1"
    assert visitor.page.locator('#lens .chip[tabindex="0"]').count() == 1
    visitor.page.keyboard.press("Escape")
    assert visitor.page.get_attribute(chip("sum"), "aria-checked") == "true"


def test_the_winner_is_boxed_where_the_numbers_say(visitor):
    page = focused(visitor.value())
    rows, cols = page["grid"]["rows"], page["grid"]["cols"]
    sheet = visitor.page.locator("#lens .page").bounding_box()
    for token in page["tokens"]:
        visitor.page.click(chip(token["index"]))
        boxes = visitor.page.locator("#lens .box")
        if token["slot"] != "patch":
            assert boxes.count() == 0
            assert "off the image" in visitor.page.inner_text("#lens .headline")
            continue
        assert boxes.count() == 1
        box = boxes.bounding_box()
        assert box["x"] == pytest.approx(sheet["x"] + token["col"] * sheet["width"] / cols, abs=1)
        assert box["y"] == pytest.approx(sheet["y"] + token["row"] * sheet["height"] / rows, abs=1)
        assert box["width"] == pytest.approx(sheet["width"] / cols, abs=1)
        assert box["height"] == pytest.approx(sheet["height"] / rows, abs=1)
        assert f"(row {token['row']}, col {token['col']})" in visitor.page.inner_text("#lens .headline")


def test_the_overlay_covers_the_page_and_is_hot_at_the_winner(visitor):
    page = focused(visitor.value())
    winner = max((token for token in page["tokens"] if token["slot"] == "patch"), key=lambda token: token["maxsim"])
    visitor.page.click(chip(winner["index"]))
    opacity = visitor.page.evaluate(
        """([row, col, rows, cols]) => {
          const canvas = document.querySelector('#lens canvas.heat');
          const [wide, high] = [canvas.width / cols, canvas.height / rows];
          const context = canvas.getContext('2d');
          const at = (r, c) => context.getImageData((c + 0.5) * wide, (r + 0.5) * high, 1, 1).data[3];
          let most = 0;
          for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) most = Math.max(most, at(r, c));
          return [at(row, col), most];
        }""",
        [winner["row"], winner["col"], page["grid"]["rows"], page["grid"]["cols"]],
    )
    assert opacity == [255, 255]
    assert visitor.page.locator("#lens .heat").bounding_box() == visitor.page.locator("#lens .page").bounding_box()


def test_the_sum_is_named_a_contribution_map(visitor):
    visitor.page.click(chip("sum"))
    assert visitor.page.inner_text("#lens .caption").startswith("Contribution map")
    page = focused(visitor.value())
    winners = {(token["row"], token["col"]) for token in page["tokens"] if token["slot"] == "patch"}
    assert visitor.page.locator("#lens .box").count() == len(winners)
    visitor.page.click(chip(5))
    assert visitor.page.inner_text("#lens .caption").startswith("Similarity map")


def test_a_patch_tells_what_it_is(visitor):
    page = focused(visitor.value())
    token = next(token for token in page["tokens"] if token["slot"] == "patch" and token["row"] < 12)
    visitor.page.click(chip(token["index"]))
    sheet = visitor.page.locator("#lens .page").bounding_box()
    position = {
        "x": (token["col"] + 0.5) * sheet["width"] / page["grid"]["cols"],
        "y": (token["row"] + 0.5) * sheet["height"] / page["grid"]["rows"],
    }
    visitor.page.hover("#lens .page", position=position)
    card = visitor.page.inner_text("#lens .card")
    assert f"row {token['row']}, col {token['col']}" in card
    assert f"{token['maxsim']:.3f}" in card
    assert "1 of 256 patches" in card
    assert "wins" in card
    for word in token["words"]:
        assert word in card


def test_the_page_can_be_walked_with_arrow_keys(visitor):
    visitor.page.focus("#lens .page")
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("ArrowRight")
    assert "Patch row" in visitor.page.inner_text("#lens .card")
    visitor.page.keyboard.press("Escape")
    assert not visitor.page.is_visible("#lens .card")


@pytest.mark.parametrize(("scale", "name"), [("token", "this token"), ("page", "this page"), ("all", "all pages")])
def test_the_scale_in_use_is_named(visitor, scale, name):
    value = visitor.value()
    visitor.page.click(chip(5))
    visitor.page.click(f'#lens [data-scale="{scale}"]')
    assert name in visitor.page.inner_text("#lens [data-part=scale-text]")
    ticks = [text.replace("−", "-") for text in visitor.page.locator("#lens .tick.limit").all_inner_texts()]
    assert len(ticks) == 2
    if scale == "all":
        assert ticks == [f"{value['range']['lo']:.2f}", f"{value['range']['hi']:.2f}"]


def test_sliders_change_the_picture(visitor):
    visitor.page.click(chip(5))
    before = visitor.heat()
    visitor.page.locator("#lens [data-part=threshold]").fill("0")
    assert visitor.heat() != before
    visitor.page.locator("#lens [data-part=opacity]").fill("0.3")
    assert visitor.page.evaluate("document.querySelector('#lens .heat').style.opacity") == "0.3"


def test_any_page_can_be_opened_with_its_true_rank(visitor):
    value = visitor.value()
    last = value["ranking"][-1]
    assert not last["hit"]
    visitor.page.click("#lens .rank-others summary")
    visitor.page.click(f'#lens [data-key="{last["key"]}"]')
    visitor.page.wait_for_selector(f'#lens .rank-card[data-key="{last["key"]}"][aria-current]')
    assert f"page {last['page']} · rank {last['rank']} of {len(value['ranking'])}" in visitor.page.inner_text(
        "#lens .caption"
    )
    assert focused(visitor.value())["score"] == pytest.approx(last["score"], abs=1e-4)


def test_hits_open_without_a_request(visitor):
    visitor.settle()
    second = visitor.value()["ranking"][1]
    requests = []
    visitor.page.on("request", lambda request: requests.append(request.url))
    visitor.page.click(f'#lens [data-key="{second["key"]}"]')
    assert f"rank 2 of {len(visitor.value()['ranking'])}" in visitor.page.inner_text("#lens .caption")
    assert [url for url in requests if "/file=" not in url] == []  # its picture may have to be fetched


def test_the_keyboard_keeps_its_place_in_the_ranking(visitor):
    second = visitor.value()["ranking"][1]["key"]
    visitor.page.focus(f'#lens [data-key="{second}"]')
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_selector(f'#lens [data-key="{second}"][aria-current]')
    assert visitor.page.evaluate("document.activeElement.dataset.key") == second
