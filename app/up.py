"""Running until told to stop: one process with everything, or one part of a deployment."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

import typer
from pydantic import JsonValue

from app.process import Part, Running, running
from app.settings import Settings, load_settings
from app.store.database import Database
from app.store.schema import migrate
from app.telemetry import start_logging

FAILED = 1


def run_parts(parts: Sequence[Part], *, port: int | None, home: Path | None) -> int:
    settings = load_settings(overrides(port=port, home=home))
    start_logging(level=settings.log_level, style=settings.log_format, secrets=settings.secret_values())
    return asyncio.run(_run(settings, frozenset(parts)))


def run_migration(*, home: Path | None) -> int:
    settings = load_settings(overrides(home=home))
    number = asyncio.run(_migrate(settings))
    typer.echo(f"The database has schema {number}.")
    return 0


def overrides(*, port: int | None = None, home: Path | None = None) -> dict[str, JsonValue]:
    """What was given on the command line."""
    given: dict[str, JsonValue] = {"listen_port": port, "home": str(home) if home else None}
    return {name: value for name, value in given.items() if value is not None}


async def _run(settings: Settings, parts: frozenset[Part]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings, parts=parts) as state:
        _say_ready(settings, state)
        waiting = [asyncio.create_task(event.wait()) for event in (stop, state.failed)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
    return FAILED if state.failed.is_set() else 0


def _say_ready(settings: Settings, state: Running) -> None:
    # The link opens the dashboard once; afterwards the browser holds a session.
    where = state.new_link() if state.new_link else "no dashboard in this process"
    hooks = "webhooks" if settings.public_url else "no public address: polling every 15 s"
    names = (
        ", ".join(f"{one.key} ({one.slug})" for one in settings.connections) or "no forge yet: corrigent setup github"
    )
    typer.echo(f"Corrigent is up · {where} · {names} · {hooks} · Ctrl-C stops it")


async def _migrate(settings: Settings) -> int:
    db = await Database.open(settings.database_url.get_secret_value())
    try:
        return await migrate(db)
    finally:
        await db.close()
