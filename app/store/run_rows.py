"""A run as a row of the database, and as a row of a list that people see."""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import JsonValue
from sqlalchemy import ColumnElement, RowMapping, Select, and_, exists, select, tuple_

from app.domain.model import Frozen
from app.domain.outcomes import Outcome
from app.domain.pull_request import PullRequestRef
from app.domain.runs import Run, StageTime
from app.store.addresses import ADDRESS, address_of, is_at, ref_of, without_address
from app.store.tables import findings, pull_requests, repositories, runs, sightings

_DESCRIBED = {
    "full_name": repositories.c.full_name,
    "pull_request_title": pull_requests.c.title,
    "author": pull_requests.c.author,
    "url": pull_requests.c.url,
}


class RunRow(Frozen):
    """A run with the names of what it is about."""

    run: Run
    # The repository's, as its forge last called it.
    full_name: str
    # The pull request's.
    title: str
    number: int
    author: str
    url: str


class RunFilter(Frozen):
    """Which runs are meant; what is left out does not narrow them."""

    ref: PullRequestRef | None = None
    outcome: Outcome | Literal["running"] | None = None
    # Whether something that the run saw is still open.
    has_open: bool | None = None


EVERY = RunFilter()


def to_row(run: Run) -> dict[str, object]:
    """Column values."""
    return {
        **run.model_dump(exclude={"ref", "stages"}),
        **address_of(run.ref),
        "stages": stages_to_json(run.stages),
    }


def stages_to_json(stages: Sequence[StageTime]) -> list[JsonValue]:
    return [stage.model_dump(mode="json") for stage in stages]


def to_run(row: RowMapping) -> Run:
    return Run.model_validate({"ref": ref_of(row), **without_address(row)})


def select_run_rows(repos: Sequence[tuple[str, str]] | None, which: RunFilter = EVERY) -> Select[*tuple[object, ...]]:
    """Runs of these repositories, (connection, repository id) each; None means of all."""
    same_pull_request = and_(*(runs.c[name] == pull_requests.c[name] for name in ADDRESS))
    joined = runs.join(pull_requests, same_pull_request).join(repositories)
    query = select(runs, *(column.label(f"shown_{name}") for name, column in _DESCRIBED.items())).select_from(joined)
    return query.where(*([] if repos is None else [_within(repos)]), *_conditions(which))


def _conditions(which: RunFilter) -> Iterator[ColumnElement[bool]]:
    if which.ref is not None:
        yield is_at(runs, which.ref)
    if which.outcome is not None:
        yield runs.c.outcome.is_(None) if which.outcome == "running" else runs.c.outcome == which.outcome
    if which.has_open is not None:
        seen = sightings.join(findings)
        is_open = (sightings.c.run_id == runs.c.run_id) & (findings.c.state == "open")
        some = exists().select_from(seen).where(is_open)
        yield some if which.has_open else ~some


def _within(repos: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    return tuple_(runs.c.connection, runs.c.repo_id).in_(repos)


def to_run_row(row: RowMapping) -> RunRow:
    own = {name: value for name, value in row.items() if not name.startswith("shown_")}
    run = Run.model_validate({"ref": ref_of(row), **{k: v for k, v in own.items() if k not in ADDRESS}})
    return RunRow(
        run=run,
        full_name=row["shown_full_name"],
        title=row["shown_pull_request_title"],
        number=run.ref.number,
        author=row["shown_author"],
        url=row["shown_url"],
    )
