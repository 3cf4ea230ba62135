"""What a filter offers."""

from typing import NamedTuple

from app.store.repositories import Repositories
from app.web.access import Viewer
from app.web.pages.parts.words import line


class Choice(NamedTuple):
    """An option of a filter."""

    value: str
    label: str


async def repositories_of(repositories: Repositories, viewer: Viewer) -> list[Choice]:
    """Those that the viewer may see, by connection and id."""
    return [
        Choice(f"{repo.connection}/{repo.repo_id}", line(repo.full_name))
        for repo in await repositories.all()
        if viewer.may_see(repo.connection, repo.repo_id)
    ]
