"""A button that copies the address of the page, filters and open licence included."""

from __future__ import annotations

from ui.own_components import show_component
from ui.texts import text


def copy_link(key: str) -> None:
    words = {"label": text("panel.copy_link"), "copied": text("panel.link_copied")}
    html = '<button type="button" class="copy-link"></button>'
    show_component("copy_link", html, key=key, description=words, width="content")
