"""The lens on a sample: tokens, overlays, winners, patches, and no request for any of it."""

from __future__ import annotations

import pytest


@pytest.fixture
def visitor(new_visitor):
    """A visitor who sees a chip for every token, with its MaxSim."""
    return new_visitor().arrive().show_every_token()


def chip(token: int | str) -> str:
    return f'#lens .chip[data-token="{token}"]'


def pin(visitor, token: int | str) -> None:
    """Click the chip of a token that may be pinned already: a click would release it."""
    visitor.page.click(chip("sum"))
    visitor.page.click(chip(token))


def focused(value: dict) -> dict:
    return value["pages"][value["focus"]]


def test_a_visitor_sees_an_explanation_without_a_click(new_visitor):
    visitor = new_visitor().arrive()
    value = visitor.value()
    assert visitor.page.input_value("#query input") == value["query"]["text"]
    assert len(value["ranking"]) >= 5
    assert visitor.page.is_visible("#lens img.paper")
    assert visitor.page.get_attribute("#lens .headline", "aria-live") == "polite"
    assert f"{focused(value)['score']:.2f}" in visitor.page.inner_text("#lens .headline")


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


def test_nothing_moves_from_under_the_pointer(visitor):
    """Else a click on the check box of a token could hit that of its neighbor."""
    ledger = visitor.page.locator("#lens .ledger")
    ledger.scroll_into_view_if_needed()
    place = ledger.bounding_box()
    for token in visitor.value()["query"]["tokens"]:
        visitor.page.hover(f'#lens .ledger [data-token="{token["index"]}"]')
        assert ledger.bounding_box() == place
    visitor.page.hover("#lens .ledger tfoot")
    assert ledger.bounding_box() == place


def test_a_hover_is_a_preview_and_a_click_stays(visitor):
    pin(visitor, 5)
    chosen = visitor.heat()
    visitor.page.hover(chip(6))
    assert visitor.heat() != chosen
    visitor.page.hover("#query")
    assert visitor.heat() == chosen
    assert visitor.page.get_attribute(chip(5), "aria-pressed") == "true"


def test_arrows_preview_enter_pins_and_escape_releases(visitor):
    visitor.page.focus('#lens .chip[tabindex="0"]')
    visitor.page.keyboard.press("Home")
    whole = visitor.heat()
    visitor.page.keyboard.press("ArrowRight")
    visitor.page.keyboard.press("ArrowRight")
    assert visitor.page.evaluate("document.activeElement.dataset.token") == "1"
    assert visitor.page.locator('#lens .chip[tabindex="0"]').count() == 1
    previewed = visitor.heat()
    assert previewed != whole
    visitor.page.keyboard.press("Enter")
    assert visitor.page.get_attribute(chip(1), "aria-pressed") == "true"
    visitor.page.focus("#query input")
    assert visitor.heat() == previewed
    visitor.page.focus(chip(1))
    visitor.page.keyboard.press("Escape")
    assert visitor.page.get_attribute(chip("sum"), "aria-pressed") == "true"
    assert visitor.heat() == whole


def test_the_winner_is_boxed_where_the_numbers_say(visitor):
    page = focused(visitor.value())
    rows, cols = page["grid"]["rows"], page["grid"]["cols"]
    sheet = visitor.page.locator("#lens .page").bounding_box()
    for token in page["tokens"]:
        pin(visitor, token["index"])
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
    pin(visitor, winner["index"])
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
    visitor.page.click("#lens [data-choice=contribution]")
    assert visitor.page.inner_text("#lens .caption").startswith("Contribution map")
    page = focused(visitor.value())
    winners = {(token["row"], token["col"]) for token in page["tokens"] if token["slot"] == "patch"}
    assert visitor.page.locator("#lens .box").count() == len(winners)
    pin(visitor, 5)
    visitor.page.click("#lens [data-choice=similarity]")
    assert visitor.page.inner_text("#lens .caption").startswith("Similarity map")


def test_a_patch_tells_what_it_is(visitor):
    page = focused(visitor.value())
    token = next(token for token in page["tokens"] if token["slot"] == "patch" and token["row"] < 12)
    pin(visitor, token["index"])
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
    pin(visitor, 5)
    visitor.page.click(f'#lens [data-part=scale] [data-choice="{scale}"]')
    assert name in visitor.page.inner_text("#lens [data-part=scale-text]")
    ticks = [text.replace("−", "-") for text in visitor.page.locator("#lens .tick.limit").all_inner_texts()]
    assert len(ticks) == 2
    if scale == "all":
        assert ticks == [f"{value['range']['lo']:.2f}", f"{value['range']['hi']:.2f}"]


