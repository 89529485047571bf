"""An index over the pieces of a run that are not read yet"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

LEFT = sa.text("done_at IS NULL")


def upgrade() -> None:
    op.create_index("run_chunks_left", "run_chunks", ["run_id", "chunk"], sqlite_where=LEFT, postgresql_where=LEFT)
