"""The house keeps its plan: data goes one way, without circles, and nothing left of `web` knows Gradio."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from colpali_demo import shown

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "colpali_demo"
# From left to right: a room may import those before it, and its own modules. Those on one line do not know each other.
ORDER = (
    ("bundled", "shown"),
    ("settings", "memory", "maxsim", "samples"),
    ("documents",),
    ("occlusion",),
    ("encoder",),
    ("explain",),
    ("retrieval",),
    ("verify", "lessons", "evidence"),
    ("export",),
    ("web", "training"),
    ("__main__",),
)
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(name: str) -> set[str]:
    """Return the modules, of the package and outside, that a module imports anywhere, for types only included."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = name.split(".") if MODULES[name].name == "__init__.py" else name.split(".")[:-1]
            above = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                found.add(inner if inner in MODULES else module)
    return found - {name}


def room(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "colpali_demo"])
def test_a_room_imports_only_what_comes_before_it(name):
    for other in imports_of(name) & MODULES.keys() - {"colpali_demo"}:
        assert room(other) == room(name) or RANK[room(other)] < RANK[room(name)], f"{name} imports {other}"


def test_only_notebooks_and_the_public_names_are_looked_up_by_name():
    """An import by name would go where no other may. `shown` says why it is one."""
    for name, path in MODULES.items():
        if name not in ("colpali_demo", "colpali_demo.encoder", "colpali_demo.shown"):
            assert not re.search(r"import_module|__import__", path.read_text("utf-8")), name


def test_what_shows_results_in_a_notebook_is_there():
    assert shown.DRAWN_BY in MODULES
    assert callable(import_module(shown.DRAWN_BY).html)


def test_no_circle_among_modules():
    graph = {name: imports_of(name) & MODULES.keys() for name in MODULES if name != "colpali_demo"}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name in done:
            return
        for other in sorted(graph.get(name, ())):
            # A package names what its modules offer, and they may name each other through it only by their own names.
            walk(other, (*path, name))
        done.add(name)

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("colpali_demo.web")])
def test_nothing_left_of_web_imports_gradio(name):
    assert not {outside.split(".")[0] for outside in imports_of(name)} & {"gradio", "gradio_client", "starlette"}


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[1:2] in (["web"], ["lessons"])])
def test_scores_are_computed_left_of_web_and_lessons(name):
    assert "colpali_demo.maxsim" not in imports_of(name)


def test_the_command_line_works_where_gradio_cannot_be_imported(tmp_path, checkpoint):
    """All commands that need no server, in a process in which importing gradio fails."""
    script = """
import json, sys
class NoGradio:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("gradio", "gradio_client"):
            raise ImportError("there is no gradio here")
sys.meta_path.insert(0, NoGradio())
from colpali_demo.__main__ import main
model, out = sys.argv[1:]
sample = "assets/samples/lighthouse-letter.pdf"
statuses = [
    main(["search", "fog horn", sample, "--model", model]),
    main(["explain", "fog horn", sample, "--page", "1", "--out", out + "/why.png", "--model", model]),
    main(["verify", "--model", model, "--device", "cpu", "--dtype", "float32"]),
    main(["precompute", sample, "--query", "fog horn", "--out", out + "/set", "--model", model]),
]
print(json.dumps(statuses))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(checkpoint), str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [0, 0, 0, 0]
