"""`corrigent setup gateway NAME …`: certificates with which workers on different machines believe each other."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from app.domain.errors import UserError
from app.settings import load_settings
from app.setup.gateway_certificates import ASKING, LASTS, issue
from app.setup.settings_file import SettingsFile
from app.up import overrides

_PORT = 8378
_NAME = re.compile(r"[0-9A-Za-z]([0-9A-Za-z.:-]*[0-9A-Za-z])?")
_AUTHORITY = "authority"


def setup_gateway(names: Sequence[str], *, home: Path | None) -> int:
    """Make them, or make them anew, for these machines with sandboxes and for all who work in them."""
    for name in names:
        if not _NAME.fullmatch(name) or name in {ASKING, _AUTHORITY}:
            raise UserError(f"{name!r} is no name of a machine; say its name or address as workers of llm reach it.")
    settings = load_settings(overrides(home=home))
    SettingsFile(settings.home).prepare()
    folder = settings.secrets_folder / "gateways"
    now = datetime.now(UTC)
    for name in (ASKING, *names):
        issue(folder / _AUTHORITY, folder / name, name, now=now)
    typer.echo(f"Certificates are in {folder}, good until {now + LASTS:%Y-%m-%d}; this command renews them.")
    typer.echo(f"\nCopy {folder / ASKING} to secrets/gateway in the home of each worker of llm.")
    for name in names:
        typer.echo(f"\nCopy {folder / name} to secrets/gateway in the home of the sandbox worker there, and set:")
        typer.echo(f'  gateway_listen = "0.0.0.0:{_PORT}"\n  gateway_address = "{name}:{_PORT}"')
    typer.echo(f"\nLeave the folder {_AUTHORITY!r} where it is: whoever has its key can make more.")
    return 0
