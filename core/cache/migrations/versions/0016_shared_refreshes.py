"""Pieces of a refresh that several processes share, leases and duties"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "run_chunks",
        sa.Column("run_id", sa.String(32), primary_key=True),
        sa.Column("chunk", sa.Integer(), primary_key=True),
        sa.Column("tenants", sa.JSON(), nullable=False),
        sa.Column("part", sa.JSON(), nullable=True),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("done_at", moment, nullable=True),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("until", moment, nullable=False),
    )
    op.create_table(
        "duties",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("due_at", moment, nullable=False),
    )
