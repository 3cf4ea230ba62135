"""A thousand pushes on one installation, none coalesced, against the documented limits: not one may be refused.

GitHub's limits let some 225 such reviews through in an hour, so this would take half a working day. Limiter and forge
therefore share a clock of their own: whoever has to wait moves it forward. Requests, tokens and git are real.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from ulid import ULID

from app.domain.errors import RateLimited
from app.domain.markers import finding_marker, run_marker
from app.domain.pull_request import PullRequestRef
from app.domain.review import CheckText, InlineComment, ReviewDraft
from app.forges.fake.clock import Clock
from app.forges.fake.limits import Limiter
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.scenario import FakeForge
from app.forges.registry import Connection, Forge, build
from app.store.database import Database
from app.store.limits import LimitBuckets
from app.store.schema import migrate
from tests.bench.figures import Figure

PULL_REQUESTS = 50
AT_ONCE = 10
RUNNING = CheckText(title="Reviewing", summary="The reviewers read 1 file.")
COMPLETED = CheckText(title="1 high", summary="All read.", conclusion="neutral")


@dataclass
class Site:
    """One repository of one installation, and our adapter under the limiter."""

    forge: FakeForge
    ours: Forge
    clock: Clock
    pulls: list[FakePullRequest]

    async def review(self, number: int) -> None:
        """A push, and what its review asks of the forge; a wait takes no time but is counted."""
        pull = self.pulls[number % len(self.pulls)]
        head_sha = await pull.push({"pay.py": f"paid = {number}\n"})
        ref = PullRequestRef(connection="github", repo_id=str(pull.pull.repo.repo_id), number=pull.number)
        run_id, step = str(ULID()), 0
        review_id = check_id = ""
        while step < 6:
            try:
                match step:
                    case 0 | 3:
                        await self.ours.reader.pull_request(ref)
                    case 1:
                        check_id = await self.ours.writer.ensure_check(
                            ref, head_sha, run_id, RUNNING, check_id=None, look_first=False
                        )
                    case 2:
                        review_id = await self.ours.writer.stage_review(ref, _draft(run_id, head_sha), look_first=False)
                    case 4:
                        await self.ours.writer.submit_review(ref, review_id)
                    case _:
                        await self.ours.writer.ensure_check(
                            ref, head_sha, run_id, COMPLETED, check_id=check_id, look_first=False
                        )
            except RateLimited as limit:
                self.wait_until(limit.until)
            else:
                step += 1

    def wait_until(self, moment: datetime) -> None:
        self.clock.advance(max(moment - self.clock.now(), timedelta(milliseconds=1)))


async def measure(quick: bool) -> list[Figure]:
    count = 150 if quick else 1000
    async with _site() as site:
        began, started = site.clock.now(), time.monotonic()
        # One at a time on a pull request: a second pending review there would be refused for another reason.
        await asyncio.gather(*(_reviews(site, iter(range(lane, count, AT_ONCE))) for lane in range(AT_ONCE)))
        passed = site.clock.now() - began
        reviews = sum(len(pull.reviews) for pull in site.pulls)
        return [
            Figure("answers of the forge that said limit", site.forge.limit_refusals, "", 0),
            Figure("reviews that were posted", reviews, "", count, at_least=True),
            Figure("    hours on their clock", passed.total_seconds() / 3600),
            Figure("    reviews an hour", reviews / passed.total_seconds() * 3600),
            Figure("    seconds on ours", time.monotonic() - started, "s"),
        ]


async def _reviews(site: Site, numbers: Iterator[int]) -> None:
    for number in numbers:
        await site.review(number)


@asynccontextmanager
async def _site() -> AsyncGenerator[Site]:
    clock = Clock()

    async def pass_time(seconds: float) -> None:
        clock.advance(timedelta(seconds=seconds))

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        db = await Database.open(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            await migrate(db)
            async with FakeForge.start() as forge:
                forge.github.limits = Limiter(clock)
                yield await _open(forge, LimitBuckets(db, clock=clock.now, sleep=pass_time), clock)
        finally:
            await db.close()


async def _open(forge: FakeForge, limits: LimitBuckets, clock: Clock) -> Site:
    repo = await forge.create_repo("acme/shop", files={"pay.py": "paid = None\n"})
    app = await forge.install_app(repos=[repo])
    pulls = [await repo.open_pull_request(changes={"pay.py": f"paid = -{at}\n"}) for at in range(1, PULL_REQUESTS + 1)]
    connection = Connection(
        key="github",
        api_url=app.api_url,
        web_url=forge.url,
        app_id=app.app_id,
        private_key=SecretStr(app.private_key_pem),
        webhook_secrets=(SecretStr(app.webhook_secret),),
        slug=app.slug,
    )
    return Site(forge, build(connection, limits), clock, pulls)


def _draft(run_id: str, head_sha: str) -> ReviewDraft:
    finding_id = str(ULID())
    comment = InlineComment(
        finding_id=finding_id,
        path="pay.py",
        side="new",
        start_line=1,
        line=1,
        body=f"**High · 1 · Paid twice**\n\n{finding_marker(finding_id, run_id)}",
    )
    return ReviewDraft(
        run_id=run_id, head_sha=head_sha, body=f"**1 high**\n\n{run_marker(run_id)}", comments=(comment,)
    )
