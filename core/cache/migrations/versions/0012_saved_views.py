"""Saved views, and the page or view of each account after its sign-in"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("view_id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(100), sa.ForeignKey("accounts.name", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("name_key", sa.String(255), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("page", sa.String(50), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.UniqueConstraint("owner", "name_key", name="saved_views_names"),
    )
    op.create_table(
        "start_choices",
        sa.Column("account", sa.String(100), sa.ForeignKey("accounts.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("page", sa.String(50), nullable=True),
        sa.Column("view_id", sa.String(32), sa.ForeignKey("saved_views.view_id", ondelete="CASCADE"), nullable=True),
    )
    op.create_index("start_choices_view", "start_choices", ["view_id"])
