"""`corrigent setup github`: three questions, an App made in the browser, settings written, one repository chosen."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from app.domain.pull_request import Repo
from app.forges.github.manifest import app_parts
from app.one_process_limits import OneProcessLimits
from app.settings import Settings, load_settings
from app.setup.choices import free_key, public_url_of
from app.setup.host import Host, host_named
from app.setup.making import Wish, first_repositories, installation_url, make_app, point_hook
from app.setup.settings_file import SettingsFile
from app.sweeper import POLL_EVERY
from app.wiring import open_forges

_FIX = """\
2 of 3  What may it do  [1] review        reads code, writes reviews and checks. Cannot resolve threads: GitHub ties that to code write access
                        [2] review + fix  also writes code: fix branches, resolved threads. Never workflows, secrets, settings, members"""  # noqa: E501 - as it is printed
_INDENT = " " * 24


def setup_github(
    *,
    host: str,
    url: str,
    organisation: str,
    fixes: bool | None,
    merge_queue: bool,
    ca_file: Path | None,
    proxy: str,
    port: int,
    home: Path | None,
) -> int:
    """0 once a repository was chosen; everything is saved before, so that waiting for it may be given up."""
    where = host_named(host)
    settings = load_settings({"home": str(home)} if home else None)
    public_url = public_url_of(settings, url)
    typer.echo(f"1 of 3  Host            {where.name}   (GitHub Enterprise: --host github.example.com)")
    key = _kept(settings, where)
    if key is None:
        wish = Wish(
            host=where,
            key=free_key(settings, where),
            part=app_parts().chosen(fixes=_may_fix(fixes), merge_queue=merge_queue),
            organisation=organisation,
            public_url=public_url,
            keep_public_url=public_url != settings.public_url,
            ca_file=str(ca_file.expanduser().absolute()) if ca_file else "",
            proxy=proxy,
        )
        key = wish.key
        _say_rights_and_address(wish)
        asyncio.run(_make(wish, SettingsFile(settings.home), port))
    elif public_url != settings.public_url:
        asyncio.run(_move(settings, key, public_url))
    typer.echo("Waiting for the repository. Ctrl-C is fine: everything is saved.")
    # Read again: what was written is what `up` will find.
    found = asyncio.run(_first_repositories(load_settings({"home": str(settings.home)}, {}), key))
    _say_next(found, home, has_model=bool(settings.model))
    return 0


async def _make(wish: Wish, file: SettingsFile, port: int) -> None:
    file.prepare()
    typed_from = None if sys.stdin.closed else sys.stdin.fileno()
    await make_app(wish, file, port=port, typed_from=typed_from, say=typer.echo)


async def _move(settings: Settings, key: str, public_url: str) -> None:
    async with open_forges(_only(settings, key), OneProcessLimits()) as forges:
        await point_hook(forges.all[key].connection, public_url)
    SettingsFile(settings.home).set_public_url(public_url)
    typer.echo(f"Its deliveries go to {public_url} from now on; start `corrigent up` again.")


async def _first_repositories(settings: Settings, key: str) -> Sequence[Repo]:
    async with open_forges(_only(settings, key), OneProcessLimits()) as forges:
        return await first_repositories(forges.all[key])


def _only(settings: Settings, key: str) -> Settings:
    """One connection's mistakes must not stand in the way of another."""
    chosen = tuple(one for one in settings.connections if one.key == key)
    return settings.model_copy(update={"connections": chosen})


def _kept(settings: Settings, host: Host) -> str | None:
    """The key of the connection that is there already, when the operator wants to go on with it."""
    known = [one for one in settings.connections if one.web_url == host.web_url]
    if not known:
        return None
    slug, key = known[0].slug, known[0].key
    typer.echo(f"{_INDENT}There is one already: App {slug}, connection {key!r}, in {settings.settings_file}.")
    if sys.stdin.isatty() and not typer.confirm(f"{_INDENT}Keep it? (no: another App beside it)", default=True):
        return None
    typer.echo(f"{_INDENT}It is kept. Its repositories are chosen at {installation_url(host.web_url, slug)}")
    return key


def _may_fix(fixes: bool | None) -> bool:
    typer.echo(_FIX)
    if fixes is not None:
        return fixes
    if not sys.stdin.isatty():
        # Nobody to ask: the smaller right. The App's page gives more at any time.
        return False
    while (answer := typer.prompt(f"{_INDENT}1 or 2", default="1", show_default=True)) not in ("1", "2"):
        typer.echo(f"{_INDENT}{answer!r} is neither.")
    return answer == "2"


def _say_rights_and_address(wish: Wish) -> None:
    choice = 2 if wish.part.default_permissions["contents"] == "write" else 1
    rights = wish.rights.replace("issues read", "issues read (needed to hear commands)")
    typer.echo(f"{_INDENT}{choice} → {rights}")
    seconds = POLL_EVERY.total_seconds()
    none = f"none → Corrigent polls every {seconds:g} s. Add one later with --url; nothing else changes"
    typer.echo(f"3 of 3  Public address  {wish.public_url or none}")


def _say_next(repositories: Sequence[Repo], home: Path | None, *, has_model: bool) -> None:
    count = len(repositories)
    more = f" and {count - 1} more" if count > 1 else ""
    where = f" --home {home}" if home else ""
    typer.echo(f"Installed on {repositories[0].full_name}{more}.")
    typer.echo(f"Next   corrigent up{where}        reviews what is opened from now on")
    typer.echo(f"       corrigent doctor{where}    checks every part")
    if not has_model:
        typer.echo(
            "       Without a model only linters review. Set CORRIGENT_MODEL=anthropic:NAME, or another; see README"
        )
