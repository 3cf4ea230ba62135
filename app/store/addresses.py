"""Where a pull request's rows are: every table that belongs to one carries the same three columns."""

from sqlalchemy import ColumnElement, RowMapping, Table, and_

from app.domain.pull_request import PullRequestRef

ADDRESS = ("connection", "repo_id", "pull_request_number")


def address_of(ref: PullRequestRef) -> dict[str, str | int]:
    """As column values."""
    return {"connection": ref.connection, "repo_id": ref.repo_id, "pull_request_number": ref.number}


def is_at(table: Table, ref: PullRequestRef) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in address_of(ref).items()))


def ref_of(row: RowMapping) -> PullRequestRef:
    return PullRequestRef(connection=row["connection"], repo_id=row["repo_id"], number=row["pull_request_number"])


def without_address(row: RowMapping) -> dict[str, object]:
    """The other columns."""
    return {name: value for name, value in row.items() if name not in ADDRESS}
