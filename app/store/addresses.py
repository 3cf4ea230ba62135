"""Where a pull request's rows are: every table that belongs to one carries the same three columns."""

from sqlalchemy import ColumnElement, RowMapping, Table, and_, bindparam

from app.domain.pull_request import PullRequestRef

ADDRESS = ("connection", "repo_id", "pull_request_number")


def address_of(ref: PullRequestRef) -> dict[str, str | int]:
    """As column values."""
    return {"connection": ref.connection, "repo_id": ref.repo_id, "pull_request_number": ref.number}


def is_at(table: Table, ref: PullRequestRef) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in address_of(ref).items()))


def in_asked_repository(table: Table) -> ColumnElement[bool]:
    """For statements that are built once; `asked_repository` says which one when they run."""
    return and_(*(table.c[name] == bindparam(f"of_{name}") for name in ADDRESS[:2]))


def asked_repository(connection: str, repo_id: str) -> dict[str, str]:
    return {"of_connection": connection, "of_repo_id": repo_id}


def is_at_asked(table: Table) -> ColumnElement[bool]:
    """The same for a pull request, which `asked` says."""
    return and_(*(table.c[name] == bindparam(f"of_{name}") for name in ADDRESS))


def asked(ref: PullRequestRef) -> dict[str, str | int]:
    return {f"of_{name}": value for name, value in address_of(ref).items()}


def ref_of(row: RowMapping) -> PullRequestRef:
    return PullRequestRef(connection=row["connection"], repo_id=row["repo_id"], number=row["pull_request_number"])


def without_address(row: RowMapping) -> dict[str, object]:
    """The other columns."""
    return {name: value for name, value in row.items() if name not in ADDRESS}
