"""Whose click or thumb counts: people who may write when it is read."""

from app.domain.pull_request import Permission, Person, Repo
from app.forges.base import ForgeReader


async def may_write(reader: ForgeReader, repo: Repo, person: Person) -> bool:
    """Machines and ourselves excepted: killed after resolving a mended finding's thread, we find our own doing."""
    if person.is_bot or person.login.removesuffix("[bot]") == (await reader.me()).login:
        return False
    return (await reader.permission(repo, person)).allows(Permission.WRITE)
