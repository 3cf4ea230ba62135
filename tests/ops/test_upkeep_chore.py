"""The chore that gives new projects of a group their webhook runs on its schedule's word, and is noted."""

import asyncio
from pathlib import Path

from pydantic import JsonValue
from sqlalchemy import select

from app.domain.pull_request import Permission
from app.forges.fake.gitlab.entities import Access
from app.forges.fake.gitlab.scenario import FakeGitLab
from app.store.tables import audit
from tests.harness.system import at_work
from tests.harness.temporal import TemporalServer

PUBLIC = "https://bot.acme.com"


async def test_a_new_project_of_the_group_gets_its_webhook(temporal: TemporalServer, tmp_path: Path) -> None:
    async with FakeGitLab.start() as fake:
        await fake.create_repo("acme/shop")
        bot = await fake.install_bot("group_5_bot_3f", repos=[], role=Access.MAINTAINER)
        group = fake.gitlab.group("acme")
        group.members[bot.user_id] = Access.MAINTAINER
        await fake.create_repo("acme/backend/api")
        # Where we may not make webhooks, nothing is tried; elsewhere is elsewhere.
        foreign = await fake.create_repo("other/site")
        foreign.set_role(bot.username, Permission.WRITE)
        connection: dict[str, JsonValue] = {
            **{"key": "gitlab", "kind": "gitlab", "web_url": fake.url, "slug": bot.username, "user_id": bot.user_id},
            **{"token": bot.token, "webhook_secret": "s3cret-hook", "group": "acme"},
        }
        async with at_work(connection, temporal, tmp_path / "home", with_model=False, public_url=PUBLIC) as system:
            store, turns = system.running.store, system.running.turns
            assert turns is not None
            await turns.run_chore("upkeep")
            noted = select(audit.c.detail).where(audit.c.kind == "connection.tended")
            async with asyncio.timeout(20):
                while len(found := await store.db.read(lambda sql: sql.execute(noted).scalars().all())) < 2:
                    await asyncio.sleep(0.05)
        assert sorted(one["done"] for one in found) == ["webhook of acme/backend/api made", "webhook of acme/shop made"]
        assert {(hook.url, hook.token) for hook in fake.hooks} == {(f"{PUBLIC}/hooks/gitlab", "s3cret-hook")}
        assert sorted(hook.project.full_path for hook in fake.hooks if hook.project) == [
            "acme/backend/api",
            "acme/shop",
        ]
