"""Tenants that leave"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "leavings",
        sa.Column("tenant_id", sa.String(36), primary_key=True),
        sa.Column("slug", sa.String(100), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("started_by", sa.String(100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("export_file", sa.String(200), nullable=False),
        sa.Column("export_sha256", sa.String(64), nullable=False),
        sa.Column("removed", sa.JSON(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.Column("problem", sa.Text()),
    )
