"""`corrigent setup gitlab`: a token looked at, a connection written, a webhook made; again, and only what differs."""

import asyncio
import base64
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from pydantic import SecretStr

from app.connection_settings import Connection as Configured
from app.domain.errors import UserError
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.webhooks import HookWish
from app.forges.registry import Connection
from app.one_process_limits import OneProcessLimits
from app.settings import Settings, load_settings
from app.setup.choices import free_key, public_url_of
from app.setup.gitlab_access import Bot, Place, find_place, look_at_token
from app.setup.gitlab_hooks import Given, by_hand, give_hooks
from app.setup.host import gitlab_named
from app.setup.settings_file import SettingsFile
from app.wiring import with_newest_tokens
from workflows.timing import RECONCILE_EVERY

# Shows nothing of what is typed; None where nobody can type.
Ask = Callable[[str], str] | None
# The webhook is still to be made, by somebody else.
NOT_YET = 1


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was typed."""

    host: str = "gitlab.com"
    project: str = ""
    group: str = ""
    token_file: Path | None = None
    # A maintainer's token, for the webhook alone.
    hook_token_file: Path | None = None
    url: str = ""
    # None: as it is, or else a secret.
    signing: bool | None = None
    key: str = ""
    ca_file: Path | None = None
    proxy: str = ""
    home: Path | None = None


def setup_gitlab(wish: Wish, ask: Ask) -> int:
    """0 when nothing is left to do, NOT_YET when somebody has to make the webhook by hand."""
    if wish.project and wish.group:
        raise UserError("--project and --group are both given; use one, and run this again for the other.")
    settings = load_settings({"home": str(wish.home)} if wish.home else None)
    return asyncio.run(_setup(wish, settings, ask))


async def _setup(wish: Wish, settings: Settings, ask: Ask) -> int:
    return await Setup(wish, await with_newest_tokens(settings), ask).run()


class Setup:
    """One call of the command."""

    def __init__(self, wish: Wish, settings: Settings, ask: Ask) -> None:
        self.wish = wish
        self.settings = settings
        self.ask = ask
        self.host = gitlab_named(wish.host)
        self.public_url = public_url_of(settings, wish.url)
        self.file = SettingsFile(settings.home)
        self.there = [one for one in settings.connections if one.web_url == self.host.web_url and one.kind == "gitlab"]

    async def run(self) -> int:
        self.file.prepare()
        typer.echo(f"1 of 3  Host            {self.host.name}   (your own: --host git.example.com, its path included)")
        token = self._token()
        async with self._client(token) as client:
            bot = await look_at_token(client)
            place = await find_place(client, bot, project=self.wish.project, group=self._group(bot))
            _say_bot(bot, place)
            typer.echo(f"3 of 3  Public address  {self.public_url or _none()}")
            known = self._known(bot)
            key = known.key if known else self.wish.key or free_key(self.settings, self.host)
            secret = self._secret(known)
            changed = self._write(key, known, bot, {"token": token, secret.name: secret.value})
            done = await self._hooks(client, place, key, secret) if self.public_url else True
        _say_next(self.wish.home, again=changed and known is not None, has_model=bool(self.settings.model))
        return 0 if done else NOT_YET

    def _token(self) -> str:
        """The one in the file, the one that is there, or the one that is typed."""
        if self.wish.token_file:
            return _read(self.wish.token_file)
        there = [one for one in self.there if self.wish.key in ("", one.key)]
        if len(there) == 1:
            return there[0].token.get_secret_value()
        typed = self.ask("        Access token (not shown): ").strip() if self.ask else ""
        if not typed:
            raise UserError("An access token is needed: --token-file FILE, or type it where this asks for it.")
        return typed

    @asynccontextmanager
    async def _client(self, token: str) -> AsyncGenerator[GitLabClient]:
        client = GitLabClient(self._connection(token), OneProcessLimits())
        try:
            yield client
        finally:
            await client.close()

    def _connection(self, token: str) -> Connection:
        """With the way to the host that is given now, or that another connection has to it."""
        near = self.there[0] if self.there else None
        ca_file = self.wish.ca_file or (near.ca_file if near else None)
        proxy = self.wish.proxy or (near.proxy.get_secret_value() if near and near.proxy else "")
        return Connection(
            key="setup",
            kind="gitlab",
            api_url=self.host.api_url,
            web_url=self.host.web_url,
            token=SecretStr(token),
            ca_file=str(ca_file.expanduser().absolute()) if ca_file else "",
            proxy=proxy,
        )

    def _group(self, bot: Bot) -> str:
        """The one that is wished; where nothing is, the one this connection has."""
        known = self._known(bot)
        return self.wish.group or (known.group if known and not self.wish.project else "")

    def _known(self, bot: Bot) -> Configured | None:
        """The connection to be changed: the one that is named, or else the one of this bot."""
        if not self.wish.key:
            return next((one for one in self.there if str(one.user_id) == bot.person.user_id), None)
        named = next((one for one in self.settings.connections if one.key == self.wish.key), None)
        if named is not None and named not in self.there:
            raise UserError(f"Connection {named.key!r} is one to {named.web_url}; choose another --key.")
        return named

    def _secret(self, known: Configured | None) -> "_Secret":
        held = known.signing_token if known else None
        if held is not None and self.wish.signing is False:
            raise UserError(
                f"GitLab signs for {known.key if known else ''!r}; remove signing_token from settings first."
            )
        if held is not None or self.wish.signing:
            made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            return _Secret("signing_token", held.get_secret_value() if held else made, is_new=held is None)
        held = known.webhook_secret if known else None
        return _Secret(
            "webhook_secret", held.get_secret_value() if held else secrets.token_hex(20), is_new=held is None
        )

    def _write(self, key: str, known: Configured | None, bot: Bot, hidden: dict[str, str]) -> bool:
        """Before the webhook: GitLab never shows its secret again."""
        table: dict[str, str | int] = {"slug": bot.person.login, "user_id": int(bot.person.user_id)}
        if self.wish.ca_file:
            table["ca_file"] = str(self.wish.ca_file.expanduser().absolute())
        if self.wish.proxy:
            hidden["proxy"] = self.wish.proxy
        new_url = self.public_url if self.public_url != self.settings.public_url else ""
        if known is not None:
            changed = self.file.change_connection(key, table, _differing(known, hidden), public_url=new_url)
        else:
            table = {"key": key, "kind": "gitlab", "web_url": self.host.web_url, **table}
            self.file.add_connection(table, hidden, public_url=new_url)
            changed = True
        typer.echo(f"Connection {key!r} {'is written to' if changed else 'is as it was in'} {self.file.path}, mode 600")
        return changed

    async def _hooks(self, client: GitLabClient, place: Place, key: str, secret: "_Secret") -> bool:
        """Whether every webhook is there."""
        old = self.settings.public_url
        wish = HookWish(
            url=f"{self.public_url}/hooks/{key}",
            old_url=f"{old}/hooks/{key}" if old else "",
            secret_kind="signing_token" if secret.name == "signing_token" else "token",
            secret=SecretStr(secret.value),
            is_new_secret=secret.is_new,
        )
        given = await self._give(client, place, wish)
        if given.by_project and place.owner.kind == "group":
            # From now on new projects of it are found, and given theirs.
            self.file.change_connection(key, {"group": place.owner.full_path}, {})
        if given.left:
            file = f"{self.file.secrets_folder}/{key}.{secret.name}"
            typer.echo(by_hand(place, given.left, wish, file))
        return not given.left

    async def _give(self, client: GitLabClient, place: Place, wish: HookWish) -> Given:
        if self.wish.hook_token_file:
            async with self._client(_read(self.wish.hook_token_file)) as maintainer:
                return await give_hooks(maintainer, place, wish, typer.echo)
        given = await give_hooks(client, place, wish, typer.echo)
        if not given.left or self.ask is None:
            return given
        typer.echo(f"Webhooks are for maintainers, and the role here is {place.role}.")
        typed = self.ask("A maintainer's token, used once and not kept (nothing: by hand): ").strip()
        if not typed:
            return given
        async with self._client(typed) as maintainer:
            return await give_hooks(maintainer, place, wish, typer.echo)


@dataclass(frozen=True)
class _Secret:
    """What proves that a delivery came from GitLab, by the name it has in the settings."""

    name: str
    value: str
    is_new: bool


def _differing(known: Configured, hidden: dict[str, str]) -> dict[str, str]:
    """What settings.toml holds already may stand there in any form."""
    held = {
        "token": known.token,
        "webhook_secret": known.webhook_secret,
        "signing_token": known.signing_token,
        "proxy": known.proxy,
    }
    return {
        name: value
        for name, value in hidden.items()
        if (secret := held[name]) is None or secret.get_secret_value() != value
    }


def _read(file: Path) -> str:
    try:
        text = file.expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The token's file {str(file)!r} cannot be read: {error}.") from None
    if not text or not text.isprintable() or " " in text:
        raise UserError(f"{str(file)!r} holds no token: one line of letters and digits, as GitLab shows it once.")
    return text


def _say_bot(bot: Bot, place: Place) -> None:
    typer.echo(f"2 of 3  Token           {bot.told}; {place.told}")
    if not bot.person.is_bot:
        typer.echo(
            f"                        Everything is posted as {bot.person.login}, and their own commands are not heard."
        )


def _none() -> str:
    minutes = RECONCILE_EVERY.total_seconds() / 60
    return f"none → changes are found every {minutes:g} min, commands are not heard. Add one later with --url"


def _say_next(home: Path | None, *, again: bool, has_model: bool) -> None:
    where = f" --home {home}" if home else ""
    what = "started again, knows of this" if again else "reviews what is opened from now on"
    typer.echo(f"Next   corrigent up{where}        {what}")
    typer.echo(f"       corrigent doctor{where}    checks every part")
    if not has_model:
        typer.echo(
            "       Without a model only linters review. Set CORRIGENT_MODEL=anthropic:NAME, or another; see README"
        )
