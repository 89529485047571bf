"""Daily history with numbers in place of keys, which takes a tenth of the space"""

import logging

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

AT_A_TIME = 20  # tenants; the progress is logged after each step
log = logging.getLogger(__name__)

# A day as its ordinal in Python: 1 for 1 January of the year 1.
ORDINAL = {"sqlite": "CAST(julianday({day}) - 1721424.5 AS INTEGER)", "postgresql": "{day} - DATE '0001-01-01' + 1"}
# SQLite takes any text for a day or a number, and a row whose tenant is gone if somebody edits the file by hand.
UNITS = ("enabled", "consumed", "warning", "suspended")
ARE_NUMBERS = " AND ".join(f"typeof(old.{unit}) = 'integer'" for unit in UNITS)
GOOD = {
    "sqlite": f"old.sku_id IS NOT NULL AND old.day IS date(old.day) AND old.day >= '0001-01-01' AND {ARE_NUMBERS}",
    "postgresql": "old.day BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'",
}
HAS_TENANT = "old.tenant_id IN (SELECT tenant_id FROM tenants)"
SHOWN = 3  # rows that are left out, in the log


def upgrade() -> None:
    connection = op.get_bind()
    ordinal, good = ORDINAL[connection.dialect.name], f"{HAS_TENANT} AND {GOOD[connection.dialect.name]}"
    converted = 0
    op.rename_table("history", "old_history")
    _create_tables()
    tenants = connection.scalars(sa.text("SELECT tenant_id FROM tenants ORDER BY tenant_id")).all()
    for start in range(0, len(tenants), AT_A_TIME):
        group = tenants[start : start + AT_A_TIME]
        between = {"first": group[0], "last": group[-1]}
        connection.execute(sa.text(NUMBERS.format(last_day=ordinal.format(day="max(day)"), good=good)), between)
        days = connection.execute(sa.text(DAYS.format(day=ordinal.format(day="old.day"), good=good)), between)
        converted += days.rowcount
        log.info("upgrade of the database: daily figures of %d of %d tenants", start + len(group), len(tenants))
    _warn_about_others(connection, converted, good)
    op.drop_table("old_history")


def _warn_about_others(connection: sa.Connection, converted: int, good: str) -> None:
    """Log how many rows cannot be converted, with the first of them; the copy of the database still has them all."""
    left_out = connection.scalar(sa.text("SELECT count(*) FROM old_history")) - converted
    if left_out:
        odd = sa.text(f"SELECT * FROM old_history old WHERE ({good}) IS NOT TRUE LIMIT {SHOWN}")  # noqa: S608
        examples = "; ".join(", ".join(map(repr, row)) for row in connection.execute(odd))
        log.warning(
            "upgrade of the database: %d rows of the daily figures without valid day, number or tenant are left out,"
            " for example %s; the copy of the database has them",
            left_out,
            examples,
        )


NUMBERS = """
    INSERT INTO license_numbers (tenant_id, sku_id, last_day)
    SELECT tenant_id, sku_id, {last_day} FROM old_history old
    WHERE tenant_id BETWEEN :first AND :last AND {good} GROUP BY tenant_id, sku_id
"""
DAYS = """
    INSERT INTO history (license_number, day, enabled, consumed, warning, suspended)
    SELECT license_number, {day}, enabled, consumed, warning, suspended
    FROM license_numbers JOIN old_history old USING (tenant_id, sku_id)
    WHERE tenant_id BETWEEN :first AND :last AND {good} ORDER BY license_number, old.day
"""


def _create_tables() -> None:
    op.create_table(
        "license_numbers",
        sa.Column("license_number", sa.Integer(), primary_key=True),
        sa.Column("tenant_id", sa.String(36), sa.ForeignKey("tenants.tenant_id", ondelete="CASCADE"), nullable=False),
        sa.Column("sku_id", sa.String(36), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.UniqueConstraint("tenant_id", "sku_id", name="license_numbers_key"),
    )
    number = sa.ForeignKey("license_numbers.license_number", ondelete="CASCADE")
    op.create_table(
        "history",
        sa.Column("license_number", sa.Integer(), number, primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        *(sa.Column(unit, sa.Integer(), nullable=False) for unit in UNITS),
        sqlite_with_rowid=False,
    )
