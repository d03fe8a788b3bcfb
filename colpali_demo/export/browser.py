"""The bundler of the browser code: the ES modules of a component become one script, without node or a server.

A component is a folder with `template.html`, `style.css` and `mount.js`, the module that exports `mount`. Modules use
the forms of ES modules that keep a bundler small, and no others:

    import { name, other as alias } from "../shared/file.js";
    export const name = ...;    export function name(...) ...;    export class Name ...

A style may begin with `@import "../shared/file.css";`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from colpali_demo.explain import WORD_OVERLAP
from colpali_demo.export import colormap

WEB = Path(__file__).parents[1] / "web"
ENTRY = "mount.js"
HOST = ("element", "trigger", "props", "server", "upload", "watch")  # what Gradio calls the script with

# What the scripts in `shared` need to draw as the rest of the package does.
DRAWING: dict[str, Any] = {
    "colors": b64encode(colormap.TABLE.tobytes()).decode(),
    "faintest": colormap.FAINTEST,
    "word_overlap": WORD_OVERLAP,
}

_STATEMENT = re.compile(r"^[ \t]*(import|export)\b", re.MULTILINE)
_IMPORT = re.compile(r'import \{([\w\s,$]*)\} from "(\.{1,2}/[^"\n]+)";')
_EXPORT = re.compile(r"export (?:const|(?:async )?function|class) ([\w$]+)")
_NAME = re.compile(r"([\w$]+)(?: as ([\w$]+))?")
_DYNAMIC = re.compile(r"\bimport\s*[(.]")
_STYLE_IMPORT = re.compile(r'^@import "([^"]+)";\n', re.MULTILINE)


class ScriptError(ValueError):
    """A script that cannot be bundled; the message begins with its file and line."""

    def __init__(self, file: Path, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")
        self.file = file
        self.line = line


@dataclass(frozen=True)
class Sources:
    """What a component is made of, for a browser.

    script: the body of a function of `HOST`
    """

    template: str
    style: str
    script: str


@dataclass(frozen=True)
class _Module:
    """A module without its import and export statements.

    imports: (line, file, names), with names as (name there, name here)
    exports: the names that others may import
    """

    file: Path
    code: str
    imports: tuple[tuple[int, Path, tuple[tuple[str, str], ...]], ...]
    exports: tuple[str, ...]


def read_component(folder: Path) -> Sources:
    """Read the files of a component."""
    template, style = ((folder / name).read_text("utf-8") for name in ("template.html", "style.css"))
    return Sources(template, _with_imports(style, folder), bundle(folder / ENTRY))


def as_function(script: str) -> str:
    """Turn what `bundle` returned into the expression of a function of `HOST`."""
    return f"function ({', '.join(HOST)}) {{\n{script}\n}}"


@cache
def bundle(entry: Path) -> str:
    """Bundle a module and whatever it imports into the body of a function of `HOST`, which calls its `mount`.

    Each module keeps a scope of its own, and runs after those that it imports. Raises ScriptError for an import or
    export in any other form than those above, for a file or a name that is not there, and for modules that import each
    other in a circle.
    """
    modules: dict[Path, _Module] = {}
    _collect(entry.resolve(), (), modules)
    names = {file: f"$module{number}" for number, file in enumerate(modules)}
    last = modules[entry.resolve()]
    if "mount" not in last.exports:
        raise ScriptError(entry, 1, "the module of a component has to export `mount`")
    scopes = [_scope(module, names) for module in modules.values()]
    return "\n".join(['"use strict";', *scopes, f"{names[last.file]}.mount({{ {', '.join(HOST)} }});"])


def _with_imports(style: str, folder: Path) -> str:
    return _STYLE_IMPORT.sub(lambda found: (folder / found[1]).read_text("utf-8"), style)


def _collect(file: Path, importers: tuple[Path, ...], modules: dict[Path, _Module]) -> None:
    """Add a module to `modules`, behind those that it imports."""
    if file in modules:
        return
    module = _read(file)
    for line, other, names in module.imports:
        if other in (*importers, file):
            raise ScriptError(file, line, f"imports {other.name}, which imports this file: a circle")
        if not other.is_file():
            raise ScriptError(file, line, f"imports {other}, which is not there")
        _collect(other, (*importers, file), modules)
        for name, _ in names:
            if name not in modules[other].exports:
                raise ScriptError(file, line, f"imports {name}, which {other.name} does not export")
    modules[file] = module


def _read(file: Path) -> _Module:
    text = file.read_text("utf-8")
    pieces: list[str] = []
    imports: list[tuple[int, Path, tuple[tuple[str, str], ...]]] = []
    exports: list[str] = []
    end = 0
    for statement in _STATEMENT.finditer(text):
        start = statement.start(1)
        line = text.count("\n", 0, start) + 1
        if found := _IMPORT.match(text, start):
            imports.append((line, (file.parent / found[2]).resolve(), _names(found[1], file, line)))
            pieces.append(text[end:start])
            end = found.end()
        elif found := _EXPORT.match(text, start):
            exports.append(found[1])
            pieces.append(text[end:start])
            end = start + len("export ")
        else:
            raise ScriptError(file, line, f"`{text[start:].splitlines()[0]}` is in no form that is bundled")
    code = "".join([*pieces, text[end:]])
    if found := _DYNAMIC.search(code):
        raise ScriptError(file, code.count("\n", 0, found.start()) + 1, f"`{found[0]}` is not bundled")
    return _Module(file, code.strip(), tuple(imports), tuple(exports))


def _names(text: str, file: Path, line: int) -> tuple[tuple[str, str], ...]:
    """Return the names between the braces of an import: (name there, name here) each."""
    names = []
    for each in filter(None, (part.strip() for part in text.split(","))):
        found = _NAME.fullmatch(each)
        if not found:
            raise ScriptError(file, line, f"`{each}` is no name, nor one renamed with `as`")
        names.append((found[1], found[2] or found[1]))
    return tuple(names)


def _scope(module: _Module, names: dict[Path, str]) -> str:
    """Return a module as a function that is called at once and returns what it exports."""
    imported = []
    for _, file, pairs in module.imports:
        taken = ", ".join(there if there == here else f"{there}: {here}" for there, here in pairs)
        imported.append(f"const {{ {taken} }} = {names[file]};")
    exported = f"return {{ {', '.join(module.exports)} }};"
    where = f"// {module.file.parent.name}/{module.file.name}"
    body = "\n".join([*imported, module.code, exported])
    return f"{where}\nconst {names[module.file]} = (() => {{\n{body}\n}})();"
