"""Every table. Rows are addressed as the domain addresses them: connection, repository id, number."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from app.store.columns import ROW_ID, AnyText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _required(name: str) -> Column[str]:
    return Column(name, AnyText, nullable=False)


def _optional(name: str) -> Column[str | None]:
    return Column(name, AnyText)


def _of_pull_request() -> tuple[Column[str], Column[str], Column[int]]:
    return (_required("connection"), _required("repo_id"), Column("pull_request_number", Integer, nullable=False))


def _in_pull_requests() -> ForeignKeyConstraint:
    address = ["connection", "repo_id", "pull_request_number"]
    return ForeignKeyConstraint(address, [f"pull_requests.{name}" for name in address])


# --- What is under our care ---

connections = Table(
    "connections",
    metadata,
    _required("connection"),
    Column("first_seen_at", UtcDateTime, nullable=False),
    # What only the operator can mend, as a sentence; None when nothing is wrong.
    _optional("trouble"),
    Column("trouble_at", UtcDateTime),
    PrimaryKeyConstraint("connection"),
)

installations = Table(
    "installations",
    metadata,
    _required("connection"),
    _required("installation_id"),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("suspended_at", UtcDateTime),
    Column("removed_at", UtcDateTime),
    PrimaryKeyConstraint("connection", "installation_id"),
    ForeignKeyConstraint(["connection"], ["connections.connection"]),
)

repositories = Table(
    "repositories",
    metadata,
    _required("connection"),
    _required("repo_id"),
    _required("installation_id"),
    _required("full_name"),
    _required("default_branch"),
    Column("private", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("enabled_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    PrimaryKeyConstraint("connection", "repo_id"),
    ForeignKeyConstraint(
        ["connection", "installation_id"], ["installations.connection", "installations.installation_id"]
    ),
    Index(None, "connection", "installation_id"),
)

pull_requests = Table(
    "pull_requests",
    metadata,
    *_of_pull_request(),
    _required("title"),
    _required("author"),
    _required("url"),
    _required("head_sha"),
    _required("state"),
    Column("paused", Boolean, nullable=False),
    _required("watermark_sha"),
    # Numbers are never given twice, even when old findings were removed.
    Column("last_finding_number", Integer, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("connection", "repo_id", "pull_request_number"),
    ForeignKeyConstraint(["connection", "repo_id"], ["repositories.connection", "repositories.repo_id"]),
)

# --- Runs and what they found ---

runs = Table(
    "runs",
    metadata,
    _required("run_id"),
    *_of_pull_request(),
    _required("head_sha"),
    _required("merge_base_sha"),
    _required("base_ref"),
    _required("base_sha"),
    _required("request"),
    _required("patch_id"),
    _required("config_fingerprint"),
    _required("config_key"),
    _required("diff_key"),
    _required("snapshot_key"),
    _required("result_key"),
    Column("reports", JSON, nullable=False),
    _optional("check_id"),
    _optional("review_id"),
    _optional("carried_from"),
    _optional("outcome"),
    _required("title"),
    Column("stages", JSON, nullable=False),
    Column("dollars", Float, nullable=False),
    Column("model_calls", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("wait_until", UtcDateTime),
    PrimaryKeyConstraint("run_id"),
    _in_pull_requests(),
    # The claim: what is reviewed once.
    UniqueConstraint(
        "connection", "repo_id", "pull_request_number", "head_sha", "merge_base_sha", "request", name="uq_runs_claim"
    ),
    Index(None, "outcome", "started_at"),
)

findings = Table(
    "findings",
    metadata,
    _required("finding_id"),
    *_of_pull_request(),
    Column("number", Integer, nullable=False),
    Column("finding", JSON, nullable=False),
    Column("keys", JSON, nullable=False),
    _required("state"),
    Column("state_at", UtcDateTime, nullable=False),
    _required("first_seen_sha"),
    Column("first_seen_at", UtcDateTime, nullable=False),
    _optional("comment_id"),
    _optional("dismissed_by"),
    _required("dismissed_why"),
    PrimaryKeyConstraint("finding_id"),
    _in_pull_requests(),
    UniqueConstraint("connection", "repo_id", "pull_request_number", "number", name="uq_findings_number"),
)

sightings = Table(
    "sightings",
    metadata,
    _required("run_id"),
    _required("finding_id"),
    _required("head_sha"),
    Column("place", JSON, nullable=False),
    Column("keys", JSON, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("run_id", "finding_id"),
    ForeignKeyConstraint(["run_id"], ["runs.run_id"]),
    ForeignKeyConstraint(["finding_id"], ["findings.finding_id"]),
    Index(None, "finding_id"),
)

# --- Who mends it ---

agents = Table(
    "agents",
    metadata,
    _required("agent_id"),
    *_of_pull_request(),
    # What it was begun for: an action, or a finding of a run. Nothing begins two.
    _required("claim"),
    _required("kind"),
    _required("action_key"),
    Column("numbers", JSON, nullable=False),
    _required("prompt_key"),
    Column("asked_by", JSON, nullable=False),
    _required("delivery"),
    _required("head_sha"),
    _required("parent_agent_id"),
    _required("state"),
    _required("conversation"),
    Column("budget", JSON, nullable=False),
    Column("spent", JSON, nullable=False),
    Column("attempt", Integer, nullable=False),
    _required("task_key"),
    _required("fix_key"),
    _required("snapshot_key"),
    _required("grade"),
    _required("comment_id"),
    _required("thread_comment_id"),
    _required("question_comment_id"),
    Column("asks_until", UtcDateTime),
    _required("ending"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    PrimaryKeyConstraint("agent_id"),
    _in_pull_requests(),
    UniqueConstraint("connection", "repo_id", "pull_request_number", "claim", name="uq_agents_claim"),
    Index(None, "state", "started_at"),
)

environment_problems = Table(
    "environment_problems",
    metadata,
    _required("problem_id"),
    _required("connection"),
    _required("repo_id"),
    _required("fingerprint"),
    _required("text"),
    _required("agent_id"),
    Column("count", Integer, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("solved_at", UtcDateTime),
    PrimaryKeyConstraint("problem_id"),
    ForeignKeyConstraint(["connection", "repo_id"], ["repositories.connection", "repositories.repo_id"]),
    UniqueConstraint("connection", "repo_id", "fingerprint"),
)

# --- Once, and only once ---

deliveries = Table(
    "deliveries",
    metadata,
    Column("row_id", ROW_ID, nullable=False),
    _required("connection"),
    _required("delivery_id"),
    _required("event"),
    Column("headers", JSON, nullable=False),
    # zstd; empty once its retention is over.
    Column("body", LargeBinary, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    _required("status"),
    # Not to be claimed before: now for a new row, the end of its lease for a claimed one, else the time to retry.
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("settled_at", UtcDateTime),
    _required("reason"),
    _required("ref"),
    PrimaryKeyConstraint("row_id"),
    UniqueConstraint("connection", "delivery_id"),
    Index(None, "status", "row_id"),
    Index(None, "connection", "received_at"),
)

effects = Table(
    "effects",
    metadata,
    _required("effect_key"),
    _required("run_id"),
    Column("intent_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    Column("result", JSON),
    PrimaryKeyConstraint("effect_key"),
    Index(None, "run_id"),
)

actions = Table(
    "actions",
    metadata,
    _required("action_key"),
    *_of_pull_request(),
    _required("word"),
    Column("action", JSON, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    _optional("result"),
    PrimaryKeyConstraint("action_key"),
    Index(None, "received_at"),
)

cursors = Table(
    "cursors",
    metadata,
    _required("name"),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("name"),
)

# --- What it costs, who did what, what is secret ---

usage = Table(
    "usage",
    metadata,
    _required("run_id"),
    _required("reviewer"),
    _required("model"),
    *_of_pull_request(),
    _required("installation_id"),
    Column("requests", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    # None where the price is not known.
    Column("dollars", Float),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("run_id", "reviewer", "model"),
    Index(None, "connection", "repo_id", "at"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, nullable=False, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    _required("kind"),
    _required("actor"),
    _required("ref"),
    Column("detail", JSON, nullable=False),
    _required("previous_digest"),
    _required("digest"),
    PrimaryKeyConstraint("seq"),
)

secrets = Table(
    "secrets",
    metadata,
    _required("name"),
    Column("sealed", LargeBinary, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("name"),
)

# The last valid values of each repository's configuration file, so that a broken one removes no gate.
config_files = Table(
    "config_files",
    metadata,
    _required("connection"),
    _required("repo_id"),
    Column("values", JSON, nullable=False),
    Column("read_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("connection", "repo_id"),
)

# What repositories' own CI said of a commit, by tool.
uploads = Table(
    "uploads",
    metadata,
    _required("connection"),
    _required("repo_id"),
    _required("head_sha"),
    _required("tool"),
    Column("results", JSON, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("connection", "repo_id", "head_sha", "tool"),
)

# --- Live streams and limits ---

stream_events = Table(
    "stream_events",
    metadata,
    _required("stream"),
    Column("seq", BigInteger, nullable=False, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    _required("kind"),
    _required("data"),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("stream", "seq"),
)

limit_buckets = Table(
    "limit_buckets",
    metadata,
    _required("connection"),
    _required("installation_id"),
    # budgets.AccountBudget
    Column("state", JSON, nullable=False),
    PrimaryKeyConstraint("connection", "installation_id"),
)
