"""The base of our own components: a folder with template.html, style.css and scripts beside the class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr


class Component(gr.HTML):
    """A `gr.HTML` whose template is static and whose scripts draw the value, a JSON object.

    The scripts run as one, in the order of `SCRIPTS`; those of several components lie in the folder `shared`.

    Gradio evaluates `${}` and `{{}}` in templates, also where they come out of a value that a template shows. So no
    template shows any: the scripts put text into the page as text nodes.
    """

    SCRIPTS: tuple[str, ...] = ("script.js",)

    def __init__(self, folder: Path, value: dict[str, Any] | None = None, **props: Any) -> None:
        def read(name: str) -> str:
            return (folder / name).read_text("utf-8")

        super().__init__(
            value,
            html_template=read("template.html"),
            css_template=read("style.css"),
            js_on_load="\n".join(read(script) for script in self.SCRIPTS),
            apply_default_css=False,
            **props,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}
