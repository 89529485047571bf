"""An alarm knows the list that its item is in"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("alarms", sa.Column("list_key", sa.String(31), nullable=True))
    connection = op.get_bind()
    read_with = connection.scalar(sa.text("SELECT read_with FROM list_marks WHERE kind = 'license'")) or ""
    list_key, dot, _ = read_with.partition(".")
    if dot:  # an earlier version did not note the list
        statement = sa.text("UPDATE alarms SET list_key = :list_key WHERE item_id IS NOT NULL")
        connection.execute(statement, {"list_key": list_key})
