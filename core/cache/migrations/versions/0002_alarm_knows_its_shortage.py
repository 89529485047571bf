"""Add to each alarm the start of its shortage"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("short_since", sa.DateTime(timezone=True), nullable=True))
