"""Making an App and waiting for its first repository: the page, the code, the files, GitHub's answer."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue, SecretStr

from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited, UserError
from app.domain.names import NAME
from app.domain.pull_request import Repo
from app.forges.github.app_key import AppKey
from app.forges.github.auth import AppAuth
from app.forges.github.client import GitHubClient, Grant
from app.forges.github.manifest import AppPart, NewApp, app_manifest, convert_code, creation_url
from app.forges.github.routes import Route
from app.forges.registry import Connection, Forge
from app.one_process_limits import OneProcessLimits
from app.setup.host import Host
from app.setup.page import PAGE, MakingPage
from app.setup.settings_file import SettingsFile
from app.setup.typing_in import typed_line
from app.web.server import serving

LOCAL = "127.0.0.1"
# How often do we look whether a repository was chosen? A person is clicking meanwhile.
LOOK_EVERY = timedelta(seconds=2)
_SET_HOOK = Route("PATCH", "/app/hook/config")

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be made."""

    host: Host
    key: str
    part: AppPart
    organisation: str = ""
    public_url: str = ""
    # Whether `public_url` is new and has to be written down.
    keep_public_url: bool = False
    ca_file: str = ""
    proxy: str = ""

    @property
    def rights(self) -> str:
        return " · ".join(f"{name.replace('_', ' ')} {level}" for name, level in self.part.default_permissions.items())

    def connection(self) -> Connection:
        """To GitHub, as nobody yet."""
        return Connection(
            key=self.key,
            api_url=self.host.api_url,
            web_url=self.host.web_url,
            ca_file=self.ca_file,
            proxy=self.proxy,
        )

    def manifest(self, redirect_url: str) -> JsonValue:
        return app_manifest(
            self.part,
            name=self._name(),
            connection=self.key,
            redirect_url=redirect_url,
            public_url=self.public_url,
            homepage=self.public_url or self.host.web_url,
        )

    def _name(self) -> str:
        """Names of Apps are unique on the whole host, and at most 34 characters long."""
        return f"{self.organisation or NAME.lower()}-{NAME.lower() if self.organisation else secrets.token_hex(3)}"[:34]


async def make_app(wish: Wish, file: SettingsFile, *, port: int, typed_from: int | None, say: Say) -> None:
    """Serve the page until an App came back by browser or by hand; its connection is in settings.toml then."""
    client = GitHubClient(wish.connection(), OneProcessLimits())

    async def exchange(code: str) -> str:
        new = await _with_hook_secret(client, await convert_code(client, code))
        _keep(wish, file, new)
        say(f"App {new.slug} is made; settings are in {file.path}, mode 600.")
        return installation_url(wish.host.web_url, new.slug, new.html_url)

    page = MakingPage(
        creation_url=lambda state: creation_url(wish.host.web_url, state, wish.organisation),
        manifest=wish.manifest,
        exchange=exchange,
        rights=wish.rights,
    )
    try:
        async with serving(page.app(), LOCAL, port) as at:
            _say_where(at, say)
            typing = asyncio.create_task(_typed(page, typed_from, say))
            try:
                install_at = await page.made
            finally:
                typing.cancel()
                await asyncio.gather(typing, return_exceptions=True)
            say(f"Choose one repository to begin with: {install_at}")
    finally:
        await client.close()


async def first_repositories(forge: Forge) -> Sequence[Repo]:
    """Return once the App was given one."""
    connection = forge.connection
    while True:
        try:
            if found := await forge.reader.repositories():
                return found
        except (ForgeUnavailable, RateLimited):
            # A moment of bad weather; Ctrl-C ends the waiting.
            pass
        except ForgeRefused as error:
            raise UserError(f"{connection.api_url} refuses the App {connection.slug!r}: {error}.") from None
        await asyncio.sleep(LOOK_EVERY.total_seconds())


async def point_hook(connection: Connection, public_url: str) -> None:
    """Let an App that polled until now send its deliveries to this address."""
    client = GitHubClient(connection, OneProcessLimits())
    try:
        url = f"{public_url}/hooks/{connection.key}"
        await client.send(_signed(client, connection), _SET_HOOK, json={"url": url, "content_type": "json"})
    except (ForgeRefused, ForgeUnavailable, RateLimited) as error:
        raise UserError(f"The App {connection.slug!r} could not be told its new address: {error}.") from None
    finally:
        await client.close()


def installation_url(web_url: str, slug: str, html_url: str = "") -> str:
    """Where the App is given repositories; its page lies elsewhere on an Enterprise Server."""
    if not html_url.startswith(f"{web_url}/"):
        html_url = f"{web_url}/{'apps' if web_url == 'https://github.com' else 'github-apps'}/{slug}"
    return f"{html_url}/installations/new"


def _say_where(port: int, say: Say) -> None:
    say(f"Open http://{LOCAL}:{port}{PAGE}, press Create, then choose one repository to begin with.")
    say(f"The browser is on another machine? There: ssh -L {port}:{LOCAL}:{port} HOST. Or paste here the address it")
    say("shows after Create.")


async def _typed(page: MakingPage, descriptor: int | None, say: Say) -> None:
    while not page.made.done():
        try:
            await page.take(await typed_line(descriptor))
        except UserError as error:
            say(str(error))


async def _with_hook_secret(client: GitHubClient, new: NewApp) -> NewApp:
    """Some servers leave it to us; without one no delivery could be believed."""
    if new.webhook_secret:
        return new
    secret = secrets.token_hex(20)
    given = {"app_id": new.id, "slug": new.slug, "private_key": SecretStr(new.pem)}
    await client.send(_signed(client, client.connection.model_copy(update=given)), _SET_HOOK, json={"secret": secret})
    return new.model_copy(update={"webhook_secret": secret})


def _keep(wish: Wish, file: SettingsFile, new: NewApp) -> None:
    table: dict[str, str | int] = {"key": wish.key, "kind": "github", "web_url": wish.host.web_url}
    table |= {"api_url": wish.host.api_url, "app_id": new.id, "slug": new.slug}
    if wish.ca_file:
        table["ca_file"] = wish.ca_file
    hidden = {"private_key": new.pem, "webhook_secret": new.webhook_secret or ""}
    if wish.proxy:
        hidden["proxy"] = wish.proxy
    file.add_connection(table, hidden, public_url=wish.public_url if wish.keep_public_url else "")


def _signed(client: GitHubClient, connection: Connection) -> Grant:
    key = AppKey(connection.private_key.get_secret_value())
    return AppAuth(client, app_id=connection.app_id or 0, key=key, slug=connection.slug).app_grant()
