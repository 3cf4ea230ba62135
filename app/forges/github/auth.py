"""In whose name a call is sent: as the App, as one of its installations with few rights, as a person, as nobody."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from pydantic import JsonValue
from typing_extensions import override

from app.domain.errors import Gone, UserError
from app.domain.pull_request import Person
from app.forges.base import Account
from app.forges.github import routes
from app.forges.github.app_key import AppKey
from app.forges.github.byline import Byline
from app.forges.github.client import GitHubClient, Grant
from app.forges.github.models import InstallationShape, TokenShape, UserShape
from app.forges.github.paging import each_page

Rights = Literal["read", "post", "push", "list"]

# What a token is asked for; never more than the App was given, so that a review-only App stays one.
PERMISSIONS: Mapping[Rights, Mapping[str, Literal["read", "write"]]] = {
    "read": {"contents": "read", "pull_requests": "read", "issues": "read", "checks": "read", "metadata": "read"},
    # Contents only because GitHub ties resolving a thread to it; what the poster may send is a table of routes.
    "post": {"pull_requests": "write", "checks": "write", "contents": "write", "issues": "read", "metadata": "read"},
    # Never workflows: the forge itself then refuses a commit that changes one.
    "push": {"contents": "write", "metadata": "read"},
    "list": {"metadata": "read"},
}
# A token this close to its end is replaced: a clone may take minutes.
EARLY = timedelta(minutes=5)
# How long do we believe that an installation has the same id and permissions?
INSTALLATION_AGE = timedelta(hours=1)
# GitHub allows 10 minutes; one less for clocks that differ, and the start lies a minute back.
_JWT_LIFE = timedelta(minutes=9)


class Auth(Protocol):
    """Where grants come from."""

    async def grant(self, repo_id: str, rights: Rights) -> Grant:
        """The right to send calls about one repository."""
        ...

    async def fresh_grant(self, repo_id: str, rights: Rights) -> Grant:
        """One that nobody else has, to be taken back after its use."""
        ...

    async def take_back(self, grant: Grant) -> None:
        """A fresh grant is worth nothing from here on."""
        ...

    def drop(self, grant: Grant) -> None:
        """The forge did not take it: the next grant must be a new one."""
        ...

    async def me(self) -> Person:
        """The account we act as; `login` is what people mention."""
        ...

    async def byline(self) -> Byline:
        """What stands over our words."""
        ...


@dataclass(frozen=True)
class _Key:
    installation_id: str
    repo_id: str
    permissions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Token:
    grant: Grant
    expires_at: datetime


class AppAuth:
    """Installation tokens, one per repository and permission set: in memory only, minted once for all who wait."""

    def __init__(self, client: GitHubClient, *, app_id: int, key: AppKey, slug: str) -> None:
        self.client = client
        self.app_id = app_id
        self._slug = slug
        self._key = key
        self._jwt: _Token | None = None
        self._tokens: dict[_Key, _Token] = {}
        self._minting: dict[_Key, asyncio.Task[_Token]] = {}
        self._installations: dict[str, tuple[InstallationShape, datetime]] = {}
        self._me: Person | None = None

    async def grant(self, repo_id: str, rights: Rights) -> Grant:
        installation = await self._installation_of(repo_id)
        try:
            return await self.installation_grant(installation, rights, repo_id)
        except Gone:
            # Uninstalled, or the repository was taken out; if it comes back, it may be as another installation.
            self._installations.pop(repo_id, None)
            raise

    async def installation_grant(self, installation: InstallationShape, rights: Rights, repo_id: str = "") -> Grant:
        """A token for one repository, or for all of an installation's."""
        key = _Key(str(installation.id), repo_id, _narrowed(rights, installation.permissions))
        token = self._tokens.get(key)
        if token is None or token.expires_at - EARLY <= datetime.now(UTC):
            token = await self._mint_once(key)
        return token.grant

    async def fresh_grant(self, repo_id: str, rights: Rights) -> Grant:
        installation = await self._installation_of(repo_id)
        key = _Key(str(installation.id), repo_id, _narrowed(rights, installation.permissions))
        if missing := PERMISSIONS[rights].keys() - dict(key.permissions).keys():
            raise UserError(f"The App may not do this: it was not given {min(missing)!r} with write access.")
        return (await self._mint(key)).grant

    async def take_back(self, grant: Grant) -> None:
        await self.client.send(grant, routes.REVOKE_TOKEN)

    def drop(self, grant: Grant) -> None:
        self._tokens = {key: token for key, token in self._tokens.items() if token.grant != grant}
        if self._jwt and self._jwt.grant == grant:
            self._jwt = None

    def app_grant(self) -> Grant:
        """The App itself, for the few calls that are about no installation."""
        now = datetime.now(UTC)
        if self._jwt is None or self._jwt.expires_at - timedelta(minutes=1) <= now:
            start, end = now - timedelta(minutes=1), now + _JWT_LIFE - timedelta(minutes=1)
            signed = self._key.sign(self.app_id, start, end)
            account = Account(connection=self.client.connection.key, installation_id="")
            self._jwt = _Token(Grant(account, f"Bearer {signed}"), end)
        return self._jwt.grant

    async def installations(self) -> list[InstallationShape]:
        found: list[InstallationShape] = []
        async for page in each_page(
            lambda asked: self.client.send(self.app_grant(), routes.INSTALLATIONS, params=asked)
        ):
            found.extend(page.read_list(InstallationShape))
        return found

    async def me(self) -> Person:
        """The bot account of the App. A call in an installation's name asks for it: servers may hide it from nobody."""
        if self._me is None:
            installations = await self.installations()
            grant = await self.installation_grant(installations[0], "list") if installations else self._nobody()
            answer = await self.client.send(grant, routes.USER, login=f"{self._slug}[bot]")
            self._me = Person(user_id=str(answer.read(UserShape).id), login=self._slug, is_bot=True)
        return self._me

    async def byline(self) -> Byline:
        return Byline(self._slug, is_bot=True)

    async def _installation_of(self, repo_id: str) -> InstallationShape:
        known = self._installations.get(repo_id)
        if known and known[1] > datetime.now(UTC):
            return known[0]
        answer = await self.client.send(self.app_grant(), routes.INSTALLATION_OF_REPO, repo=repo_id)
        installation = answer.read(InstallationShape)
        self._installations[repo_id] = (installation, datetime.now(UTC) + INSTALLATION_AGE)
        return installation

    async def _mint_once(self, key: _Key) -> _Token:
        """All who wait for the same token share one request, and its failure."""
        task = self._minting.get(key)
        if task is None:
            task = asyncio.create_task(self._mint(key))
            self._minting[key] = task
            task.add_done_callback(lambda done: self._minted(key, done))
        return await asyncio.shield(task)

    def _minted(self, key: _Key, task: "asyncio.Task[_Token]") -> None:
        del self._minting[key]
        # Looked at here, so that a failure nobody waits for any more is not reported as lost.
        if not task.cancelled() and task.exception() is None:
            now = datetime.now(UTC)
            self._tokens = {k: token for k, token in self._tokens.items() if token.expires_at > now}
            self._tokens[key] = task.result()

    async def _mint(self, key: _Key) -> _Token:
        permissions: dict[str, JsonValue] = dict(key.permissions)
        wish: dict[str, JsonValue] = {"permissions": permissions}
        if key.repo_id:
            wish["repository_ids"] = [int(key.repo_id)]
        answer = await self.client.send(
            self.app_grant(), routes.MINT_TOKEN, json=wish, installation=key.installation_id
        )
        token = answer.read(TokenShape)
        account = Account(connection=self.client.connection.key, installation_id=key.installation_id)
        return _Token(Grant(account, f"Bearer {token.token}"), token.expires_at)

    def _nobody(self) -> Grant:
        return Grant(Account(connection=self.client.connection.key, installation_id=""))


