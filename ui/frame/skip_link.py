"""A link to the table of a page, past everything above it; visible only while it has the focus of the keyboard."""

from __future__ import annotations

from html import escape

import streamlit as st

_PLACE = "table-begins"


def skip_link(label: str) -> None:
    """Show the link to `table_begins`."""
    st.html(f'<a class="skip-link" href="#{_PLACE}" target="_self">{escape(label)}</a>')


def table_begins() -> None:
    """Mark the place just before the table; from here the next tab stop is the table's first."""
    st.html(f'<span class="skip-target" id="{_PLACE}" tabindex="-1"></span>')
