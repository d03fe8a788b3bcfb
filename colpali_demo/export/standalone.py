"""One HTML file that shows the lens and the matrix wherever it is opened."""

from __future__ import annotations

import html
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from colpali_demo.export.browser import DRAWING, WEB, Sources, as_function, read_component
from colpali_demo.export.lens_value import FileData, LensValue, with_files

MIME_TYPES = {".jpg": "image/jpeg", ".webp": "image/webp", ".maps": "application/octet-stream"}
CONTENT_POLICY = (
    "default-src 'none'; img-src data: blob:; connect-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
STYLE = """
body { margin: 0; font-family: ui-sans-serif, system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main {
  display: grid; gap: 22px; max-width: max(1480px, min(90vw, 2800px)); margin: 0 auto;
  padding: clamp(16px, 2.4vw, 36px);
}
main > * { min-width: 0; }
/* The query, at any width: the demo's own page has a box for it, and may do without this line. */
#asked { display: block !important; margin: 4px 0 0 !important; overflow-wrap: anywhere; white-space: normal; }
"""


def standalone(value: LensValue, start: str = "") -> bytes:
    """Return the lens and the matrix with everything they show, as one HTML file that fetches nothing.

    value: the value of the lens; its files are read and put in
    start: what to show first, as in a link: "show=KEY&token=ID&overlay=NAME"
    """
    value = with_files(value, _data_address)
    for entry in value["ranking"]:  # thumbnails of pages that cannot be opened there are left out
        if entry["key"] not in value["pages"]:
            entry["thumb"] = None
    lens = read_component(WEB / "lens")
    matrix = read_component(WEB / "matrix")
    title = html.escape(f"Why did this page match? {value['query']['text']}")
    page = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">
<title>{title}</title>
<style>{_style()}</style>
<main>
<header class="masthead"><h1>Why did this page match?</h1><p id="asked"></p></header>
{_part("lens", lens)}
{_part("matrix", matrix)}
</main>
<script type="application/json" id="value">{_json(value)}</script>
<script>
document.documentElement.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
const value = JSON.parse(document.getElementById("value").textContent);
document.getElementById("asked").textContent = "Query: " + value.query.text;
{_run("lens", lens, {"start": start}, "value")}
{_run("matrix", matrix, {"of": "lens"}, "null")}
</script>
</html>
"""
    return page.encode()


def _style() -> str:
    return "".join((WEB / name).read_text("utf-8") for name in ("colors.css", "style.css")) + STYLE


def _part(name: str, sources: Sources) -> str:
    return f'<div id="{name}"><style>#{name} {{ {sources.style} }}</style>{sources.template}</div>'


def _run(name: str, sources: Sources, props: dict[str, Any], value: str) -> str:
    """Return JavaScript that runs the script of a component as Gradio does, with no server behind it."""
    props = {**DRAWING, **props, "offline": True}
    arguments = f'document.getElementById("{name}"), () => {{}}, {{ ...{_json(props)}, value: {value} }}'
    return f"({as_function(sources.script)})({arguments}, null, null, () => {{}});"


def _json(value: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return json.dumps(value).replace("<", "\\u003c")


def _data_address(file: FileData) -> dict[str, str]:
    path = Path(file["path"])
    return {"url": f"data:{MIME_TYPES[path.suffix]};base64,{b64encode(path.read_bytes()).decode()}"}
