"""Migration 5 adds what is wrong with a connection as a whole."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("trouble", sa.Text(), nullable=True))
    op.add_column("connections", sa.Column("trouble_at", sa.DateTime(timezone=True), nullable=True))
