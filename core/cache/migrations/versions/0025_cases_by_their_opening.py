"""An index for lists of cases, the newest first"""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_index("cases_opened", "cases", ["opened_at", "number"])
