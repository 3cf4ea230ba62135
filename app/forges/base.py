"""What Corrigent asks of a forge: three small protocols, so that a step gets only what it needs."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, Protocol

from pydantic import SecretStr

from app.domain.events import Event
from app.domain.feedback import Feedback
from app.domain.fixes import SpelledCommit
from app.domain.model import Frozen
from app.domain.pull_request import Permission, Person, PullRequest, PullRequestRef, Repo
from app.domain.remarks import Remark
from app.domain.review import CheckText, ReviewDraft

Reaction = Literal["eyes", "done", "confused"]


class RawDelivery(Frozen):
    """A delivery exactly as the forge sent it, or as its delivery list gives it back."""

    delivery_id: str
    event: str
    headers: dict[str, str]
    body: bytes
    delivered_at: datetime


class GitAccess(Frozen):
    """How git reaches a repository: the header goes through host-scoped configuration, never into a URL or argv."""

    url: str
    # "Authorization: Basic …"; empty for a public repository read without a token.
    header: str
    ca_file: str = ""
    proxy: str = ""


class CommitIdentity(Frozen):
    """Who a commit of ours is by, so that the forge shows it as ours."""

    name: str
    email: str


class Thread(Frozen):
    """A thread of ours, as it stands now."""

    thread_id: str
    root_comment_id: str
    finding_id: str
    resolved: bool
    resolved_by: Person | None = None
    outdated: bool = False
    # What people think of it, as far as it is read; None where deliveries tell of it.
    feedback: tuple[Feedback, ...] | None = None


class CommentRef(Frozen):
    """A comment on a pull request; the kinds have different addresses on most forges."""

    ref: PullRequestRef
    kind: Literal["comment", "thread", "review"]
    comment_id: str
    root_comment_id: str | None = None


class PostedThread(Frozen):
    """A thread of a submitted review: which finding, which comment."""

    finding_id: str
    comment_id: str


# While a secret is being changed there are two.
SignedBy = Literal["current", "old"]


class ForgeInbox(Protocol):
    """The way in: who sent this, what does it mean, what did we miss."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> SignedBy:
        """The secret of ours that signed the raw bytes; BadSignature when none did. Header names are lower-case."""
        ...

    def delivery_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """The forge's id of this delivery (the same when redelivered), or one derived from the body."""
        ...

    def parse(self, headers: Mapping[str, str], body: bytes) -> Event:
        """What a verified delivery means; MalformedDelivery when it cannot be read. Never raises for the unknown."""
        ...

    async def missed(self, since: datetime, known: set[str]) -> Sequence[RawDelivery]:
        """Deliveries since then that are not in `known`, oldest first; empty on a forge that keeps no list."""
        ...


class ForgeReader(Protocol):
    """Reading the forge's state with a token that may only read."""

    async def pull_request(self, ref: PullRequestRef) -> PullRequest: ...

    async def repositories(self) -> Sequence[Repo]:
        """Every repository this connection was given, all installations."""
        ...

    async def find_repo(self, full_name: str) -> Repo:
        """By the name in its address, for people who type one; Gone when it is not there for us."""
        ...

    async def open_pull_requests(self, repo: Repo) -> Sequence[PullRequest]: ...

    async def permission(self, repo: Repo, person: Person) -> Permission:
        """Read live; a deleted or unknown account has none."""
        ...

    async def threads(self, ref: PullRequestRef) -> Sequence[Thread]:
        """Threads whose first comment is ours and carries our marker."""
        ...

    async def git_access(self, repo: Repo) -> GitAccess: ...

    async def me(self) -> Person:
        """The account we act as; `login` is what people mention."""
        ...


class ForgeRemarks(Protocol):
    """What others said on lines of a change; asked once, at a pull request's end."""

    async def remarks(self, ref: PullRequestRef) -> Sequence[Remark]:
        """First comments of threads on the new side, ours left out, as people wrote them."""
        ...


