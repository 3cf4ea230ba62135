"""One world for every forge: a fake with a repository in it, and our adapter for it as the registry builds it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr
from typing_extensions import override

from app.domain.events import Event
from app.domain.markers import finding_marker, run_marker
from app.domain.pull_request import PullRequestRef, Repo
from app.domain.review import InlineComment, ReviewDraft
from app.forges.base import Account, LimitNotice, Limits
from app.forges.fake.commits import Content
from app.forges.fake.gitlab.hooks import Delivery as GitLabDelivery
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import FakeGitLab
from app.forges.fake.hooks import Delivery as GitHubDelivery
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.forges.registry import FACTORIES, Connection, Forge, build
from tests.harness.keys import app_key
from tests.harness.swagger import GitLabContract

KINDS = tuple(sorted(FACTORIES))
RUN_ID = "01K00000000000000000000RN1"
OTHER_RUN_ID = "01K00000000000000000000RN2"
Fake = FakeForge | FakeGitLab
AnyRepo = FakeRepo | FakeProject
AnyPull = FakePullRequest | FakeMergeRequest
AnyDelivery = GitHubDelivery | GitLabDelivery


def resolve(pull: AnyPull, at: int, *, resolved: bool = True) -> None:
    """A person settles the thread that came at this place, or opens it again."""
    if isinstance(pull, FakeMergeRequest):
        act = pull.resolve if resolved else pull.unresolve
        act(pull.threads[at])
    else:
        settle = pull.resolve if resolved else pull.unresolve
        settle(pull.threads[at])


def thumb(pull: AnyPull, at: int, *, up: bool, by: str = "maria") -> None:
    """A person puts an emoji on what we said at this place."""
    if isinstance(pull, FakeMergeRequest):
        pull.react(pull.threads[at].notes[0], "thumbsup" if up else "thumbsdown", by=by)
    else:
        pull.react(pull.threads[at].comments[0], "+1" if up else "-1", by=by)


def reply(pull: AnyPull, at: int, body: str) -> None:
    """A person answers in the thread that came at this place."""
    if isinstance(pull, FakeMergeRequest):
        pull.reply(pull.threads[at], body)
    else:
        pull.reply(pull.threads[at], body)


async def accept_suggestion(pull: AnyPull, at: int) -> str:
    """A person commits what is suggested in the thread that came at this place; the new head."""
    if isinstance(pull, FakeMergeRequest):
        return await pull.accept_suggestion(pull.threads[at])
    return await pull.accept_suggestion(pull.threads[at])


def edit_last_comment(pull: AnyPull, body: str) -> None:
    """Its author changes the newest comment."""
    if isinstance(pull, FakeMergeRequest):
        pull.edit_comment(pull.comments[-1], body)
    else:
        pull.edit_comment(pull.comments[-1], body)


def finding_id(number: int) -> str:
    return f"01K0000000000000000000FN{number:02d}"


class OpenLimits(Limits):
    """Lets every call through and keeps what it was told."""

    def __init__(self) -> None:
        self.learnt: list[LimitNotice] = []

    @override
    async def admit(self, account: Account, *, points: int, creates_content: bool) -> None:
        return

    @override
    async def learn(self, account: Account, notice: LimitNotice) -> None:
        self.learnt.append(notice)


@dataclass
class World:
    """Deliveries are recorded and held: the tests hand them to our inbox themselves."""

    kind: str
    fake: Fake
    repo: AnyRepo
    ours: Forge
    read: int = field(default=0)

    async def open(
        self,
        changes: Mapping[str, Content] | None = None,
        *,
        draft: bool = False,
        fork: AnyRepo | None = None,
        author: str = "maria",
        base: str | None = None,
    ) -> AnyPull:
        changes = {"pay.py": "pay(0)\n"} if changes is None else changes
        if isinstance(self.repo, FakeRepo):
            assert fork is None or isinstance(fork, FakeRepo)
            return await self.repo.open_pull_request(
                changes=changes, draft=draft, from_fork=fork, author=author, base=base
            )
        assert fork is None or isinstance(fork, FakeProject)
        return await self.repo.open_pull_request(changes=changes, draft=draft, from_fork=fork, author=author, base=base)

    def ref_of(self, pull: AnyPull) -> PullRequestRef:
        return PullRequestRef(connection=self.kind, repo_id=self.repo.repo_id, number=pull.number)

    async def repo_of(self, pull: AnyPull) -> Repo:
        return (await self.ours.reader.pull_request(self.ref_of(pull))).repo

    async def new_events(self) -> list[Event]:
        """What our inbox makes of what was delivered since the last time, pushes left out."""
        held: Sequence[AnyDelivery] = self.fake.deliveries[self.read :]
        self.read += len(held)
        return [self.event_of(one) for one in held if not one.event.lower().startswith(("push", "ping", "check"))]

    def event_of(self, delivery: AnyDelivery) -> Event:
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        self.ours.inbox.verify(headers, delivery.body)
        return self.ours.inbox.parse(headers, delivery.body)

    def delivery_id_of(self, delivery: AnyDelivery) -> str:
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        return self.ours.inbox.delivery_id(headers, delivery.body)

    def redeliver(self, at: int) -> AnyDelivery:
        """Send a delivery of the past once more."""
        if isinstance(self.fake, FakeGitLab):
            self.fake.redeliver(self.fake.deliveries[at])
        else:
            self.fake.redeliver(self.fake.deliveries[at])
        return self.fake.deliveries[-1]

    async def post(self, pull: AnyPull, *comments: InlineComment, run_id: str = RUN_ID) -> None:
        """A review from start to end."""
        ref = self.ref_of(pull)
        review = await self.ours.writer.stage_review(ref, draft_of(pull, *comments, run_id=run_id), look_first=False)
        await self.ours.writer.submit_review(ref, review)


def comment_on(number: int, path: str, line: int, **more: object) -> InlineComment:
    """Finding `number` on a line; `side`, `start_line` and `body` may be given."""
    usual = InlineComment(
        finding_id=finding_id(number),
        path=path,
        side="new",
        start_line=line,
        line=line,
        body=f"**High · {number} · Pays twice**\n\n{finding_marker(finding_id(number), RUN_ID)}",
    )
    return usual.model_copy(update=more)


def draft_of(pull: AnyPull, *comments: InlineComment, run_id: str = RUN_ID) -> ReviewDraft:
    marked = tuple(one.model_copy(update={"body": one.body.replace(RUN_ID, run_id)}) for one in comments)
    return ReviewDraft(
        run_id=run_id, head_sha=pull.head_sha, body=f"**{len(comments)} high**\n\n{run_marker(run_id)}", comments=marked
    )


@asynccontextmanager
async def a_world(kind: str, *, files: Mapping[str, Content], private: bool = True) -> AsyncGenerator[World]:
    making = _github(files, private) if kind == "github" else _gitlab(files, private)
    async with making as world:
        world.fake.hold_deliveries()
        try:
            yield world
        finally:
            await world.ours.close()


@asynccontextmanager
async def _github(files: Mapping[str, Content], private: bool) -> AsyncGenerator[World]:
    async with FakeForge.start(key=app_key()) as fake:
        fake.webhook_url = "http://127.0.0.1:9/hooks/github"
        repo = await fake.create_repo("acme/shop", files=files, private=private)
        app = await fake.install_app(permissions=FIX_PERMISSIONS, repos=[repo])
        connection = Connection(
            key="github",
            api_url=app.api_url,
            web_url=fake.url,
            app_id=app.app_id,
            private_key=SecretStr(app.private_key_pem),
            webhook_secrets=(SecretStr(app.webhook_secret),),
            slug=app.slug,
        )
        yield World("github", fake, repo, build(connection, OpenLimits()))


@asynccontextmanager
async def _gitlab(files: Mapping[str, Content], private: bool) -> AsyncGenerator[World]:
    async with FakeGitLab.start(prefix="/git") as fake:
        fake.webhook_url = "http://127.0.0.1:9/hooks/gitlab"
        project = await fake.create_repo("acme/backend/shop", files=files, private=private)
        bot = await fake.install_bot(repos=[project])
        connection = Connection(
            key="gitlab",
            kind="gitlab",
            api_url=bot.api_url,
            web_url=fake.url,
            token=SecretStr(bot.token),
            webhook_secrets=(SecretStr(bot.webhook_secret),),
            user_id=bot.user_id,
            slug=bot.username,
        )
        contract = GitLabContract()
        contract.watch(fake)
        yield World("gitlab", fake, project, build(connection, OpenLimits()))
    contract.assert_kept()
