"""Waiting runs, and the flag that ends a push early"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

OPEN = sa.text("finished_at IS NULL")


def upgrade() -> None:
    moment, flag = sa.DateTime(timezone=True), sa.Boolean()
    with op.batch_alter_table("runs") as table:
        table.alter_column("started_at", existing_type=moment, nullable=True)
        table.add_column(sa.Column("requested_at", moment, nullable=True))
        table.add_column(sa.Column("account", sa.String(100), nullable=False, server_default=""))
        table.add_column(sa.Column("take_over", flag, nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("give_way", flag, nullable=False, server_default=sa.false()))
    op.execute("UPDATE runs SET requested_at = started_at")
    with op.batch_alter_table("runs") as table:
        table.alter_column("requested_at", existing_type=moment, nullable=False)
    op.create_index("runs_open", "runs", ["requested_at"], sqlite_where=OPEN, postgresql_where=OPEN)
