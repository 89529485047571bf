"""The trace that a refresh continues"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("runs", sa.Column("traceparent", sa.String(55), nullable=False, server_default=""))
