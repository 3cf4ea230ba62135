"""Migration 6 adds how reviews went."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_REPOSITORY = (["connection", "repo_id"], ["repositories.connection", "repositories.repo_id"])
_ADDRESS = ("connection", "repo_id", "pull_request_number")


def upgrade() -> None:
    op.create_table(
        "measures",
        *_address(),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviews", sa.Integer(), nullable=False),
        sa.Column("control_lines", sa.Integer(), nullable=False),
        sa.Column("control_changed", sa.Integer(), nullable=False),
        sa.Column("first_review_seconds", sa.Float(), nullable=True),
        sa.Column("dollars", sa.Float(), nullable=False),
        sa.Column("commits", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(*_REPOSITORY, name=op.f("fk_measures_repositories")),
        sa.PrimaryKeyConstraint(*_ADDRESS, name=op.f("pk_measures")),
    )
    op.create_index(op.f("ix_measures_closed_at"), "measures", ["closed_at"])
    op.create_table(
        "fates",
        sa.Column("finding_id", sa.Text(), nullable=False),
        *_address(),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("posted", sa.Boolean(), nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(_ADDRESS, [f"measures.{name}" for name in _ADDRESS], name=op.f("fk_fates_measures")),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_fates")),
    )
    op.create_index(op.f("ix_fates_connection_repo_id_pull_request_number"), "fates", list(_ADDRESS))
    op.create_table(
        "escapes",
        *_address(),
        sa.Column("fix_sha", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(*_REPOSITORY, name=op.f("fk_escapes_repositories")),
        sa.PrimaryKeyConstraint(*_ADDRESS, "fix_sha", name=op.f("pk_escapes")),
    )
    op.create_table(
        "fix_looks",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("looked_sha", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(*_REPOSITORY, name=op.f("fk_fix_looks_repositories")),
        sa.PrimaryKeyConstraint("connection", "repo_id", name=op.f("pk_fix_looks")),
    )


def _address() -> tuple[sa.Column[str], sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("pull_request_number", sa.Integer(), nullable=False),
    )
