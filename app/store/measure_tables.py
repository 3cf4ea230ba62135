"""Tables of how reviews went: closed pull requests, the fate of their findings, bugs that escaped; without any code."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
)

from app.store.columns import AnyText, UtcDateTime
from app.store.tables import metadata

_ADDRESS = ("connection", "repo_id", "pull_request_number")


def _text(name: str) -> Column[str]:
    return Column(name, AnyText, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


measures = Table(
    "measures",
    metadata,
    _text("connection"),
    _text("repo_id"),
    _number("pull_request_number"),
    _text("state"),
    _text("head_sha"),
    Column("closed_at", UtcDateTime, nullable=False),
    _number("reviews"),
    _number("control_lines"),
    _number("control_changed"),
    Column("first_review_seconds", Float),
    Column("dollars", Float, nullable=False),
    Column("commits", JSON, nullable=False),
    PrimaryKeyConstraint(*_ADDRESS),
    ForeignKeyConstraint(["connection", "repo_id"], ["repositories.connection", "repositories.repo_id"]),
    Index(None, "closed_at"),
)

fates = Table(
    "fates",
    metadata,
    _text("finding_id"),
    _text("connection"),
    _text("repo_id"),
    _number("pull_request_number"),
    _number("number"),
    _text("severity"),
    _text("category"),
    _text("reviewer"),
    _text("rule"),
    Column("posted", Boolean, nullable=False),
    _text("fate"),
    _text("how"),
    PrimaryKeyConstraint("finding_id"),
    ForeignKeyConstraint(list(_ADDRESS), [f"measures.{name}" for name in _ADDRESS]),
    Index(None, *_ADDRESS),
)

escapes = Table(
    "escapes",
    metadata,
    _text("connection"),
    _text("repo_id"),
    _number("pull_request_number"),
    _text("fix_sha"),
    _text("subject"),
    _number("lines"),
    Column("fixed_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint(*_ADDRESS, "fix_sha"),
    ForeignKeyConstraint(["connection", "repo_id"], ["repositories.connection", "repositories.repo_id"]),
)

# Up to which commit of its default branch a repository was searched for fixes.
fix_looks = Table(
    "fix_looks",
    metadata,
    _text("connection"),
    _text("repo_id"),
    _text("looked_sha"),
    PrimaryKeyConstraint("connection", "repo_id"),
    ForeignKeyConstraint(["connection", "repo_id"], ["repositories.connection", "repositories.repo_id"]),
)
