"""The public endpoints, against a live server, in the words of the API tab."""

import asyncio
import contextlib
import io
import json
import re
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from checkpoints import make_checkpoint
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from live import serve
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from reportlab.pdfgen.canvas import Canvas

from colpali_demo.__main__ import main
from colpali_demo.documents import open_document
from colpali_demo.encoder import load_encoder
from colpali_demo.evidence import erase_again, winner_boxes
from colpali_demo.retrieval import PageIndex
from colpali_demo.settings import Settings
from colpali_demo.web.api import NOTES

QUERY = "revenue by region"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def checkpoint(folder) -> Path:
    return make_checkpoint(folder / "random-colpali")


@pytest.fixture(scope="module")
def report(folder) -> Path:
    canvas = Canvas(str(folder / "report.pdf"), pagesize=(300, 400), invariant=True)
    for number in range(1, 4):
        canvas.drawString(30, 300, f"revenue page {number}")
        canvas.rect(50 * number, 100, 60, 60, fill=1)
        canvas.showPage()
    canvas.save()
    return folder / "report.pdf"


@pytest.fixture(scope="module")
def server(folder, checkpoint):
    with serve(folder, checkpoint, "--mcp") as address:
        yield address


@pytest.fixture
def client(server) -> Client:
    return Client(server, verbose=False)


