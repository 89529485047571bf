"""The next step of each case, for lists"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.add_column("cases", sa.Column("next_action", sa.String(20), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("cases_due", "cases", ["due_at"], sqlite_where=OPEN, postgresql_where=OPEN)
