"""Ratings of customers: whom the closing mail asked, and how many stars a case got"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "rating_links",
        sa.Column(
            "consent_id", sa.String(32), sa.ForeignKey("consents.consent_id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("contact_id", sa.String(32), nullable=False),
        sa.Column("contact_name", sa.String(200), nullable=False),
        sa.Column("language", sa.String(10), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("rated_at", TIME),
    )
    op.add_column("case_results", sa.Column("stars", sa.Integer()))
