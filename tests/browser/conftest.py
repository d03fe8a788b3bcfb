"""A running demo, with a tiny random checkpoint, and a real Chromium in front of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from checkpoints import make_checkpoint
from live import serve
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.encoder.calibration import Calibration

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `python app.py`, run as anybody runs it.

    Its grid is 16 x 16 patches, and its calibration calls nearly every match weak.
    """
    folder = tmp_path_factory.mktemp("server")
    checkpoint = make_checkpoint(folder / "random-colpali", image_size=224)
    Calibration(threshold=0.99, quantile=0.95, unrelated=(0.99,)).save(checkpoint / "calibration.json")
    limits = {"max_pages": 400, "session_pages": 400, "max_query_tokens": 600}  # its tokens are short
    with serve(folder, checkpoint, render_pixels=800, **limits) as address:
        yield address
    assert "Traceback" not in (folder / "server.log").read_text()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


class Visitor:
    """One visitor with a browser profile of their own. `problems` collects whatever the page complains about."""

    def __init__(self, browser: Browser, server: str, **options) -> None:
        self.problems: list[str] = []
        self.dialogs: list[str] = []
        self.asked_to_stay = 0
        self.server = server
        self.context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(120_000)  # for machines with other things to do
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        self.page.on("response", lambda reply: self._reply(reply.status, reply.url))
        self.page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location})")

    def _reply(self, status: int, url: str) -> None:
        if status >= 400:
            self.problems.append(f"{status} {url}")

    def _dialog(self, dialog) -> None:
        if dialog.type == "beforeunload":  # whoever leaves with documents of their own is asked
            self.asked_to_stay += 1
            dialog.accept()
            return
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    # ------------------------------------------------------------------ what visitors do

    def arrive(self, path: str = "/") -> Visitor:
        """Open the page and wait for the first explanation."""
        self.page.goto(self.server + path)
        self.wait_for_search()
        return self

    def open_shelf(self) -> Visitor:
        """Unfold samples, upload and library."""
        if self.page.get_attribute("#shelf [data-part=toggle]", "aria-expanded") == "false":
            self.page.click("#shelf [data-part=toggle]")
        return self

    def show_every_token(self) -> Visitor:
        """Show a chip for every token, those that the model adds, too, with its MaxSim."""
        self.page.click("#lens [data-part=measure] [data-choice=score]")
        self.page.click("#lens [data-part=unit] [data-choice=token]")
        if self.page.locator("#lens .chip.added:not(.fold)").count():
            self.page.click("#lens .chip.added")
        return self

    def wait_for_search(self) -> None:
        """Wait for an explanation that the server has just computed, not the bundled one that comes before it."""
        self.page.wait_for_selector('#lens [data-search]:not([data-search="example"])')

    def search_id(self) -> str | None:
        return self.page.evaluate("document.querySelector('#lens [data-search]')?.dataset.search")

    def after_search(self, act: Callable[[], None], such_that: str = "() => true", arg: object = None) -> dict:
        """Do something that leads to another search; the value of the lens that comes of it.

        Where several searches may be under way, `such_that` says which value it is: JavaScript, called with the value
        and `arg`.
        """
        before = self.search_id()
        act()
        self.page.wait_for_function(
            f"""([before, arg]) => {{
                const lens = document.querySelector("#lens [data-search]");
                return lens && lens.dataset.search !== before && ({such_that})(lens.lensValue(), arg);
            }}""",
            arg=[before, arg],
        )
        return self.value()

    def after_value(self, act: Callable[[], None]) -> None:
        """Do something that makes the server send another page of the same search."""
        count = "Object.keys(document.querySelector('#lens [data-search]').lensValue().pages).length"
        before = self.page.evaluate(count)
        act()
        self.page.wait_for_function(f"before => {count} !== before", arg=before)

    def search(self, query: str) -> dict:
        def act() -> None:
            self.page.fill("#query input", query)
            self.page.press("#query input", "Enter")

        return self.after_search(act, "(value, query) => value.query.text === query", query.strip())

    def value(self) -> dict:
        """Return what the server sent to the lens last."""
        return self.page.evaluate("document.querySelector('#lens [data-search]').lensValue()")

    def upload(self, *files: Path | dict) -> None:
        self.page.set_input_files("#upload input[type=file]", list(files))

    def wait_until_idle(self) -> None:
        self.page.wait_for_selector("#library [data-state=idle]", state="attached")  # the shelf may be folded

    def documents(self) -> dict[str, str]:
        """Return names of the documents in the library and what it says about their pages."""
        entries = self.page.query_selector_all("#library [data-document]")
        return {
            entry.query_selector(".name").inner_text(): entry.query_selector(".pages").inner_text() for entry in entries
        }

    def settle(self) -> None:
        """Let requests that are still under way begin."""
        self.page.wait_for_timeout(500)

    def heat(self) -> str:
        """Return the pixels of the overlay."""
        return self.page.evaluate("document.querySelector('#lens canvas.heat').toDataURL()")


@pytest.fixture
def new_visitor(browser: Browser, server: str) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors. A test fails if any of their pages has reported an error, a failed request or a dialog.

    `at` is the address of another server than the usual one.
    """
    visitors: list[Visitor] = []

    def make(at: str | None = None, **options) -> Visitor:
        visitors.append(Visitor(browser, at or server, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.context.close()
    assert [problem for visitor in visitors for problem in visitor.problems] == []
    assert [text for visitor in visitors for text in visitor.dialogs] == []


@pytest.fixture
def visitor(new_visitor: Callable[..., Visitor]) -> Visitor:
    """A visitor who sees the first explanation."""
    return new_visitor().arrive()


@pytest.fixture
def make_pdf(tmp_path: Path) -> Callable[..., Path]:
    """Makes a PDF with a line of text on each page."""

    def make(name: str = "report.pdf", pages: int = 3, text: str = "revenue", **encryption) -> Path:
        path = tmp_path / name
        canvas = Canvas(str(path), pagesize=(300, 400), **encryption)
        for number in range(1, pages + 1):
            canvas.setFont("Helvetica", 20)
            canvas.drawString(30, 300, f"{text} page {number}")
            canvas.showPage()
        canvas.save()
        return path

    return make
