"""Distributors and orders"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

TENANT = "tenants.tenant_id"


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    op.create_table(
        "distributors",
        sa.Column("distributor_id", sa.String(32), primary_key=True),
        _text("name", 60),
        sa.Column("name_key", sa.String(255), nullable=False, unique=True),
        _text("how", 10),
        _text("address", 254),
        _text("channel_id", 32),
        _text("language", 10),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("with_file", sa.Boolean(), nullable=False),
        sa.Column("delivery_days", sa.Integer(), nullable=False),
        _text("cost_centre", 60),
        sa.Column("articles", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    distributor = sa.ForeignKey("distributors.distributor_id", ondelete="CASCADE")
    op.create_table(
        "customer_numbers",
        sa.Column("distributor_id", sa.String(32), distributor, primary_key=True),
        sa.Column("tenant_id", sa.String(36), sa.ForeignKey(TENANT, ondelete="CASCADE"), primary_key=True),
        _text("customer_number", 60),
        _text("cost_centre", 60),
    )
    op.create_index("customer_numbers_tenant", "customer_numbers", ["tenant_id"])
    _orders()


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("order_key", sa.String(64), primary_key=True),
        sa.Column("tenant_id", sa.String(36), sa.ForeignKey(TENANT, ondelete="CASCADE"), nullable=False),
        _text("distributor_id", 32),
        _text("distributor", 60),
        _text("how", 10),
        _text("recipient", 254),
        sa.Column("lines", sa.JSON(), nullable=False),
        _text("term", 60),
        _text("cost_centre", 60),
        _text("customer_number", 60),
        sa.Column("mca_accepted", sa.Boolean(), nullable=False),
        _text("subject", 250),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("csv", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _text("created_by", 100),
        _text("created_by_name", 255),
        _text("reference", 100),
        sa.Column("expected_at", sa.Date(), nullable=False),
        sa.Column("watched_until", sa.Date(), nullable=True),
    )
    op.create_index("orders_tenant", "orders", ["tenant_id"])
    op.create_index("orders_watched", "orders", ["watched_until"])