class TokenAuth(Auth):
    """A person's own token: every call is theirs, with all the rights the token has."""

    def __init__(self, client: GitHubClient, token: str) -> None:
        account = Account(connection=client.connection.key, installation_id="")
        self._client = client
        self._grant = Grant(account, f"Bearer {token}")
        self._me: Person | None = None

    @override
    async def grant(self, repo_id: str, rights: Rights) -> Grant:
        return self._grant

    @override
    async def fresh_grant(self, repo_id: str, rights: Rights) -> Grant:
        return self._grant

    @override
    async def take_back(self, grant: Grant) -> None:
        """It is the person's, who goes on using it."""

    @override
    def drop(self, grant: Grant) -> None:
        """There is no other token."""

    @override
    async def me(self) -> Person:
        if self._me is None:
            self._me = (await self._client.send(self._grant, routes.TOKEN_OWNER)).read(UserShape).person()
        return self._me

    @override
    async def byline(self) -> Byline:
        return Byline((await self.me()).login, is_bot=False)


class NoAuth(Auth):
    """Nobody: public repositories can be read, a little."""

    def __init__(self, client: GitHubClient) -> None:
        self._grant = Grant(Account(connection=client.connection.key, installation_id=""))

    @override
    async def grant(self, repo_id: str, rights: Rights) -> Grant:
        if rights in {"post", "push"}:
            raise UserError("Posting needs a token; set GITHUB_TOKEN, or sign in with `gh auth login`.")
        return self._grant

    @override
    async def fresh_grant(self, repo_id: str, rights: Rights) -> Grant:
        return await self.grant(repo_id, rights)

    @override
    async def take_back(self, grant: Grant) -> None:
        """There is no token."""

    @override
    def drop(self, grant: Grant) -> None:
        """There is no token."""

    @override
    async def me(self) -> Person:
        raise UserError("Without a token there is nobody to be; set GITHUB_TOKEN, or sign in with `gh auth login`.")

    @override
    async def byline(self) -> Byline:
        return Byline((await self.me()).login, is_bot=False)


def basic_header(grant: Grant) -> str:
    """The same right in the form git sends it; empty for nobody."""
    if not grant.header:
        return ""
    token = grant.header.removeprefix("Bearer ")
    return "Authorization: Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


def _narrowed(rights: Rights, given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What is wished, as far as the App has it. Asking for more is a 422, and no token at all."""
    wished = PERMISSIONS[rights].items()
    return tuple(
        (name, level)
        for name, level in wished
        if given.get(name) == level or (level == "read" and name in given) or name == "metadata"
    )
