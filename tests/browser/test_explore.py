"""Uploading, indexing, searching and leaving, as visitors do it."""

from __future__ import annotations

from pathlib import Path

import pytest

HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)} {{alert(3)}} <image> <pad> \u202eabc 🦊"


def errors(visitor) -> dict[str, str]:
    """Return the code of every error that the library shows, and its text."""
    shown = visitor.page.query_selector_all("#library [data-code]")
    return {error.get_attribute("data-code"): error.inner_text() for error in shown}


def sources(value: dict) -> set[str]:
    return {entry["source"] for entry in value["ranking"]}


def wait_for_progress(visitor, pattern: str) -> None:
    visitor.page.wait_for_function(
        "text => RegExp(text).test(document.querySelector('#library [data-part=progress-text]').textContent)",
        arg=pattern,
    )


def focused(value: dict) -> dict:
    return value["pages"][value["focus"]]


def test_samples_are_one_click_away(visitor):
    value = visitor.open_shelf().after_search(lambda: visitor.page.locator("#samples .sample").nth(1).click())
    assert len(sources(value)) == 2
    assert len(visitor.documents()) == 2
    assert visitor.page.input_value("#query input") == value["query"]["text"]


def test_example_queries_search_at_a_click(visitor):
    example = visitor.page.locator(".examples button:visible").nth(1)
    value = visitor.after_search(example.click)
    assert value["query"]["text"] == example.inner_text() == visitor.page.input_value("#query input")


def test_enter_and_the_button_search(visitor):
    assert visitor.search("fox and dog")["query"]["text"] == "fox and dog"
    visitor.page.fill("#query input", "price of electricity")
    value = visitor.after_search(lambda: visitor.page.click("#search"))
    assert value["query"]["text"] == "price of electricity"


def test_an_upload_is_indexed_with_progress_and_searched(visitor, make_pdf):
    visitor.page.evaluate(
        """() => {
          window.seen = [];
          const text = document.querySelector('#library [data-part=progress-text]');
          new MutationObserver(() => window.seen.push(text.textContent)).observe(text, {childList: true});
        }"""
    )
    value = visitor.after_search(lambda: visitor.upload(make_pdf(pages=6)))
    assert visitor.documents()["report.pdf"] == "6 pages"
    assert "report.pdf" in sources(value)
    seen = visitor.page.evaluate("window.seen")
    assert any("pages/s" in text and "left" in text for text in seen)
    assert any("3 of 6 pages" in text for text in seen)


def test_images_can_be_uploaded(visitor, tmp_path):
    from PIL import Image

    Image.new("RGB", (300, 200), "#c0ffee").save(tmp_path / "photo.png")
    value = visitor.after_search(lambda: visitor.upload(tmp_path / "photo.png"))
    assert "photo.png" in sources(value)


def test_files_that_cannot_be_read_are_named_and_the_rest_stays_searchable(visitor, make_pdf, tmp_path):
    locked = make_pdf("locked.pdf", encrypt="secret")
    truncated = tmp_path / "truncated.pdf"
    truncated.write_bytes(make_pdf("whole.pdf").read_bytes()[:300])
    empty = tmp_path / "empty.pdf"
    empty.touch()
    renamed = tmp_path / "renamed.pdf"
    renamed.write_text("This is a text file.")
    visitor.after_search(lambda: visitor.upload(locked, truncated, empty, renamed, make_pdf("good.pdf")))
    found = errors(visitor)
    assert set(found) == {"password_protected", "damaged", "empty_file", "unsupported_type"}
    assert found["password_protected"].startswith("locked.pdf")
    assert "Traceback" not in "".join(found.values())
    assert visitor.documents()["good.pdf"] == "3 pages"
    assert len(visitor.search("fox and dog")["ranking"]) == 3  # the good file's, which leads
    value = visitor.open_shelf().after_search(lambda: visitor.page.click("#library [data-part=all]"))
    assert len(value["ranking"]) == 11  # the sample's pages, too
    visitor.open_shelf().page.click("#library [data-part=dismiss]")
    visitor.page.wait_for_selector("#library [data-part=failed]", state="hidden")


