"""What the documents tell readers to type works. Here with a random checkpoint; word by word in `test_docs_long.py`."""

from __future__ import annotations

import doctest
import glob
import importlib
import pkgutil
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import colpali_demo
from colpali_demo.__main__ import main
from colpali_demo.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NOTES = ROOT / "colpali_demo" / "web" / "notes.md"
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")), NOTES]
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
CLI = ".venv/bin/python -m colpali_demo "

ELSEWHERE = {
    "make run": "test_docs_long.py",
    "make test": "this is it",
    "make attack": "a server of its own, attacked for minutes",
    "make test-long": "this is it",
    ".venv/bin/python app.py": "needs the Hub",
    "pip install": "tests/test_install.py",
    "colpali-demo ": "tests/test_install.py",
    ".venv/bin/python benchmarks/precisions.py": "test_docs_long.py",
    "python benchmarks/hostile_files.py": "test_docs_long.py",
    "python benchmarks/folder_of_pdfs.py": "test_docs_long.py",
    "python tests/load/load.py": "a load for minutes, run by hand",
}


def blocks(page: Path, language: str) -> list[str]:
    return [code for name, code in BLOCK.findall(page.read_text("utf-8")) if name == language]


def commands() -> list[str]:
    """Return every command line of every page, once."""
    lines = [
        line.split(" # ")[0].strip() for page in PAGES for code in blocks(page, "sh") for line in code.splitlines()
    ]
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def starts(line: str, *beginnings: str) -> bool:
    return line.split("  ")[0].startswith(beginnings)


def test_every_command_is_accounted_for():
    found = commands()
    assert len(found) > 15
    for line in found:
        assert starts(line, CLI, ".venv/bin/hf ", *ELSEWHERE), line


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith(CLI)])
def test_commands(line, workspace, checkpoint, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("COLPALI_MODEL", str(checkpoint))
    monkeypatch.setenv("COLPALI_DEVICE", "cpu")
    monkeypatch.setenv("COLPALI_RENDER_PIXELS", "300")
    typed, _, output = line.removeprefix(CLI).partition(" > ")
    arguments = [
        argument
        for word in shlex.split(typed.replace("--model tiny", f"--model {shlex.quote(str(checkpoint))}"))
        for argument in (sorted(glob.glob(word)) if "*" in word else [word])
    ]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert told
    if "--out" in arguments:
        assert (workspace / arguments[arguments.index("--out") + 1]).exists()
    assert not output or told.startswith("{")


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith(".venv/bin/hf ")])
def test_commands_for_the_hub_exist(line):
    """They cannot be run here, but their options can be looked up."""
    _, *words = shlex.split(line)
    options = [word for word in words if word.startswith("-")]
    names = words[: next((at for at, word in enumerate(words) if "/" in word), len(words))]
    help = subprocess.run(
        [Path(sys.executable).with_name("hf"), *names, "--help"], capture_output=True, text=True, check=True
    )
    assert all(re.search(rf"(^|[\s,]){option}\b", help.stdout) for option in options), help.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python(page, workspace, checkpoint, monkeypatch):
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("COLPALI_MODEL", str(checkpoint))
    monkeypatch.setenv("COLPALI_DEVICE", "cpu")
    monkeypatch.setenv("COLPALI_RENDER_PIXELS", "300")
    names: dict[str, object] = {}
    for code in blocks(page, "python"):  # a later piece may go on from an earlier one
        if ".launch(" in code:
            continue  # a server: tests/browser/test_own_app.py
        exec(compile(code, page.name, "exec"), names)


def modules_with_examples() -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(colpali_demo.__path__, "colpali_demo.")]
    return [
        name
        for name in ["colpali_demo", *names]
        if re.search(r"^\s+>>> ", Path(importlib.util.find_spec(name).origin).read_text("utf-8"), re.MULTILINE)
    ]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings(name, checkpoint, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLPALI_MODEL", str(checkpoint))
    monkeypatch.setenv("COLPALI_RENDER_PIXELS", "300")
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted
    assert not result.failed


def test_there_are_examples_in_docstrings():
    assert {"colpali_demo", "colpali_demo.maxsim", "colpali_demo.settings"} <= set(modules_with_examples())


def anchors(page: Path) -> set[str]:
    """Make anchors of headings, as GitHub does."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_every_setting_is_listed_with_its_default():
    rows = dict(re.findall(r"^\| `COLPALI_(\w+)` \| `?([^`|]*?)`? \|", (ROOT / "docs/limits.md").read_text(), re.M))
    defaults = {field.name.upper(): field.default for field in fields(Settings)}
    assert set(rows) == set(defaults)
    for name, default in defaults.items():
        assert rows[name] == (f"{default:g}" if isinstance(default, float) else str(default)), name
