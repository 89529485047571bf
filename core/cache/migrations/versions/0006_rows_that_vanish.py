"""Rows of the tenant list that vanish"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("tenants") as table:
        table.add_column(sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True))
