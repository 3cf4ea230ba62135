"""The pleasant way to use the fake GitLab: start it, make projects and people, let them act, read what is visible."""

import asyncio
import base64
import random
import secrets
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from app.domain.pull_request import Permission
from app.forges.fake.commits import Content
from app.forges.fake.exchange import Answer, Request, Seen
from app.forges.fake.faults import Effect, Fault
from app.forges.fake.gitlab.entities import Access, Hook, Token, User
from app.forges.fake.gitlab.hooks import Delivery
from app.forges.fake.gitlab.limits import LimitSettings
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.server import Server
from app.forges.fake.gitlab.state import TOKEN_LIFE, GitLabState
from app.forges.fake.listening import Listener
from app.forges.fake.outbox import HookRule

REVIEW_EVENTS = ("merge_requests_events", "note_events", "emoji_events", "push_events")


@dataclass(frozen=True)
class BotCredentials:
    """What somebody who makes an access token and a hook is given."""

    user_id: int
    username: str
    token: str
    # Secret token and signing token of the hook; empty where it has none.
    webhook_secret: str
    signing_token: str
    api_url: str


class FakeGitLab:
    """A running fake GitLab."""

    def __init__(self, folder: Path, *, prefix: str, port: int) -> None:
        self.gitlab = GitLabState(folder, prefix=prefix)
        self.server = Server(self.gitlab)
        self._listener = Listener(self.server, port=port)
        self.gitlab.web_url = self._listener.url + prefix
        self._webhook_url = ""
        self._changed = asyncio.Event()
        self.observe(lambda _request, _answer: self._changed.set())

    @classmethod
    @asynccontextmanager
    async def start(cls, *, prefix: str = "", port: int = 0) -> AsyncGenerator["FakeGitLab"]:
        """A fake on 127.0.0.1, below `prefix` when given, with its repositories in a folder that goes away with it."""
        folder = Path(tempfile.mkdtemp(prefix="corrigent-fake-"))
        forge = cls(folder, prefix=prefix, port=port)
        await forge._listener.open()
        try:
            yield forge
        finally:
            await forge.gitlab.hooks.close()
            try:
                await forge._listener.close()
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return self.gitlab.web_url

    @property
    def api_url(self) -> str:
        return self.gitlab.api_url

    @property
    def webhook_url(self) -> str:
        return self._webhook_url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        """Where the deliveries of every hook go, those that exist and those to come."""
        self._webhook_url = url
        for hook in self.hooks:
            hook.url = url

    @property
    def hooks(self) -> Sequence[Hook]:
        owners = [*self.gitlab.projects.values(), *self.gitlab.groups.values()]
        return [hook for owner in owners for hook in owner.hooks]

    @property
    def requests(self) -> Sequence[Seen]:
        """Every request so far: method, path with the project by id, status, whose limits it spent."""
        return tuple(self.server.requests)

    @property
    def deliveries(self) -> Sequence[Delivery]:
        return tuple(self.gitlab.hooks.deliveries)

    async def create_repo(
        self,
        full_name: str,
        *,
        files: Mapping[str, Content] | None = None,
        private: bool = True,
        default_branch: str = "main",
        members: Mapping[str, Permission] | None = None,
    ) -> FakeProject:
        """A project with a first commit, in a group or subgroup; `maria` may write unless others are given."""
        group, _, name = full_name.rpartition("/")
        made = self.gitlab.create_project(
            self.gitlab.group(group),
            name,
            visibility="private" if private else "public",
            default_branch=default_branch,
        )
        project = FakeProject(self.gitlab, made)
        for login, role in (members or {"maria": Permission.WRITE}).items():
            project.set_role(login, role)
        first = {"README.md": f"# {name}\n"} if files is None else files
        await made.git.commit(default_branch, first, message="First commit", author="maria", parent=None)
        return project

    async def install_bot(
        self,
        name: str = "corrigent",
        *,
        repos: Sequence[FakeProject] | None = None,
        group: str = "",
        role: Access = Access.DEVELOPER,
        scopes: Sequence[str] = ("api",),
        events: Sequence[str] = REVIEW_EVENTS,
        webhook_secret: str = "it-is-a-secret",  # noqa: S107 - the fake's own, guards nothing
        signed: bool = False,
        expires_at: date | None = None,
    ) -> BotCredentials:
        """A bot user with one token for these projects (all, unless named) or for a group, and their hooks."""
        bot = self.gitlab.user(name, bot=True)
        chosen = [FakeProject(self.gitlab, one) for one in self.gitlab.live_projects()] if repos is None else repos
        token = self.gitlab.make_token(
            bot,
            name=name,
            scopes=frozenset(scopes),
            expires_at=expires_at or self.gitlab.today + TOKEN_LIFE,
            access=role,
            project=chosen[0].project if chosen and not group else None,
            group=self.gitlab.group(group) if group else None,
        )
        signing = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() if signed else ""
        if group:
            self.gitlab.group(group).members[bot.user_id] = role
            self._add_hook(events, webhook_secret, signing, group=group)
        for project in [] if group else chosen:
            project.set_role(name, role)
            self._add_hook(events, webhook_secret, signing, project=project)
        return BotCredentials(bot.user_id, bot.username, token.text, webhook_secret, signing, self.api_url)

    def personal_token(self, login: str, *, scopes: Sequence[str] = ("api",)) -> str:
        """A token of this person, for everything they may do."""
        user = self.gitlab.user(login)
        ends = self.gitlab.today + TOKEN_LIFE
        return self.gitlab.make_token(user, name="mine", scopes=frozenset(scopes), expires_at=ends).text

    def token(self, text: str) -> Token:
        return self.gitlab.tokens[text]

    def user(self, login: str) -> User:
        return self.gitlab.user(login)

    def fault(self, effect: Effect, *, method: str = "*", path: str = "*", nth: int = 1, count: int = 1) -> Fault:
        """Let something go wrong; `path` begins with /api/v4, the project by id, with * for anything."""
        return self.server.faults.add(Fault(effect, method, path, nth, count))

    def set_limits(self, limits: LimitSettings) -> None:
        self.gitlab.limits.settings = limits

    @property
    def limit_refusals(self) -> int:
        """How often a real limit was hit; scripted ones do not count."""
        return self.gitlab.limits.refusals

    def script_deliveries(self, rule: HookRule) -> None:
        self.gitlab.hooks.script(rule)

    def hold_deliveries(self) -> None:
        self.gitlab.hooks.hold()

    def release_deliveries(self, *, seed: int | None = None) -> None:
        """Send what was held: in order, or shuffled by this seed."""
        self.gitlab.hooks.release(None if seed is None else _shuffle(seed))

    async def deliveries_answered(self) -> None:
        """Return when every delivery so far has had its answer."""
        await self.gitlab.hooks.drained()

    def redeliver(self, delivery: Delivery) -> None:
        self.gitlab.hooks.redeliver(delivery)

    def advance(self, by: timedelta) -> None:
        """Let time pass for tokens, limits, hooks and lists."""
        self.gitlab.clock.advance(by)

    def observe(self, observer: Callable[[Request, Answer], None]) -> None:
        """Be told of every request, its project by id, and of its answer."""
        self.server.observers.append(observer)

    async def wait_until(self, predicate: Callable[[], object], *, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - a limit for a test
        """Return once this holds; when it never does, fail with the story of every merge request."""
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
        """Every merge request, the last requests and the deliveries, as text."""
        told = [
            f"{item.project.full_path}{FakeMergeRequest(self.gitlab, item).story()}"
            for item in self.gitlab.merge_requests()
        ]
        requests = [f"{seen.status} {seen.method} {seen.path}" for seen in self.requests[-20:]]
        sent = [f"{one.event}.{one.action} {one.status}" for one in self.deliveries[-20:]]
        return "\n\n".join([*told, "last requests:", "\n".join(requests), "last deliveries:", "\n".join(sent)])

    def _add_hook(
        self, events: Sequence[str], secret: str, signing: str, *, project: FakeProject | None = None, group: str = ""
    ) -> None:
        owner = project.project if project else self.gitlab.group(group)
        owner.hooks.append(
            Hook(
                hook_id=self.gitlab.new_id(),
                url=self._webhook_url,
                project=project.project if project else None,
                group=self.gitlab.group(group) if group else None,
                created_at=self.gitlab.clock.now(),
                token=secret,
                signing_token=signing,
                events=dict.fromkeys(events, True),
            )
        )


def _shuffle(seed: int) -> Callable[[list[Delivery]], list[Delivery]]:
    def reorder(held: list[Delivery]) -> list[Delivery]:
        return random.Random(seed).sample(held, len(held))  # noqa: S311 - an order, no secret

    return reorder
