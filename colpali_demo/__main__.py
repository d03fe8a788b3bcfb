"""The command line: `colpali-demo search "revenue by region" *.pdf`, and other commands: `--help` lists them.

Where the package is not installed, it is `python -m colpali_demo` that takes the commands.

Results go to standard output, everything else to standard error. Heavy imports wait until they are needed, so that
`--help` and a mistyped option answer at once.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from colpali_demo import __version__

if TYPE_CHECKING:
    from colpali_demo.documents import Document, DocumentError, Page, PageError
    from colpali_demo.encoder import Encoder, QueryEmbedding
    from colpali_demo.evidence import Erasure, Faithfulness
    from colpali_demo.evidence.faithfulness import Estimate
    from colpali_demo.explain import Explanation, TokenMatch
    from colpali_demo.occlusion import Box
    from colpali_demo.retrieval import PageIndex
    from colpali_demo.settings import Settings

OK, FAILED, USAGE, NO_PAGE, INTERRUPTED, BROKEN_PIPE = (
    0,
    1,
    2,
    3,
    130,
    141,
)  # exit statuses; the last two as shells have them, 128 + signal
PROGRAM = "colpali-demo"  # the command where the package is installed
TOP_TOKENS = 4  # shown per page in the table


class UsageError(Exception):
    """The command cannot be carried out as it was given; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        status = given.command(given, _settings(given))
        sys.stdout.flush()
        return status
    except UsageError as error:
        _say(str(error))
        return USAGE
    except KeyboardInterrupt:
        _say("stopped")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone. What is still in the buffer must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process: what `colpali-demo` calls."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character must not end the program
    sys.exit(main(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM if Path(sys.argv[0]).stem == PROGRAM else "python -m colpali_demo",
        description="Search PDFs and images with ColPali and see why each page matched.",
        epilog="Exit status: 0 with results, 2 for bad usage, 3 where no page could be indexed.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the page", description="Serve the page, as `python app.py` does.")
    serve.set_defaults(command=_serve)
    serve.add_argument("--host", help="address to listen on (COLPALI_HOST; 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (COLPALI_PORT; 7860)")
    serve.add_argument("--mcp", action="store_const", const="on", help="be an MCP server as well (COLPALI_MCP; off)")

    search = commands.add_parser("search", help="rank the pages of some files", description="Rank the pages of files.")
    search.set_defaults(command=_search)
    search.add_argument("query", metavar="QUERY")
    search.add_argument("files", metavar="FILE", nargs="+", help="PDF, PNG, JPEG, WebP or TIFF")
    search.add_argument("--top-k", metavar="N", type=_positive, help="how many pages to show (COLPALI_TOP_K; 5)")
    search.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    explain = commands.add_parser(
        "explain", help="draw why a page matches", description="Print the ledger of one page and draw it as a figure."
    )
    explain.set_defaults(command=_explain)
    explain.add_argument("query", metavar="QUERY")
    explain.add_argument("file", metavar="FILE", help="PDF, PNG, JPEG, WebP or TIFF")
    explain.add_argument("--page", metavar="N", type=_positive, required=True, help="counted from 1")
    explain.add_argument("--out", metavar="FILE", type=Path, required=True, help="figure to write: .png, .pdf or .svg")
    explain.add_argument(
        "--token",
        metavar="INDEX_OR_WORD",
        help="draw the similarity map of this token; without it, the patches that the tokens chose",
    )

    explain.add_argument(
        "--without",
        metavar="BOX_OR_WORD",
        action="append",
        default=[],
        help="erase a box of the page, LEFT,TOP,RIGHT,BOTTOM in shares of it, or the place around a token's winner, "
        "and print what every token finds then; may be repeated",
    )
    explain.add_argument("--only", action="store_true", help="erase everything but what --without names")
    explain.add_argument("--highlights", metavar="FILE", type=Path, help="write the page as a PDF with highlights")

    verify = commands.add_parser(
        "verify",
        help="check a checkpoint",
        description="Check that a checkpoint is what this package takes it for, and print a report.",
        epilog="Exit status: 0 when all checks pass, 1 when one fails, 2 when the checkpoint cannot be loaded.",
    )
    verify.set_defaults(command=_verify)
    verify.add_argument(
        "--prefix", metavar="TEXT", help="the query prefix it was trained with (default: the one of its family)"
    )
    verify.add_argument("--device", help="cuda, mps or cpu (COLPALI_DEVICE; the first of them that there is)")
    verify.add_argument("--dtype", help="such as float32 or bfloat16 (default: what suits the device)")

    precompute = commands.add_parser(
        "precompute",
        help="store vectors for machines without the checkpoint",
        description="Embed pages and queries once and store them as a set that the demo opens without any model.",
    )
    precompute.set_defaults(command=_precompute)
    precompute.add_argument("files", metavar="FILE", nargs="*", help="PDF or image (default: the samples of the demo)")
    precompute.add_argument(
        "--query", metavar="TEXT", action="append", help="may be repeated (default: the queries of the samples)"
    )
    precompute.add_argument(
        "--out", metavar="PLACE", type=Path, required=True, help="a new file NAME.colpali, or a new folder"
    )

    calibrate = commands.add_parser(
        "calibrate",
        help="measure which matches of a checkpoint are weak",
        description="Measure which matches of a checkpoint are weak, and write a file to put beside it.",
    )
    calibrate.set_defaults(command=_calibrate)
    calibrate.add_argument("--out", metavar="FILE", type=Path, required=True, help="calibration.json to write")

    faithfulness = commands.add_parser(
        "faithfulness",
        help="measure whether maps point at the cause",
        description="Erase what maps point at, embed the pages anew, and measure what the scores lose.",
    )
    faithfulness.set_defaults(command=_faithfulness)
    faithfulness.add_argument("files", metavar="FILE", nargs="+", help="PDF, PNG, JPEG, WebP or TIFF")
    faithfulness.add_argument("--queries", metavar="FILE", type=Path, required=True, help="one query a line")
    faithfulness.add_argument("--out", metavar="FOLDER", type=Path, help="write figure, tables and JSON into a folder")
    faithfulness.add_argument(
        "--steps",
        metavar="N",
        type=_positive,
        nargs="*",
        default=[1, 4, 16],
        help="numbers of patches to erase for each point of a curve (1 4 16)",
    )

    grounding = commands.add_parser(
        "grounding",
        help="compare regions with boxes that people drew",
        description="Compare regions with boxes that people drew: ViDoRe V3, BBox-DocVQA, or boxes.json beside PDFs.",
    )
    grounding.set_defaults(command=_grounding)
    grounding.add_argument("data", metavar="DATA", type=Path, help="folder of the data set as it is published")
    grounding.add_argument("--limit", metavar="N", type=_positive, help="measure the first questions only")
    grounding.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    for command in (serve, search, explain, verify, precompute, calibrate, faithfulness, grounding):
        command.add_argument("--model", help="checkpoint: tiny, a folder or a Hub id (COLPALI_MODEL; the bundled one)")
        command.add_argument("--revision", help="commit, tag or branch of a Hub id (default: the newest)")
        command.add_argument("--download", action="store_true", help="allow downloading checkpoints from the Hub")
        if command is not serve:
            command.add_argument("--adapter", help="LoRA adapter to add to the checkpoint: a folder or a Hub id")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _settings(given: argparse.Namespace) -> Settings:
    from colpali_demo.settings import Settings

    try:
        settings = Settings.from_env()
    except ValueError as error:
        raise UsageError(str(error)) from None
    queries = getattr(given, "query", None) or []
    for query in [queries] if isinstance(queries, str) else queries:
        _check_query(query, settings)
    settings = settings if given.model is None else replace(settings, model=given.model)
    if given.revision is None:
        return settings
    from colpali_demo.encoder.checkpoints import at_revision

    try:
        return replace(settings, model=at_revision(settings.model, given.revision))
    except ValueError as error:
        raise UsageError(str(error)) from None


def _check_query(query: str, settings: Settings) -> None:
    if not query.strip():
        raise UsageError("the query is empty")
    if len(query) > settings.max_query_chars:
        raise UsageError(f"the query has more than {settings.max_query_chars} characters (COLPALI_MAX_QUERY_CHARS)")


# The commands


def _serve(given: argparse.Namespace, settings: Settings) -> NoReturn:
    from colpali_demo.retrieval import NoLedger, check_explains

    given_here = {name: value for name in ("host", "port", "mcp") if (value := getattr(given, name)) is not None}
    settings = replace(settings, **given_here)
    try:
        check_explains(settings.ranker)
    except NoLedger as error:
        raise UsageError(f"COLPALI_RANKER: {error}") from None
    if importlib.util.find_spec("gradio") is None:
        raise UsageError("the page needs Gradio, which is not installed: pip install 'colpali-demo[web]'")
    from colpali_demo.web.serve import serve

    serve(settings, download=given.download)
    # Everything is closed. A thread in the middle of a page, torn down by the interpreter, would abort the process.
    sys.stdout.flush()
    os._exit(OK)


def _search(given: argparse.Namespace, settings: Settings) -> int:
    from colpali_demo.explain import search_dict
    from colpali_demo.retrieval import PageIndex

    timing: dict[str, float] = {}
    with _timed(timing, "load"):
        encoder = _load_encoder(settings, given.download, adapter=given.adapter)
    index = PageIndex(encoder)
    with _timed(timing, "index"):
        errors = _add_files(index, given.files, settings)
    for error in errors:
        _say_error(error)
    with _timed(timing, "search"):
        query = encoder.embed_query(given.query)
        hits = index.search(query, given.top_k or settings.top_k)
        explanations = [hit.explain() for hit in hits]
        strengths = [index.strength(hit) for hit in hits]
    _say_unknown(query)

    if given.json:
        print(json.dumps(search_dict(encoder.model_info, query, explanations, errors, timing, strengths)))
    elif hits:
        _print_ranking(explanations, [strength["weak"] for strength in strengths])
    if not hits:
        _say("no page could be indexed")
    return OK if hits else NO_PAGE


def _explain(given: argparse.Namespace, settings: Settings) -> int:
    from colpali_demo.encoder import CheckpointError
    from colpali_demo.evidence import erase_again
    from colpali_demo.export.annotated_pdf import page_pdf
    from colpali_demo.export.figures import FORMATS, explanation_figure, save_figure
    from colpali_demo.retrieval import PageIndex

    if given.out.suffix.lower() not in FORMATS:
        raise UsageError(f"--out must end in {', '.join(FORMATS)}: {_printable(str(given.out))}")
    if not given.out.parent.is_dir():
        raise UsageError(f"there is no folder {_printable(str(given.out.parent))} to write the figure to")
    encoder = _load_encoder(settings, given.download, adapter=given.adapter)
    query = encoder.embed_query(given.query)
    _say_unknown(query)
    candidates = _find_tokens(query, given.token)  # a misspelled token is refused before the page is embedded
    page = _read_page(given.file, given.page, settings)
    if page is None:
        return NO_PAGE
    index = PageIndex(encoder)
    try:
        index.add_page(page)
    except CheckpointError as error:
        _say(error.message)
        return NO_PAGE
    ranking = index.rank(query, explained=1)
    explanation = ranking.explain(page)
    token = max(candidates, key=lambda position: explanation.tokens[position].maxsim, default=None)
    weak = ranking.strength(explanation)["weak"]
    erasure = None
    if given.without:
        try:
            erasure = erase_again(ranking, page, _boxes_of(given.without, explanation), only=given.only)
        except ValueError as error:
            raise UsageError(str(error)) from None
    elif given.only:
        raise UsageError("--only needs --without to say what is left")
    figure = explanation_figure(explanation, page, token, checkpoint=encoder.model_info["name"], weak=weak)
    try:
        save_figure(figure, given.out)
        if given.highlights:
            given.highlights.write_bytes(page_pdf([explanation]))
    except OSError as error:
        raise UsageError(f"the figure cannot be written: {error}") from None
    if len(candidates) > 1:
        others = ", ".join(str(position) for position in candidates if position != token)
        _say(
            f"{given.token!r} is several tokens: drawn is token {token}, the one with the highest MaxSim, not {others}"
        )
    _print_ledger(explanation, weak)
    if erasure:
        _print_erasure(erasure)
    print(f"\nfigure: {_printable(str(given.out))}")
    if given.highlights:
        print(f"highlights: {_printable(str(given.highlights))}")
    return OK


def _boxes_of(wanted: Sequence[str], explanation: Explanation) -> list[Box]:
    """Return the boxes that `--without` names: four numbers, or a token whose winner's surroundings are meant."""
    from colpali_demo.evidence import winner_boxes
    from colpali_demo.occlusion import parse_box

    boxes: list[Box] = []
    for name in wanted:
        try:
            boxes.append(parse_box(name))
            continue
        except ValueError:
            pass  # no box, so a token
        tokens = _find_tokens(explanation.query, name)
        found = [box for token in tokens for box in winner_boxes(explanation, token)]
        if not found:
            raise UsageError(f"{name!r} has no winner on the page that could be erased")
        boxes += found
    return boxes


def _faithfulness(given: argparse.Namespace, settings: Settings) -> int:
    from colpali_demo.evidence import measure_faithfulness
    from colpali_demo.retrieval import PageIndex

    try:
        lines = given.queries.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the queries cannot be read: {error}") from None
    queries = [line.strip() for line in lines if line.strip()]
    for query in queries:
        _check_query(query, settings)
    if not queries:
        raise UsageError(f"{_printable(str(given.queries))} holds no query")
    index = PageIndex(_load_encoder(settings, given.download, adapter=given.adapter))
    for error in _add_files(index, given.files, settings):
        _say_error(error)
    if not len(index):
        _say("no page could be indexed")
        return NO_PAGE
    measured = measure_faithfulness(index, queries, steps=given.steps, progress=_say)
    if given.out:
        try:
            _write_faithfulness(given.out, measured)
        except OSError as error:
            raise UsageError(f"the results cannot be written: {error}") from None
    _print_faithfulness(measured)
    return OK


def _write_faithfulness(folder: Path, measured: Faithfulness) -> None:
    from colpali_demo.evidence.faithfulness import rows
    from colpali_demo.export.figures import save_figure
    from colpali_demo.export.measurements import faithfulness_figure, write_csv

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faithfulness.json").write_text(json.dumps(measured.to_json(), indent=1) + "\n", encoding="utf-8")
    write_csv(folder / "winners.csv", rows(measured.winners))
    write_csv(folder / "curves.csv", rows(measured.curves))
    save_figure(faithfulness_figure(measured), folder / "faithfulness.png")


def _grounding(given: argparse.Namespace, settings: Settings) -> int:
    from colpali_demo.documents import DocumentError
    from colpali_demo.evidence.grounding import NotADataSet, measure_grounding, read_questions

    try:
        questions = read_questions(given.data, settings, given.limit)
    except (NotADataSet, OSError, KeyError, ValueError) as error:
        raise UsageError(f"the data set cannot be read: {error}") from None
    except DocumentError as error:
        _say_error(error)
        return NO_PAGE
    measured = measure_grounding(_load_encoder(settings, given.download, adapter=given.adapter), questions)
    if given.json:
        print(json.dumps(measured.to_json()))
        return OK
    rows = [["", "mean", "95 % interval"]]
    for name, estimate in measured.summary().items():
        rows.append([name, f"{estimate.mean:.3f}", f"{estimate.low:.3f} to {estimate.high:.3f}"])
    print(f"{measured.model}, {len(measured.questions)} questions")
    _print_table(rows, right={1})
    return OK


def _verify(given: argparse.Namespace, settings: Settings) -> int:
    from colpali_demo.verify import verify

    encoder = _load_encoder(settings, given.download, adapter=given.adapter, device=given.device, dtype=given.dtype)
    report = verify(encoder, prefix=given.prefix)
    print(report)
    return OK if report.passed else FAILED


def _calibrate(given: argparse.Namespace, settings: Settings) -> int:
    from colpali_demo.encoder import calibrate

    calibration = calibrate(_load_encoder(settings, given.download, adapter=given.adapter))
    try:
        calibration.save(given.out)
    except OSError as error:
        raise UsageError(f"the calibration cannot be written: {error}") from None
    print(f"{_printable(str(given.out))}: a match is weak below a word mean of {calibration.threshold:.3f}")
    return OK


def _precompute(given: argparse.Namespace, settings: Settings) -> int:
    from colpali_demo.documents import DocumentError, open_document
    from colpali_demo.encoder.precomputed import SetDocument, save_set
    from colpali_demo.samples import read_samples

    if given.files and not given.query:
        raise UsageError("files of your own need at least one --query")
    if given.files:
        wanted = [(Path(file), Path(file).stem, "", tuple(given.query)) for file in given.files]
    else:
        wanted = [
            (sample.path, sample.title, sample.description, tuple(given.query or sample.queries))
            for sample in read_samples()
        ]
    encoder = _load_encoder(settings, given.download, adapter=given.adapter)
    errors: list[PageError] = []

    def documents() -> Iterator[tuple[SetDocument, Document]]:
        for path, title, description, queries in wanted:
            with open_document(path, settings=settings) as opened:
                yield SetDocument(opened.document_id, opened.source, title, description, queries), opened
                errors.extend(opened.errors)

    try:
        save_set(given.out, encoder, documents(), lambda page: _say(f"{page.source}, page {page.number}"))
    except DocumentError as error:
        _say_error(error)
        return NO_PAGE
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from None
    for error in errors:
        _say_error(error)
    files = [given.out] if given.out.is_file() else given.out.iterdir()
    size = sum(file.stat().st_size for file in files)
    print(f"{_printable(str(given.out))}: {size / 1e6:.1f} MB by {encoder.model_info['name']}")
    return OK


def _add_files(index: PageIndex, files: Sequence[str], settings: Settings) -> list[PageError | DocumentError]:
    """Add all pages of some files that can be added; returns what went wrong."""
    from colpali_demo.documents import DocumentError, PageError, open_document
    from colpali_demo.encoder import CheckpointError

    errors: list[PageError | DocumentError] = []
    for file in files:
        try:
            with open_document(file, settings=settings) as document, _progress(document.source) as progress:
                try:
                    index.add(document, progress=progress)
                except CheckpointError as error:
                    errors.append(PageError(document.source, None, error.code, error.message))
                errors += document.errors
        except DocumentError as error:
            errors.append(error)
    return errors


def _load_encoder(settings: Settings, download: bool, **options: str | None) -> Encoder:
    from transformers.utils import logging

    from colpali_demo.encoder import CheckpointError, load_encoder

    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    try:
        return load_encoder(settings.model, download=download, **options)
    except CheckpointError as error:
        raise UsageError(error.message) from None
    except ValueError as error:  # a device or a dtype that does not exist
        raise UsageError(str(error)) from None


def _read_page(file: str, number: int, settings: Settings) -> Page | None:
    """Read one page of a document; None, with the reason on standard error, where it cannot be read."""
    from colpali_demo.documents import DocumentError, open_document

    try:
        with open_document(file, settings=settings) as document:
            if number > document.page_count:
                limit = (
                    f" (COLPALI_MAX_PAGES={settings.max_pages})" if document.page_count == settings.max_pages else ""
                )
                raise UsageError(f"{document.source} has no page {number}: it has {document.page_count}{limit}")
            for page in document:
                if page.number == number:
                    return page
            for error in document.errors:
                if error.page in (number, None):
                    _say_error(error)
    except DocumentError as error:
        _say_error(error)
    return None


def _find_tokens(query: QueryEmbedding, wanted: str | None) -> list[int]:
    """Find the tokens that `--token` may mean: an index, or all tokens of a word, or a token by its text."""
    if wanted is None:
        return []
    if wanted.isdecimal() and int(wanted) < len(query.tokens):
        return [int(wanted)]
    name = _bare(wanted)
    words = {number for number, word in enumerate(query.words) if _bare(word) == name}
    found = [token.index for token in query.tokens if token.word in words and any(map(str.isalnum, token.text))]
    found = found or [token.index for token in query.tokens if _bare(token.text) == name]
    if not found:
        words = ", ".join(_printable(word) for word in query.words)
        last = len(query.tokens) - 1
        raise UsageError(
            f"the query has no token {wanted!r}; its words are {words}; its tokens are numbered 0 to {last}"
        )
    return found


def _bare(word: str) -> str:
    """Return a word as it is compared: without case and without the punctuation around it, if that leaves anything."""
    word = word.casefold().strip()
    letters = [position for position, char in enumerate(word) if char.isalnum()]
    return word[letters[0] : letters[-1] + 1] if letters and not word.startswith("<") else word


@contextmanager
def _timed(timing: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timing[name] = round(1000 * (time.perf_counter() - start), 1)


# Output


def _print_ranking(explanations: Sequence[Explanation], weak: Sequence[bool]) -> None:
    from colpali_demo.encoder.calibration import WEAK_MATCH

    rows = [["rank", "score", "page", "file", "largest leads"]]
    for rank, (explanation, is_weak) in enumerate(zip(explanations, weak, strict=True), start=1):
        words = sorted((token for token in explanation.tokens if token.kind == "word"), key=lambda token: -token.lead)
        best = ", ".join(f"{_printable(token.text)} {token.lead:+.3f}" for token in words[:TOP_TOKENS])
        page = explanation.page
        rows.append(
            [str(rank), f"{explanation.score:.2f}", str(page.number), page.source, best + ("  [weak]" * is_weak)]
        )
    _print_table(rows, right={0, 1, 2})
    print(f"\nlead: MaxSim minus its mean on {explanations[0].comparison.text}")
    if any(weak):
        print(f"[weak]: {WEAK_MATCH}")


def _print_ledger(explanation: Explanation, weak: bool) -> None:
    from colpali_demo.encoder.calibration import WEAK_MATCH

    page = explanation.page
    print(f"{page.source}, page {page.number}")
    rows = [["token", "", "kind", "MaxSim", "lead", "margin", "winner", "words there"]]
    for token in explanation.tokens:
        margin = "" if token.margin is None else f"{token.margin:.3f}"
        words = _printable(" ".join(token.words))
        numbers = [f"{token.maxsim:.3f}", f"{token.lead:+.3f}", margin]
        rows.append([str(token.index), _printable(token.text), token.kind, *numbers, _winner(token), words])
    lead = f"{explanation.score - explanation.expected_score:+.2f}"
    rows.append(["", "score", "", f"{explanation.score:.2f}", lead, "", "", ""])
    _print_table(rows, right={0, 3, 4, 5})
    print(f"lead: MaxSim minus its mean on {explanation.comparison.text}")
    if weak:
        print(WEAK_MATCH)


def _print_erasure(erasure: Erasure) -> None:
    page = erasure.after.page
    what = "everything but the boxes" if page.inverted else "the boxes"
    print(f"\n{page.source}, page {page.number}, with {what} erased: {len(page.erased)}")
    rows = [["token", "", "before", "after", "difference"]]
    for token in erasure.tokens:
        numbers = [f"{token.before:.3f}", f"{token.after:.3f}", f"{token.difference:+.3f}"]
        rows.append([str(token.index), _printable(token.text), *numbers])
    before, after = erasure.before.score, erasure.after.score
    rows.append(["", "score", f"{before:.2f}", f"{after:.2f}", f"{after - before:+.2f}"])
    _print_table(rows, right={0, 2, 3, 4})


def _print_faithfulness(measured: Faithfulness) -> None:
    lost, elsewhere = measured.losses()
    print(f"{measured.model}: {len(measured.winners)} typed tokens on the best pages of their queries")
    print(f"  MaxSim lost when the winner's surroundings are erased  {_interval(lost)}")
    print(f"  MaxSim lost when as much ink elsewhere is erased       {_interval(elsewhere)}")
    print(f"  correlation of the loss with the margin in the ledger  {measured.correlation():.3f}")
    rows = [["area under the curve", "", "deletion", "insertion"]]
    for (of, method), (deletion, insertion) in measured.areas().items():
        rows.append([of, method, _interval(deletion), _interval(insertion)])
    if len(rows) > 1:
        print()
        _print_table(rows, right=set())


def _interval(estimate: Estimate) -> str:
    return f"{estimate.mean:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _winner(token: TokenMatch) -> str:
    from colpali_demo.explain import place_text

    if token.cells:
        return place_text(token).removeprefix("patch in ")
    return f"text {_printable(token.slot_text or '')}" if token.slot == "text" else "tile"


def _print_table(rows: Sequence[Sequence[str]], right: set[int]) -> None:
    from colpali_demo.export.columns import width_in_columns

    widths = [max(width_in_columns(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - width_in_columns(cell))
            cells.append(space + cell if column in right else cell + space)
        print("  ".join(cells).rstrip())


def _printable(text: str) -> str:
    """Return the text with what a terminal would obey instead of show written as an escape: a newline as \\n."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _say(message: str) -> None:
    print(f"colpali_demo: {message}", file=sys.stderr)


def _say_error(error: PageError | DocumentError) -> None:
    where = error.source if error.page is None else f"{error.source}, page {error.page}"
    _say(f"{where}: {error.message} [{error.code}]")


def _say_unknown(query: QueryEmbedding) -> None:
    if query.unknown:
        words = ", ".join(_printable(word) for word in query.unknown)
        _say(f"this checkpoint has no piece of these words in its vocabulary: {words}")


@contextmanager
def _progress(source: str) -> Iterator[Callable[[int, int | None, Page], None] | None]:
    """Show a line on the terminal that counts pages and is gone afterwards; nothing where there is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(done: int, total: int | None, page: Page) -> None:
        count = f"{done} of {total}" if total else str(done)
        print(f"\r\x1b[K{source}: {count} pages", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run()
