"""Levels of service and calendars"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

OFFICE = [[480, 720], [780, 1020]]
HOURS = {"critical": 4, "high": 24, "medium": 72, "low": 168}
FAST = {"critical": 1, "high": 4, "medium": 8, "low": 24}
# key, name, minutes between two refreshes, first reaction, solution, follow orders, monthly report
LEVELS = (
    ("basis", "Basis", 240, HOURS, HOURS, False, False),
    ("standard", "Standard", None, HOURS, HOURS, True, False),
    ("premium", "Premium", 10, FAST, HOURS, True, True),
)


def upgrade() -> None:
    calendars = op.create_table(
        "calendars",
        sa.Column("key", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("name_key", sa.String(255), nullable=False, unique=True),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("region", sa.String(20), nullable=False),
        sa.Column("week", sa.JSON(), nullable=False),
        sa.Column("half_day_until", sa.Integer(), nullable=False),
        sa.Column("own_days", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    levels = op.create_table(
        "levels",
        sa.Column("key", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("name_key", sa.String(255), nullable=False, unique=True),
        sa.Column("refresh_minutes", sa.Integer(), nullable=True),
        sa.Column("threshold", sa.Integer(), nullable=True),
        sa.Column("warn", sa.Integer(), nullable=True),
        sa.Column("reaction_hours", sa.JSON(), nullable=False),
        sa.Column("solution_hours", sa.JSON(), nullable=False),
        sa.Column("follow_orders", sa.Boolean(), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("monthly_report", sa.Boolean(), nullable=False),
        sa.Column("calendar", sa.String(100), sa.ForeignKey("calendars.key"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.add_column("tenants", sa.Column("level", sa.String(100), nullable=False, server_default="standard"))
    week = [OFFICE] * 5 + [[], []]
    op.bulk_insert(
        calendars,
        [{"key": "standard", "name": "Standard", "name_key": "standard", "zone": "Europe/Zurich", "region": "CH",
          "week": week, "half_day_until": 720, "own_days": [], "version": 1}],
    )  # fmt: skip
    op.bulk_insert(
        levels,
        [
            {"key": key, "name": name, "name_key": key, "refresh_minutes": minutes, "threshold": None, "warn": None,
             "reaction_hours": reaction, "solution_hours": solution, "follow_orders": orders, "recipients": [],
             "monthly_report": report, "calendar": "standard", "version": 1}
            for key, name, minutes, reaction, solution, orders, report in LEVELS
        ],
    )  # fmt: skip