class ForgeWriter(Protocol):
    """Everything the poster may do. `look_first` says that an earlier try may have gone through."""

    async def ensure_check(
        self, ref: PullRequestRef, head_sha: str, run_id: str, text: CheckText, check_id: str | None, look_first: bool
    ) -> str:
        """Create (check_id None) or update our check for this run; its id."""
        ...

    async def stage_review(self, ref: PullRequestRef, draft: ReviewDraft, look_first: bool) -> str:
        """Write the review where nobody sees it yet; its id. A left-over of ours is adopted (same run) or removed."""
        ...

    async def submit_review(self, ref: PullRequestRef, review_id: str) -> Sequence[PostedThread]:
        """Show it to people, once: submitting a submitted review changes nothing. Its threads."""
        ...

    async def discard_review(self, ref: PullRequestRef, review_id: str) -> None:
        """Remove a staged review; one that is gone already is fine."""
        ...

    async def comment(
        self, ref: PullRequestRef, body: str, marker: str, reply_to: CommentRef | None, look_first: bool
    ) -> str:
        """A comment, or a reply in a thread; its id. `marker` is in the body and finds an earlier try."""
        ...

    async def react(self, comment: CommentRef, reaction: Reaction) -> None: ...

    async def resolve_threads(self, ref: PullRequestRef, threads: Sequence[Thread], note: str) -> None:
        """Resolve without a word; where we may not, the comment itself gains `note`."""
        ...


class ForgePusher(Protocol):
    """Writing to branches, with a right that exists for one push."""

    async def home_of(self, pull_request: PullRequest) -> Repo | None:
        """Where the head's branch is, if we may push to it; None for a fork that keeps it to itself."""
        ...

    def pushing(self, repo: Repo) -> AbstractAsyncContextManager[GitAccess]:
        """Access that may write to this repository alone; it is taken back when this is left, however it is left."""
        ...

    async def identity(self) -> CommitIdentity: ...

    async def commit(self, repo: Repo, branch: str, commit: SpelledCommit, /) -> str | None:
        """The hash of a commit that the forge makes and signs itself, for branches that take no other; None where the
        forge makes none. ForgeRefused where the branch is not at its parent any more, or does not take it either."""
        ...


class Tended(Frozen):
    """What came of looking after a connection."""

    # A phrase each.
    done: tuple[str, ...] = ()
    # What only the operator can mend, as a sentence with the next step; empty when nothing is wrong.
    trouble: str = ""


class ForgeUpkeep(Protocol):
    """What a connection needs looked after now and then; a forge that needs nothing has none."""

    async def tend(self) -> Tended:
        """Safe at any time."""
        ...


class TokenShelf(Protocol):
    """Where a connection's own token is kept once we changed it; each method has happened when it returns."""

    @property
    def seed(self) -> SecretStr:
        """The one that the operator set."""
        ...

    async def token(self) -> SecretStr:
        """The one to use now; another process may have changed it."""
        ...

    async def begun_at(self) -> datetime | None:
        """When a change was begun whose end is not known; None without one."""
        ...

    async def begin(self) -> bool:
        """Whether this change is ours to make: nobody else has begun one."""
        ...

    async def call_off(self) -> None:
        """The change that was begun did certainly not happen."""
        ...

    async def save(self, token: SecretStr) -> None:
        """The new token takes the place of the old, and the change is over."""
        ...

    async def forget(self) -> None:
        """What is kept is of no use; the operator's counts again."""
        ...


class Account(Frozen):
    """Whose limits a call spends: one installation on one connection."""

    connection: str
    installation_id: str


class LimitNotice(Frozen):
    """What a forge's answer said about its limits."""

    kind: Literal["primary", "secondary", "headers"]
    until: datetime | None = None
    remaining: int | None = None


class Limits(Protocol):
    """The limiter: shared by all processes, asked before each call, told after each answer."""

    async def admit(self, account: Account, *, points: int, creates_content: bool) -> None:
        """Return when the call may be sent now; RateLimited with the time when it may not."""
        ...

    async def learn(self, account: Account, notice: LimitNotice) -> None: ...