def test_sliders_change_the_picture(visitor):
    pin(visitor, 5)
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


def words(value: dict) -> dict[int, list[int]]:
    """Return the tokens of every typed word."""
    found: dict[int, list[int]] = {}
    for token in value["query"]["tokens"]:
        if token["word"] is not None:
            found.setdefault(token["word"], []).append(token["index"])
    return found


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))


def test_the_maxima_of_a_word_add_up(visitor):
    value = visitor.value()
    visitor.page.click("#lens [data-part=unit] [data-choice=word]")
    for word, indices in words(value).items():
        terms = [focused(value)["tokens"][index]["maxsim"] for index in indices]
        assert number(visitor.page.inner_text(f"{chip(f'w{word}')} .chip-value").removesuffix(" ↗")) == pytest.approx(
            sum(terms), abs=0.0005
        )
        assert visitor.page.inner_text(f"{chip(f'w{word}')} .chip-text") == value["query"]["words"][word]
    assert visitor.page.locator("#lens .chip.word").count() == len(words(value))


def test_several_pins_have_colors_and_a_key(visitor):
    first, second = (indices[0] for indices in list(words(visitor.value()).values())[:2])
    visitor.page.keyboard.press("Escape")
    pin(visitor, first)
    visitor.page.click(chip(second), modifiers=["Shift"])
    visitor.page.hover("#query")
    assert visitor.page.locator("#lens .chip[aria-pressed=true]").count() == 2
    key = visitor.page.locator("#lens .key-pin")
    assert key.count() == 2
    assert key.first.inner_text().split()[0] == str(first + 1)
    assert visitor.page.locator("#lens .legend").count() == 2
    colors = visitor.page.evaluate(
        "[...document.querySelectorAll('#lens .key-pin')].map(one => getComputedStyle(one).getPropertyValue('--pin'))"
    )
    assert len(set(colors)) == 2
    visitor.page.focus(chip(first))
    visitor.page.keyboard.press("Escape")
    assert visitor.page.get_attribute(chip("sum"), "aria-pressed") == "true"


def test_overlays_differ_and_are_named(visitor):
    pin(visitor, 5)
    seen = {}
    for choice, title in [
        ("similarity", "Similarity map"),
        ("contribution", "Contribution map"),
        ("winners", "Winners"),
        ("spotlight", "Spotlight"),
    ]:
        visitor.page.click(f"#lens [data-choice={choice}]")
        assert visitor.page.inner_text("#lens .caption b") == title
        seen[choice] = visitor.heat()
    assert len(set(seen.values())) == 4
    visitor.page.click("#lens [data-choice=winners]")
    visitor.page.click(chip("sum"))
    page = focused(visitor.value())
    on_page = [token for token in page["tokens"] if token["slot"] == "patch"]
    assert visitor.page.locator("#lens .leaders path").count() == len(on_page)
    boxes = {(token["row"], token["col"]) for token in on_page}
    assert visitor.page.locator("#lens .box .badge").count() == len(boxes)


def test_turning_tokens_off_changes_scores_and_ranks_exactly(visitor):
    value = visitor.value()
    ledgers = visitor.page.evaluate(
        """() => {
          const lens = document.querySelector('#lens [data-lens]').lens;
          return lens.found.value.ranking.map(entry => [...lens.found.ledger(entry.key)]);
        }"""
    )
    for terms, entry in zip(ledgers, value["ranking"], strict=True):
        assert sum(terms) == pytest.approx(entry["score"], abs=1e-9)
    visitor.settle()
    requests = []
    visitor.page.on("request", lambda request: requests.append(request.url))
    visitor.page.click("#lens [data-choice=typed]")
    typed = [token["index"] for token in value["query"]["tokens"] if token["kind"] == "word"]
    visitor.page.uncheck(f'#lens [data-count="{typed[0]}"]')
    scores = {
        entry["key"]: sum(terms[index] for index in typed[1:])
        for terms, entry in zip(ledgers, value["ranking"], strict=True)
    }
    order = sorted(scores, key=lambda key: -scores[key])
    if visitor.page.locator("#lens .rank-others").count():
        visitor.page.click("#lens .rank-others summary")
    shown = visitor.page.locator("#lens [data-key]")
    for index in range(shown.count()):
        key = shown.nth(index).get_attribute("data-key")
        assert visitor.page.inner_text(f'#lens [data-key="{key}"] b').split()[0] == f"#{order.index(key) + 1}"
        assert number(visitor.page.inner_text(f'#lens [data-key="{key}"] .rank-score')) == pytest.approx(
            scores[key], abs=0.005
        )
    assert shown.count() == len(order)
    assert visitor.page.inner_text("#lens .ledger tfoot .number") == f"{scores[value['focus']]:.2f}"
    assert "did not count" in visitor.page.inner_text("#lens .whatif")
    visitor.page.click("#lens .whatif button")
    assert visitor.page.inner_text("#lens .ledger tfoot .number") == f"{focused(value)['score']:.2f}"
    assert [url for url in requests if "/file=" not in url] == []


