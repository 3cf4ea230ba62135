"""Eight roles by every command on every forge: from what somebody typed to what becomes of it, nothing carried out."""

from collections.abc import AsyncGenerator

import pytest

from app.commands.base import Facts, Say
from app.commands.parser import parse
from app.commands.registry import COMMANDS, plan
from app.domain.events import CommentMade
from app.domain.phrases import Voice
from app.domain.pull_request import Permission
from app.domain.repo_config import RepoConfig
from app.forges.fake.scenario import FakeForge
from tests.contracts.worlds import KINDS, World, a_world
from tests.texts.sample import OPEN

# A line for each command, and the least role for which it is done.
LEAST: dict[str, Permission] = {
    "review": Permission.WRITE,
    "review full": Permission.WRITE,
    "fix": Permission.WRITE,
    "fix 2 use a lock": Permission.WRITE,
    "apply 2": Permission.WRITE,
    "agent add a test": Permission.WRITE,
    "dismiss 2 wrong": Permission.WRITE,
    "remember money is in cents": Permission.WRITE,
    "forget R7": Permission.WRITE,
    "rule R7 on": Permission.MAINTAIN,
    "rule R7 off": Permission.MAINTAIN,
    "stop": Permission.WRITE,
    "pause": Permission.WRITE,
    "resume": Permission.WRITE,
    "rules": Permission.READ,
    "status": Permission.READ,
    "config": Permission.READ,
    "help": Permission.READ,
}
ROLES = [*(role.value for role in Permission), "deleted", "bot"]


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    async with a_world(request.param, files={"pay.py": "pay()\n"}) as made:
        yield made


def somebody(world: World, role: str) -> str:
    """The login of whoever has this role; a bot of somebody else's has every right."""
    if role == "bot" and isinstance(world.fake, FakeForge):
        name = world.fake.github.user("helper[bot]", "Bot").login
    elif role == "bot" and not isinstance(world.fake, FakeForge):
        name = world.fake.gitlab.user("project_7_bot_3f", bot=True).username
    else:
        name = world.fake.user(f"who-{role}").login
    given = {"deleted": Permission.ADMIN, "bot": Permission.ADMIN}.get(role) or Permission(role)
    world.repo.set_role(name, given)
    return name


def test_every_command_has_its_row() -> None:
    assert {line.split()[0] for line in LEAST} == set(COMMANDS)
    assert len(ROLES) == 8


@pytest.mark.parametrize("role", ROLES)
async def test_what_a_role_may_do(world: World, role: str) -> None:
    pull = await world.open()
    name = somebody(world, role)
    await world.new_events()
    pull.comment("\n".join(f"/corrigent {line}" for line in LEAST), by=name)
    (event,) = [one for one in await world.new_events() if isinstance(one, CommentMade)]
    world.fake.user(name).deleted = role == "deleted"
    # What a bot says is not listened to, whatever it may do.
    assert event.author.is_bot == (role == "bot")
    permission = await world.ours.reader.permission(event.repo, event.author)
    assert permission == {"deleted": Permission.NONE, "bot": Permission.ADMIN}.get(role, permission)
    facts = Facts(
        actor=event.author,
        permission=permission,
        repo_name=event.repo.full_name,
        author=None,
        open_findings=OPEN,
        learned=(7,),
        config=RepoConfig(),
        running=True,
        voice=Voice(),
    )
    for line, least in LEAST.items():
        [parsed] = parse(f"/corrigent {line}", mentions=("/corrigent",), previous_body=None)
        planned = plan(parsed, facts)
        refused = isinstance(planned, Say) and planned.because == "permission"
        assert refused != permission.allows(least), (line, planned)
        assert refused or not isinstance(planned, Say), (line, planned)
