"""The fields we read of what GitLab says, and what they are in our words; everything else may come, go or change."""

import re
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.domain.pull_request import Person, PullRequest, PullRequestRef, Repo

# Groups nest up to twenty deep, so a name has two parts or many more.
_FULL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}(?:/[A-Za-z0-9_.-]{1,255}){1,21}")
# Users that belong to an access token; GitLab says `bot` only where it shows a single user.
_BOT_NAME = re.compile(r"(?:project|group)_\d+_bot(?:_[0-9a-z]+|\d*)|service_account_\w+", re.IGNORECASE)
_PUBLIC = 20


class Shape(BaseModel):
    """A part of an answer or a payload. Older servers leave fields out, newer ones add some."""

    # Built when first used: building all of them takes time, and no process needs them all.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)


def _full_name(value: str) -> str:
    if not _FULL_NAME.fullmatch(value) or {".", ".."} & set(value.split("/")):
        raise ValueError("is not group/project")
    return value


FullName = Annotated[str, AfterValidator(_full_name)]


class UserShape(Shape):
    id: int
    username: str = Field(max_length=255)
    bot: bool = False
    state: str = "active"

    def person(self) -> Person:
        is_bot = self.bot or _BOT_NAME.fullmatch(self.username) is not None
        return Person(user_id=str(self.id), login=self.username, is_bot=is_bot)


class MemberShape(UserShape):
    access_level: int = 0
    # "awaiting" when a paid seat has still to be given.
    membership_state: str = "active"


class ProjectShape(Shape):
    """A project as the API shows it (`visibility`) or a delivery (`visibility_level`)."""

    id: int
    path_with_namespace: FullName
    default_branch: str | None = None
    visibility: str | None = None
    visibility_level: int | None = None
    archived: bool = False

    def repo(self, connection: str) -> Repo:
        return Repo(
            connection=connection,
            repo_id=str(self.id),
            # One token, one installation: GitLab limits its user, whatever group a project is in.
            installation_id="",
            full_name=self.path_with_namespace,
            default_branch=self.default_branch or "",
            private=self.visibility != "public" and self.visibility_level != _PUBLIC,
            archived=self.archived,
        )


class DiffRefsShape(Shape):
    """The three commits of a version of the change: merge base, target branch then, head."""

    base_sha: str
    start_sha: str
    head_sha: str


class MergeRequestShape(Shape):
    """Lists leave `diff_refs` out; a single one lacks them until GitLab has prepared its diff."""

    iid: int
    title: str = ""
    description: str | None = None
    author: UserShape | None = None
    state: str
    draft: bool = False
    discussion_locked: bool | None = None
    labels: tuple[str, ...] = ()
    sha: str | None = None
    source_branch: str
    # Missing when the fork was deleted.
    source_project_id: int | None = None
    target_branch: str
    target_project_id: int
    diff_refs: DiffRefsShape | None = None
    prepared_at: datetime | None = None
    web_url: str = ""
    allow_collaboration: bool | None = None
    # After a squash without a merge commit there is only the second, after a fast-forward neither.
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    created_at: datetime

    def pull_request(self, repo: Repo, *, head_sha: str, base_sha: str) -> PullRequest:
        return PullRequest(
            ref=PullRequestRef(connection=repo.connection, repo_id=repo.repo_id, number=self.iid),
            repo=repo,
            title=self.title,
            body=self.description or "",
            author=self.author.person() if self.author else None,
            state=_state(self.state),
            draft=self.draft,
            locked=bool(self.discussion_locked),
            labels=self.labels,
            head_sha=head_sha,
            head_ref=self.source_branch,
            head_repo_id=str(self.source_project_id) if self.source_project_id else None,
            base_ref=self.target_branch,
            base_sha=base_sha,
            head_git_ref=f"refs/merge-requests/{self.iid}/head",
            url=self.web_url,
            maintainer_can_modify=bool(self.allow_collaboration),
            merge_sha=self.squash_commit_sha or self.merge_commit_sha or "",
            created_at=self.created_at,
        )


def _state(word: str) -> Literal["open", "closed", "merged"]:
    # "locked" is the moment in which it is being merged.
    states: dict[str, Literal["open", "closed", "merged"]] = {"merged": "merged", "locked": "merged"}
    return "open" if word == "opened" else states.get(word, "closed")


class BranchCommitShape(Shape):
    id: str


class BranchShape(Shape):
    name: str
    commit: BranchCommitShape


class DiffShape(Shape):
    """One changed file. The text is missing where GitLab folds it: too large, or too many before it."""

    old_path: str
    new_path: str
    diff: str = ""


class DraftShape(Shape):
    id: int
    note: str = ""
    # Missing when GitLab did not find the line; publishing such a draft fails, and with it those behind it.
    line_code: str | None = None


class NotePositionShape(Shape):
    """Where a note stands: GitLab moves it along with every push, as long as its line is there."""

    head_sha: str | None = None
    new_path: str | None = None
    new_line: int | None = None
    old_path: str | None = None
    old_line: int | None = None


class NoteShape(Shape):
    id: int
    body: str = ""
    position: NotePositionShape | None = None
    author: UserShape | None = None
    system: bool = False
    resolvable: bool = False
    resolved: bool | None = None
    resolved_by: UserShape | None = None


class DiscussionShape(Shape):
    id: str
    individual_note: bool = False
    notes: tuple[NoteShape, ...] = ()


class AwardShape(Shape):
    id: int
    name: str
    user: UserShape | None = None


class PipelineShape(Shape):
    id: int
    project_id: int | None = None
    sha: str = ""
    # "external" is one that statuses of others made, ours among them.
    source: str = ""


class StatusShape(Shape):
    status: str
    name: str = ""
    author: UserShape | None = None


class CreatedShape(Shape):
    id: int


class CreatedDiscussionShape(Shape):
    id: str


class TokenShape(Shape):
    """The token that asks; `expires_at` is a day, missing for those that never end."""

    id: int
    active: bool = True
    scopes: tuple[str, ...] = ()
    expires_at: date | None = None


class RotatedShape(Shape):
    token: str = Field(min_length=1)
    expires_at: date | None = None


class GroupShape(Shape):
    id: int
    full_path: str


class HookShape(Shape):
    """A webhook; its secrets are never shown."""

    id: int
    url: str
    merge_requests_events: bool = False
    note_events: bool = False
    emoji_events: bool | None = None
    push_events: bool = False
    confidential_note_events: bool = False
    # "temporarily_disabled" or "disabled" after failures in a row.
    alert_status: str = "executable"
    disabled_until: datetime | None = None


class HookEventShape(Shape):
    """A delivery of the last days; the status is a number as text, or "internal error"."""

    id: int
    response_status: str = ""
    created_at: datetime | None = None
