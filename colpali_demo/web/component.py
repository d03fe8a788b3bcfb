"""The base of our own components: a folder with template.html, style.css and scripts beside the class."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from colpali_demo.explain import WORD_OVERLAP
from colpali_demo.export import colormap

# What the scripts in `shared` need to draw as the rest of the package does.
DRAWING: dict[str, Any] = {
    "colors": b64encode(colormap.TABLE.tobytes()).decode(),
    "faintest": colormap.FAINTEST,
    "word_overlap": WORD_OVERLAP,
}


@dataclass(frozen=True)
class Sources:
    """What a component is made of, for a browser."""

    template: str
    style: str
    script: str


def read_sources(folder: Path, scripts: tuple[str, ...]) -> Sources:
    """Read the files of a component; its scripts become one."""
    template, style, *texts = ((folder / name).read_text("utf-8") for name in ("template.html", "style.css", *scripts))
    return Sources(template, style, "\n".join(texts))


class Component(gr.HTML):
    """A `gr.HTML` whose template is static and whose scripts draw the value, a JSON object.

    The scripts run as one, in the order of `SCRIPTS`; those of several components lie in the folder `shared`.

    Gradio evaluates `${}` and `{{}}` in templates, also where they come out of a value that a template shows. So no
    template shows any: the scripts put text into the page as text nodes.
    """

    SCRIPTS: tuple[str, ...] = ("../shared/dom.js", "script.js")

    def __init__(self, folder: Path, value: dict[str, Any] | None = None, **props: Any) -> None:
        sources = read_sources(folder, self.SCRIPTS)
        super().__init__(
            value,
            html_template=sources.template,
            css_template=sources.style,
            js_on_load=sources.script,
            apply_default_css=False,
            **props,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}