def test_a_search_works_while_pages_are_indexed(visitor, make_pdf):
    visitor.upload(make_pdf("long.pdf", pages=300))
    wait_for_progress(visitor, r"^long.pdf · [3-9] of 300")
    value = visitor.search("fox and dog")
    assert 0 < len(value["ranking"]) < 300
    assert "of 300 pages" in visitor.page.inner_text("#shelf")  # the shelf is folded, and says how far it is
    assert visitor.open_shelf().page.is_visible("#library progress")
    visitor.open_shelf().page.click("#library [data-part=cancel]")
    visitor.wait_until_idle()


def test_cancel_keeps_what_is_done(visitor, make_pdf):
    visitor.upload(make_pdf("long.pdf", pages=300))
    wait_for_progress(visitor, r"^long.pdf · [3-9] of 300")
    value = visitor.after_search(lambda: visitor.open_shelf().page.click("#library [data-part=cancel]"))
    done, _, total, _ = visitor.documents()["long.pdf"].split()
    assert 3 <= int(done) < 300
    assert total == "300"
    assert len([entry for entry in value["ranking"] if entry["source"] == "long.pdf"]) == int(done)
    assert not visitor.page.is_visible("#library progress")


def test_documents_can_be_removed(visitor, make_pdf):
    visitor.after_search(lambda: visitor.upload(make_pdf()))
    value = visitor.after_search(lambda: visitor.open_shelf().page.click('#library [aria-label="Remove report.pdf"]'))
    assert "report.pdf" not in sources(value)
    visitor.open_shelf().page.click("#library .remove")
    visitor.page.wait_for_selector("#lens .empty", state="visible")
    assert visitor.documents() == {}
    visitor.page.evaluate("document.addEventListener('query-settled', () => { window.settled = true; })")
    visitor.page.press("#query input", "Enter")
    visitor.page.wait_for_function("window.settled")
    assert "No pages" in visitor.page.inner_text("#lens .empty")


def test_everything_can_be_removed_at_once(visitor, make_pdf):
    visitor.after_search(lambda: visitor.upload(make_pdf()))
    visitor.open_shelf().page.click("#library [data-part=clear]")
    visitor.page.wait_for_selector("#lens .empty", state="visible")
    assert visitor.documents() == {}


def test_queries_are_shown_as_text(visitor):
    value = visitor.search(HOSTILE)
    visitor.show_every_token()
    assert value["query"]["text"] == HOSTILE
    assert visitor.page.locator("#lens .chips img, #lens .headline img, #lens .notes img").count() == 0
    for token in range(len(value["query"]["tokens"])):
        visitor.page.click(f'#lens .chip[data-token="{token}"]')
    chips = visitor.page.locator("#lens .chips .chip-text").all_inner_texts()
    assert {"<image>", "<pad>", "$", "🦊"} <= set(chips)
    assert "U+202E" in chips


def test_words_that_the_vocabulary_lacks_are_named(visitor):
    visitor.search("жизнь revenue")
    assert "Unknown words" in visitor.page.inner_text("#lens .notes")
    assert "жизнь" in visitor.page.inner_text("#lens .notes")


def test_weak_matches_are_called_weak(visitor):
    strength = visitor.search("fox and dog")["strength"]
    assert strength["weak"]
    notes = visitor.page.inner_text("#lens .notes")
    assert "Weak match" in notes
    assert strength["sentence"].removeprefix("Weak match: t") in notes


def test_the_longest_query_is_searched(visitor):
    query = ("xylophone jazz 2024 " * 30)[:500].strip()
    assert visitor.search(query)["query"]["text"] == query


