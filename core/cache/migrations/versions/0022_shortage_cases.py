"""Shortage cases, their events and their numbers"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

TIME = sa.DateTime(timezone=True)
OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    _cases()
    _indexes()
    _events()
    op.create_table(
        "case_numbers",
        sa.Column("year", sa.Integer(), autoincrement=False, primary_key=True),
        sa.Column("last", sa.Integer(), nullable=False),
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
    documents = sa.table("documents", sa.column("key", sa.String), sa.column("value", sa.JSON))
    op.bulk_insert(documents, [{"key": "cases_since", "value": datetime.now(UTC).isoformat()}])


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.String(20), nullable=False, unique=True),
        sa.Column("tenant_id", sa.String(36), sa.ForeignKey("tenants.tenant_id", ondelete="CASCADE"), nullable=False),
        sa.Column("sku_id", sa.String(36), nullable=False),
        sa.Column("sku_part_number", sa.String(255), nullable=False),
        sa.Column("cause", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("resumes", sa.String(20), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("priority", sa.String(10), nullable=False),
        sa.Column("priority_set", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("owner_name", sa.String(255), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("ordered", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("wanted_at", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Integer(), nullable=False),
        sa.Column("free", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(10), nullable=False),
        sa.Column("short_since", TIME, nullable=True),
        sa.Column("good_since", TIME, nullable=True),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("state_since", TIME, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("postponed_until", sa.Date(), nullable=True),
        sa.Column("follows", sa.String(32), nullable=False),
        sa.Column("bundle_id", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )


def _indexes() -> None:
    key = ["tenant_id", "sku_id"]
    op.create_index("cases_open", "cases", key, unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("cases_license", "cases", [*key, "opened_at"])
    op.create_index("cases_state", "cases", ["state", "opened_at"])
    op.create_index("cases_closed", "cases", ["closed_at"])
    op.create_index("cases_bundle", "cases", ["bundle_id"])


def _events() -> None:
    op.create_table(
        "case_events",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seq", sa.Integer(), autoincrement=False, primary_key=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("actor_name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
    )
    op.create_index("case_events_at", "case_events", ["at"])


# An event is never changed, and is deleted only after its case, as a tenant that is forgotten takes its cases along.
APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER case_events_no_update BEFORE UPDATE ON case_events "
        "BEGIN SELECT RAISE(ABORT, 'the events of cases are append-only'); END",
        "CREATE TRIGGER case_events_no_delete BEFORE DELETE ON case_events "
        "WHEN EXISTS (SELECT 1 FROM cases WHERE cases.case_id = OLD.case_id) "
        "BEGIN SELECT RAISE(ABORT, 'the events of cases are append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION case_events_append_only() RETURNS trigger AS $$ BEGIN "
        "IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM cases WHERE cases.case_id = OLD.case_id) "
        "THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION 'the events of cases are append-only'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER case_events_append_only BEFORE UPDATE OR DELETE ON case_events "
        "FOR EACH ROW EXECUTE FUNCTION case_events_append_only()",
        "CREATE FUNCTION case_events_no_truncate() RETURNS trigger AS $$ BEGIN "
        "RAISE EXCEPTION 'the events of cases are append-only'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER case_events_no_truncate BEFORE TRUNCATE ON case_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION case_events_no_truncate()",
    ),
}
