"""Tables of what repositories teach us."""

from sqlalchemy import Column, ForeignKeyConstraint, Integer, PrimaryKeyConstraint, Table, UniqueConstraint

from app.store.columns import AnyText, UtcDateTime
from app.store.tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, AnyText, nullable=False)


# What people taught us about a repository; `source` is the action that a rule comes from.
rules = Table(
    "rules",
    metadata,
    _text("connection"),
    _text("repo_id"),
    Column("number", Integer, nullable=False),
    _text("text"),
    _text("state"),
    _text("source"),
    Column("pull_request_number", Integer, nullable=False),
    _text("proposed_by"),
    Column("proposed_at", UtcDateTime, nullable=False),
    _text("decided_by"),
    Column("decided_at", UtcDateTime),
    Column("decided_why", AnyText, nullable=False, server_default=""),
    PrimaryKeyConstraint("connection", "repo_id", "number"),
    ForeignKeyConstraint(["connection", "repo_id"], ["repositories.connection", "repositories.repo_id"]),
    UniqueConstraint("connection", "repo_id", "source"),
)

# What speaks for a rule or against it, once for each source: a finding, a comment, an action.
rule_evidence = Table(
    "rule_evidence",
    metadata,
    _text("connection"),
    _text("repo_id"),
    Column("number", Integer, nullable=False),
    _text("source"),
    _text("kind"),
    _text("given_by"),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("connection", "repo_id", "number", "source"),
    ForeignKeyConstraint(["connection", "repo_id", "number"], ["rules.connection", "rules.repo_id", "rules.number"]),
)
