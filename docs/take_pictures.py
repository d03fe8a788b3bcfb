"""Take the pictures of README and tour from a running demo: `python docs/take_pictures.py http://127.0.0.1:7860`."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "images"
MARGIN = 16  # pixels
WIDTH, HEIGHT = 1440, 980
QUERY = "who chairs the audit committee"  # of the tour
FILM_WIDTH, FILM_HEIGHT = 1200, 800  # pixels of the window that is filmed; the film has two thirds of them


def main(address: str) -> None:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(300_000)
        page.goto(address)
        page.wait_for_selector('#lens [data-search]:not([data-search="example"])')
        page.wait_for_timeout(2000)  # until the pictures are there
        page.set_viewport_size({"width": WIDTH, "height": 1330})
        save(page, "explore", "body")
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        page.click("#lens .headline .term >> nth=0")
        page.click("#lens [data-part=erase]")
        page.click("#lens [data-erase=winner]")
        page.wait_for_selector("#lens [data-erase=undo]:not(:disabled)")
        save(page, "tour-erase", "#lens")
        page.click("#lens [data-erase=reset]")
        page.wait_for_selector("#lens [data-erase=undo]", state="detached")
        page.click("#lens [data-part=erase]")
        page.click("#lens .chip[data-token=sum]")
        page.click("#lens >> text=Score")
        page.click("#lens >> text=Contribution")
        page.locator("#lens").scroll_into_view_if_needed()
        save(page, "tour-sum", "#lens")
        page.fill("#query input", QUERY)
        page.press("#query input", "Enter")
        page.wait_for_function(f"document.querySelector('#lens [data-search]').lensValue().query.text === '{QUERY}'")
        page.wait_for_timeout(1000)
        save(page, "tour-search", "#lens")
        save(page, "tour-matrix", "#matrix")
        page.click("#model-choice summary")
        page.wait_for_timeout(500)
        save(page, "tour-models", "#model-choice .sheet")
        page.click("#model-choice summary")
        film(page)
        browser.close()


def film(page: Page) -> None:
    """Save a short film that repeats: a query, lines from its words to the page, one word, its place erased."""
    frames: list[Image.Image] = []
    milliseconds: list[int] = []

    def frame(shown: int) -> None:
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        frames.append(shot.resize((FILM_WIDTH * 2 // 3, FILM_HEIGHT * 2 // 3), Image.Resampling.LANCZOS))
        milliseconds.append(shown)

    page.set_viewport_size({"width": FILM_WIDTH, "height": FILM_HEIGHT})
    page.evaluate("window.scrollTo(0, 0)")
    page.fill("#query input", "")
    for end in range(3, len(QUERY), 4):
        page.fill("#query input", QUERY[:end])
        frame(120)
    page.fill("#query input", QUERY)
    frame(500)
    page.press("#query input", "Enter")
    page.wait_for_selector("#lens [data-part=lens]:not([aria-busy])")
    page.wait_for_timeout(3000)  # until the answer is there; the same query may have been asked before
    frame(3000)
    page.click("#lens .chip.word >> text=audit")
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    frame(2500)
    page.click("#lens [data-part=erase]")
    page.wait_for_timeout(300)
    frame(1500)
    page.click("#lens [data-erase=winner]")
    page.wait_for_selector("#lens [data-erase=undo]:not(:disabled)")
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)
    frame(5000)
    frames[0].save(
        FOLDER / "erase.webp",
        save_all=True,
        append_images=frames[1:],
        duration=milliseconds,
        loop=0,
        quality=80,
        method=6,
    )


def save(page: Page, name: str, selector: str) -> None:
    """Save a picture of what is at the selector, no higher than the window."""
    page.locator(selector).scroll_into_view_if_needed()
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    box = page.locator(selector).bounding_box()
    left, top = (max(0, box[side] - MARGIN) for side in ("x", "y"))
    right, bottom = min(box["x"] + box["width"] + MARGIN, WIDTH), min(box["y"] + box["height"] + MARGIN, HEIGHT)
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    shot = page.screenshot(clip=clip) if selector != "body" else page.screenshot()
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    image.save(FOLDER / f"{name}.webp", quality=90, method=6)


if __name__ == "__main__":
    main(sys.argv[1])
