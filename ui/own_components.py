"""Our own Streamlit components: their scripts and styles are the files of `component/`, one name for each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

PACKAGE = "lizenztool"
NAMES = ("html_table", "copy_link", "jump_box", "focus", "passing_line")
FOLDER = Path(__file__).parent


def show_component(
    name: str,
    html: str,
    *,
    key: str,
    description: Mapping[str, Any],
    events: Sequence[str] = (),
    css: bool = False,
    width: Literal["stretch", "content"] = "stretch",
) -> Any:
    """Show the component `name` with a description, as JSON; return its answer, with an attribute for each event.

    Its files are `component/<name>.js`, and with `css` the .css of that name.
    """
    callbacks = {f"on_{event}_change": _nothing for event in events}
    data = json.dumps(description, ensure_ascii=False).encode()
    return _registered(name, html, css=css)(key=key, data=data, width=width, **callbacks)


def _nothing() -> None:
    """Do nothing; Streamlit passes on only events that have a callback."""


def _registered(name: str, html: str, *, css: bool = False) -> Any:
    """Return the function that shows the component `name`, which Streamlit knows from now on."""
    manager = get_bidi_component_manager()
    if manager.get_component_asset_root(f"{PACKAGE}.{name}") is None:  # usually read from installed packages
        components = [ComponentConfig(known, asset_dir="component") for known in NAMES]
        manager.register_from_manifest(ComponentManifest(PACKAGE, "1", components), FOLDER)
    return _shown_by(name, html, css=css)


@cache
def _shown_by(name: str, html: str, *, css: bool) -> Any:
    style = f"{name}.css" if css else None
    return st.components.v2.component(f"{PACKAGE}.{name}", html=html, css=style, js=f"{name}.js", isolate_styles=False)
