"""Migration 4 adds what speaks for a learned rule and against it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rules", sa.Column("decided_why", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "rule_evidence",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection", "repo_id", "number"],
            ["rules.connection", "rules.repo_id", "rules.number"],
            name=op.f("fk_rule_evidence_rules"),
        ),
        sa.PrimaryKeyConstraint("connection", "repo_id", "number", "source", name=op.f("pk_rule_evidence")),
    )
