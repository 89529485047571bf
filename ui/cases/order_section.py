"""The orders of a case: what was ordered where, whether it has gone out, and what has come of it."""

from __future__ import annotations

import streamlit as st

from core import runtime
from core.cache.message_rows import Message, stored_message
from core.cache.order_rows import Order, orders_by_key
from core.cases.delivery import OrderProgress, progress_of
from core.cases.detail import CaseDetail
from core.cases.order_texts import file_bytes, file_name
from ui import format as fmt
from ui.cases.case_words import quantity_words
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame.view import View
from ui.texts import text


def order_section(detail: CaseDetail, view: View) -> None:
    """Show the orders of the case, the newest first; nothing if there is none."""
    progress = [one for one in progress_of(detail.events) if one.order_key]
    if not progress:
        return
    engine = runtime.current().engine
    stored = orders_by_key(engine, [one.order_key for one in progress])
    st.header(text("order.title"), anchor=False)
    for one in reversed(progress):
        order = stored.get(one.order_key)
        if order is not None:
            message = stored_message(engine, order.order_key) if order.is_sent else None
            st.markdown(order_line(order, one, view))
            _sending(order, message, view)
            _content(order, view)


def order_line(order: Order, progress: OrderProgress, view: View) -> str:
    """Return "**2026-0042-1-7f3a** · Also AG · 5 Lizenzen · 2 geliefert · erwartet bis 12.3.2027 · Nummer AB-99"."""
    lang = view.language
    parts = [
        f"**{plain(order.order_key)}**",
        plain(order.distributor or text("order.elsewhere", lang)),
        plain(quantity_words(progress.quantity, lang)),
        plain(text(f"order.state.{progress.state}", lang, delivered=fmt.number(progress.delivered, lang))),
    ]
    if progress.under_way:
        parts.append(plain(text("order.expected_line", lang, day=fmt.day(order.expected_at, lang))))
    if order.reference:
        parts.append(plain(text("order.reference_line", lang, reference=order.reference)))
    return " · ".join(parts)


def _sending(order: Order, message: Message | None, view: View) -> None:
    """Show whether the order has gone out, and why not."""
    if message is None:
        st.caption(text(f"order.sending.{order.how if not order.is_sent else 'forgotten'}", view.language))
        return
    at = fmt.clock(message.sent_at or order.created_at, view.now, view.language, view.zone)
    words = text(f"order.sending.{message.state}", view.language, at=at, to=order.recipient or order.distributor)
    if message.state == "sent":
        st.caption(plain(words))
        return
    why = f" {message.problem.text(view.language)}" if message.problem else ""
    show = st.error if message.state == "failed" else st.info
    show(plain(words + why), icon=":material/mail:")


def _content(order: Order, view: View) -> None:
    """Show what went out, for whoever wants to see it, and the file."""
    if order.how == "mail":
        with st.expander(text("order.content", view.language)):
            show_mail(order)
    if order.csv:
        key = bound_key("order_file", order.order_key)
        st.download_button(text("order.file"), file_bytes(order.csv), file_name(order.order_key), "text/csv", key=key,
                           on_click="ignore")  # fmt: skip


def show_mail(order: Order) -> None:
    """Show subject and body as they go out."""
    mail = f"{order.subject}\n\n{order.body}"
    st.text(mail)
