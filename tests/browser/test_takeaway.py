"""What visitors take away: files, links, and the lens in a file of its own."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from planted import plant

from colpali_demo.encoder.layout import TILE, PageLayout, patch, prompt_token
from colpali_demo.explain import Explanation
from colpali_demo.export.standalone import standalone


def download(visitor, kind: str) -> Path:
    with visitor.page.expect_download() as started:
        visitor.page.click(f"#lens [data-take={kind}]")
    return started.value.path()


def test_files_hold_what_is_on_show(visitor):
    value = visitor.value()
    page = value["pages"][value["focus"]]
    token = next(token for token in page["tokens"] if token["slot"] == "patch")
    visitor.show_every_token()
    visitor.page.click('#lens .chip[data-token="sum"]')
    visitor.page.click(f'#lens .chip[data-token="{token["index"]}"]')

    with Image.open(download(visitor, "png")) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 1000
        assert len(picture.convert("RGB").resize((40, 40)).getcolors(1600)) > 20

    pdf = download(visitor, "pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    visitor.page.click("#lens [data-part=scale] [data-choice=token]")
    assert download(visitor, "pdf").read_bytes() != pdf  # on the scale that is on show
    visitor.page.click("#lens [data-part=scale] [data-choice=page]")
    assert download(visitor, "pdf").read_bytes() == pdf
    assert b"<svg" in download(visitor, "svg").read_bytes()

    taken = json.loads(download(visitor, "json").read_text("utf-8"))
    similarities = np.array(taken["similarities"], dtype=np.float32)
    assert similarities.shape == (len(page["tokens"]), page["vectors"])
    assert similarities.max(axis=1).tolist() == [line["maxsim"] for line in page["tokens"]]
    assert sum(line["maxsim"] for line in taken["page"]["tokens"]) == page["score"]
    assert [slot[0] for slot in taken["slots"]].count("patch") == page["grid"]["rows"] * page["grid"]["cols"]


def test_a_link_restores_sample_query_token_and_overlay(new_visitor):
    anna = new_visitor().arrive()
    anna.open_shelf().after_search(lambda: anna.page.locator("#samples .sample").nth(1).click())
    anna.search("trees <b>& heat</b> ${alert(1)}")
    anna.page.click("#lens .chip[data-token=sum]")
    anna.page.click("#lens .chip[data-token=w1]")
    anna.page.click("#lens [data-choice=winners]")
    anna.page.click("#lens [data-take=link]")
    link = anna.page.input_value("#lens .take-link")
    assert len(parse_qs(urlsplit(link).query)["sample"]) == 2

    ben = new_visitor()
    ben.page.goto(link)
    ben.wait_for_search()
    assert ben.value()["query"]["text"] == anna.value()["query"]["text"] == ben.page.input_value("#query input")
    assert ben.value()["ranking"][0]["score"] == anna.value()["ranking"][0]["score"]
    assert ben.page.get_attribute("#lens .chip[data-token=w1]", "aria-pressed") == "true"
    assert ben.page.inner_text("#lens .caption b") == "Winners"
    assert ben.heat() == anna.heat()


def test_uploads_are_in_no_link(visitor, make_pdf):
    visitor.after_search(lambda: visitor.upload(make_pdf("private.pdf")))
    assert visitor.page.is_disabled("#lens [data-take=link]")


def test_the_lens_in_a_file_works_without_a_server(visitor, new_visitor, tmp_path):
    value = visitor.value()
    visitor.page.click("#lens .chip[data-token=sum]")
    visitor.page.click("#lens [data-choice=winners]")
    headline, caption = (visitor.page.inner_text(f"#lens .{part}") for part in ("headline", "caption"))
    assert "leads by" in headline or "is behind by" in headline
    file = tmp_path / "lens.html"
    file.write_bytes(download(visitor, "html").read_bytes())

    reader = new_visitor(offline=True)
    requests = []
    reader.page.on("request", lambda request: requests.append(request.url))
    reader.page.goto(file.as_uri())
    reader.page.wait_for_selector("#lens[data-search]")
    assert reader.page.inner_text("#lens .headline") == headline
    assert reader.page.inner_text("#lens .caption") == caption
    assert reader.page.inner_text("#lens .beats") == visitor.page.inner_text("#lens .beats")
    assert reader.page.locator("#lens .leaders path").count() == visitor.page.locator("#lens .leaders path").count() > 0
    reader.show_every_token()
    assert reader.page.evaluate("document.querySelector('#lens img.paper').naturalWidth") > 100
    heats = set()
    reader.page.click("#lens [data-choice=similarity]", force=True)
    for token in (0, 5, 6):
        reader.page.hover(f'#lens .chip[data-token="{token}"]')
        heats.add(reader.page.evaluate("document.querySelector('#lens canvas.heat').toDataURL()"))
    second = value["ranking"][1]
    reader.page.click(f'#lens [data-key="{second["key"]}"]')
    assert "rank 2 of" in reader.page.inner_text("#lens .caption")
    assert reader.page.is_visible("#matrix .cells")
    assert [url for url in requests if not url.startswith(("data:", "file:", "blob:"))] == []


# ---------------------------------------------------------------------------------------------- a planted explanation


@pytest.fixture
def planted(tmp_path) -> tuple[Path, Explanation]:
    """A landscape page on a grid of 7 x 12 patches with a planted winner for each token, in a file of its own."""
    layout = PageLayout(
        7, 12, (prompt_token("<bos>"), *(patch((row, col)) for row in range(7) for col in range(12)), TILE)
    )
    winners = [0, 1 + 0 * 12 + 11, 1 + 6 * 12 + 0, 1 + 3 * 12 + 4, len(layout.slots) - 1]
    value, explanation = plant(tmp_path, layout, winners)
    file = tmp_path / "planted.html"
    file.write_bytes(standalone(value))
    return file, explanation


HOT_PATCHES = """() => {
  const canvas = document.querySelector('#lens canvas.heat');
  const context = canvas.getContext('2d');
  const [frame, sheet] = ['#lens .page', '#lens .paper'].map(
    name => document.querySelector(name).getBoundingClientRect());
  const found = [];
  for (let row = 0; row < 7; row++) for (let col = 0; col < 12; col++) {
    const x = (sheet.left + (col + 0.5) * sheet.width / 12 - frame.left) * canvas.width / frame.width;
    const y = (sheet.top + (row + 0.5) * sheet.height / 7 - frame.top) * canvas.height / frame.height;
    if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) continue;
    if (context.getImageData(x, y, 1, 1).data[3]) found.push([row, col]);
  }
  return found;
}"""


@pytest.mark.parametrize("ratio", [1, 2])
def test_planted_winners_are_boxed_and_hot_on_a_grid_that_is_not_square(planted, new_visitor, ratio):
    file, why = planted
    visitor = new_visitor(device_scale_factor=ratio)
    page = visitor.page
    page.goto(file.as_uri())
    page.wait_for_selector("#lens[data-search]")
    visitor.show_every_token()
    for picture, factor in (("input", 1), ("page", 1), ("page", 2), ("page", 4)):
        page.click(f"#lens [data-part=picture] [data-choice={picture}]")
        if factor > 1:
            page.click("#lens [data-part=zoom-in]")
        for token in why.tokens:
            page.click("#lens .chip[data-token=sum]")
            page.click(f'#lens .chip[data-token="{token.index}"]')
            if token.slot != "patch":
                assert page.locator("#lens .box").count() == 0
                assert "off the image" in page.inner_text("#lens .headline")
                continue
            page.focus("#lens .page")
            page.keyboard.press("Enter")  # pans to the winner
            sheet = page.locator("#lens .paper").bounding_box()
            frame = page.locator("#lens .page").bounding_box()
            assert sheet["width"] == pytest.approx(factor * frame["width"], abs=1)
            box = page.locator("#lens .box").bounding_box()
            assert box["x"] == pytest.approx(sheet["x"] + token.col * sheet["width"] / 12, abs=1)
            assert box["y"] == pytest.approx(sheet["y"] + token.row * sheet["height"] / 7, abs=1)
            assert box["width"] == pytest.approx(sheet["width"] / 12, abs=1)
            assert box["height"] == pytest.approx(sheet["height"] / 7, abs=1)
            # Only the planted patch is above the default threshold.
            assert page.evaluate(HOT_PATCHES) == [[token.row, token.col]]
            page.keyboard.press("Escape")
    assert page.inner_text("#lens [data-part=zoom-reset]") == "400 %"


def test_hostile_text_stays_text_in_a_file(planted, new_visitor):
    file, why = planted
    visitor = new_visitor()
    visitor.page.goto(file.as_uri())
    visitor.page.wait_for_selector("#lens[data-search]")
    visitor.show_every_token()
    for token in why.tokens:
        visitor.page.hover(f'#lens .chip[data-token="{token.index}"]')
    visitor.page.click("#lens [data-part=unit] [data-choice=word]")
    visitor.page.hover("#lens .page", position={"x": 40, "y": 40})
    assert "onerror" in visitor.page.inner_text("#lens .card")
    assert "onerror" in visitor.page.inner_text("#asked")
    assert "onerror" in visitor.page.inner_text("#lens .chip[data-token=w0]")
    assert visitor.page.locator("img[src=x]").count() == 0
    assert visitor.page.locator("script").count() == 2


@pytest.mark.parametrize("width", [390, 640, 1440])
def test_the_query_is_read_at_every_width(planted, new_visitor, width):
    page = new_visitor().page
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(planted[0].as_uri())
    page.wait_for_selector("#lens[data-search]")
    asked = page.locator("#asked")
    assert asked.is_visible()
    box = asked.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert asked.evaluate("element => element.scrollWidth <= element.clientWidth")
