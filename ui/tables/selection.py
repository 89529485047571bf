"""The chosen row of a table, and the keys of buttons: a click is about what was shown then, never about a position.

Rows move between the moment a table is drawn and the moment a click on it arrives: somebody signs in, a refresh
reorders. A browser reports row numbers, and Streamlit runs the newest callback that it knows for the key of a control.
So the keys of tables and buttons contain the identity of what was shown: a late click means that, or is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from ui.frame import visit
from ui.texts import text

DIGEST_BYTES = 8
ROW_PIXELS, HEADER_PIXELS = 35, 37  # of Streamlit's tables


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as last shown: its key, the row ticked when it was first shown, the id of the row ticked now."""

    key: str = ""
    first: int | None = None
    chosen: str | None = None
    round: int = 0


def bound_key(name: str, *identity: object) -> str:
    """Return the key of a control that acts on `identity`; another identity gives another control."""
    words = "\n".join(str(part).replace("\n", " ") for part in identity)
    return f"{name}_{hashlib.blake2b(words.encode('utf-8', 'replace'), digest_size=DIGEST_BYTES).hexdigest()}"


def selectable(name: str, ids: Sequence[str]) -> dict[str, Any]:
    """Return the options of `st.dataframe` to choose one row of the table `name`; the choice follows a row that moves.

    `ids` has one id per row, which no other row ever has.
    """
    table = _Table(round=_table(name).round) if visit.entered() else _table(name)
    key = bound_key(name, table.round, *ids)
    if table.key != key:
        table = replace(table, key=key, first=_row(table.chosen, ids))
    st.session_state[_state_key(name)] = table
    default = None if table.first is None else {"selection": {"rows": [table.first]}}
    return {
        "key": key,
        "on_select": partial(_tick, name, key, ids),
        "selection_mode": "single-row",
        "selection_default": default,
    }


def chosen_row(name: str, ids: Sequence[str], shown: Mapping[str, Any]) -> int | None:
    """Return the position of the chosen row, None for none; `shown` is what `st.dataframe` returned for these `ids`.

    If the chosen row is no longer in the table, show a message.
    """
    table = _table(name)
    chosen = _id_of(shown, ids)
    if chosen is None and table.chosen is not None and table.chosen not in ids:
        st.info(text("table.row_gone"), icon=":material/info:")
    st.session_state[_state_key(name)] = replace(table, chosen=chosen)
    return _row(chosen, ids)


def untick(name: str) -> None:
    """Show a new table without a chosen row, after the action on that row is finished."""
    st.session_state[_state_key(name)] = _Table(round=_table(name).round + 1)


def _tick(name: str, key: str, ids: Sequence[str]) -> None:
    """Store the id of the chosen row, from the `ids` that the browser was shown: the next order may be another."""
    st.session_state[_state_key(name)] = replace(_table(name), chosen=_id_of(st.session_state[key], ids))


def _id_of(shown: Mapping[str, Any], ids: Sequence[str]) -> str | None:
    rows = shown["selection"]["rows"]
    row = rows[0] if rows else None
    return ids[row] if type(row) is int and 0 <= row < len(ids) else None


def _row(chosen: str | None, ids: Sequence[str]) -> int | None:
    return None if chosen is None or chosen not in ids else list(ids).index(chosen)


def _table(name: str) -> _Table:
    table: _Table = st.session_state.get(_state_key(name), _Table())
    return table


def _state_key(name: str) -> str:
    return f"_table_{name}"
