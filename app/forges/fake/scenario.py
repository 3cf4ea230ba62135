"""The pleasant way to use the fake: start it, make repositories and people, let them act, read what is visible."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from app.domain.pull_request import Permission
from app.forges.fake.acts import installing
from app.forges.fake.acts.repositories import create_repository
from app.forges.fake.commits import Content
from app.forges.fake.entities import App, Installation, Level, User
from app.forges.fake.exchange import Answer, Request, Seen
from app.forges.fake.faults import Effect, Fault
from app.forges.fake.hooks import Delivery
from app.forges.fake.limits import LimitSettings
from app.forges.fake.listening import Listener
from app.forges.fake.outbox import HookRule
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.server import Server
from app.forges.fake.state import FakeGitHub, Flavour

REVIEW_PERMISSIONS: Mapping[str, Level] = {
    "contents": "read",
    "pull_requests": "write",
    "checks": "write",
    "issues": "read",
}
FIX_PERMISSIONS: Mapping[str, Level] = {**REVIEW_PERMISSIONS, "contents": "write"}
REVIEW_EVENTS = (
    "pull_request",
    "issue_comment",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
)


@dataclass(frozen=True)
class AppCredentials:
    """What somebody who registers an App is given."""

    app_id: int
    slug: str
    private_key_pem: str
    webhook_secret: str
    installation_id: int
    api_url: str


class FakeForge:
    """A running fake GitHub."""

    def __init__(self, folder: Path, *, flavour: Flavour, port: int, key: RSAPrivateKey | None) -> None:
        self.github = FakeGitHub(folder, flavour=flavour, key=key)
        self.server = Server(self.github)
        self._listener = Listener(self.server, port=port)
        self.github.web_url = self._listener.url
        self._webhook_url = ""
        self._changed = asyncio.Event()
        self.observe(lambda _request, _answer: self._changed.set())

    @classmethod
    @asynccontextmanager
    async def start(
        cls, *, flavour: Flavour = "github.com", port: int = 0, key: RSAPrivateKey | None = None
    ) -> AsyncGenerator["FakeForge"]:
        """A fake on 127.0.0.1 with its repositories in a folder that goes away with it; `key` is for its Apps."""
        folder = Path(tempfile.mkdtemp(prefix="corrigent-fake-"))
        forge = cls(folder, flavour=flavour, port=port, key=key)
        await forge._listener.open()
        try:
            yield forge
        finally:
            await forge.github.hooks.close()
            try:
                await forge._listener.close()
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return self.github.web_url

    @property
    def api_url(self) -> str:
        return self.github.api_url

    @property
    def graphql_url(self) -> str:
        return self.github.graphql_url

    @property
    def webhook_url(self) -> str:
        return self._webhook_url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        """Where the deliveries of every App go, those that exist and those to come."""
        self._webhook_url = url
        for app in self.github.apps.values():
            app.webhook_url = url

    @property
    def requests(self) -> Sequence[Seen]:
        """Every request so far: method, path by owner and name, status, whose limits it spent."""
        return tuple(self.server.requests)

    @property
    def deliveries(self) -> Sequence[Delivery]:
        return tuple(self.github.hooks.deliveries)

    async def create_repo(
        self,
        full_name: str,
        *,
        files: Mapping[str, Content] | None = None,
        private: bool = True,
        default_branch: str = "main",
        members: Mapping[str, Permission] | None = None,
        organization: bool = True,
    ) -> FakeRepo:
        """A repository with a first commit; `maria` may write unless other members are given."""
        owner, name = full_name.split("/")
        account = self.github.user(owner, "Organization" if organization else "User")
        repo = await create_repository(self.github, account, name, private=private, default_branch=default_branch)
        for login, role in (members or {"maria": Permission.WRITE}).items():
            repo.roles[self.github.user(login).user_id] = role
        first = {"README.md": f"# {name}\n"} if files is None else files
        await repo.git.commit(default_branch, first, message="First commit", author="maria", parent=None)
        return FakeRepo(self.github, repo)

    async def install_app(
        self,
        name: str = "Corrigent",
        *,
        repos: Sequence[FakeRepo] | None = None,
        owner: str | None = None,
        permissions: Mapping[str, Level] = REVIEW_PERMISSIONS,
        events: Sequence[str] = REVIEW_EVENTS,
        webhook_secret: str = "it-is-a-secret",  # noqa: S107 - the fake's own, guards nothing
    ) -> AppCredentials:
        """Register an App and install it on one account (the first repository's, unless named)."""
        account = self._account(owner, repos)
        app, private_key = await installing.register_app(
            self.github,
            name=name,
            owner=account,
            permissions=permissions,
            events=events,
            webhook_url=self._webhook_url,
            webhook_secret=webhook_secret,
        )
        chosen = None if repos is None else [repo.repository for repo in repos]
        installation = installing.install(self.github, app, account, chosen)
        return AppCredentials(
            app_id=app.app_id,
            slug=app.slug,
            private_key_pem=private_key,
            webhook_secret=webhook_secret,
            installation_id=installation.installation_id,
            api_url=self.api_url,
        )

    def install_also(self, app_id: int, owner: str, repos: Sequence[FakeRepo] | None = None) -> int:
        """Install an App on another account; the new installation's id."""
        chosen = None if repos is None else [repo.repository for repo in repos]
        return installing.install(self.github, self.app(app_id), self.github.user(owner), chosen).installation_id

    def app(self, app_id: int) -> App:
        return self.github.apps[app_id]

    def installation(self, installation_id: int) -> Installation:
        return self.github.installations[installation_id]

    def uninstall(self, installation_id: int) -> None:
        installing.uninstall(self.github, self.installation(installation_id))

    def suspend(self, installation_id: int, *, suspended: bool = True) -> None:
        installing.suspend(self.github, self.installation(installation_id), suspended)

    def change_repositories(
        self, installation_id: int, *, add: Sequence[FakeRepo] = (), remove: Sequence[FakeRepo] = ()
    ) -> None:
        """Give an installation repositories, or take them away."""
        installing.change_repositories(
            self.github,
            self.installation(installation_id),
            added=[repo.repository for repo in add],
            removed=[repo.repository for repo in remove],
        )

    def accept_permissions(self, installation_id: int, permissions: Mapping[str, Level]) -> None:
        installing.accept_permissions(self.github, self.installation(installation_id), permissions)

    def personal_token(self, login: str) -> str:
        """A token of this person, for everything they may do."""
        return self.github.personal_token(self.github.user(login)).text

    def user(self, login: str) -> User:
        return self.github.user(login)

    def fault(self, effect: Effect, *, method: str = "*", path: str = "*", nth: int = 1, count: int = 1) -> Fault:
        """Let something go wrong; `path` is by owner and name, with * for anything."""
        return self.server.faults.add(Fault(effect, method, path, nth, count))

    def set_limits(self, limits: LimitSettings) -> None:
        self.github.limits.settings = limits

    @property
    def limit_refusals(self) -> int:
        """How often a real limit was hit; scripted ones do not count."""
        return self.github.limits.refusals

    def script_deliveries(self, rule: HookRule) -> None:
        self.github.hooks.script(rule)

    def hold_deliveries(self) -> None:
        self.github.hooks.hold()

    def release_deliveries(self, *, seed: int | None = None) -> None:
        """Send what was held: in order, or shuffled by this seed."""
        self.github.hooks.release(None if seed is None else _shuffle(seed))

    async def deliveries_answered(self) -> None:
        """Return when every delivery so far has had its answer."""
        await self.github.hooks.drained()

    def redeliver(self, delivery: Delivery) -> None:
        self.github.hooks.redeliver(delivery)

    def advance(self, by: timedelta) -> None:
        """Let time pass for tokens, limits and lists."""
        self.github.clock.advance(by)

    def observe(self, observer: Callable[[Request, Answer], None]) -> None:
        """Be told of every request, its path by owner and name, and of its answer."""
        self.server.observers.append(observer)

    async def wait_until(self, predicate: Callable[[], object], *, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - a limit for a test
        """Return once this holds; when it never does, fail with the story of every pull request."""
        deadline = asyncio.get_running_loop().time() + timeout
        while not predicate():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise AssertionError(f"This did not happen within {timeout} s. What did:\n\n{self.story()}")
            self._changed.clear()
            try:
                # Something may also change without a request: look again now and then.
                async with asyncio.timeout(min(left, 0.25)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def story(self) -> str:
        """Every pull request, the last requests and the deliveries, as text."""
        pulls = [
            f"{repo.full_name} {FakePullRequest(self.github, pull).story()}"
            for repo in self.github.live_repositories()
            for pull in repo.pulls.values()
        ]
        requests = [f"{seen.status} {seen.method} {seen.path}" for seen in self.requests[-20:]]
        sent = [f"{one.event}.{one.action} {one.status}" for one in self.deliveries[-20:]]
        return "\n\n".join([*pulls, "last requests:", "\n".join(requests), "last deliveries:", "\n".join(sent)])

    def _account(self, owner: str | None, repos: Sequence[FakeRepo] | None) -> User:
        if owner is not None:
            return self.github.user(owner)
        if repos:
            return repos[0].repository.owner
        found = next(self.github.live_repositories(), None)
        return found.owner if found else self.github.user("acme", "Organization")


def _shuffle(seed: int) -> Callable[[list[Delivery]], list[Delivery]]:
    def reorder(held: list[Delivery]) -> list[Delivery]:
        return random.Random(seed).sample(held, len(held))  # noqa: S311 - an order, no secret

    return reorder
