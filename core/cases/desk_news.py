"""Tell the desk about cases: each piece of news by one message on each channel of its route."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from core.cache.case_rows import Case
from core.cache.desk_queries import ToldTenant, told_tenants
from core.cache.sql import Transaction
from core.messages.outbox import channels_for, queue_to_desk

ProductName = Callable[[str, str, str], str]  # SKU id, part number, language -> name


class News(NamedTuple):
    """What there is to tell about a case.

    `key` says which of the case's news it is, so that each is told once. `texts`: subject and body for the tenant in a
    language. `data`: what a program gets.
    """

    case: Case
    key: str
    texts: Callable[[ToldTenant, str], tuple[str, str]]
    data: Callable[[ToldTenant], Mapping[str, Any]]


def tell_desk(connection: Transaction, route: str, kind: str, news: Sequence[News]) -> int:
    """Write the messages about these cases; return how many are new."""
    channels = channels_for(connection, route) if news else []
    if not channels:
        return 0
    tenants, count = told_tenants(connection, {one.case.tenant_id for one in news}), 0
    for case, key, texts, data in news:
        tenant = tenants.get(case.tenant_id) or ToldTenant(case.tenant_id, "", ())
        count += queue_to_desk(
            connection, route, kind, f"{kind}:{case.case_id}:{key}", partial(texts, tenant), case.changed_at,
            tenant_id=case.tenant_id, recipients=tenant.recipients, data=data(tenant), channels=channels,
        )  # fmt: skip
    return count
