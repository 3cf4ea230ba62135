"""Repositories, people and pull requests, as every forge has them."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from app.domain.model import Frozen


class PullRequestRef(Frozen):
    """Which pull request: ids, never names, because repositories are renamed and transferred."""

    connection: str
    repo_id: str
    number: int

    def __str__(self) -> str:
        return f"{self.connection}/{self.repo_id}/{self.number}"


class Person(Frozen):
    """An account on a forge; `is_bot` covers Apps and machine users alike."""

    user_id: str
    login: str
    is_bot: bool = False


# Whoever runs Corrigent, beside every forge: an account there always has an id.
OPERATOR = Person(user_id="", login="operator")


class Repo(Frozen):
    """A repository as its forge last described it."""

    connection: str
    repo_id: str
    installation_id: str
    full_name: str
    default_branch: str
    private: bool = True
    archived: bool = False


class PullRequest(Frozen):
    """The state of a pull request at the moment it was read from the forge's API."""

    ref: PullRequestRef
    repo: Repo
    title: str
    body: str
    author: Person | None
    state: Literal["open", "closed", "merged"]
    draft: bool = False
    locked: bool = False
    labels: tuple[str, ...] = ()
    head_sha: str
    head_ref: str
    # None when the fork was deleted; its commits stay reachable through the base repository.
    head_repo_id: str | None
    base_ref: str
    base_sha: str
    # Where git finds the head in the base repository, also for forks: refs/pull/N/head.
    head_git_ref: str
    url: str
    maintainer_can_modify: bool = False
    # What it became on the base branch: a merge, one commit, or the last of several. Empty until it is merged.
    merge_sha: str = ""
    created_at: datetime

    @property
    def from_fork(self) -> bool:
        return self.head_repo_id != self.repo.repo_id


class Permission(StrEnum):
    """What a person may do in a repository, read live from the forge."""

    NONE = "none"
    READ = "read"
    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"

    def allows(self, needed: "Permission") -> bool:
        order = list(Permission)
        return order.index(self) >= order.index(needed)
