"""Levels whose tenants need not be asked before an order"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("levels", sa.Column("needs_consent", sa.Boolean(), nullable=False, server_default=sa.true()))
