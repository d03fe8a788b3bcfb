"""How fast the lens answers: from the pointer's event to the painted frame, in Chromium.

    python benchmarks/lens_switching.py [--pages 10] [--side 32]

Ten results of 25 tokens on grids of 32 x 32 patches, made up; every token of every page is hovered once. Also the time
from the arrival of the value to the first painted explanation. Nothing is asked of a server meanwhile: there is none.
"""

from __future__ import annotations

import argparse
import io
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Page as Tab
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from colpali_demo.documents import Page
from colpali_demo.encoder.layout import PageEmbedding, PageLayout, QueryEmbedding, QueryToken, patch, prompt_token
from colpali_demo.export.lens_value import lens_value
from colpali_demo.export.pictures import page_id, write_pictures
from colpali_demo.export.standalone import standalone
from colpali_demo.retrieval import RANKERS, StoredPage
from colpali_demo.retrieval.codecs import CODECS

TOKENS = 25
TARGETS = {"median": 8, "p95": 16, "first paint": 400}  # milliseconds
# Frames as soon as they are ready: what is measured is the work, not the wait for a display's next refresh.
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-frame-rate-limit", "--disable-gpu-vsync"]
FIRST_PAINT = """
new MutationObserver(() => {
  if (window.arrived === undefined && document.getElementById('value')) window.arrived = performance.now();
  if (window.painted === undefined && document.querySelector('#lens[data-search]')) {
    window.painted = null;
    requestAnimationFrame(() => setTimeout(() => (window.painted = performance.now())));
  }
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
SWITCHING = """async (key) => {
  document.querySelector(`#lens [data-key="${key}"]`).click();
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(null);
  }));
  await painted();
  await painted();
  const times = [];
  for (const chip of document.querySelectorAll('#lens .chip:not(.total)')) {
    const start = performance.now();
    chip.dispatchEvent(new PointerEvent('pointerenter', { pointerType: 'mouse' }));
    times.push((await painted()) - start);
  }
  return times;
}"""


def make_file(folder: Path, count: int, side: int) -> tuple[Path, list[str]]:
    """Write the lens with made-up pages into a file; return the file and the keys of the pages."""
    chance = np.random.default_rng(0)

    def unit(*shape: int) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.tensor(chance.normal(size=shape), dtype=torch.float32), dim=-1)

    layout = PageLayout(
        side, side, (*(patch(divmod(cell, side)) for cell in range(side * side)), *(prompt_token("<bos>"),) * 6)
    )
    kinds = ["bos", *["prefix"] * 3, *["word"] * 10, *["augmentation"] * 10, "suffix"]
    tokens = tuple(
        QueryToken(index, f"token{index}", kind, index if kind == "word" else None, index)
        for index, kind in enumerate(kinds)
    )
    words = tuple(token.text for token in tokens)
    query = QueryEmbedding("a made-up query", unit(TOKENS, 128), tokens, words, (), "Question: ", 10)
    model_input = {"width": 448, "height": 448, "resample": "bicubic"}
    pages, pictures = [], {}
    for number in range(1, count + 1):
        jpeg = io.BytesIO()
        Image.fromarray(chance.integers(0, 255, (40, 30, 3), dtype=np.uint8)).resize((1130, 1600)).save(jpeg, "JPEG")
        page = Page("benchmark", "made-up.pdf", number, 1130, 1600, jpeg.getvalue(), (), False)
        pages.append(StoredPage(page, CODECS["float32"](PageEmbedding(unit(len(layout.slots), 128), layout))))
        pictures[page_id(page)] = write_pictures(page, folder, model_input)
    ranking = RANKERS["maxsim"].rank(query, pages, explained=count)
    model = {"name": "made up", "prefix": "Question: ", "augmentation": 10, "input": model_input}

    def save(name: str, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    value = lens_value(
        search="benchmark",
        model={**model, "reads": {"level": "reads", "sentence": ""}},
        ranking=ranking,
        explanations=[hit.explain() for hit in ranking],
        top_k=count,
        focus=page_id(ranking[0].page),
        strength=None,
        pictures=pictures,
        blank=PageEmbedding(unit(len(layout.slots), 128), layout),
        samples=None,
        fits=dict.fromkeys(pictures),
        save=save,
    )
    file = folder / "lens.html"
    file.write_bytes(standalone(value))
    return file, list(pictures)


def measure(tab: Tab, file: Path, keys: list[str]) -> tuple[float, list[float]]:
    """Measure the milliseconds to the first paint, and of every switch."""
    tab.add_init_script(FIRST_PAINT)
    for _ in range(2):  # the second load counts: by the time a server answers, a browser has its fonts and scripts
        tab.goto(file.as_uri())
        tab.wait_for_function("window.painted > 0")
    first = tab.evaluate("window.painted - window.arrived")
    tab.evaluate(SWITCHING, keys[0])  # the first round warms up, as a visitor's first seconds do
    return first, [time for key in keys for time in tab.evaluate(SWITCHING, key)]


def main() -> None:
    """Print the numbers beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--side", type=int, default=32, help="of the square grid of patches (default: 32)")
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file, keys = make_file(Path(folder), given.pages, given.side)
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        first, switches = measure(tab, file, keys)
        version = browser.version
        browser.close()
    switches.sort()
    results = {
        "median": statistics.median(switches),
        "p95": switches[int(0.95 * len(switches))],
        "first paint": first,
    }
    shown = f"{given.pages} pages x {TOKENS} tokens on {given.side} x {given.side} patches"
    print(f"Chromium {version}; {len(switches)} switches: {shown}")
    for name, value in results.items():
        print(f"{name:12} {value:7.1f} ms   (target: under {TARGETS[name]} ms)")


if __name__ == "__main__":
    main()
