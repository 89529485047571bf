"""Events of licences; the stored shortages and messages are the first ones"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

TIME = sa.DateTime(timezone=True)
STAGES = """
    UPDATE licenses SET stage = CASE
        WHEN short_since IS NOT NULL AND enabled > 0 AND consumed > enabled THEN 'over'
        WHEN short_since IS NOT NULL THEN 'short'
        WHEN NOT present THEN 'gone'
    END
"""
SHORTAGES = """
    INSERT INTO license_events (tenant_id, sku_id, at, what)
    SELECT tenant_id, sku_id, short_since, stage FROM licenses WHERE short_since IS NOT NULL
"""
MESSAGES = """
    INSERT INTO license_events (tenant_id, sku_id, at, what)
    SELECT alarms.tenant_id, alarms.sku_id, told_at, CASE WHEN triggered_at IS NULL THEN 'told' ELSE 'taken_over' END
    FROM alarms JOIN licenses ON licenses.tenant_id = alarms.tenant_id AND licenses.sku_id = alarms.sku_id
    WHERE told_at IS NOT NULL AND licenses.short_since = alarms.short_since
"""


def upgrade() -> None:
    with op.batch_alter_table("licenses") as table:
        table.add_column(sa.Column("stage", sa.String(10), nullable=True))
    op.create_table(
        "license_events",
        sa.Column("tenant_id", sa.String(36), sa.ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sku_id", sa.String(36), primary_key=True),
        sa.Column("at", TIME, primary_key=True),
        sa.Column("what", sa.String(10), primary_key=True),
        sa.Column("before", sa.String(10), nullable=True),
        sa.Column("enabled", sa.Integer(), nullable=True),
        sa.Column("consumed", sa.Integer(), nullable=True),
    )
    op.create_index("license_events_at", "license_events", ["at"])
    for statement in (STAGES, SHORTAGES, MESSAGES):
        op.execute(statement)
    documents = sa.table("documents", sa.column("key", sa.String), sa.column("value", sa.JSON))
    now = datetime.now(UTC).isoformat()
    op.bulk_insert(documents, [{"key": "license_events_since", "value": now}])
