"""The chore that looks after a connection runs on its schedule's word: new projects get webhooks, tokens a successor."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
from pydantic import JsonValue
from sqlalchemy import select

from app.doctor.base import Ground
from app.doctor.gitlab import check_connection
from app.domain.pull_request import Permission
from app.forges.fake.errors import Refusal
from app.forges.fake.faults import Refuse
from app.forges.fake.gitlab.entities import Access
from app.forges.fake.gitlab.scenario import BotCredentials, FakeGitLab
from app.store.tables import audit
from tests.harness.system import AtWork, at_work
from tests.harness.temporal import TemporalServer

PUBLIC = "https://bot.acme.com"
DASHBOARD = "d4shboard-of-a-test"


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


async def test_a_token_near_its_end_is_renewed_and_everything_goes_on_with_the_new_one(
    temporal: TemporalServer, tmp_path: Path
) -> None:
    async with FakeGitLab.start() as fake:
        project = await fake.create_repo("acme/shop")
        bot = await fake.install_bot(
            f"project_{project.repo_id}_bot_3f", repos=[project], expires_at=fake.gitlab.today + timedelta(days=9)
        )
        connection, home = _connection(fake, bot), tmp_path / "home"
        async with at_work(connection, temporal, home, with_model=False) as system:
            await _run_upkeep(system)
            await _until(lambda: _noted(system, "connection.tended"))
            (token,) = (one for one in fake.gitlab.tokens.values() if not one.revoked)
            assert token.expires_at == fake.gitlab.today + timedelta(days=90)
            assert await _reads(system)
        # Another process, and the settings as they were written at first.
        async with at_work(connection, temporal, home, with_model=False) as system:
            assert await _reads(system)
            line = await check_connection(Ground(system.settings), part="GitLab", key="gitlab")
            assert (line.state, line.text.rpartition(", token ")[2]) == ("ok", "ends in 90 days, renewed before")
            assert token.text not in (home / "corrigent.log").read_text()
            assert token.text.encode() not in (home / "corrigent.db").read_bytes()


async def test_a_token_that_cannot_be_renewed_is_said_by_doctor_and_on_the_dashboard_until_it_is_over(
    temporal: TemporalServer, tmp_path: Path
) -> None:
    async with FakeGitLab.start() as fake:
        project = await fake.create_repo("acme/shop")
        bot = await fake.install_bot(repos=[project], expires_at=fake.gitlab.today + timedelta(days=9))
        fake.fault(Refuse(Refusal(404, "404 Not Found")), method="POST", path="/api/v4/personal_access_tokens/*")
        connection, home = _connection(fake, bot), tmp_path / "home"
        async with at_work(connection, temporal, home, with_model=False, dashboard_token=DASHBOARD) as system:
            await _run_upkeep(system)
            await _until(lambda: _noted(system, "connection.trouble"))
            line = await check_connection(Ground(system.settings), part="GitLab", key="gitlab")
            assert line.state == "FAIL"
            assert "does not renew the token of 'gitlab' (404" in line.text
            assert "--token-file FILE" in line.text
            for path in ("/", "/problems"):
                assert "does not renew the token" in await _page(system, path)
            await _run_upkeep(system)
            await _until(lambda: _noted(system, "connection.tended"))
            assert "does not renew the token" not in await _page(system, "/")
            line = await check_connection(Ground(system.settings), part="GitLab", key="gitlab")
            assert line.state == "ok"


def _connection(fake: FakeGitLab, bot: BotCredentials) -> dict[str, JsonValue]:
    return {
        **{"key": "gitlab", "kind": "gitlab", "web_url": fake.url, "slug": bot.username, "user_id": bot.user_id},
        **{"token": bot.token, "webhook_secret": bot.webhook_secret},
    }


async def _run_upkeep(system: AtWork) -> None:
    assert system.running.turns is not None
    await system.running.turns.run_chore("upkeep")


async def _noted(system: AtWork, kind: str) -> bool:
    noted = select(audit.c.seq).where(audit.c.kind == kind)
    return bool(await system.running.store.db.read(lambda sql: sql.execute(noted).first()))


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.05)


async def _reads(system: AtWork) -> bool:
    reader = system.running.forges.readers["gitlab"]
    return [repo.full_name for repo in await reader.repositories()] == ["acme/shop"]


async def _page(system: AtWork, path: str) -> str:
    headers = {"authorization": f"Bearer {DASHBOARD}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{system.running.port}", headers=headers) as http:
        return (await http.get(path)).raise_for_status().text
