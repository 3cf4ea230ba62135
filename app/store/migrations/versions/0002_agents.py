"""Migration 2 adds agents, and what keeps them from working."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_agents()
    _create_environment_problems()


def _create_agents() -> None:
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("pull_request_number", sa.Integer(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("action_key", sa.Text(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("prompt_key", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.JSON(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("parent_agent_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("budget", sa.JSON(), nullable=False),
        sa.Column("spent", sa.JSON(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("task_key", sa.Text(), nullable=False),
        sa.Column("fix_key", sa.Text(), nullable=False),
        sa.Column("snapshot_key", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("comment_id", sa.Text(), nullable=False),
        sa.Column("thread_comment_id", sa.Text(), nullable=False),
        sa.Column("question_comment_id", sa.Text(), nullable=False),
        sa.Column("asks_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection", "repo_id", "pull_request_number"],
            ["pull_requests.connection", "pull_requests.repo_id", "pull_requests.pull_request_number"],
            name=op.f("fk_agents_pull_requests"),
        ),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agents")),
        sa.UniqueConstraint("connection", "repo_id", "pull_request_number", "claim", name="uq_agents_claim"),
    )
    op.create_index(op.f("ix_agents_state_started_at"), "agents", ["state", "started_at"])


def _create_environment_problems() -> None:
    op.create_table(
        "environment_problems",
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("solved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection", "repo_id"],
            ["repositories.connection", "repositories.repo_id"],
            name=op.f("fk_environment_problems_repositories"),
        ),
        sa.PrimaryKeyConstraint("problem_id", name=op.f("pk_environment_problems")),
        sa.UniqueConstraint(
            "connection",
            "repo_id",
            "fingerprint",
            name=op.f("uq_environment_problems_connection_repo_id_fingerprint"),
        ),
    )
