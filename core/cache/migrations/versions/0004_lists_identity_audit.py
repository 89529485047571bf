"""Lists by delta, Microsoft sign-in, second factor, tokens for programs, audit"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _lists()
    _identity()
    _audit()


def _lists() -> None:
    with op.batch_alter_table("runs") as table:
        table.add_column(sa.Column("request_id", sa.String(length=32), nullable=False, server_default=""))
    op.create_table(
        "list_items",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("item_id", sa.String(length=20), nullable=False),
        sa.Column("etag", sa.String(length=100), nullable=False),
        sa.Column("modified", TIME, nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "item_id"),
    )
    op.create_table(
        "list_marks",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("read_with", sa.String(length=64), nullable=False),
        sa.Column("delta_link", sa.Text(), nullable=False),
        sa.Column("whole_read_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )


def _identity() -> None:
    with op.batch_alter_table("accounts") as table:
        table.add_column(sa.Column("provider", sa.String(length=20), nullable=False, server_default="local"))
        table.add_column(sa.Column("display_name", sa.String(length=255), nullable=False, server_default=""))
        table.add_column(sa.Column("last_sign_in_at", TIME, nullable=True))
        table.add_column(sa.Column("totp_secret", sa.String(length=64), nullable=False, server_default=""))
        table.add_column(sa.Column("totp_confirmed_at", TIME, nullable=True))
        table.add_column(sa.Column("totp_last_step", sa.Integer(), nullable=True))
    op.create_table(
        "recovery_codes",
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account", "code_hash"),
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["accounts.name"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_id"),
        sa.UniqueConstraint("token_hash"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("actor_name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("target", sa.String(length=400), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("audit_at", "audit", ["at"])
    anchor = op.create_table(
        "audit_anchor",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    op.bulk_insert(anchor, [{"one": 1, "seq": 0, "hash": ""}])
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


# A row is never changed, and is deleted only after retention has moved the anchor past it.
APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        "WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM audit_anchor) "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION audit_append_only() RETURNS trigger AS $$ BEGIN "
        "IF TG_OP = 'DELETE' AND OLD.seq <= (SELECT coalesce(max(seq), 0) FROM audit_anchor) THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION 'the audit is append-only'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
        "CREATE FUNCTION audit_no_truncate() RETURNS trigger AS $$ BEGIN "
        "RAISE EXCEPTION 'the audit is append-only'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_no_truncate()",
    ),
}
