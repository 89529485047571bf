"""Certificates that are being replaced"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

TIME = sa.DateTime(timezone=True)
OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.create_table(
        "rotations",
        sa.Column("rotation_id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("slug", sa.String(100), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("tenant_id", sa.String(36), nullable=False),
        sa.Column("client_id", sa.String(36), nullable=False),
        sa.Column("current_path", sa.Text(), nullable=False),
        sa.Column("current_thumbprint", sa.String(40), nullable=False),
        sa.Column("current_expires", TIME, nullable=False),
        sa.Column("next_path", sa.Text(), nullable=False),
        sa.Column("next_thumbprint", sa.String(40), nullable=False),
        sa.Column("next_expires", TIME, nullable=True),
        sa.Column("way", sa.String(10), nullable=False),
        sa.Column("uploaded_at", TIME, nullable=True),
        sa.Column("refused_since", TIME, nullable=True),
        sa.Column("proven_at", TIME, nullable=True),
        sa.Column("switched_at", TIME, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("started_by", sa.String(100), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("busy_until", TIME, nullable=True),
    )
    op.create_index(
        "rotations_certificate",
        "rotations",
        ["client_id", "current_thumbprint"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