def test_maps_too_large_for_one_answer_are_fetched(visitor):
    visitor.open_shelf().after_search(lambda: visitor.page.locator("#samples .sample").nth(1).click())
    visitor.page.click("#top-k input")
    visitor.page.get_by_role("option", name="Top 10").click()
    value = visitor.search(("xylophone jazz 2024 " * 30)[:500].strip())
    fetched = [key for key, page in value["pages"].items() if "file" in page["maps"]]
    assert 0 < len(fetched) < 10
    visitor.page.click(f'#lens .rank-card[data-key="{fetched[-1]}"]')
    visitor.page.wait_for_selector(f'#lens .rank-card[data-key="{fetched[-1]}"][aria-current]')
    visitor.show_every_token()
    pixels = set()
    for token in (4, 5, 6):
        visitor.page.click(f'#lens .chip[data-token="{token}"]')
        visitor.page.locator("#lens [data-part=threshold]").fill("0")
        pixels.add(visitor.heat())
    assert len(pixels) == 3


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>.pdf",
        "${alert(1)}.pdf",
        "{{alert(1)}} 'quoted' \"too\".pdf",
        "-v \u202efdp.exe.pdf",
    ],
)
def test_file_names_are_shown_as_text(visitor, make_pdf, name):
    file = {"name": name, "mimeType": "application/pdf", "buffer": make_pdf().read_bytes()}
    value = visitor.after_search(lambda: visitor.upload(file))
    (shown,) = set(visitor.documents()) - {"Annual report"}
    assert shown in sources(value)
    assert shown.endswith(".pdf")
    assert visitor.page.locator("#library img, #lens .rank-source img, #lens .caption img").count() == 0


def test_visitors_do_not_see_each_other(new_visitor, make_pdf):
    anna, ben = new_visitor().arrive(), new_visitor().arrive()
    value = anna.after_search(lambda: anna.upload(make_pdf("private.pdf")))
    assert "private.pdf" in sources(value)
    assert "private.pdf" not in sources(ben.search("revenue page"))
    assert "private.pdf" not in ben.documents()


def test_a_reload_brings_documents_and_question_back(visitor, make_pdf):
    visitor.after_search(lambda: visitor.upload(make_pdf()))
    visitor.search("revenue of the second page")
    before = visitor.documents()
    visitor.page.reload()
    visitor.wait_for_search()
    assert visitor.documents() == before
    assert visitor.page.input_value("#query input") == "revenue of the second page"
    assert visitor.value()["query"]["text"] == "revenue of the second page"
    visitor.page.reload()
    visitor.wait_for_search()
    assert visitor.documents() == before


def test_a_copy_of_a_tab_begins_anew(visitor, make_pdf):
    visitor.after_search(lambda: visitor.upload(make_pdf()))
    with visitor.context.expect_page() as opened:
        visitor.page.evaluate("window.open(location.href)")  # which copies what the tab has stored
    opened.value.wait_for_selector('#lens [data-search]:not([data-search="example"])')
    assert opened.value.locator("#library [data-document]").count() == 1
    opened.value.close()
    assert "report.pdf" in sources(visitor.search("revenue"))


def test_pictures_are_gone_when_the_visitor_has_left(new_visitor, make_pdf):
    anna, ben = new_visitor().arrive(), new_visitor().arrive()
    anna.page.click("#library .remove")
    anna.page.wait_for_selector("#lens .empty", state="visible")
    anna.upload(make_pdf("private.pdf"))
    anna.page.wait_for_selector("#library [data-document]", state="attached")
    anna.wait_until_idle()
    page = focused(anna.search("revenue"))
    url = page["image"]["url"]
    assert ben.context.request.get(url).status == 200  # whoever knows the address, which cannot be guessed
    assert len(Path(page["image"]["path"]).parent.name) >= 32
    anna.context.close()
    ben.page.wait_for_timeout(500)
    deadline = 120
    while ben.context.request.get(url).status == 200 and deadline:
        ben.page.wait_for_timeout(500)
        deadline -= 1
    assert ben.context.request.get(url).status in (403, 404)


def test_the_checkpoint_says_what_to_expect(visitor):
    assert "has not been measured" in visitor.page.inner_text("#lens .notes")
    summary = visitor.page.inner_text("#model-choice summary")
    assert "random-colpali" in summary
    visitor.page.click("#model-choice summary")
    sheet = visitor.page.inner_text("#model-choice .sheet")
    assert "has not been measured" in sheet
    assert "vidore/colpali-v1.3-hf" in sheet
    assert "6 GB" in sheet


def test_examples_of_the_api_name_the_address_of_this_server(visitor):
    visitor.page.get_by_role("tab", name="API").click()
    visitor.page.get_by_text(visitor.server).first.wait_for()
    assert "127.0.0.1:7860" not in visitor.page.inner_text("body")


def test_notes_open(visitor):
    visitor.page.get_by_role("tab", name="Notes").click()
    visitor.page.get_by_text("The numbers add up").wait_for()