def test_two_pages_are_compared_token_by_token(visitor):
    value = visitor.value()
    last = value["ranking"][-1]  # not explained yet: one request
    visitor.page.click("#lens .rank-others summary")
    visitor.after_value(lambda: visitor.page.click(f'#lens [data-versus="{last["key"]}"]'))
    value = visitor.value()
    a, b = value["pages"][value["ranking"][0]["key"]], value["pages"][last["key"]]
    assert visitor.page.locator("#lens .stage").count() == 2
    lines = visitor.page.locator("#lens .ledger tbody tr")
    differences = []
    for index in range(lines.count()):
        mine, theirs, difference = (number(text) for text in lines.nth(index).locator(".number").all_inner_texts())
        assert mine == pytest.approx(a["tokens"][index]["maxsim"], abs=0.0005)
        assert theirs == pytest.approx(b["tokens"][index]["maxsim"], abs=0.0005)
        assert difference == pytest.approx(a["tokens"][index]["maxsim"] - b["tokens"][index]["maxsim"], abs=0.00050001)
        differences.append(difference)
    assert sum(differences) == pytest.approx(a["score"] - b["score"], abs=0.0005 * len(differences))
    before = visitor.heat()
    visitor.page.hover(chip(6))
    assert visitor.heat() != before
    visitor.page.click(f'#lens [data-versus="{last["key"]}"]')
    assert visitor.page.locator("#lens .stage").count() == 1


def test_a_button_to_compare_covers_no_score_and_no_page_number(visitor):
    visitor.page.click("#lens .rank-others summary")
    lines = visitor.page.locator("#lens .rank-item.small")
    assert lines.count() > 0
    for line in lines.all():
        button = line.locator("[data-versus]").bounding_box()
        for told in line.locator(".rank-score, .rank-source span").all():
            assert button["x"] >= told.bounding_box()["x"] + told.bounding_box()["width"]


def test_the_same_query_again_leaves_no_arrows_of_what_did_not_count(visitor):
    page = visitor.page
    query = visitor.value()["query"]["text"]
    if page.locator("#lens .rank-others").count():
        page.click("#lens .rank-others summary")
    boxes = page.locator("#lens .ledger [data-count]")
    for index in range(boxes.count() - 1):  # one token alone surely ranks otherwise
        boxes.nth(index).uncheck()
        if page.locator("#lens .moved").count():
            break
    assert page.locator("#lens .moved").count() > 0
    visitor.search(query)
    assert page.locator("#lens .moved").count() == 0
    assert page.locator("#lens .ledger [data-count]:not(:checked)").count() == 0


def test_whatever_cannot_be_used_says_why(visitor):
    unexplained = """() => [...document.querySelectorAll("#lens :is(button, input):disabled")]
      .filter((one) => one.checkVisibility() && !(one.title || one.closest("[title]")?.title))
      .map((one) => one.outerHTML.slice(0, 120))"""
    barred = 0
    for token in ("sum", "6"):
        visitor.page.click(chip("sum"))
        visitor.page.click(chip(token))
        for overlay in ("similarity", "contribution"):
            choice = f"#lens [data-part=overlay] [data-choice={overlay}]"
            if visitor.page.is_enabled(choice):
                visitor.page.click(choice)
            barred += visitor.page.locator("#lens :is(button, input):disabled").count()
            assert visitor.page.evaluate(unexplained) == []
    assert barred > 4


