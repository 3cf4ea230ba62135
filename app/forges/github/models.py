"""The fields we read of what GitHub says, and what they are in our words; everything else may come, go or change."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.domain.pull_request import Person, PullRequest, PullRequestRef, Repo

# What every column that holds one can hold; anything larger is no id of a forge.
Id = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[int, Field(ge=0, lt=2**31)]
_FULL_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}/[A-Za-z0-9._-]{1,100}")


class Shape(BaseModel):
    """A part of an answer or a payload. Older servers leave fields out, newer ones add some."""

    # Built when first used: building all of them takes a tenth of a second, and no process needs them all.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)


def _full_name(value: str) -> str:
    if not _FULL_NAME.fullmatch(value) or value.rpartition("/")[2] in {".", ".."}:
        raise ValueError("is not owner/name")
    return value


class UserShape(Shape):
    id: Id
    login: str = Field(max_length=200)
    type: str = "User"

    def person(self) -> Person:
        return Person(user_id=str(self.id), login=self.login, is_bot=self.type == "Bot")


class RepoShape(Shape):
    """Payloads about installations leave out all but the first two and `private`."""

    id: Id
    full_name: Annotated[str, AfterValidator(_full_name)]
    default_branch: str = ""
    private: bool = True
    archived: bool = False

    def repo(self, connection: str, installation_id: str) -> Repo:
        return Repo(
            connection=connection,
            repo_id=str(self.id),
            installation_id=installation_id,
            full_name=self.full_name,
            default_branch=self.default_branch,
            private=self.private,
            archived=self.archived,
        )


class HeadShape(Shape):
    """The side a pull request comes from; the repository is missing when the fork was deleted."""

    ref: str
    sha: str
    repo: RepoShape | None = None


class BaseShape(Shape):
    ref: str
    sha: str
    repo: RepoShape


class LabelShape(Shape):
    name: str


class PullShape(Shape):
    number: Number
    title: str = ""
    body: str | None = None
    # Missing when the account was deleted.
    user: UserShape | None = None
    state: Literal["open", "closed"]
    draft: bool = False
    locked: bool = False
    labels: tuple[LabelShape, ...] = ()
    head: HeadShape
    base: BaseShape
    html_url: str
    maintainer_can_modify: bool = False
    # Lists have only the time, not `merged`.
    merged_at: datetime | None = None
    # Of an open one a trial, which means nothing.
    merge_commit_sha: str | None = None
    created_at: datetime

    def pull_request(self, connection: str, installation_id: str) -> PullRequest:
        repo = self.base.repo.repo(connection, installation_id)
        return PullRequest(
            ref=PullRequestRef(connection=connection, repo_id=repo.repo_id, number=self.number),
            repo=repo,
            title=self.title,
            body=self.body or "",
            author=self.user.person() if self.user else None,
            state="merged" if self.merged_at else self.state,
            draft=self.draft,
            locked=self.locked,
            labels=tuple(label.name for label in self.labels),
            head_sha=self.head.sha,
            head_ref=self.head.ref,
            head_repo_id=str(self.head.repo.id) if self.head.repo else None,
            base_ref=self.base.ref,
            base_sha=self.base.sha,
            head_git_ref=f"refs/pull/{self.number}/head",
            url=self.html_url,
            maintainer_can_modify=self.maintainer_can_modify,
            merge_sha=(self.merge_commit_sha or "") if self.merged_at else "",
            created_at=self.created_at,
        )


class AccountShape(Shape):
    login: str = ""


class InstallationShape(Shape):
    id: Id
    account: AccountShape | None = None
    permissions: dict[str, str] = Field(default_factory=dict)
    suspended_at: datetime | None = None


class TokenShape(Shape):
    # About 40 or about 520 characters, by the age of the server.
    token: str
    expires_at: datetime


class InstalledReposShape(Shape):
    repositories: tuple[RepoShape, ...]


class PermissionFlags(Shape):
    admin: bool = False
    maintain: bool = False
    push: bool = False
    triage: bool = False
    pull: bool = False


class CollaboratorShape(UserShape):
    permissions: PermissionFlags | None = None


class PermissionShape(Shape):
    """`permission` knows four words only; `role_name` may be an organisation's own role; the flags know all."""

    permission: str = "none"
    role_name: str = ""
    user: CollaboratorShape | None = None


class AppShape(Shape):
    id: Id


class CheckShape(Shape):
    id: Id
    external_id: str | None = None
    app: AppShape | None = None


class ChecksShape(Shape):
    check_runs: tuple[CheckShape, ...]


class ReviewShape(Shape):
    id: Id
    node_id: str = ""
    state: str
    user: UserShape | None = None
    body: str | None = None


class CommentShape(Shape):
    id: Id
    body: str | None = None
    user: UserShape | None = None
    in_reply_to_id: Id | None = None


class LineCommentShape(CommentShape):
    """A comment in a thread, with the line it was written on."""

    path: str
    original_line: int | None = None
    original_commit_id: str = ""
    side: str = ""


class FileShape(Shape):
    """One file of a pull request; large and binary ones come without `patch`."""

    filename: str
    patch: str = ""


class CreatedShape(Shape):
    id: Id
