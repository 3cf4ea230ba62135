"""What the fake GitLab remembers: people, groups, projects, merge requests and everything written on them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import Literal

from app.forges.fake.commits import Commit
from app.forges.fake.git import GitRepository

MergeState = Literal["opened", "closed", "merged", "locked"]
StatusState = Literal["pending", "running", "success", "failed", "canceled", "skipped"]
Visibility = Literal["private", "internal", "public"]


class Access(IntEnum):
    """The roles, by the number that the API uses."""

    NONE = 0
    MINIMAL = 5
    GUEST = 10
    PLANNER = 15
    REPORTER = 20
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50


@dataclass(eq=False)
class User:
    """An account: a person, or the bot user of an access token."""

    user_id: int
    username: str
    name: str
    bot: bool = False
    deleted: bool = False

    @property
    def login(self) -> str:
        return self.username


@dataclass(eq=False)
class Group:
    """A group or subgroup; members of a parent are members below it. A person's own namespace has an owner."""

    group_id: int
    path: str
    parent: "Group | None" = None
    owner: User | None = None
    members: dict[int, Access] = field(default_factory=dict[int, Access])
    hooks: "list[Hook]" = field(default_factory=list["Hook"])

    @property
    def full_path(self) -> str:
        return f"{self.parent.full_path}/{self.path}" if self.parent else self.path

    def lineage(self) -> "Iterator[Group]":
        """This group and those above it."""
        yield self
        if self.parent is not None:
            yield from self.parent.lineage()

    def role_of(self, user: User) -> Access:
        if self.owner is user:
            return Access.OWNER
        return max(group.members.get(user.user_id, Access.NONE) for group in self.lineage())


@dataclass(eq=False)
class Token:
    """An access token of a person, a project or a group; tokens that were rotated into each other are one family."""

    token_id: int
    text: str
    user: User
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: date | None
    family: int
    access: Access | None = None
    project: "Project | None" = None
    group: Group | None = None
    revoked: bool = False

    def active(self, today: date) -> bool:
        return not self.revoked and (self.expires_at is None or self.expires_at > today)


@dataclass(eq=False)
class Label:
    label_id: int
    name: str
    color: str = "#6699cc"


@dataclass(eq=False)
class Award:
    """An emoji on a note or a merge request; one person gives each name once."""

    award_id: int
    user: User
    name: str
    created_at: datetime

    @property
    def content(self) -> str:
        return self.name


@dataclass(frozen=True)
class Position:
    """Where a note stands: the three commits of a diff, the paths and the lines; context lines have both numbers."""

    base_sha: str
    start_sha: str
    head_sha: str
    old_path: str
    new_path: str
    old_line: int | None
    new_line: int | None
    line_range: dict[str, object] | None = None

    @property
    def path(self) -> str:
        return self.new_path or self.old_path


@dataclass(eq=False)
class Note:
    """A comment: alone, or in a discussion; `system` ones are GitLab's own words about what happened."""

    note_id: int
    merge_request: "MergeRequest"
    discussion: "Discussion"
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    system: bool = False
    internal: bool = False
    reactions: list[Award] = field(default_factory=list[Award])


@dataclass(eq=False)
class Discussion:
    """A thread; an individual note is a discussion that cannot be resolved."""

    discussion_id: str
    merge_request: "MergeRequest"
    individual: bool = False
    position: Position | None = None
    original_position: Position | None = None
    line_code: str | None = None
    outdated: bool = False
    notes: list[Note] = field(default_factory=list[Note])
    resolved_by: User | None = None
    resolved_at: datetime | None = None

    @property
    def comments(self) -> list[Note]:
        return self.notes

    @property
    def resolvable(self) -> bool:
        return not self.individual

    @property
    def resolved(self) -> bool:
        return self.resolved_by is not None


@dataclass(eq=False)
class DraftNote:
    """A note that only its author sees until it is published; `line_code` is None where its line was not found."""

    draft_id: int
    merge_request: "MergeRequest"
    user: User
    body: str
    position: Position | None = None
    line_code: str | None = None
    in_reply_to: Discussion | None = None
    resolve: bool = False


@dataclass(eq=False)
class Version:
    """What a merge request was after one push; `start_sha` is the target branch's tip at that time."""

    version_id: int
    base_sha: str
    start_sha: str
    head_sha: str
    created_at: datetime


@dataclass(eq=False)
class Status:
    """A commit status of somebody else's system: a job in the stage `external` of a pipeline."""

    status_id: int
    pipeline: "Pipeline"
    user: User
    name: str
    state: StatusState
    description: str | None
    target_url: str | None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def title(self) -> str | None:
        return self.description


