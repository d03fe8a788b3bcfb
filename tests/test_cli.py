"""The command line: some runs as a real process, most in this one, where torch is imported already."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import colpali_demo.__main__ as cli
from colpali_demo.documents import open_document
from colpali_demo.encoder import load_encoder
from colpali_demo.export.columns import width_in_columns
from colpali_demo.retrieval import PageIndex
from tests.documents.pdf_files import pages_pdf, self_drawing_form, text

ROOT = Path(__file__).parents[1]
RESULT_KEYS = {
    "rank", "document", "source", "page", "erased", "width", "height", "grid", "vectors", "score", "expected_score",
    "compared_with", "strength", "leading", "tokens", "regions",
}  # fmt: skip
TOKEN_KEYS = {
    "index", "maxsim", "expected", "lead", "vector", "slot", "slot_text", "cells", "row", "col", "margin", "words",
}  # fmt: skip


REGION_KEYS = ("left", "top", "right", "bottom", "score", "lead", "tokens", "text")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("files")
    content = {
        "good.pdf": pages_pdf([text("revenue by region"), text("the board")]),
        "bomb.pdf": pages_pdf([text("one"), text("two"), self_drawing_form(), text("four"), text("five")]),
        "notes.txt": b"not a document",
        "empty.pdf": b"",
    }
    for name, data in content.items():
        (folder / name).write_bytes(data)
    Image.new("RGB", (60, 40), "teal").save(folder / "picture.png")
    return {path.name: str(path) for path in folder.iterdir()} | {"none.pdf": str(folder / "none.pdf")}


def run(*arguments, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "colpali_demo", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", **options)


@pytest.fixture
def call(encoder, monkeypatch, capsys):
    """Runs the command line in this process with the random checkpoint; returns (status, stdout, stderr)."""
    monkeypatch.setattr(cli, "_load_encoder", lambda settings, download, **options: encoder)

    def call(*arguments):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as exit:
            status = exit.code
        return status, *capsys.readouterr()

    return call


def test_search_prints_one_json_object(files, checkpoint):
    names = ["good.pdf", "notes.txt", "picture.png", "bomb.pdf", "none.pdf", "empty.pdf"]
    done = run(
        "search", "Revenue by region?", *(files[name] for name in names), "--json", "--top-k", 3, "--model", checkpoint
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert set(found) == {"schema", "model", "query", "results", "errors", "timing_ms"}
    assert found["schema"] == 2 and found["model"]["name"] == checkpoint.name
    assert found["query"]["text"] == "Revenue by region?"
    assert [set(token) for token in found["query"]["tokens"]][:1] == [{"index", "text", "kind", "word"}]

    assert [result["rank"] for result in found["results"]] == [1, 2, 3]
    for result in found["results"]:
        assert set(result) == RESULT_KEYS
        assert [set(token) for token in result["tokens"]] == [TOKEN_KEYS] * len(found["query"]["tokens"])
        assert sum(token["maxsim"] for token in result["tokens"]) == pytest.approx(result["score"], abs=1e-4)
        lead = result["score"] - result["expected_score"]
        assert sum(token["lead"] for token in result["tokens"]) == pytest.approx(lead, abs=1e-4)
        assert result["compared_with"] == {"kind": "others", "pages": 6, "text": "the 6 other pages"}
        assert result["strength"]["weak"] == (result["strength"]["word_mean"] < result["strength"]["threshold"])
        assert {tuple(region) for region in result["regions"]} == {REGION_KEYS}

    errors = {(error["source"], error["page"]): error["code"] for error in found["errors"]}
    assert set(errors) == {("notes.txt", None), ("bomb.pdf", 3), ("none.pdf", None), ("empty.pdf", None)}
    assert errors["notes.txt", None] == "unsupported_type" and errors["empty.pdf", None] == "empty_file"
    for error in found["errors"]:
        assert f"{error['source']}" in done.stderr and f"[{error['code']}]" in done.stderr

    index = PageIndex(load_encoder(str(checkpoint)))
    for name in ("good.pdf", "picture.png", "bomb.pdf"):
        with open_document(files[name]) as document:
            index.add(document)
    assert len(index) == 2 + 1 + 4
    hits = index.search("Revenue by region?", top_k=3)
    places = [(hit.page.source, hit.page.number) for hit in hits]
    assert [(result["source"], result["page"]) for result in found["results"]] == places
    assert [result["score"] for result in found["results"]] == pytest.approx([hit.score for hit in hits], abs=1e-4)


def test_a_reader_that_leaves_early_is_no_error(files, checkpoint):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "colpali_demo", "search", "region", files["good.pdf"], "--model", str(checkpoint)]
    with os.fdopen(write, "w") as output:
        done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (cli.BROKEN_PIPE, "")


def test_help_imports_nothing_heavy():
    code = (
        "import sys, colpali_demo.__main__ as cli\n"
        "try: cli.main(['search', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'torch', 'transformers', 'matplotlib', 'numpy', 'PIL', 'gradio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "--top-k" in done.stdout and "--json" in done.stdout


def test_search_prints_a_table(files, call):
    status, out, err = call("search", "revenue by\nregion zebra", files["good.pdf"], files["picture.png"])
    assert (status, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split()[:4] == ["rank", "score", "page", "file"]
    ranks = [row.split() for row in rows[:3]]
    assert [row[0] for row in ranks] == ["1", "2", "3"]
    assert {(row[3], row[2]) for row in ranks} == {("good.pdf", "1"), ("good.pdf", "2"), ("picture.png", "1")}
    assert [float(row[1]) for row in ranks] == sorted((float(row[1]) for row in ranks), reverse=True)
    assert rows[0].count(", ") == cli.TOP_TOKENS - 1


def test_unknown_words_are_named(files, call):
    status, _, err = call("search", "Ωmega \x1b[2J ж", files["good.pdf"])
    assert status == 0
    assert "vocabulary" in err and "ж" in err and "\x1b" not in err


def test_without_a_page_the_status_is_3(files, call):
    status, out, err = call("search", "region", files["empty.pdf"], files["none.pdf"], "--json")
    assert status == 3
    found = json.loads(out)
    assert found["results"] == [] and [error["code"] for error in found["errors"]] == ["empty_file", "not_found"]
    assert "no page could be indexed" in err
    assert call("search", "region", files["empty.pdf"])[:2] == (3, "")


def test_explain_prints_the_ledger_and_draws_the_figure(files, call, tmp_path, encoder):
    out = tmp_path / "heat.png"
    status, printed, err = call("explain", "Revenue by region", files["good.pdf"], "--page", 2, "--out", out)
    assert (status, err) == (0, "")
    assert out.read_bytes().startswith(b"\x89PNG") and f"figure: {out}" in printed
    lines = printed.splitlines()
    assert lines[0] == "good.pdf, page 2"
    ledger = lines[2 : 2 + len(encoder.embed_query("Revenue by region").tokens)]
    terms = [float(next(part for part in line.split() if part.lstrip("-")[1:2] == ".")) for line in ledger]
    score = next(line for line in lines if line.split()[0] == "score")
    assert float(score.split()[1]) == pytest.approx(sum(terms), abs=0.005 + 0.0005 * len(terms))


def test_a_token_is_named_by_index_or_by_word(files, call, tmp_path, encoder):
    query = encoder.embed_query("Revenue (by) region, 2")
    words = {position: [token.index for token in query.tokens if token.word == position] for position in range(4)}
    assert cli._find_tokens(query, "2") == [2]  # a number is an index where it can be
    assert cli._find_tokens(query, "REGION") == [i for i in words[2] if query.tokens[i].text != ","]
    assert len(words[0]) > 1 and cli._find_tokens(query, "revenue") == words[0]
    assert cli._find_tokens(query, "<bos>") == [0]

    out = tmp_path / "heat.svg"
    arguments = ("explain", "Revenue (by) region, 2", files["good.pdf"], "--page", 1, "--out", out)
    status, _, err = call(*arguments, "--token", "revenue")
    assert status == 0 and out.exists() and "several tokens" in err
    assert call(*arguments, "--token", "0")[0] == 0


def test_bad_usage_is_named(files, call, tmp_path):
    good, out = files["good.pdf"], tmp_path / "heat.png"
    explain = ("explain", "region", good, "--out", out)
    cases = [
        (("search", " ", good), "the query is empty"),
        (("search", "x" * 501, good), "more than 500 characters"),
        (("search", "region"), "FILE"),
        (("search", "region", good, "--top-k", 0), "--top-k"),
        ((*explain, "--page", 0), "--page"),
        ((*explain, "--page", 9), "has no page 9: it has 2"),
        ((*explain, "--page", 1, "--token", "zebra"), "no token 'zebra'; its words are region"),
        ((*explain, "--page", 1, "--token", "99"), "no token '99'"),
        (("explain", "region", good, "--page", 1, "--out", tmp_path / "a.jpg"), ".png, .pdf, .svg"),
        (("explain", "region", good, "--page", 1, "--out", tmp_path / "no" / "a.png"), "there is no folder"),
        (("search", "region", good, "--page", 1), "--page"),
        ((), "COMMAND"),
    ]
    for arguments, message in cases:
        status, printed, err = call(*arguments)
        assert (status, printed) == (2, ""), arguments
        assert message in err
    assert not out.exists()


def test_a_figure_that_cannot_be_written_is_bad_usage(files, call, tmp_path):
    (tmp_path / "heat.png").mkdir()
    status, _, err = call("explain", "region", files["good.pdf"], "--page", 1, "--out", tmp_path / "heat.png")
    assert status == 2 and "cannot be written" in err


def test_a_page_that_cannot_be_read_is_status_3(files, call, tmp_path):
    out = tmp_path / "heat.png"
    status, printed, err = call("explain", "region", files["bomb.pdf"], "--page", 3, "--out", out)
    assert (status, printed) == (3, "") and "bomb.pdf, page 3: " in err
    status, printed, err = call("explain", "region", files["none.pdf"], "--page", 1, "--out", out)
    assert (status, printed) == (3, "") and "[not_found]" in err
    assert not out.exists()


def test_a_checkpoint_that_cannot_be_used_is_bad_usage(files, tmp_path, capsys):
    assert cli.main(["search", "region", files["good.pdf"], "--model", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "config.json is missing" in err


def test_a_broken_setting_is_bad_usage(files, call, monkeypatch):
    monkeypatch.setenv("COLPALI_MAX_PAGES", "many")
    status, _, err = call("search", "region", files["good.pdf"])
    assert status == 2 and "COLPALI_MAX_PAGES" in err


def test_the_environment_sets_top_k(files, call, monkeypatch):
    monkeypatch.setenv("COLPALI_TOP_K", "1")
    assert len(json.loads(call("search", "region", files["good.pdf"], "--json")[1])["results"]) == 1


def test_ctrl_c_stops_without_a_traceback(files, call, monkeypatch):
    def interrupted(settings, download, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_load_encoder", interrupted)
    assert call("search", "region", files["good.pdf"]) == (cli.INTERRUPTED, "", "colpali_demo: stopped\n")


def test_progress_is_for_terminals_only(files, call, monkeypatch):
    assert call("search", "region", files["good.pdf"])[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    err = call("search", "region", files["good.pdf"])[2]
    assert "good.pdf: 1 of 2 pages" in err and err.endswith("\r\x1b[K")


def test_wide_characters_keep_the_columns_straight(capsys):
    cli._print_table([["a", "日本", "1"], ["bb", "x", "22"], ["", "e\u0301", "3"]], right={2})
    ends = [width_in_columns(line) for line in capsys.readouterr().out.splitlines()]
    assert len(set(ends)) == 1


def test_the_score_of_a_page_does_not_depend_on_the_command(files, call, tmp_path):
    found = json.loads(call("search", "the board", files["good.pdf"], "--json")[1])
    scores = {result["page"]: result["score"] for result in found["results"]}
    for page in (1, 2):
        _, printed, _ = call("explain", "the board", files["good.pdf"], "--page", page, "--out", tmp_path / "a.png")
        shown = next(line for line in printed.splitlines() if line.split()[:1] == ["score"])
        assert float(shown.split()[1]) == pytest.approx(scores[page], abs=0.005)
    assert np.isfinite(list(scores.values())).all()


def test_calibrate_writes_what_the_checkpoint_is_calibrated_with(call, tmp_path, encoder):
    from colpali_demo.encoder import Calibration

    status, printed, err = call("calibrate", "--out", tmp_path / "calibration.json")
    assert (status, err) == (0, "") and f"{encoder.calibration.threshold:.3f}" in printed
    assert Calibration.load(tmp_path / "calibration.json") == encoder.calibration
    assert call("calibrate", "--out", tmp_path)[0] == 2


def test_explain_erases_and_highlights(files, call, tmp_path):
    explain = ("explain", "Revenue by region", files["good.pdf"], "--page", 1, "--out", tmp_path / "a.png")
    marked = tmp_path / "marked.pdf"
    status, printed, err = call(*explain, "--without", "0,0,1,0.5", "--highlights", marked)
    assert (status, err) == (0, "") and marked.read_bytes().startswith(b"%PDF")
    before, after, difference = map(float, printed[printed.index("erased: 1") :].split("score")[1].split()[:3])
    assert difference == pytest.approx(after - before, abs=0.011)
    status, printed, _ = call(*explain, "--without", "0,0,1,0.5", "--only")
    assert status == 0 and "everything but the boxes erased" in printed
    for wrong in (("--without", "0,0,0,1"), ("--without", "zebra"), ("--only",)):
        assert call(*explain, *wrong)[:2] == (2, "")


def test_faithfulness_is_measured_and_written(files, call, tmp_path):
    queries = tmp_path / "queries.txt"
    queries.write_text("see table 3 page 12\n\nthe board\n")
    arguments = ("faithfulness", files["good.pdf"], "--queries", queries, "--steps", 1, "--out", tmp_path / "out")
    status, printed, err = call(*arguments)
    assert status == 0 and "correlation" in printed and "minus blank" in printed
    assert "the board" in err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"faithfulness.json", "faithfulness.png", "winners.csv", "curves.csv"}
    assert json.loads((tmp_path / "out" / "faithfulness.json").read_text())["schema"] == 1
    queries.write_text("\n")
    assert call(*arguments)[:2] == (2, "")
    assert call("faithfulness", files["good.pdf"], "--queries", tmp_path / "none.txt")[:2] == (2, "")


def test_grounding_is_measured(files, call, tmp_path):
    (tmp_path / "good.pdf").write_bytes(Path(files["good.pdf"]).read_bytes())
    entry = {"query": "the board", "file": "good.pdf", "page": 2, "boxes": [[0.1, 0.1, 0.5, 0.2]]}
    (tmp_path / "boxes.json").write_text(json.dumps([entry]))
    status, printed, err = call("grounding", tmp_path)
    assert (status, err) == (0, "") and "pointing game" in printed and "1 questions" in printed
    found = json.loads(call("grounding", tmp_path, "--json")[1])
    assert found["questions"][0]["query"] == "the board"
    (tmp_path / "boxes.json").write_text("[{}]")
    assert call("grounding", tmp_path)[:2] == (2, "")
    assert call("grounding", tmp_path / "nothing")[:2] == (2, "")
