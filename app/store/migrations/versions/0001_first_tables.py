"""Migration 1 creates the tables that the first version works with."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_actions()
    _create_audit()
    _create_config_files()
    _create_connections()
    _create_cursors()
    _create_deliveries()
    _create_effects()
    _create_limit_buckets()
    _create_secrets()
    _create_stream_events()
    _create_usage()
    _create_installations()
    _create_repositories()
    _create_pull_requests()
    _create_findings()
    _create_runs()
    _create_sightings()


def _create_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("action_key", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("pull_request_number", sa.Integer(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("action", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("action_key", name=op.f("pk_actions")),
    )
    op.create_index(op.f("ix_actions_received_at"), "actions", ["received_at"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous_digest", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )


def _create_config_files() -> None:
    op.create_table(
        "config_files",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection", "repo_id", name=op.f("pk_config_files")),
    )


def _create_connections() -> None:
    op.create_table(
        "connections",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_connections")),
    )


def _create_cursors() -> None:
    op.create_table(
        "cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursors")),
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("connection", "delivery_id", name=op.f("uq_deliveries_connection_delivery_id")),
    )
    op.create_index(op.f("ix_deliveries_connection_received_at"), "deliveries", ["connection", "received_at"])
    op.create_index(op.f("ix_deliveries_status_row_id"), "deliveries", ["status", "row_id"])


def _create_effects() -> None:
    op.create_table(
        "effects",
        sa.Column("effect_key", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("intent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("effect_key", name=op.f("pk_effects")),
    )
    op.create_index(op.f("ix_effects_run_id"), "effects", ["run_id"])


def _create_limit_buckets() -> None:
    op.create_table(
        "limit_buckets",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "installation_id", name=op.f("pk_limit_buckets")),
    )


def _create_secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
    )


def _create_stream_events() -> None:
    op.create_table(
        "stream_events",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name=op.f("pk_stream_events")),
    )


def _create_usage() -> None:
    op.create_table(
        "usage",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("pull_request_number", sa.Integer(), nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("dollars", sa.Float(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "reviewer", "model", name=op.f("pk_usage")),
    )
    op.create_index(op.f("ix_usage_connection_repo_id_at"), "usage", ["connection", "repo_id", "at"])


def _create_installations() -> None:
    op.create_table(
        "installations",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["connection"], ["connections.connection"], name=op.f("fk_installations_connections")),
        sa.PrimaryKeyConstraint("connection", "installation_id", name=op.f("pk_installations")),
    )


def _create_repositories() -> None:
    op.create_table(
        "repositories",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("default_branch", sa.Text(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("enabled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection", "installation_id"],
            ["installations.connection", "installations.installation_id"],
            name=op.f("fk_repositories_installations"),
        ),
        sa.PrimaryKeyConstraint("connection", "repo_id", name=op.f("pk_repositories")),
    )
    op.create_index(
        op.f("ix_repositories_connection_installation_id"), "repositories", ["connection", "installation_id"]
    )


def _create_pull_requests() -> None:
    op.create_table(
        "pull_requests",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("pull_request_number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("watermark_sha", sa.Text(), nullable=False),
        sa.Column("last_finding_number", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection", "repo_id"],
            ["repositories.connection", "repositories.repo_id"],
            name=op.f("fk_pull_requests_repositories"),
        ),
        sa.PrimaryKeyConstraint("connection", "repo_id", "pull_request_number", name=op.f("pk_pull_requests")),
    )


def _create_findings() -> None:
    op.create_table(
        "findings",
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("pull_request_number", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("finding", sa.JSON(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_seen_sha", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("comment_id", sa.Text(), nullable=True),
        sa.Column("dismissed_by", sa.Text(), nullable=True),
        sa.Column("dismissed_why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection", "repo_id", "pull_request_number"],
            ["pull_requests.connection", "pull_requests.repo_id", "pull_requests.pull_request_number"],
            name=op.f("fk_findings_pull_requests"),
        ),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_findings")),
        sa.UniqueConstraint("connection", "repo_id", "pull_request_number", "number", name="uq_findings_number"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("repo_id", sa.Text(), nullable=False),
        sa.Column("pull_request_number", sa.Integer(), nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("merge_base_sha", sa.Text(), nullable=False),
        sa.Column("base_ref", sa.Text(), nullable=False),
        sa.Column("base_sha", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("patch_id", sa.Text(), nullable=False),
        sa.Column("config_fingerprint", sa.Text(), nullable=False),
        sa.Column("config_key", sa.Text(), nullable=False),
        sa.Column("diff_key", sa.Text(), nullable=False),
        sa.Column("snapshot_key", sa.Text(), nullable=False),
        sa.Column("result_key", sa.Text(), nullable=False),
        sa.Column("reports", sa.JSON(), nullable=False),
        sa.Column("check_id", sa.Text(), nullable=True),
        sa.Column("review_id", sa.Text(), nullable=True),
        sa.Column("carried_from", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("stages", sa.JSON(), nullable=False),
        sa.Column("dollars", sa.Float(), nullable=False),
        sa.Column("model_calls", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection", "repo_id", "pull_request_number"],
            ["pull_requests.connection", "pull_requests.repo_id", "pull_requests.pull_request_number"],
            name=op.f("fk_runs_pull_requests"),
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
        sa.UniqueConstraint(
            "connection",
            "repo_id",
            "pull_request_number",
            "head_sha",
            "merge_base_sha",
            "request",
            name="uq_runs_claim",
        ),
    )
    op.create_index(op.f("ix_runs_outcome_started_at"), "runs", ["outcome", "started_at"])


def _create_sightings() -> None:
    op.create_table(
        "sightings",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("head_sha", sa.Text(), nullable=False),
        sa.Column("place", sa.JSON(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.finding_id"], name=op.f("fk_sightings_findings")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_sightings_runs")),
        sa.PrimaryKeyConstraint("run_id", "finding_id", name=op.f("pk_sightings")),
    )
    op.create_index(op.f("ix_sightings_finding_id"), "sightings", ["finding_id"])
