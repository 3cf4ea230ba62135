"""What people think of findings."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Table

from app.store.columns import AnyText, UtcDateTime
from app.store.tables import metadata

# One row for each 👍 or 👎 that stands; it goes when it is taken back.
feedback = Table(
    "feedback",
    metadata,
    Column("finding_id", AnyText, nullable=False),
    Column("user_id", AnyText, nullable=False),
    Column("vote", AnyText, nullable=False),
    Column("connection", AnyText, nullable=False),
    Column("repo_id", AnyText, nullable=False),
    Column("pull_request_number", Integer, nullable=False),
    Column("login", AnyText, nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("finding_id", "user_id", "vote"),
)
