"""What must hold after every fault, checked in one place over the fake forge, the store and everything on disk."""

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import RowMapping, Table, select

from app.domain.markers import read_finding_marker
from app.forges.fake.entities import PullRequest, Repository
from app.forges.fake.http import Answer, Request
from app.forges.fake.scenario import AppCredentials, FakeForge
from app.store.database import Database
from app.store.tables import deliveries, runs

# The last deliveries may still be on their way through the inbox when a story is over.
SETTLES_WITHIN = 20.0
# Where the operator's own secrets are meant to be.
MEANT = ("app.pem", "settings.toml")


@dataclass
class Invariants:
    """Watches one forge from its start; `assert_hold` is the last line of every fault test."""

    forge: FakeForge
    credentials: AppCredentials
    home: Path
    sent: list[bytes] = field(default_factory=list[bytes])

    def __post_init__(self) -> None:
        self.forge.observe(self._note)

    def _note(self, request: Request, _: Answer) -> None:
        self.sent.append(f"{request.path}?{request.query_string}\n".encode() + request.body)

    async def assert_hold(self, database_url: str = "", *, told: bool = True) -> None:
        """`told` is false where nobody could be told any more: the App was uninstalled, the repository archived."""
        deadline = time.monotonic() + SETTLES_WITHIN
        while broken := [*(self._on_the_forge() if told else ()), *await self._in_the_store(database_url)]:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
        broken += await asyncio.to_thread(lambda: list(self._secrets_seen()))
        assert not broken, "\n".join([*broken, "", self.forge.story()])

    def _on_the_forge(self) -> Iterator[str]:
        for repo in self.forge.github.repositories.values():
            for check in repo.check_runs.values():
                if not check.conclusion:
                    yield f"check {check.external_id} of {check.head_sha[:7]} is not completed: {check.title}"
            for pull in repo.pulls.values():
                yield from _on_the_pull_request(repo, pull)

    async def _in_the_store(self, database_url: str) -> list[str]:
        db = await Database.open(database_url or f"sqlite:///{self.home / 'corrigent.db'}")
        try:
            delivered, made = await _rows(db, deliveries), await _rows(db, runs)
        finally:
            await db.close()
        return [*self._not_stored(delivered), *self._runs_without_one_check(made)]

    def _not_stored(self, rows: Sequence[RowMapping]) -> Iterator[str]:
        stored = {row["delivery_id"] for row in rows}
        for delivery in self.forge.deliveries:
            if 200 <= delivery.status_code < 300 and delivery.guid not in stored:
                yield f"delivery {delivery.guid} ({delivery.event}) was acknowledged and is lost"
        for row in rows:
            if row["status"] in {"waiting", "failed"}:
                yield f"delivery {row['delivery_id']} ({row['event']}) is {row['status']}: {row['reason']}"

    def _runs_without_one_check(self, rows: Sequence[RowMapping]) -> Iterator[str]:
        shown = Counter(
            check.external_id for repo in self.forge.github.repositories.values() for check in repo.check_runs.values()
        )
        for row in rows:
            if row["outcome"] is None:
                yield f"run {row['run_id']} of {row['head_sha'][:7]} has no outcome"
            if row["check_id"] is not None and shown[row["run_id"]] != 1:
                yield f"run {row['run_id']} of {row['head_sha'][:7]} has {shown[row['run_id']]} checks"

    def _secrets_seen(self) -> Iterator[str]:
        """Nothing we sent, logged or stored holds a secret, plain or in base64."""
        places = {"what was sent": b"\n".join(self.sent)}
        for path in self.home.rglob("*"):
            if path.is_file() and path.name not in MEANT:
                places[str(path.relative_to(self.home))] = path.read_bytes()
        for name, secret in self._secrets():
            for place, content in places.items():
                if secret in content:
                    yield f"{name} is in {place}"

    def _secrets(self) -> Iterator[tuple[str, bytes]]:
        key = self.credentials.private_key_pem.splitlines()[1:-1]
        named = {"the App's key": key[len(key) // 2], "the webhook secret": self.credentials.webhook_secret}
        tokens = [(f"token {text[:8]}…", text) for text in self.forge.github.tokens]
        for name, text in [*named.items(), *tokens]:
            yield name, text.encode()
            yield f"{name} in base64", base64.b64encode(f"x-access-token:{text}".encode())


def _on_the_pull_request(repo: Repository, pull: PullRequest) -> Iterator[str]:
    ours = [review for review in pull.reviews if review.user.kind == "Bot"]
    # A review around a single comment or reply has no text of its own.
    submitted = Counter(review.commit_id for review in ours if review.state != "PENDING" and review.body)
    for head_sha, count in submitted.items():
        if count > 1:
            yield f"#{pull.number} has {count} reviews of {head_sha[:7]}"
    # Nobody may delete it where nobody may write.
    if any(review.state == "PENDING" for review in ours) and not repo.archived:
        yield f"#{pull.number} has a pending review of ours"
    marks = Counter(
        mark[0]
        for comment in pull.review_comments
        if comment.user.kind == "Bot" and (mark := read_finding_marker(comment.body))
    )
    for finding_id, count in marks.items():
        if count > 1:
            yield f"#{pull.number} tells finding {finding_id} {count} times"


async def inbox(database_url: str) -> set[str]:
    """The ids of all deliveries that a store holds."""
    db = await Database.open(database_url)
    try:
        return {row["delivery_id"] for row in await _rows(db, deliveries)}
    finally:
        await db.close()


async def _rows(db: Database, table: Table) -> Sequence[RowMapping]:
    return await db.read(lambda sql: sql.execute(select(table)).mappings().all())
