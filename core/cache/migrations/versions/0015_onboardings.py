"""Tenants that are being added: steps and log"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

TIME = sa.DateTime(timezone=True)
OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.create_table(
        "onboardings",
        sa.Column("onboarding_id", sa.String(32), primary_key=True),
        sa.Column("tenant_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("slug", sa.String(100), nullable=False),
        sa.Column("app", sa.String(10), nullable=False),
        sa.Column("client_id", sa.String(36), nullable=False),
        sa.Column("cert_path", sa.String(400), nullable=False),
        sa.Column("made", sa.JSON(), nullable=False),
        sa.Column("level", sa.String(100), nullable=False),
        sa.Column("contact", sa.String(255), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("acted_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("busy_until", TIME, nullable=True),
        sa.Column("consent_hash", sa.String(64), nullable=False),
        sa.Column("consent_until", TIME, nullable=True),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=True),
        sa.Column("seen_by", sa.String(100), nullable=False),
        sa.Column("seen_at", TIME, nullable=True),
    )
    for column in ("tenant_id", "slug"):
        op.create_index(
            f"onboardings_{column.removesuffix('_id')}",
            "onboardings",
            [column],
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        )
    key = sa.ForeignKey("onboardings.onboarding_id", ondelete="CASCADE")
    op.create_table(
        "onboarding_steps",
        sa.Column("onboarding_id", sa.String(32), key, primary_key=True),
        sa.Column("step", sa.String(20), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_try_at", TIME, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
    )
    op.create_table(
        "onboarding_log",
        sa.Column("onboarding_id", sa.String(32), sa.ForeignKey("onboardings.onboarding_id", ondelete="CASCADE"),
                  primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("step", sa.String(20), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
    )  # fmt: skip
