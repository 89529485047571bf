"""The table of a tenant's subscriptions, each with its next date, or the reason why they cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd
import pyarrow as pa
import streamlit as st

from core import runtime
from core.cache.database import DatabaseError
from core.cache.frames import subscriptions_frame
from core.licenses.skus import product_language
from core.texts import has_text
from ui import format as fmt
from ui.escaping import plain
from ui.frame.view import View
from ui.problems import problem_box, reason, technical_lines
from ui.snapshots import Snapshot
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.tables.license_table import section
from ui.tenant.tenant_header import Tenant
from ui.texts import text

KINDS: dict[str, Kind] = {
    "product": "text", "sku_part_number": "text", "status": "text", "seats": "number", "trial": "text",
    "next_date": "time", "days_left": "number",
}  # fmt: skip


def subscriptions_block(snapshot: Snapshot, tenant: Tenant, view: View) -> None:
    try:
        subscriptions = subscriptions_frame(runtime.current().engine, tenant.tenant_id)
    except DatabaseError as error:
        problem_box(error.problem)
        return
    table = subscription_table(subscriptions, names_of(snapshot, tenant, view), view)
    section(text("subscriptions.title"), table.num_rows, lambda: table, f"abonnements-{tenant.slug}")
    if tenant.subscriptions_problem is not None:
        st.warning(text("subscriptions.problem", why=plain(reason(tenant.subscriptions_problem, tenant.name))))
        technical_lines(tenant.subscriptions_problem)
    if table.num_rows:
        _show(table, tenant, view)
    elif tenant.subscriptions_problem is None:
        st.caption(text("subscriptions.none" if tenant.subscriptions_read_at else "subscriptions.unread"))


def names_of(snapshot: Snapshot, tenant: Tenant, view: View) -> dict[str, str]:
    """Return the product names by SKU id, as in the licence table of the tenant."""
    own = snapshot.licenses.iloc[snapshot.index.of_tenant(tenant.slug)]
    product = own[f"product_{product_language(view.language)}"]
    return dict(zip(own["sku_id"], product, strict=True))


def subscription_table(subscriptions: pd.DataFrame, names: Mapping[str, str], view: View) -> pa.Table:
    parts = subscriptions["sku_part_number"].tolist()
    statuses = [_status(status, view) for status in subscriptions["status"]]
    ends = subscriptions["next_lifecycle_at"].dt.tz_convert(view.zone)
    trial = text("subscriptions.trial", view.language)
    days = [None if pd.isna(end) else (end.date() - view.today).days for end in ends]
    return pa.table(
        {
            "product": pa.array(
                [names.get(sku, part) for sku, part in zip(subscriptions["sku_id"], parts, strict=True)],
                pa.string(),
            ),
            "sku_part_number": pa.array(parts, pa.string()),
            "status": pa.array(statuses, pa.string()),
            "seats": pa.array(subscriptions["total"].tolist(), pa.int64()),
            "trial": pa.array([trial if is_trial else "" for is_trial in subscriptions["is_trial"]], pa.string()),
            "next_date": pa.array(ends.dt.date, pa.date32(), from_pandas=True),
            "days_left": pa.array(days, pa.int64()),
        }
    )  # fmt: skip


def _status(status: str, view: View) -> str:
    """Return Graph's status in the reader's language; an unknown one as it is."""
    key = f"subscription.{status.lower()}"
    return text(key, view.language) if has_text(key) else status


def _show(subscriptions: pa.Table, tenant: Tenant, view: View) -> None:
    columns = titled_columns(KINDS)
    rows = [
        Row(str(place), [_words(row[name], view) for name in KINDS])
        for place, row in enumerate(subscriptions.to_pylist())
    ]
    name = text("subscriptions.of", tenant=tenant.name)
    show_whole_table(f"subscriptions_{tenant.slug}", name, columns, rows)


def _words(value: str | int | date | None, view: View) -> str:
    if isinstance(value, date):
        return fmt.day(value, view.language)
    return fmt.number(value, view.language) if isinstance(value, int) else value or ""
