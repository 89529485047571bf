"""A button that copies the address of the page, filters and open licence included."""

from __future__ import annotations

import json

from ui.own_components import own_component
from ui.texts import text


def copy_link(key: str) -> None:
    words = {"label": text("panel.copy_link"), "copied": text("panel.link_copied")}
    show = own_component("copy_link", '<button type="button" class="copy-link"></button>')
    show(key=key, data=json.dumps(words).encode(), width="content")
