"""Apps: registered, installed, given repositories, suspended, removed."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.forges.fake.acts.events import announce_installation, ping
from app.forges.fake.entities import App, Installation, Level, Repository, User
from app.forges.fake.shapes.people import simple_user
from app.forges.fake.shapes.repositories import short_repository
from app.forges.fake.state import FakeGitHub


async def register_app(
    github: FakeGitHub,
    *,
    name: str,
    owner: User,
    permissions: Mapping[str, Level],
    events: Sequence[str],
    webhook_url: str,
    webhook_secret: str,
) -> tuple[App, str]:
    """A new App and its private key, which is shown once."""
    key = github.key or await asyncio.to_thread(_own_key)
    slug = "-".join(name.lower().split())
    app_id = github.new_small_id()
    app = App(
        app_id=app_id,
        slug=slug,
        name=name,
        client_id=f"Iv23li{secrets.token_hex(7)}",
        owner=owner,
        bot=github.user(f"{slug}[bot]", "Bot"),
        public_key=key.public_key(),
        permissions={**permissions, "metadata": "read"},
        events=tuple(events),
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        created_at=github.clock.now(),
    )
    github.apps[app_id] = app
    ping(github, app)
    return app, key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@cache
def _own_key() -> RSAPrivateKey:
    """One for all Apps that a process registers at its fakes, which keep nothing secret: making it takes 55 ms."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def install(github: FakeGitHub, app: App, account: User, repositories: Sequence[Repository] | None) -> Installation:
    """Install an App on an account, for some repositories or (None) for all."""
    installation = Installation(
        installation_id=github.new_id(),
        app=app,
        account=account,
        permissions=dict(app.permissions),
        events=app.events,
        repository_ids=None if repositories is None else {repo.repo_id for repo in repositories},
        created_at=github.clock.now(),
    )
    github.installations[installation.installation_id] = installation
    covered = [short_repository(repo) for repo in github.repositories_of(installation)]
    announce_installation(github, installation, "created", {"repositories": covered, "requester": None})
    return installation


def uninstall(github: FakeGitHub, installation: Installation) -> None:
    covered = [short_repository(repo) for repo in github.repositories_of(installation)]
    installation.deleted = True
    announce_installation(github, installation, "deleted", {"repositories": covered})


def suspend(github: FakeGitHub, installation: Installation, suspended: bool) -> None:
    installation.suspended_at = github.clock.now() if suspended else None
    announce_installation(github, installation, "suspend" if suspended else "unsuspend", {"repositories": []})


def change_repositories(
    github: FakeGitHub, installation: Installation, *, added: Sequence[Repository], removed: Sequence[Repository]
) -> None:
    """Give an installation more repositories, or take some away."""
    chosen = installation.repository_ids or {repo.repo_id for repo in github.repositories_of(installation)}
    installation.repository_ids = (chosen | {repo.repo_id for repo in added}) - {repo.repo_id for repo in removed}
    for action, repos in (("added", added), ("removed", removed)):
        if repos:
            extra: dict[str, object] = {
                "repository_selection": "selected",
                "repositories_added": [short_repository(repo) for repo in repos if action == "added"],
                "repositories_removed": [short_repository(repo) for repo in repos if action == "removed"],
                "requester": simple_user(github, installation.account),
            }
            announce_installation(github, installation, action, extra, event="installation_repositories")


def accept_permissions(github: FakeGitHub, installation: Installation, permissions: Mapping[str, Level]) -> None:
    """The owner accepted what the App asks for now."""
    installation.permissions = {**permissions, "metadata": "read"}
    announce_installation(github, installation, "new_permissions_accepted", {"repositories": []})