def test_the_matrix_and_the_lens_move_each_other(visitor):
    page = focused(visitor.value())
    token = max((one for one in page["tokens"] if one["slot"] == "patch"), key=lambda one: one["maxsim"])
    matrix = visitor.page.locator("#matrix .cells")
    visitor.page.click(chip("sum"))
    matrix.scroll_into_view_if_needed()
    before = visitor.heat()
    box = matrix.bounding_box()
    height = box["height"] / len(page["tokens"])
    visitor.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + height * (token["index"] + 0.5))
    assert visitor.heat() != before
    assert "lit" in visitor.page.get_attribute(chip(token["index"]), "class")
    assert visitor.page.is_visible("#lens .cursor")
    visitor.page.focus("#matrix .cells")
    visitor.page.keyboard.press("Home")
    readout = visitor.page.inner_text("#matrix .readout")
    assert "the row’s maximum" in readout
    assert f"{token['maxsim']:.3f}" in readout
    assert (
        f"row {token['row']}), col {token['col']}" in readout or f"(row {token['row']}, col {token['col']})" in readout
    )
    marks = "document.querySelector('#matrix canvas.marks').toDataURL()"
    visitor.page.keyboard.press("Escape")
    before = visitor.page.evaluate(marks)
    visitor.page.click(chip(0))
    matrix.scroll_into_view_if_needed()
    visitor.page.wait_for_function(f"before => {marks} !== before", arg=before)
    visitor.page.click("#matrix [data-choice=maxsim]")
    sums = [number(text) for text in visitor.page.locator("#matrix .sums span").all_inner_texts()]
    assert sums == sorted(sums, reverse=True)


@pytest.mark.parametrize("ratio", [1, 2])
def test_boxes_stay_on_their_patches_when_zoomed(new_visitor, ratio):
    visitor = new_visitor(device_scale_factor=ratio).arrive().show_every_token()
    page = focused(visitor.value())
    token = max((one for one in page["tokens"] if one["slot"] == "patch"), key=lambda one: one["maxsim"])
    rows, cols = page["grid"]["rows"], page["grid"]["cols"]
    visitor.page.click("#lens [data-part=picture] [data-choice=input]")
    pin(visitor, token["index"])
    for factor in (1, 2, 4):
        if factor > 1:
            visitor.page.focus("#lens .page")
            visitor.page.keyboard.press("+")
            visitor.page.keyboard.press("Enter")
        sheet = visitor.page.locator("#lens .paper").bounding_box()
        frame = visitor.page.locator("#lens .page").bounding_box()
        assert sheet["width"] == pytest.approx(factor * frame["width"], abs=1)
        box = visitor.page.locator("#lens .box").bounding_box()
        assert box["x"] == pytest.approx(sheet["x"] + token["col"] * sheet["width"] / cols, abs=1)
        assert box["y"] == pytest.approx(sheet["y"] + token["row"] * sheet["height"] / rows, abs=1)
        hot = visitor.page.evaluate(
            """([x, y]) => {
              const canvas = document.querySelector('#lens canvas.heat');
              const frame = canvas.getBoundingClientRect();
              const ratio = canvas.width / frame.width;
              const pixel = canvas.getContext('2d').getImageData((x - frame.x) * ratio, (y - frame.y) * ratio, 1, 1);
              return pixel.data[3];
            }""",
            [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
        )
        assert hot > 0
    visitor.page.keyboard.press("0")
    assert visitor.page.inner_text("#lens [data-part=zoom-reset]") == "100 %"


def test_the_query_is_encoded_again_with_another_prefix(visitor):
    visitor.page.click("#lens .again summary")
    visitor.page.fill("#lens [data-part=prefix]", "Query: ${alert(1)} ")
    visitor.page.fill("#lens [data-part=augmentation]", "3")
    value = visitor.after_search(lambda: visitor.page.click("#lens .again button"))
    assert value["query"]["prefix"] == "Query: ${alert(1)} "
    assert [token["kind"] for token in value["query"]["tokens"]].count("augmentation") == 3
    assert "encoded with prefix" in visitor.page.inner_text("#lens .whatif")
    value = visitor.after_search(lambda: visitor.page.click("#lens .whatif button"))
    assert value["query"]["augmentation"] == value["model"]["augmentation"]


def test_a_blank_page_can_be_subtracted(visitor):
    pin(visitor, 5)
    before = visitor.heat()
    visitor.page.check("#lens [data-part=calibrated]")
    assert visitor.heat() != before
    assert "minus a blank page" in visitor.page.inner_text("#lens .caption")
    assert "minus a blank page" in visitor.page.inner_text("#lens [data-part=scale-text]")
