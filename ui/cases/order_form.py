"""The forms of an order: place it, with exactly what goes out below its fields, and note the distributor's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import streamlit as st
from sqlalchemy import Engine

from core import runtime
from core.cache.case_rows import Case
from core.cache.order_rows import orders_by_key
from core.cases import orders
from core.cases.changes import LARGEST_QUANTITY
from core.cases.delivery import progress_of
from core.cases.detail import CaseDetail
from core.cases.distributors import Distributor, distributors
from core.cases.order_draft import LATEST, LONGEST, article_of
from core.cases.order_texts import file_name
from core.cases.orders import Draft, OrderRefused, OrderRequest
from core.cases.transitions import transition
from core.problems import Problem
from ui.cases.case_change import OpenForm, case_now, submit
from ui.cases.order_section import show_mail
from ui.escaping import plain
from ui.fault_places import Places
from ui.format import DATE_FORMAT
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.snapshots import Snapshot
from ui.texts import text

ELSEWHERE = ""  # in place of a distributor: it was ordered by other ways, and is only noted
TERMS = ("order.term.month", "order.term.year", "order.term.three_years")


def order_form(form: OpenForm, detail: CaseDetail, view: View, snapshot: Snapshot) -> None:
    """Show the fields of an order for the case and those it is bundled with, and below what goes out."""
    places = Places()
    distributor = _distributor(form, places)
    cases = [detail.case, *(one for one in detail.joined if transition("ordered", one.state, one.resumes))]
    request = _request(form, cases, distributor, places, view, snapshot)
    try:
        draft = orders.preview(_engine(), current_user(), request, _now(), view.zone)
    except OrderRefused as error:
        places.show(error.faults)
    else:
        _show_draft(draft, view)
        request = _with_key(request, draft)
    label = text("order.send" if distributor and distributor.how != "file" else "order.note")

    def place() -> Case:
        orders.place(_engine(), current_user(), request, _now(), view.zone, expected=form.version)
        return case_now(form.case_id)

    submit(form, place, label=label)


def _with_key(request: OrderRequest, draft: Draft) -> OrderRequest:
    """Return the request with the key that the preview shows: pressed twice it is one order."""
    return replace(request, order_key=draft.order.order_key)


def _distributor(form: OpenForm, places: Places) -> Distributor | None:
    """Show the choice of the distributor; return it, None for elsewhere."""
    known = {one.distributor_id: one for one in distributors(_engine()) if one.active}
    chosen = st.selectbox(
        text("order.distributor"), [*known, ELSEWHERE], key=form.key("distributor"), width=360,
        format_func=lambda key: f"{known[key].name} ({text(f'distributor.how.{known[key].how}')})" if key in known
        else text("order.elsewhere"),
    )  # fmt: skip
    places.below("distributor_id")
    return known.get(chosen or ELSEWHERE)


def _request(
    form: OpenForm, cases: Sequence[Case], distributor: Distributor | None, places: Places, view: View,
    snapshot: Snapshot,
) -> OrderRequest:  # fmt: skip
    quantities, articles = {}, {}
    for place, case in enumerate(cases):
        quantity, article = _line(form, case, distributor, places, snapshot.product_name(case, view.language))
        if quantity or not place:
            quantities[case.case_id], articles[case.case_id] = quantity, article
    chosen = distributor.distributor_id if distributor else ""
    with st.container(horizontal=True):
        terms = [text(key, view.language) for key in TERMS]
        term = st.selectbox(text("order.column.term"), terms, index=1, key=form.key("term"), accept_new_options=True,
                            width=160)  # fmt: skip
        places.below("term")
        expected_at = _day(form, view, (distributor or Distributor()).delivery_days)
        places.below("expected_at")
        reference = st.text_input(text("order.reference"), key=form.key("reference"), max_chars=LONGEST["reference"],
                                  width=200, help=text("order.reference_help"))  # fmt: skip
        places.below("reference")
    accepted = st.checkbox(text("order.mca_accepted"), key=form.key("mca"))
    return OrderRequest(
        quantities, chosen, bool(distributor), articles, term or "", mca_accepted=accepted, reference=reference or "",
        expected_at=expected_at,
    )  # fmt: skip


def _line(
    form: OpenForm, case: Case, distributor: Distributor | None, places: Places, product: str
) -> tuple[int, str]:  # fmt: skip
    """Show quantity and article of a case; return them."""
    known, package = article_of("", case, distributor or Distributor())
    wanted = max(1, case.quantity - case.ordered)
    with st.container(horizontal=True):
        quantity = st.number_input(
            text("order.quantity_of", number=case.number, product=plain(product)), 0, LARGEST_QUANTITY,
            -(-wanted // package) * package, step=package, width=360,
            key=form.key(f"quantity_{case.case_id}_{distributor.distributor_id if distributor else ''}"),
        )  # fmt: skip
        article = ""
        if distributor is not None:
            key = form.key(f"article_{case.case_id}_{distributor.distributor_id}")
            article = st.text_input(text("order.column.article"), known, key=key, max_chars=LONGEST["article"],
                                    width=200)  # fmt: skip
    places.below(f"quantity:{case.case_id}")
    places.below(f"article:{case.case_id}")
    return int(quantity), article or ""


def _day(form: OpenForm, view: View, days: int) -> date:
    today = view.today
    chosen = st.date_input(
        text("order.expected"), today + timedelta(days=days), key=form.key(f"expected_{days}"), format=DATE_FORMAT,
        width=180, min_value=today, max_value=today + LATEST,
    )  # fmt: skip
    return chosen if isinstance(chosen, date) else today


def _show_draft(draft: Draft, view: View) -> None:
    """Show warnings and exactly what goes out."""
    show_warnings(draft.warnings, view)
    order = draft.order
    if order.how == "outside":
        return
    with st.expander(text(f"order.preview.{order.how}", view.language, to=plain(order.recipient)), expanded=True):
        st.caption(text("order.key_line", view.language, key=order.order_key))
        if order.how == "mail":
            show_mail(order)
        if order.csv:
            st.caption(file_name(order.order_key))
            st.code(order.csv, language=None)


def show_warnings(warnings: Sequence[Problem], view: View) -> None:
    """Show what a person should know before the order goes out."""
    if warnings:
        words = "\n".join(f"- {plain(warning.text(view.language))}" for warning in warnings)
        st.warning(words, icon=":material/warning:")


def confirm_form(form: OpenForm, detail: CaseDetail, view: View) -> None:
    """Show the distributor's number and the day of delivery of an order that is under way."""
    keys = [one.order_key for one in progress_of(detail.events) if one.under_way and one.order_key]
    stored = orders_by_key(_engine(), keys)
    if not stored:
        st.info(text("order.none_under_way", view.language), icon=":material/info:")
        return
    key = st.selectbox(text("order.column.order_key"), list(stored), len(stored) - 1, key=form.key("key"), width=360)
    order = stored[key or next(iter(stored))]
    places = Places()
    reference = st.text_input(text("order.reference"), order.reference, key=form.key(f"number_{order.order_key}"),
                              max_chars=LONGEST["reference"], width=360)  # fmt: skip
    today = view.today
    chosen = st.date_input(
        text("order.expected"), max(today, order.expected_at), key=form.key(f"day_{order.order_key}"),
        format=DATE_FORMAT, width=180, min_value=today, max_value=today + LATEST,
    )  # fmt: skip
    places.below("expected_at")

    def confirm() -> Case:
        day = chosen if isinstance(chosen, date) else today
        orders.confirm(_engine(), current_user(), order.order_key, reference or "", day, _now(), view.zone)
        return case_now(form.case_id)

    submit(form, confirm, label=text("rule.save"))


def _engine() -> Engine:
    return runtime.current().engine


def _now() -> datetime:
    return datetime.now(UTC)
