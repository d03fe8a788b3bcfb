"""The lens on what the bundled checkpoint finds: 64 x 32 patches, on portrait and on landscape pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from live import serve


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("bundled"), Path("tiny"), render_pixels=800) as address:
        yield address


BOX_AND_HEAT = """([row, col, rows, cols]) => {
  const [sheet, box] = ['.paper', '.box'].map(name => document.querySelector(`#lens ${name}`).getBoundingClientRect());
  const canvas = document.querySelector('#lens canvas.heat');
  const at = [(col + 0.5) * canvas.width / cols, (row + 0.5) * canvas.height / rows];
  return {
    off: [box.left - sheet.left - col * sheet.width / cols, box.top - sheet.top - row * sheet.height / rows],
    heat: canvas.getContext('2d').getImageData(...at, 1, 1).data[3],
  };
}"""


def explains_itself(visitor, requests: list[str]) -> tuple[bool, int, int]:
    """Look at every token of the page on show; whether the page is landscape, and its grid."""
    page = visitor.page
    page.click('#lens .chip[data-token="5"]')  # the scale of a token is there while a token is on show
    page.click("#lens [data-part=scale] [data-choice=token]")
    value = visitor.value()
    entry = value["pages"][value["focus"]]
    rows, cols = entry["grid"]["rows"], entry["grid"]["cols"]
    visitor.settle()
    requests.clear()
    pixels = set()
    for token in entry["tokens"]:
        page.hover(f'#lens .chip[data-token="{token["index"]}"]')
        pixels.add(visitor.heat())
        if token["slot"] != "patch":
            assert page.locator("#lens .box").count() == 0
            continue
        found = page.evaluate(BOX_AND_HEAT, [token["row"], token["col"], rows, cols])
        assert found["off"] == pytest.approx([0, 0], abs=1)
        assert found["heat"] == 255  # the winner is the hottest patch of its own map
    assert requests == []
    assert len(pixels) > len(entry["tokens"]) / 2  # augmentation tokens may find nearly the same
    score = sum(token["maxsim"] for token in entry["tokens"])
    assert page.inner_text("#lens .chip[data-token=sum] .chip-value") == f"{score:.2f}"
    return entry["width"] > entry["height"], rows, cols


def test_winners_are_boxed_and_hot_where_the_numbers_say(new_visitor):
    visitor = new_visitor().arrive().show_every_token()
    page = visitor.page
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    assert explains_itself(visitor, requests) == (False, 64, 32)
    visitor.open_shelf()
    page.click("#library .remove")
    page.wait_for_selector("#lens .empty", state="visible")
    visitor.after_search(lambda: page.click('#samples [data-file="cooler-streets.pdf"]'))
    assert explains_itself(visitor, requests) == (True, 64, 32)
