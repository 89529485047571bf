"""Consents of customers, and templates of texts"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _consents()
    _offers()
    _decisions()
    op.create_table(
        "text_templates",
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("language", sa.String(10), primary_key=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(100), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
    )
    for statement in append_only(op.get_bind().dialect.name):
        op.execute(statement)


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("consent_id", sa.String(32), primary_key=True),
        sa.Column("tenant_id", sa.String(36), sa.ForeignKey("tenants.tenant_id", ondelete="CASCADE"), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("ended_why", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("price", sa.String(200), nullable=False),
        sa.Column("term", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(100), nullable=False),
        sa.Column("asked_by_name", sa.String(255), nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("reminded", sa.Integer(), nullable=False),
    )
    op.create_index("consents_tenant", "consents", ["tenant_id"])
    op.create_index("consents_state", "consents", ["state", "asked_at"])


def _of_consent(*, primary_key: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey("consents.consent_id", ondelete="CASCADE")
    return sa.Column("consent_id", sa.String(32), key, nullable=False, primary_key=primary_key)


def _offers() -> None:
    op.create_table(
        "consent_items",
        _of_consent(primary_key=True),
        sa.Column("case_id", sa.String(32), primary_key=True),
        sa.Column("product", sa.String(255), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
    )
    op.create_index("consent_items_case", "consent_items", ["case_id"])
    op.create_table(
        "consent_links",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        _of_consent(),
        sa.Column("contact_id", sa.String(32), nullable=False),
        sa.Column("contact_name", sa.String(200), nullable=False),
        sa.Column("contact_email", sa.String(254), nullable=False),
        sa.Column("language", sa.String(10), nullable=False),
        sa.Column("purpose", sa.String(10), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
    )
    op.create_index("consent_links_consent", "consent_links", ["consent_id"])


def _decisions() -> None:
    op.create_table(
        "consent_decisions",
        _of_consent(primary_key=True),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("quantities", sa.JSON(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("contact_id", sa.String(32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(100), nullable=False),
        sa.Column("recorded_by_name", sa.String(255), nullable=False),
    )
    op.create_table(
        "consent_files",
        sa.Column("file_id", sa.String(32), primary_key=True),
        _of_consent(),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("media_type", sa.String(40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("added_by", sa.String(100), nullable=False),
        sa.Column("added_at", TIME, nullable=False),
    )
    op.create_index("consent_files_consent", "consent_files", ["consent_id"])


# What was offered and decided is never changed, and is deleted only after its consent, as a tenant takes its own along.
KEPT = ("consent_items", "consent_links", "consent_decisions", "consent_files")


def append_only(dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [statement for table in KEPT for statement in _sqlite(table)]
    function = (
        "CREATE FUNCTION consents_append_only() RETURNS trigger AS $$ BEGIN "
        "IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM consents WHERE consents.consent_id = OLD.consent_id) "
        "THEN RETURN OLD; END IF; RAISE EXCEPTION 'consents are append-only'; END $$ LANGUAGE plpgsql"
    )
    truncate = (
        "CREATE FUNCTION consents_no_truncate() RETURNS trigger AS $$ BEGIN "
        "RAISE EXCEPTION 'consents are append-only'; END $$ LANGUAGE plpgsql"
    )
    return [function, truncate, *(statement for table in KEPT for statement in _postgresql(table))]


def _sqlite(table: str) -> tuple[str, str]:
    refuse = "BEGIN SELECT RAISE(ABORT, 'consents are append-only'); END"
    still = "EXISTS (SELECT 1 FROM consents WHERE consents.consent_id = OLD.consent_id)"
    return (
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN {still} {refuse}",
    )


def _postgresql(table: str) -> tuple[str, str]:
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION consents_append_only()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION consents_no_truncate()",
    )
