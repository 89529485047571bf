"""Budgets of attempts to sign in, known devices, passwords that must be changed"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "sign_in_budgets",
        sa.Column("key", sa.String(100), primary_key=True),
        sa.Column("whole_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("sign_in_failures_last", "sign_in_failures", ["last_at"])
    with op.batch_alter_table("accounts") as table:
        table.add_column(sa.Column("device_key", sa.String(64), nullable=False, server_default=""))
        table.add_column(sa.Column("must_change_password", sa.Boolean(), nullable=False, server_default=sa.false()))
