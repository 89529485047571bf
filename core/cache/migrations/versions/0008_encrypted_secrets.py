"""Widen the column of TOTP secrets; core.secrets.secret_rotation encrypts them after the upgrade"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    with op.batch_alter_table("accounts") as table:
        table.alter_column("totp_secret", type_=sa.String(400), existing_nullable=False, existing_type=sa.String(64))
