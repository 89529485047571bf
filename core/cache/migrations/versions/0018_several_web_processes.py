"""Sign-ins that have begun, and counts of calls, for several web processes"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "sign_in_steps",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_sign_in_steps_at", "sign_in_steps", ["at"])
    op.create_table(
        "call_counts",
        sa.Column("who", sa.String(200), primary_key=True),
        sa.Column("minute", sa.Integer(), primary_key=True),
        sa.Column("calls", sa.Integer(), nullable=False),
    )
