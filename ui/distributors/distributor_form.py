"""The distributors, the form to add, change or remove one, and the customers' numbers there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from core import runtime
from core.cache.channel_rows import all_channels
from core.cache.tenant_rows import tenant_rows
from core.cases import distributors as known_distributors
from core.cases.distributor_rules import HOW
from core.cases.distributors import Distributor, DistributorRefused, numbers_of
from core.cases.order_texts import SAMPLE, default_templates
from core.cases.templates import TemplateFault, render
from core.name_key import sort_key
from core.tenants.chosen_names import LONGEST_NAME
from core.texts import languages
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.distributors.distributor_lines import (
    LineFault,
    article_lines,
    number_lines,
    read_articles,
    read_numbers,
)
from ui.escaping import plain
from ui.fault_places import Places
from ui.frame import language
from ui.frame.identity import current_user
from ui.row_dialog import close_dialog, dialog_subject, finish_dialog, open_dialog, show_dialog
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

KEY = "distributor_{}"
COLUMNS: dict[str, Kind] = {
    "distributor": "open", "distributor_how": "text", "distributor_to": "text", "articles": "number",
    "delivery_days": "number",
}  # fmt: skip
PLAIN_FIELDS = ("name", "how", "address", "channel_id", "language", "delivery_days", "cost_centre", "with_file",
                "subject", "body", "active")  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenDistributor:
    """The form that is open: about a version of a distributor, "" for a new one."""

    distributor_id: str = ""
    version: int = 0


def edit_distributors() -> None:
    """Show the distributors, the button for a new one, and the open form."""
    known = known_distributors.distributors(runtime.current().engine)
    if known:
        rows = [Row(one.distributor_id, _cells(one)) for one in known]
        clicked = show_whole_table("distributors", text("nav.haendler"), titled_columns(COLUMNS), rows)
        if clicked is not None:
            _open(next(one for one in known if one.distributor_id == clicked))
    else:
        st.info(text("distributor.none"), icon=":material/info:")
    st.button(text("distributor.add"), key="distributor_add", icon=":material/add:", on_click=_open)
    form = dialog_subject(OpenDistributor)
    if form is not None:
        stored = next((one for one in known if one.distributor_id == form.distributor_id), None)
        show_dialog(stored.name if stored else text("distributor.add"), "nav.haendler", _dialog, "large")


def _cells(one: Distributor) -> list[object]:
    how = text(f"distributor.how.{one.how}")
    return [
        one.name,
        how if one.active else f"{how}, {text('distributor.off')}",
        one.address,
        str(len(one.articles)),
        str(one.delivery_days),
    ]


def _open(stored: Distributor | None = None) -> None:
    subject, body = default_templates(language.current())
    one = stored or Distributor(language=language.current(), subject=subject, body=body, with_file=True)
    open_dialog(OpenDistributor(one.distributor_id, one.version))
    for name in PLAIN_FIELDS:
        st.session_state[KEY.format(name)] = getattr(one, name)
    st.session_state[KEY.format("articles")] = article_lines(one.articles)
    engine = runtime.current().engine
    numbers = numbers_of(engine, one.distributor_id) if one.distributor_id else {}
    st.session_state[KEY.format("numbers")] = number_lines(numbers, _tenants())


def _tenants() -> dict[str, str]:
    """Return tenant id -> name."""
    rows = tenant_rows(runtime.current().engine).values()
    return {row.tenant_id: row.name for row in sorted(rows, key=lambda row: sort_key(row.name))}


def _dialog() -> None:
    form, engine = dialog_subject(OpenDistributor), runtime.current().engine
    if form is None:
        return
    known = {one.distributor_id: one for one in known_distributors.distributors(engine)}
    stored = known.get(form.distributor_id)
    if form.distributor_id and (stored is None or stored.version != form.version):
        name = stored.name if stored else ""
        st.info(text("distributor.changed_meanwhile", name=plain(name)), icon=":material/info:")
        return
    places = Places()
    wanted = _fields(stored or Distributor(), places)
    _preview(wanted, places)
    with st.container(horizontal=True, key="distributor_forms"):
        if st.button(text("rule.save"), key=bound_key("distributor_save", *_of(form)), type="primary"):
            with errors_shown():
                _save(wanted, places)
        key = bound_key("distributor_remove", *_of(form))
        if stored and st.button(text("distributor.remove"), key=key):
            with errors_shown():
                known_distributors.remove(engine, current_user(), stored)
                finish_dialog(text("distributor.removed", name=plain(stored.name)))
        st.button(text("rule.cancel"), key="distributor_cancel", on_click=close_dialog)


def _of(form: OpenDistributor) -> tuple[str, int]:
    return form.distributor_id, form.version


def _fields(stored: Distributor, places: Places) -> Distributor:
    """Show the fields; return the distributor with their values, but its articles."""
    name = _line("name", places, most=LONGEST_NAME)
    how = st.radio(text("column.distributor_how"), HOW, key=KEY.format("how"), horizontal=True,
                   format_func=lambda one: text(f"distributor.how.{one}"))  # fmt: skip
    places.below("how")
    address, channel_id, with_file = "", "", False
    if how == "mail":
        address = _line("address", places, most=254)
        with_file = st.checkbox(text("distributor.with_file"), key=KEY.format("with_file"))
    elif how == "webhook":
        channel_id = _webhook(places)
    with st.container(horizontal=True):
        chosen = st.selectbox(text("column.language"), languages(), key=KEY.format("language"), width=140,
                              format_func=text_of_language)  # fmt: skip
        days = st.number_input(text("column.delivery_days"), key=KEY.format("delivery_days"), step=1, width=220)
        active = st.checkbox(text("distributor.active"), key=KEY.format("active"))
    for field in ("language", "delivery_days"):
        places.below(field)
    cost_centre = _line("cost_centre", places, most=60)
    subject, body = stored.subject or default_templates(chosen)[0], stored.body or default_templates(chosen)[1]
    if how == "mail":
        subject = _line("subject", places, most=500)
        body = _block("body", places, 260)
    _block("articles", places, 120)
    _block("numbers", places, 90)
    return replace(
        stored, name=name, how=how, address=address, channel_id=channel_id, language=chosen, delivery_days=int(days),
        cost_centre=cost_centre, with_file=with_file, subject=subject, body=body, active=active,
    )  # fmt: skip


def text_of_language(code: str) -> str:
    return text(f"distributor.language.{code}")


def _line(name: str, places: Places, *, most: int) -> str:
    value = st.text_input(text(f"distributor.{name}"), key=KEY.format(name), max_chars=most, autocomplete="off")
    places.below(name)
    return value or ""


def _block(name: str, places: Places, height: int) -> str:
    value = st.text_area(text(f"distributor.{name}"), key=KEY.format(name), height=height,
                         help=text(f"distributor.{name}_help"))  # fmt: skip
    places.below(name)
    return value or ""


def _webhook(places: Places) -> str:
    channels = {one.channel_id: one.name for one in all_channels(runtime.current().engine) if one.kind == "webhook"}
    if st.session_state.get(KEY.format("channel_id")) not in channels:
        st.session_state[KEY.format("channel_id")] = next(iter(channels), None)
    chosen = st.selectbox(text("distributor.channel_id"), list(channels), key=KEY.format("channel_id"), width=360,
                          format_func=lambda key: channels[key])  # fmt: skip
    places.below("channel_id")
    return chosen or ""


def _preview(wanted: Distributor, places: Places) -> None:
    """Show the mail with sample values, or what is wrong with a template at its field."""
    if wanted.how != "mail":
        return
    shown: dict[str, str] = {}
    for field in ("subject", "body"):
        try:
            shown[field] = render(getattr(wanted, field), SAMPLE)
        except TemplateFault as fault:
            places.show({field: fault.problem})
    if len(shown) == 2:
        with st.expander(text("distributor.preview")):
            mail = f"{shown['subject']}\n\n{shown['body']}"
            st.text(mail)


def _save(wanted: Distributor, places: Places) -> None:
    """Store the distributor and the customers' numbers there, or show what is wrong at its field."""
    engine, names, state = runtime.current().engine, _tenants(), st.session_state
    lines: Mapping[str, str] = {name: state.get(KEY.format(name)) or "" for name in ("articles", "numbers")}
    for field in lines:
        try:
            if field == "articles":
                wanted = replace(wanted, articles=read_articles(lines[field]))
            else:
                numbers = read_numbers(lines[field], names)
        except LineFault as fault:
            places.show({field: fault.problem})
            return
    try:
        saved = known_distributors.keep(engine, current_user(), wanted)
        known = numbers_of(engine, saved.distributor_id)
        gone = {tenant_id: known_distributors.CustomerNumber() for tenant_id in known if tenant_id not in numbers}
        changed = {tenant_id: one for tenant_id, one in numbers.items() if known.get(tenant_id) != one}
        if gone or changed:
            known_distributors.set_numbers(engine, current_user(), saved, gone | changed)
    except DistributorRefused as error:
        places.show(error.faults)
        return
    finish_dialog(text("distributor.saved", name=plain(saved.name)))
