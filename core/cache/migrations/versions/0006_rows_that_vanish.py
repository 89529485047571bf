"""Add the time since which the row of a tenant in the tenant list is missing"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("tenants") as table:
        table.add_column(sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True))
