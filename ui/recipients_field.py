"""The field for addresses of mail, of which a form takes several."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

HEIGHT = 70  # pixels
LONGEST_RECIPIENTS = 6_000
BETWEEN = re.compile(r"[\s,;]+")


def recipients_field(label: str, key: str, **options: Any) -> tuple[str, ...]:
    """Show the field; return what stands in it between spaces, commas, semicolons and ends of lines."""
    typed = st.text_area(label, key=key, height=HEIGHT, max_chars=LONGEST_RECIPIENTS, **options)
    return tuple(part for part in BETWEEN.split(typed or "") if part)
