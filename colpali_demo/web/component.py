"""The base of our own components: a folder with template.html, style.css and mount.js beside the class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from colpali_demo.export.browser import read_component

COLORS = Path(__file__).with_name("colors.css")
"""What the components take their colors from: a page that shows one passes it to `launch(css_paths=)`."""


class Component(gr.HTML):
    """A `gr.HTML` whose template is static and whose modules draw the value, a JSON object.

    `mount.js` exports a function `mount({ element, trigger, props, watch })`; what it imports is bundled with it.

    Gradio evaluates `${}` and `{{}}` in templates, also where they come out of a value that a template shows. So no
    template shows any: the scripts put text into the page as text nodes.
    """

    def __init__(self, folder: Path, value: dict[str, Any] | None = None, **props: Any) -> None:
        sources = read_component(folder)
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