@dataclass(eq=False)
class Pipeline:
    """The project's own, or the `external` one that the first commit status makes."""

    pipeline_id: int
    project: "Project"
    sha: str
    ref: str
    source: Literal["push", "merge_request_event", "external"]
    created_at: datetime
    # What the project's own jobs say; None in an external pipeline.
    own: StatusState | None = None
    statuses: list[Status] = field(default_factory=list[Status])

    @property
    def status(self) -> StatusState:
        """All of its jobs together; the newest status of a name counts."""
        newest = {status.name: status.state for status in self.statuses}
        states = {*newest.values(), *([self.own] if self.own else [])}
        for state in ("failed", "running", "pending", "canceled", "success"):
            if state in states:
                return state
        return "skipped"


@dataclass(eq=False)
class QuickAction:
    """A slash command that was found in a text and carried out."""

    user: User
    word: str
    argument: str
    # Where it stood: "note", "edited note", "draft", "description".
    where: str
    merge_request: "MergeRequest"


@dataclass(eq=False)
class MergeRequest:
    merge_request_id: int
    iid: int
    project: "Project"
    author: User
    title: str
    description: str
    source_project: "Project | None"
    source_branch: str
    target_branch: str
    head_sha: str
    created_at: datetime
    updated_at: datetime
    state: MergeState = "opened"
    locked: bool = False
    squash: bool = False
    allow_collaboration: bool = False
    closed_by: User | None = None
    merged_by: User | None = None
    merged_at: datetime | None = None
    closed_at: datetime | None = None
    merge_commit_sha: str | None = None
    labels: list[Label] = field(default_factory=list[Label])
    assignees: list[User] = field(default_factory=list[User])
    reviewers: list[User] = field(default_factory=list[User])
    approved_by: list[User] = field(default_factory=list[User])
    versions: list[Version] = field(default_factory=list[Version])
    discussions: list[Discussion] = field(default_factory=list[Discussion])
    drafts: list[DraftNote] = field(default_factory=list[DraftNote])
    reactions: list[Award] = field(default_factory=list[Award])
    quick_actions: list[QuickAction] = field(default_factory=list[QuickAction])
    # How many more reads find it not prepared yet, without diff_refs.
    unprepared_reads: int = 0
    auto_merge: bool = False
    # Remembered for deliveries, which tell of it.
    head_commit: Commit | None = None

    @property
    def draft(self) -> bool:
        return self.title.lower().startswith(("draft:", "[draft]", "(draft)"))

    @property
    def version(self) -> Version:
        return self.versions[-1]

    @property
    def notes(self) -> list[Note]:
        found = [note for discussion in self.discussions for note in discussion.notes]
        return sorted(found, key=lambda note: note.note_id)

    @property
    def from_fork(self) -> bool:
        return self.source_project is not self.project


@dataclass(eq=False)
class Hook:
    """A webhook of a project or a group, with what GitLab knows of its failures."""

    hook_id: int
    url: str
    project: "Project | None"
    group: Group | None
    created_at: datetime
    token: str = ""
    signing_token: str = ""
    name: str = ""
    events: dict[str, bool] = field(default_factory=dict[str, bool])
    failures: int = 0
    disabled_until: datetime | None = None


@dataclass(eq=False)
class Project:
    project_id: int
    namespace: Group
    path: str
    git: GitRepository
    visibility: Visibility
    default_branch: str
    created_at: datetime
    fork_of: "Project | None" = None
    archived: bool = False
    deleted: bool = False
    only_allow_merge_if_pipeline_succeeds: bool = False
    members: dict[int, Access] = field(default_factory=dict[int, Access])
    # Branch -> who may push there.
    protected_branches: dict[str, Access] = field(default_factory=dict[str, Access])
    labels: dict[str, Label] = field(default_factory=dict[str, Label])
    merge_requests: dict[int, MergeRequest] = field(default_factory=dict[int, MergeRequest])
    hooks: list[Hook] = field(default_factory=list[Hook])
    pipelines: list[Pipeline] = field(default_factory=list[Pipeline])
    # Paths that it had before; they lead here until somebody else takes them.
    old_paths: set[str] = field(default_factory=set[str])
    last_iid: int = 0
    # Held by who commits and pushes, and while merge requests follow a push.
    pushing: asyncio.Lock = field(default_factory=asyncio.Lock)
    moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def full_path(self) -> str:
        return f"{self.namespace.full_path}/{self.path}"

    @property
    def private(self) -> bool:
        return self.visibility == "private"

    def new_iid(self) -> int:
        self.last_iid += 1
        return self.last_iid

    def role_of(self, user: User) -> Access:
        """The highest of what the project and the groups above it say."""
        if user.deleted:
            return Access.NONE
        return max(self.members.get(user.user_id, Access.NONE), self.namespace.role_of(user))

    def is_seen_by(self, user: User | None) -> bool:
        if self.deleted:
            return False
        if self.visibility == "public" or (self.visibility == "internal" and user is not None):
            return True
        return user is not None and self.role_of(user) >= Access.GUEST
