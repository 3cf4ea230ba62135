"""What the fake GitHub remembers: accounts, Apps, repositories, pull requests and everything written on them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.domain.pull_request import Permission
from app.forges.fake.git import GitRepository

Level = Literal["none", "read", "write", "admin"]
ReviewState = Literal["PENDING", "COMMENTED", "APPROVED", "CHANGES_REQUESTED", "DISMISSED"]
DiffSide = Literal["LEFT", "RIGHT"]


@dataclass(eq=False)
class User:
    """An account: a person, an organisation, or the bot of an App."""

    user_id: int
    login: str
    kind: Literal["User", "Organization", "Bot"] = "User"
    deleted: bool = False


@dataclass(eq=False)
class App:
    """A registered App; its public key is what its JSON web tokens are checked with."""

    app_id: int
    slug: str
    name: str
    client_id: str
    owner: User
    bot: User
    public_key: RSAPublicKey
    permissions: dict[str, Level]
    events: tuple[str, ...]
    webhook_url: str
    webhook_secret: str
    created_at: datetime
    webhook_content_type: Literal["json", "form"] = "json"
    webhook_active: bool = True


@dataclass(eq=False)
class Installation:
    """An App on an account, for all of its repositories (`repository_ids` None) or for some."""

    installation_id: int
    app: App
    account: User
    permissions: dict[str, Level]
    events: tuple[str, ...]
    repository_ids: set[int] | None
    created_at: datetime
    suspended_at: datetime | None = None
    deleted: bool = False

    def covers(self, repo: "Repository") -> bool:
        if self.deleted or repo.owner is not self.account:
            return False
        return self.repository_ids is None or repo.repo_id in self.repository_ids


@dataclass(eq=False)
class Token:
    """A token that was handed out: an installation's, narrowed when it was minted, or a person's own."""

    text: str
    user: User
    installation: Installation | None = None
    expires_at: datetime | None = None
    permissions: Mapping[str, Level] = field(default_factory=dict[str, Level])
    repository_ids: frozenset[int] | None = None
    revoked: bool = False


@dataclass(eq=False)
class Label:
    label_id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(eq=False)
class Reaction:
    reaction_id: int
    user: User
    content: str
    created_at: datetime


@dataclass(eq=False)
class IssueComment:
    """A comment in the conversation of a pull request."""

    comment_id: int
    pull: "PullRequest"
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    reactions: list[Reaction] = field(default_factory=list[Reaction])
    minimized: str | None = None


@dataclass(eq=False)
class Anchor:
    """Where a thread stands; `line` is None once the line it was written on is gone."""

    path: str
    side: DiffSide
    line: int | None
    start_side: DiffSide | None
    start_line: int | None
    position: int | None
    commit_id: str
    original_line: int | None
    original_start_line: int | None
    original_position: int
    original_commit_id: str
    diff_hunk: str
    subject_type: Literal["line", "file"] = "line"
    outdated: bool = False


@dataclass(eq=False)
class ReviewComment:
    """A comment in a thread; hidden from everybody but its author while its review is pending."""

    comment_id: int
    thread: "Thread"
    review: "Review"
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    in_reply_to_id: int | None = None
    reactions: list[Reaction] = field(default_factory=list[Reaction])
    minimized: str | None = None


@dataclass(eq=False)
class Thread:
    """A conversation on lines of the change; it disappears with its last comment."""

    thread_id: int
    pull: "PullRequest"
    anchor: Anchor
    comments: list[ReviewComment] = field(default_factory=list[ReviewComment])
    resolved_by: User | None = None

    @property
    def resolved(self) -> bool:
        return self.resolved_by is not None

    @property
    def pending(self) -> bool:
        return all(comment.review.state == "PENDING" for comment in self.comments)


@dataclass(eq=False)
class Review:
    review_id: int
    pull: "PullRequest"
    user: User
    body: str
    state: ReviewState
    commit_id: str
    submitted_at: datetime | None = None
    updated_at: datetime | None = None
    reactions: list[Reaction] = field(default_factory=list[Reaction])
    minimized: str | None = None


@dataclass(eq=False)
class CheckSuite:
    suite_id: int
    head_sha: str
    app: App
    created_at: datetime


@dataclass(eq=False)
class CheckRun:
    check_id: int
    repo: "Repository"
    suite: CheckSuite
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    external_id: str
    details_url: str | None
    started_at: datetime
    completed_at: datetime | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    actions: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


@dataclass(eq=False)
class CommitStatus:
    status_id: int
    sha: str
    creator: User
    state: str
    context: str
    description: str | None
    target_url: str | None
    created_at: datetime


@dataclass(eq=False)
class PullRequest:
    """A pull request; the base commit is the one of the last push or retarget, as on GitHub."""

    pull_id: int
    number: int
    repo: "Repository"
    author: User
    title: str
    body: str | None
    head_repo: "Repository | None"
    head_ref: str
    head_sha: str
    head_owner: User
    base_ref: str
    base_sha: str
    created_at: datetime
    updated_at: datetime
    state: Literal["open", "closed"] = "open"
    draft: bool = False
    locked: bool = False
    maintainer_can_modify: bool = False
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    mergeable: bool | None = None
    # GitHub computes `mergeable` in the background: the first answer after a change says null.
    mergeable_asked: bool = False
    labels: list[Label] = field(default_factory=list[Label])
    reviews: list[Review] = field(default_factory=list[Review])
    threads: list[Thread] = field(default_factory=list[Thread])
    comments: list[IssueComment] = field(default_factory=list[IssueComment])
    reactions: list[Reaction] = field(default_factory=list[Reaction])

    @property
    def review_comments(self) -> list[ReviewComment]:
        found = [comment for thread in self.threads for comment in thread.comments]
        return sorted(found, key=lambda comment: comment.comment_id)

    def comments_of(self, review: Review) -> list[ReviewComment]:
        return [comment for comment in self.review_comments if comment.review is review]


@dataclass(eq=False)
class Repository:
    repo_id: int
    owner: User
    name: str
    git: GitRepository
    private: bool
    default_branch: str
    created_at: datetime
    fork_of: "Repository | None" = None
    archived: bool = False
    deleted: bool = False
    description: str | None = None
    roles: dict[int, Permission] = field(default_factory=dict[int, Permission])
    protected_branches: set[str] = field(default_factory=set[str])
    # These take only commits that the forge made and signed.
    signed_branches: set[str] = field(default_factory=set[str])
    labels: dict[str, Label] = field(default_factory=dict[str, Label])
    pulls: dict[int, PullRequest] = field(default_factory=dict[int, PullRequest])
    check_suites: list[CheckSuite] = field(default_factory=list[CheckSuite])
    check_runs: dict[int, CheckRun] = field(default_factory=dict[int, CheckRun])
    statuses: list[CommitStatus] = field(default_factory=list[CommitStatus])
    last_number: int = 0
    # Held by who commits and pushes, and while pull requests follow a push.
    pushing: asyncio.Lock = field(default_factory=asyncio.Lock)
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def new_number(self) -> int:
        self.last_number += 1
        return self.last_number

    def role_of(self, user: User) -> Permission:
        """The owner administers; a public repository can be read by everybody."""
        if user.deleted:
            return Permission.NONE
        if user is self.owner:
            return Permission.ADMIN
        return self.roles.get(user.user_id, Permission.NONE if self.private else Permission.READ)
