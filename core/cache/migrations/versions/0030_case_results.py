"""How each case went that has ended"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "case_results",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("level", sa.String(100), nullable=False),
        sa.Column("level_version", sa.Integer(), nullable=False),
        sa.Column("calendar", sa.String(100), nullable=False),
        sa.Column("calendar_version", sa.Integer(), nullable=False),
        sa.Column("distributor", sa.String(60), nullable=False),
        sa.Column("reaction_seconds", sa.Integer()),
        sa.Column("lead_seconds", sa.Integer(), nullable=False),
        sa.Column("customer_seconds", sa.Integer(), nullable=False),
        sa.Column("reaction_kept", sa.Boolean()),
        sa.Column("work_kept", sa.Boolean()),
        sa.Column("delivery_kept", sa.Boolean()),
    )
