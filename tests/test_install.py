"""The package as people install it: built, put into an environment of its own, and used from outside the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import time
import tomllib
import zipfile
from pathlib import Path

import pytest
from live import answers
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from test_rooms import MODULES, imports_of

import colpali_demo

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SAMPLE = ROOT / "assets" / "samples" / "lighthouse-letter.pdf"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel of a source distribution, as an index that has no wheel would have it built."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run([*build, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder / "source", filter="data")
    (unpacked,) = (folder / "source").iterdir()
    subprocess.run([*build, "-t", "wheel"], cwd=unpacked, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The `bin` folder of an environment with the wheel, and with what is installed here for the rest."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/*/site-packages")
    (packages / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder / "bin" / "python"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
    return folder / "bin"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A folder outside the checkout, in which nothing leads back to it."""
    for name in [*os.environ]:
        if name.startswith("COLPALI_") or name == "PYTHONPATH":
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLPALI_DTYPE", "float32")  # the faster one need not be found out
    monkeypatch.setenv("COLPALI_RENDER_PIXELS", "400")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_searches_with_the_bundled_checkpoint(installed, elsewhere):
    shutil.copy(SAMPLE, elsewhere)
    found = json.loads(run(installed / "colpali-demo", "search", "fog horn", SAMPLE.name, "--json"))
    assert found["model"]["name"] == "colpali-tiny"
    assert [result["source"] for result in found["results"]] == [SAMPLE.name] * 2


def test_the_command_says_its_version_and_its_name(installed, elsewhere):
    assert run(installed / "colpali-demo", "--version").strip() == colpali_demo.__version__
    assert run(installed / "colpali-demo", "search", "--help").startswith("usage: colpali-demo search")
    assert run(installed / "python", "-m", "colpali_demo", "--help").startswith("usage: python -m colpali_demo")


def test_the_library_is_the_installed_one_with_everything_it_reads(installed, elsewhere):
    program = """
import colpali_demo
from colpali_demo.samples import read_samples
from colpali_demo.web.example import LENS, load_example
from pathlib import Path
assert colpali_demo.__all__ == [name for name in colpali_demo.__all__ if getattr(colpali_demo, name)]
assert all(sample.path.is_file() for sample in read_samples()) and read_samples()
assert load_example(LENS, Path("."))["ranking"]
print(colpali_demo.__file__)
"""
    file = Path(run(installed / "python", "-c", program).strip())
    assert file.is_relative_to(installed.parent)
    assert file.with_name("py.typed").is_file()


def test_the_page_is_served(installed, elsewhere):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(elsewhere / "uploads")}
    command = [installed / "colpali-demo", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 300
        while not answers(f"http://127.0.0.1:{port}"):
            assert server.poll() is None and time.monotonic() < deadline, server.communicate()[1]
            time.sleep(0.2)
    finally:
        server.terminate()
        log = server.communicate(timeout=60)[1]
    assert server.returncode == 0 and "Traceback" not in log, log
    assert {left.name for left in (elsewhere / "uploads").iterdir()} <= {"vibe_edit_history"}  # Gradio's own


def test_the_wheel_holds_every_file_of_the_package(wheel):
    listed = subprocess.run(["git", "ls-files", "colpali_demo"], cwd=ROOT, check=True, capture_output=True, text=True)
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(listed.stdout.split()) <= names
    assert "colpali_demo/assets/colpali-tiny/config.json" in names
    assert not [name for name in names if name.startswith(("tests/", "assets/"))]


# ---------------------------------------------------------------------- what it asks for

# What a package is called where its modules have another name.
DISTRIBUTIONS = {"PIL": "pillow", "fontTools": "fonttools", "rank_bm25": "rank-bm25"}
WITH_GRADIO = {"starlette", "anyio", "mcp", "python-multipart", "pydantic"}  # what gradio[mcp] brings, and is made of
OPTIONAL = {"spaces", "pyarrow"}  # asked for where they are used, with a sentence that says so


def asked_for(*extras: str) -> dict[str, Requirement]:
    optional = [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return {canonicalize_name(each.name): each for each in map(Requirement, [*PROJECT["dependencies"], *optional])}


def imported(name: str) -> set[str]:
    """The packages that a module imports and Python does not come with."""
    tops = {other.split(".")[0] for other in imports_of(name)} - sys.stdlib_module_names - {"colpali_demo"}
    return {canonicalize_name(DISTRIBUTIONS.get(top, top)) for top in tops} - OPTIONAL


@pytest.mark.parametrize("name", MODULES)
def test_whatever_is_imported_is_asked_for(name):
    room = name.split(".")[1:2]
    extra = room if room in (["web"], ["training"]) else []
    brought = WITH_GRADIO if extra == ["web"] else set()
    assert imported(name) <= asked_for(*extra).keys() | brought


def test_the_library_asks_for_no_gradio():
    assert "gradio" not in asked_for()


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-zerogpu.txt", "requirements-training.txt"])
def test_the_pins_lie_in_the_ranges(file):
    ranges = asked_for("web", "training")
    pins = dict(re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)", (ROOT / file).read_text(), re.MULTILINE))
    pins.pop("spaces", None)
    for name, version in pins.items():
        assert ranges[name].specifier.contains(version), name


def test_it_is_cited_with_its_version():
    assert f"version: {colpali_demo.__version__}\n" in (ROOT / "CITATION.cff").read_text()
