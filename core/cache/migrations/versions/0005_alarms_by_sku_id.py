"""Alarms by SKU id in place of the part number; the row of the tenant list of each tenant"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("tenants", sa.Column("list_item_id", sa.String(length=20), nullable=True))
    op.rename_table("alarms", "alarms_by_part_number")
    new = op.create_table(
        "alarms",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("sku_id", sa.String(length=36), nullable=False),
        sa.Column("item_id", sa.String(length=20), nullable=True),
        sa.Column("triggered_at", TIME, nullable=True),
        sa.Column("retriggered", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("told_at", TIME, nullable=True),
        sa.Column("short_since", TIME, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "sku_id"),
    )
    rows = list(_taken_over())
    if rows:
        op.bulk_insert(new, rows)
    op.drop_table("alarms_by_part_number")


TIMES = ("triggered_at", "told_at", "short_since")
ALARM = ("item_id", "triggered_at", "retriggered", "told_at", "short_since")


def _taken_over() -> Iterator[dict[str, Any]]:
    """Yield each alarm once for every SKU id of its part number; the item goes to the shortage that was reported first.

    The others get a new item. A message after the start of their shortage counts as theirs, too.
    """
    connection = op.get_bind()
    licenses, alarms = _table("licenses", "sku_id"), _table("alarms_by_part_number", *ALARM)
    of_part = defaultdict(list)
    for row in connection.execute(sa.select(licenses)).mappings():
        of_part[row["tenant_id"], _key(row["sku_part_number"] or row["sku_id"])].append(row)
    done = set()
    for alarm in connection.execute(sa.select(alarms)).mappings().all():
        found = of_part[alarm["tenant_id"], _key(alarm["sku_part_number"])]
        found.sort(key=lambda row: (row["short_since"] != alarm["short_since"], row["sku_id"]))
        for place, row in enumerate(found):
            key = {"tenant_id": row["tenant_id"], "sku_id": row["sku_id"]}
            if (*key.values(),) not in done:
                done.add((*key.values(),))
                yield key | (_beside(alarm, row) if place else {name: alarm[name] for name in ALARM})


def _table(name: str, *columns: str) -> sa.TableClause:
    wanted = dict.fromkeys(("tenant_id", "sku_part_number", "short_since", *columns))
    return sa.table(name, *(sa.column(column, TIME) if column in TIMES else sa.column(column) for column in wanted))


def _beside(alarm: Any, row: Any) -> dict[str, Any]:
    told_at, since = alarm["told_at"], row["short_since"]
    told = told_at is not None and since is not None and since <= told_at
    values = {"told_at": told_at, "short_since": since} if told else {}
    return dict.fromkeys(ALARM) | {"retriggered": 0} | values


def _key(part_number: str) -> str:
    return part_number.strip().casefold()
