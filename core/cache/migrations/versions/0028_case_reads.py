"""How far each account has read a case"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "case_reads",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("account", sa.String(100), primary_key=True),
        sa.Column("seq", sa.Integer(), nullable=False),
    )
