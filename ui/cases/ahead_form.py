"""The dialog for a case that is opened ahead of time: for whom, what, how many, when, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import streamlit as st

from core import runtime
from core.cases.ahead import LONGEST_AHEAD, AheadRequest, open_ahead
from core.cases.changes import LARGEST_QUANTITY, LONGEST_TEXT
from core.licenses.skus import product_language
from core.name_key import sort_key
from core.roles import Action
from ui.action_messages import errors_shown, keep_success
from ui.cases.case_change import note_read
from ui.cases.chosen_case import NEW, open_case
from ui.control_keys import bound_key
from ui.format import DATE_FORMAT
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.row_dialog import close_dialog, confirm_buttons, dialog_subject, open_dialog, show_dialog
from ui.snapshots import Snapshot
from ui.texts import text

USUALLY_IN = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class NewCase:
    """The subject of the dialog: slug of the tenant and SKU id of the product, "" where they are still to be chosen."""

    slug: str = ""
    sku_id: str = ""


def open_new_case_of_link() -> None:
    """Open the dialog if the address asks for it; comes before anything that writes into the address."""
    wanted = st.query_params.pop(NEW, "")
    if wanted:
        slug, _, sku_id = wanted.partition("/")
        open_dialog(NewCase(slug, sku_id))


def new_case_button() -> None:
    """Show the button that opens the dialog, to roles that may."""
    if not current_user().may(Action.CASES):
        return
    st.button(text("case.do.open"), key="case_new", icon=":material/add:", on_click=open_dialog, args=(NewCase(),))


def new_case_dialog(snapshot: Snapshot, view: View) -> None:
    """Show the dialog if it is open."""
    subject = dialog_subject(NewCase)
    if subject is not None and current_user().may(Action.CASES):
        show_dialog(text("case.ahead_title"), "case.form", partial(_content, subject, snapshot, view))


def _content(subject: NewCase, snapshot: Snapshot, view: View) -> None:
    st.markdown(text("case.ahead_what"))
    slug = _choice("tenant", dict(snapshot.active_names), subject.slug, subject)
    sku_id = _choice("product", products_by_id(snapshot, view.language), subject.sku_id, subject)
    with st.container(horizontal=True):
        quantity = _count("quantity", 1, subject)
        waiting = _count("waiting", 0, subject)
    today = view.today
    wanted_at = st.date_input(
        text("column.wanted_at"), today + USUALLY_IN, key=bound_key("case_wanted_at", subject), format=DATE_FORMAT,
        min_value=today, max_value=today + LONGEST_AHEAD, width=220,
    )  # fmt: skip
    note = st.text_area(
        text("column.note"), key=bound_key("case_note", subject), max_chars=LONGEST_TEXT, height=80,
        placeholder=text("case.ahead_hint"),
    )  # fmt: skip
    if confirm_buttons(text("case.do.open"), bound_key("case_new_now", subject), "case_cancel"):
        day = wanted_at if isinstance(wanted_at, date) else today
        request = AheadRequest(snapshot.ids.get(slug, ""), sku_id, quantity, day, str(note or ""), waiting)
        with errors_shown():
            _open(request, view)


def _open(request: AheadRequest, view: View) -> None:
    """Open the case and change to its page. Raises ProblemError."""
    case = open_ahead(runtime.current().engine, current_user(), request, datetime.now(UTC), view.zone)
    note_read(case)
    keep_success(text("case.done.open", number=case.number))
    close_dialog()
    open_case(case.number)


def products_by_id(snapshot: Snapshot, language: str) -> dict[str, str]:
    """Return SKU id -> name of the products that any tenant has, by name; of equal names with the part number."""
    column = f"product_{product_language(language)}"
    shown = snapshot.licenses[~snapshot.licenses["hidden"].astype(bool)]
    products = shown[["sku_id", column, "sku_part_number"]].drop_duplicates("sku_id")
    doubled = set(products[column][products[column].duplicated()])
    named = [
        (sku_id, f"{name} ({part})" if name in doubled else name)
        for sku_id, name, part in products.itertuples(index=False)
    ]
    return dict(sorted(named, key=lambda one: sort_key(one[1])))


def _choice(name: str, names: dict[str, str], chosen: str, subject: NewCase) -> str:
    options = list(names)
    place = options.index(chosen) if chosen in names else None
    picked = st.selectbox(
        text(f"column.{name}"), options, place, key=bound_key(f"case_new_{name}", subject),
        format_func=lambda one: names.get(one, one), placeholder=text(f"case.choose.{name}"),
    )  # fmt: skip
    return str(picked or "")


def _count(name: str, least: int, subject: NewCase) -> int:
    return int(
        st.number_input(
            text(f"column.{name}"), least, LARGEST_QUANTITY, least, key=bound_key(f"case_{name}", subject), width=200,
            help=text(f"case.help.{name}"),
        )
    )  # fmt: skip
