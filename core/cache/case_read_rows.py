"""How far each account has read the cases: what others have done since is new to it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Engine, and_, exists, func, select

from core.bounds import visible
from core.cache.case_rows import Case
from core.cache.schema import case_events, case_reads, cases
from core.cache.sql import transaction, upsert

# The product's own notes, of which each reading may add one: nobody has to read them.
NOTES = ("told", "units_seen", "reminded", "priority_changed", "rated")


def save_read(engine: Engine, account: str, case: Case) -> None:
    """Remember that the account has seen the case as it is now; writes nothing if it had."""
    query = select(case_reads.c.seq).where(case_reads.c.case_id == case.case_id, case_reads.c.account == account)
    with transaction(engine) as connection:
        if (connection.execute(query).scalar() or 0) < case.version:
            upsert(connection, case_reads, [{"case_id": case.case_id, "account": account, "seq": case.version}])


def unread_cases(engine: Engine, account: str, case_ids: Collection[str]) -> set[str]:
    """Return those of the cases in which somebody else has done something that the account has not seen.

    A case that has ended is new only to those who have read it before.
    """
    read = and_(case_reads.c.case_id == cases.c.case_id, case_reads.c.account == visible(account))
    seen = func.coalesce(case_reads.c.seq, 0)
    news = exists().where(
        case_events.c.case_id == cases.c.case_id,
        case_events.c.seq > seen,
        case_events.c.kind.not_in(NOTES),
        case_events.c.actor != account,
    )
    followed = cases.c.closed_at.is_(None) | case_reads.c.seq.is_not(None)
    query = select(cases.c.case_id).select_from(cases.outerjoin(case_reads, read))
    with transaction(engine) as connection:
        return set(connection.execute(query.where(cases.c.case_id.in_(case_ids), followed, news)).scalars())