@pytest.fixture(scope="module")
def expected(checkpoint, report):
    """What the command line says."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLPALI_RENDER_PIXELS", "400")
        patch.setenv("COLPALI_DEVICE", "cpu")
        assert main(["search", QUERY, str(report), "--json", "--model", str(checkpoint)]) == 0
    return json.loads(output.getvalue())


def comparable(answer: dict) -> dict:
    """Leave out the time it took, the folder of the checkpoint, which the server keeps to itself, and the strength.

    The server says how strong a match is where it shows the search, once the checkpoint is calibrated.
    """
    model = {**answer["model"], "checkpoint": answer["model"]["name"]}
    results = [{**result, "strength": None} for result in answer["results"]]
    return {**answer, "model": model, "results": results, "timing_ms": None}


def test_one_call_answers_as_the_command_line_does(client, report, expected):
    answer = client.predict(handle_file(report), QUERY, api_name="/search_pdf")
    assert comparable(answer) == comparable(expected)
    for result in answer["results"]:
        assert sum(token["maxsim"] for token in result["tokens"]) == pytest.approx(result["score"], abs=1e-4)


def test_a_session_keeps_its_pages_to_itself(client, server, report, expected):
    library = client.predict(handle_file(report), api_name="/index")
    document = expected["results"][0]["document"]
    assert library == {"documents": [{"document": document, "source": "report.pdf", "pages": 3}], "errors": []}
    assert comparable(client.predict(QUERY, api_name="/search")) == comparable(expected)
    assert [result["rank"] for result in client.predict(QUERY, 2, api_name="/search")["results"]] == [1, 2]

    last = expected["results"][-1]
    why = client.predict(QUERY, document, last["page"], True, api_name="/explain")
    (result,) = why["results"]
    maps = result.pop("maps")
    assert comparable(why)["results"] == comparable({**expected, "results": [last]})["results"]
    assert (len(maps), len(maps[0]), len(maps[0][0])) == (len(why["query"]["tokens"]), 4, 4)
    for token, map in zip(result["tokens"], maps, strict=True):
        if token["slot"] == "patch":
            assert map[token["row"]][token["col"]] == max(value for row in map for value in row)

    stranger = Client(server, verbose=False)
    assert stranger.predict(QUERY, api_name="/search")["results"][0]["document"] != document
    with pytest.raises(AppError, match="not among your pages"):
        stranger.predict(QUERY, document, 1, api_name="/explain")


def test_a_page_is_erased_and_looked_at_again(client, report, checkpoint, expected):
    client.predict(handle_file(report), api_name="/index")
    document = expected["results"][0]["document"]
    index = PageIndex(load_encoder(str(checkpoint), device="cpu"))
    with open_document(report, settings=Settings(render_pixels=400)) as pages:
        index.add(pages)
    ranking = index.rank(QUERY)
    page, why = ranking[0].page, ranking[0].explain()
    token = next(token.index for token in why.tokens if token.cells)
    boxes = [(0.1, 0.2, 0.5, 0.3), (0.5, 0.7, 0.75, 0.9)]
    for region, only, wanted in (
        ("0.1,0.2,0.5,0.3;0.5,0.7,0.75,0.9", False, boxes),
        ("0.1,0.2,0.5,0.3; 0.5,0.7,0.75,0.9", True, boxes),
        (str(token), False, winner_boxes(why, token)),
    ):
        answer = client.predict(QUERY, document, page.number, region, only, api_name="/erase")
        assert answer.keys() == {"schema", "model", "query", "timing_ms", "erasure"}
        made = json.loads(json.dumps(erase_again(ranking, page, wanted, only=only).to_json()))
        for name in ("boxes", "tokens", "inverted"):
            assert answer["erasure"][name] == made[name]
        for name in ("before", "after"):
            assert answer["erasure"][name]["score"] == made[name]["score"]
            assert answer["erasure"][name]["rank"] == made[name]["rank"]
    assert comparable(client.predict(QUERY, api_name="/search")) == comparable(expected)
    wrong = (("", "region must be"), ("1,2,3", "region must be"), ("99", "malformed"), ("1,0,0,1", "box"))
    for region, complaint in wrong:
        with pytest.raises(AppError, match=complaint):
            client.predict(QUERY, document, page.number, region, api_name="/erase")
    with pytest.raises(AppError, match="not among your pages"):
        client.predict(QUERY, document, 9, "0,0,1,1", api_name="/erase")


def test_regions_are_there_to_cite(client, report):
    results = client.predict(handle_file(report), QUERY, api_name="/search_pdf")["results"]
    for result in results:
        assert result["page"] and result["regions"]
        for region in result["regions"]:
            assert 0 <= region["left"] < region["right"] <= 1 and 0 <= region["top"] < region["bottom"] <= 1
    assert any("revenue" in region["text"] for result in results for region in result["regions"])


def test_what_is_wrong_is_said(client, report, tmp_path):
    (tmp_path / "note.pdf").write_text("This is no PDF.")
    with pytest.raises(AppError, match="PDF"):
        client.predict(handle_file(tmp_path / "note.pdf"), QUERY, api_name="/search_pdf")
    assert client.predict(handle_file(tmp_path / "note.pdf"), api_name="/index")["errors"][0]["code"]
    for query, complaint in (("  ", "Type a query"), ("a" * 501, "500 characters")):
        with pytest.raises(AppError, match=complaint):
            client.predict(handle_file(report), query, api_name="/search_pdf")
    for wrong in (0, 11):  # nobody gets the explanations of a whole library at once
        with pytest.raises(AppError, match="top_k must be a whole number from 1 to 10"):
            client.predict(QUERY, wrong, api_name="/search")


def post(address: str, data: object) -> bytes:
    request = urllib.request.Request(address, json.dumps(data).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
@pytest.mark.parametrize(
    "where", ["server.log", "uploads/../server.log", "/etc/hostname", "uploads", "https://example.org/a.pdf"]
)
def test_files_that_nobody_uploaded_are_out_of_reach(server, folder, where, meta):
    path = where if "://" in where else str(folder / where)
    event = json.loads(post(f"{server}/gradio_api/call/search_pdf", {"data": [{"path": path, **meta}, QUERY, 1]}))
    with urllib.request.urlopen(f"{server}/gradio_api/call/search_pdf/{event['event_id']}", timeout=60) as answer:
        assert b"event: error" in answer.read()
    assert (folder / "server.log").exists()


def test_endpoints_are_described(server):
    with urllib.request.urlopen(f"{server}/gradio_api/info") as answer:
        endpoints = json.load(answer)["named_endpoints"]
    assert set(endpoints) == {"/index", "/search", "/explain", "/erase", "/search_pdf"}
    types = {p["parameter_name"]: p["type"].get("type") for p in endpoints["/explain"]["parameters"]}
    assert types == {"query": "string", "document": "string", "page": "integer", "maps": "boolean"}
    assert all(endpoint["description"] for endpoint in endpoints.values())


def test_mcp_offers_what_needs_no_session(server):
    async def tools():
        async with (
            streamable_http_client(f"{server}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return (await session.list_tools()).tools, await session.call_tool("search", {"query": QUERY})

    with ThreadPoolExecutor() as thread:  # the browser of other tests may have a loop in this one
        (tool,), refused = thread.submit(asyncio.run, tools()).result()
    assert tool.name == "search_pdf"
    assert set(tool.inputSchema["properties"]) == {"file", "query", "top_k"}
    assert refused.isError


EXAMPLES = re.findall(r"```(python|sh)\n(.*?)```", NOTES, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_of_the_api_tab_run(server, report, expected, number):
    language, code = EXAMPLES[number]
    assert "127.0.0.1:7860" in code
    code = code.replace("http://127.0.0.1:7860", server)
    command = [sys.executable, "-c", code] if language == "python" else ["sh", "-c", code]
    done = subprocess.run(command, cwd=report.parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    best = expected["results"][0]
    told = done.stdout
    assert str(best["tokens"][0]["maxsim"]) in told or str(best["score"]) in told, told


def test_python_curl_and_mcp_have_an_example():
    assert [language for language, _ in EXAMPLES] == ["python", "python", "sh", "python"]
