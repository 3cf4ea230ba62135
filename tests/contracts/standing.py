"""The whole product at work for one forge: a shop with its pull requests, whichever forge it is on."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue
from sqlalchemy import delete

from app.demo import shop as samples
from app.domain.pull_request import Permission
from app.domain.runs import Run
from app.forges.fake.gitlab.scenario import FakeGitLab
from app.forges.fake.limits import LimitSettings
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.store.tables import limit_buckets
from tests.contracts.telling import meanings, threads_of
from tests.contracts.worlds import AnyPull, AnyRepo, Fake, reply
from tests.harness.keys import app_key
from tests.harness.system import AtWork, Script, at_work, connection_to
from tests.harness.temporal import TemporalServer

REFUNDS = samples.SAMPLES[0]
# A title of which the model thinks for longer than a test.
SLOW = "A change that takes long to read"
PATIENCE = 60.0


@dataclass
class Standing:
    """A shop under review."""

    kind: str
    fake: Fake
    repo: AnyRepo
    at_work: AtWork
    opened: int = 0

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.at_work.running.port}/hooks/{self.kind}"

    async def open(self, *, title: str = REFUNDS.title) -> AnyPull:
        """The same change each time, on a branch of its own."""
        await self._forget_limits()
        return await self.repo.open_pull_request(
            author=REFUNDS.author, title=title, branch=self._branch(), changes=REFUNDS.changes, body=REFUNDS.body
        )

    async def reviewed(self, pull: AnyPull, *, head_sha: str = "") -> Run:
        """Until the head's run has ended and nothing more is going on."""
        head = head_sha or pull.head_sha

        async def ended() -> bool:
            run = await self._run(head)
            return run is not None and run.outcome is not None

        await self.until(ended)
        await self.quiet()
        run = await self._run(head)
        assert run is not None
        return run

    async def said(self, pull: AnyPull, text: str, *, by: str = "maria", and_left: bool = False) -> list[str]:
        """What the emoji on a comment mean once everything that it led to is done; its author may leave before."""
        await self._forget_limits()
        self.fake.hold_deliveries()
        comment = pull.comment(text, by=by)
        self.fake.user(by).deleted = and_left
        self.fake.release_deliveries()
        await self.quiet()
        return meanings(comment.reactions)

    async def answered(self, pull: AnyPull, at: int, text: str) -> str:
        """What we said to a reply in the thread that came at this place."""
        await self._forget_limits()
        before = len(threads_of(pull)[at].words)
        reply(pull, at, text)

        async def said() -> bool:
            return len(threads_of(pull)[at].words) > before + 1

        await self.until(said)
        await self.quiet()
        return threads_of(pull)[at].words[-1][1]

    def a_bot(self) -> str:
        """The login of somebody else's bot that may do everything."""
        if isinstance(self.fake, FakeForge):
            name = self.fake.github.user("helper[bot]", "Bot").login
        else:
            name = self.fake.gitlab.user("project_7_bot_3f", bot=True).username
        self.repo.set_role(name, Permission.ADMIN)
        return name

    async def quiet(self) -> None:
        await self.fake.deliveries_answered()
        await self.at_work.idle()

    async def until(self, holds: Callable[[], Awaitable[object]]) -> None:
        """The limit is for a test that would wait for ever."""
        async with asyncio.timeout(PATIENCE):
            while not await holds():
                await asyncio.sleep(0.05)

    def _branch(self) -> str:
        self.opened += 1
        return f"{REFUNDS.branch}-{self.opened}"

    async def _forget_limits(self) -> None:
        """Many short stories are more than a forge takes in a minute; what happens then has its own tests."""
        await self.at_work.running.store.db.write(lambda sql: sql.execute(delete(limit_buckets)))

    async def _run(self, head_sha: str) -> Run | None:
        return await self.at_work.running.store.runs.of_head(self.kind, self.repo.repo_id, head_sha)


@asynccontextmanager
async def a_standing(
    kind: str,
    temporal: TemporalServer,
    home: Path,
    *,
    prepare: Callable[[Script], None] = lambda _: None,
    sarif_token: str = "",
    daily_budget: float | None = None,
) -> AsyncGenerator[Standing]:
    """With the demo's answers, and those that `prepare` adds."""
    making = _on_github() if kind == "github" else _on_gitlab()

    def answer(script: Script) -> None:
        prepare(script)
        _answer_as_in_the_demo(script)

    async with (
        making as (fake, repo, connection),
        at_work(
            dict(connection), temporal, home, prepare=answer, sarif_token=sarif_token, daily_budget=daily_budget
        ) as made,
    ):
        standing = Standing(kind, fake, repo, made)
        fake.webhook_url = standing.hook
        yield standing


def _answer_as_in_the_demo(script: Script) -> None:
    """The demo's answers without its pauses, and one that nobody waits for."""
    script.answers.append({"when": [SLOW], "findings": [], "delay": 30})
    script.answers += [{**entry, "delay": 0} for entry in samples.SCRIPT if isinstance(entry, dict)]
    script.write()


Made = tuple[Fake, AnyRepo, Mapping[str, JsonValue]]


@asynccontextmanager
async def _on_github() -> AsyncGenerator[Made]:
    async with FakeForge.start(key=app_key()) as fake:
        fake.set_limits(LimitSettings(points_per_minute=99_999, content_per_minute=9_999, content_per_hour=9_999))
        repo = await fake.create_repo(samples.REPOSITORY, files=samples.BASE)
        credentials = await fake.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
        yield fake, repo, connection_to(fake, credentials)


@asynccontextmanager
async def _on_gitlab() -> AsyncGenerator[Made]:
    async with FakeGitLab.start() as fake:
        project = await fake.create_repo(samples.REPOSITORY, files=samples.BASE)
        bot = await fake.install_bot(repos=[project])
        connection: dict[str, JsonValue] = {
            "key": "gitlab",
            "kind": "gitlab",
            "web_url": fake.url,
            "api_url": bot.api_url,
            "token": bot.token,
            "user_id": bot.user_id,
            "slug": bot.username,
            "webhook_secret": bot.webhook_secret,
        }
        yield fake, project, connection
