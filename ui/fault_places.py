"""Where a form tells what is wrong: below the field that has the fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.problems import Problem
from ui.escaping import plain
from ui.frame import language


class Places:
    """The places below the fields, for what is wrong with each."""

    def __init__(self) -> None:
        self._places: dict[str, Any] = {}

    def below(self, field: str) -> None:
        self._places[field] = st.empty()

    def show(self, faults: Mapping[str, Problem]) -> None:
        """Show each problem at its field."""
        for field, problem in faults.items():
            place = self._places.get(field)
            words = f":red[{plain(problem.text(language.current()))}]"
            (place if place is not None else st).markdown(words)
