"""Type and colors of Gradio's own widgets. No web fonts: the page works offline and tells nobody of its visitors."""

from __future__ import annotations

import gradio as gr

SANS = ("ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "Noto Sans", "Liberation Sans", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "Menlo", "Consolas", "Liberation Mono", "monospace")


def theme() -> gr.themes.Base:
    """Return the theme; its values name the variables of style.css, which know light from dark."""
    both = {
        "body_background_fill": "var(--paper)",
        "body_text_color": "var(--ink)",
        "body_text_color_subdued": "var(--quiet)",
        "background_fill_primary": "var(--surface)",
        "background_fill_secondary": "var(--paper)",
        "border_color_primary": "var(--line)",
        "border_color_accent": "var(--accent)",
        "block_background_fill": "transparent",
        "block_border_color": "var(--line)",
        "block_label_background_fill": "transparent",
        "block_label_text_color": "var(--quiet)",
        "block_title_text_color": "var(--quiet)",
        "input_background_fill": "var(--surface)",
        "input_background_fill_focus": "var(--surface)",
        "input_border_color": "var(--line-strong)",
        "input_border_color_focus": "var(--accent)",
        "input_placeholder_color": "var(--quiet)",
        "button_primary_background_fill": "var(--ink)",
        "button_primary_background_fill_hover": "var(--accent)",
        "button_primary_text_color": "var(--paper)",
        "button_primary_text_color_hover": "var(--paper)",
        "button_primary_border_color": "var(--ink)",
        "button_secondary_background_fill": "var(--surface)",
        "button_secondary_background_fill_hover": "var(--accent-wash)",
        "button_secondary_text_color": "var(--ink)",
        "button_secondary_text_color_hover": "var(--ink)",
        "button_secondary_border_color": "var(--line-strong)",
        "color_accent_soft": "var(--accent-wash)",
        "link_text_color": "var(--accent)",
        "link_text_color_hover": "var(--accent)",
        "link_text_color_visited": "var(--accent)",
        "link_text_color_active": "var(--accent)",
        "slider_color": "var(--accent)",
        "loader_color": "var(--accent)",
        "error_background_fill": "var(--surface)",
        "error_border_color": "var(--bad)",
        "error_text_color": "var(--bad)",
        "error_icon_color": "var(--bad)",
    }
    plain = {
        "color_accent": "var(--accent)",
        "block_border_width": "0px",
        "block_shadow": "none",
        "block_padding": "0px",
        "block_label_padding": "0px",
        "block_title_text_weight": "500",
        "block_title_text_size": "13px",
        "button_large_radius": "8px",
        "button_large_text_weight": "600",
        "button_primary_shadow": "none",
        "input_border_width": "1px",
        "input_radius": "8px",
        "input_shadow": "none",
        "input_shadow_focus": "none",
        "layout_gap": "20px",
    }
    base = gr.themes.Base(primary_hue="indigo", neutral_hue="stone", font=SANS, font_mono=MONO)
    return base.set(**plain, **both, **{f"{name}_dark": value for name, value in both.items()})
