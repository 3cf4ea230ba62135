"""A fake GitHub with one repository, and settings that are right: each test makes one thing wrong."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from app.doctor.base import Ground, Line
from app.doctor.registry import checks_of
from app.doctor.run import examine
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import AppCredentials, FakeForge
from app.settings import Settings
from tests.harness.system import settings_for

Look = Callable[[Settings, str], Awaitable[Line]]


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def forge(key: RSAPrivateKey) -> AsyncGenerator[FakeForge]:
    async with FakeForge.start(key=key) as started:
        yield started


@dataclass
class Office:
    """What an operator has."""

    forge: FakeForge
    repo: FakeRepo
    credentials: AppCredentials
    home: Path

    def settings(self, **more: str) -> Settings:
        return settings_for(self.home, self.credentials, self.forge, **more)

    def with_connection(self, **changes: object) -> Settings:
        settings = self.settings()
        (connection,) = settings.connections
        return settings.model_copy(update={"connections": (connection.model_copy(update=changes),)})


@pytest.fixture
async def office(forge: FakeForge, tmp_path: Path) -> Office:
    repo = await forge.create_repo("acme/shop")
    credentials = await forge.install_app(repos=[repo])
    forge.webhook_url = "https://corrigent.invalid/hooks/github"
    return Office(forge, repo, credentials, tmp_path / "home")


@pytest.fixture
def look() -> Look:
    """The line of one part, as if it had been asked for by name."""

    async def at(settings: Settings, part: str) -> Line:
        checks = [check for check in checks_of(settings) if check.part == part]
        (line,) = await examine(checks, Ground(settings, asked=True))
        return line

    return at
