"""The little CSS that Streamlit has no option for. Static text: nothing from outside ever goes in here."""

from __future__ import annotations

import streamlit as st

_CSS = """<style>
/* The whole tile is the link, not only its words. */
[class*="st-key-tile-"] { position: relative; height: 100%; }
[class*="st-key-tile-"] a::after { content: ""; position: absolute; inset: 0; }
[class*="st-key-tile-"]:hover, [class*="st-key-tile-"]:focus-within { border-color: currentColor; }
/* The line keeps its height, so that nothing moves when a refresh starts or ends. */
.st-key-freshness { min-height: 2.5rem; }
.stMainBlockContainer { padding-top: 3.5rem; padding-bottom: 3rem; }
</style>"""


def style() -> None:
    st.html(_CSS)
