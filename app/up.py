"""Running until told to stop: one process with everything, or one part of a deployment."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import typer
from pydantic import JsonValue

from app.domain.errors import UserError
from app.private_memory import keep_memory_private
from app.process import ALL_PARTS, Part, Running, running
from app.queue_activities import ALL_QUEUES, Queue
from app.queue_secrets import refuse_foreign_secrets
from app.settings import Settings, load_settings
from app.store.database import Database
from app.store.schema import migrate
from app.sweeper import POLL_EVERY
from app.telemetry import start_logging

FAILED = 1
SANDBOX_ALONE: frozenset[Queue] = frozenset({"sandbox"})
# How long may stopping take? Service managers often wait for 30 s before they kill.
STOPPED_WITHIN = timedelta(seconds=28)
# After how many new objects is garbage looked for, and how often among what is older? Python's own 700, 10, 10 is made
# for programs that hold little.
COLLECTING = (20_000, 20, 20)


def run_parts(
    parts: Sequence[Part], *, port: int | None, home: Path | None, work_on: Sequence[str] | None = None
) -> int:
    settings = load_settings(overrides(port=port, home=home))
    wanted = _queues(work_on or ALL_QUEUES)
    if frozenset(parts) != ALL_PARTS and not settings.temporal_address:
        raise UserError("The parts meet at a Temporal server of yours: set temporal_address; `corrigent up` has one.")
    if "work" in parts:
        refuse_foreign_secrets(settings, wanted)
    if wanted != SANDBOX_ALONE:
        keep_memory_private()
    start_logging(level=settings.log_level, style=settings.log_format, secrets=settings.secret_values())
    watch_children_without_threads()
    return asyncio.run(_run(settings, frozenset(parts), wanted))


def watch_children_without_threads() -> None:
    """Python 3.11 starts a thread for each program that it waits for; later ones do by themselves what this sets."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())  # pyright: ignore[reportDeprecated] - only where it is not


def _collect_seldom() -> None:
    """A full collection walks all that was ever imported, for a tenth of a second in which no delivery is answered."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTING)


def _queues(names: Collection[str]) -> frozenset[Queue]:
    if unknown := sorted(set(names) - ALL_QUEUES):
        raise UserError(f"There is no queue {unknown[0]!r}; use {', '.join(sorted(ALL_QUEUES))}.")
    return frozenset(queue for queue in ALL_QUEUES if queue in names)


def run_migration(*, home: Path | None) -> int:
    settings = load_settings(overrides(home=home))
    number = asyncio.run(_migrate(settings))
    typer.echo(f"The database has schema {number}.")
    return 0


def overrides(*, port: int | None = None, home: Path | None = None) -> dict[str, JsonValue]:
    """What was given on the command line."""
    given: dict[str, JsonValue] = {"listen_port": port, "home": str(home) if home else None}
    return {name: value for name, value in given.items() if value is not None}


async def _run(settings: Settings, parts: frozenset[Part], work_on: frozenset[Queue]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _told_to_stop, stop, number)
    async with _started(settings, parts, work_on) as failed:
        waiting = [asyncio.create_task(event.wait()) for event in (stop, failed)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        code = FAILED if failed.is_set() else 0
        # Whatever is cut off by this goes on after the next start, as after a crash.
        loop.call_later(STOPPED_WITHIN.total_seconds(), os._exit, code)
    return code


def _told_to_stop(stop: asyncio.Event, number: int) -> None:
    if stop.is_set():
        os._exit(128 + number)
    stop.set()
    typer.echo("Stopping: what runs may end first. Once more stops at once.")


@asynccontextmanager
async def _started(
    settings: Settings, parts: frozenset[Part], work_on: frozenset[Queue]
) -> AsyncGenerator[asyncio.Event]:
    """The event is set when the process cannot go on."""
    if work_on == SANDBOX_ALONE:
        from app.sandbox_process import sandbox_running

        async with sandbox_running(settings):
            _say_part_ready(settings, "sandbox")
            yield asyncio.Event()
        return
    async with running(settings, parts=parts, work_on=work_on) as state:
        _collect_seldom()
        if parts == ALL_PARTS:
            _say_ready(settings, state)
        else:
            _say_part_ready(settings, ", ".join([*sorted(parts), *(sorted(work_on) if "work" in parts else ())]))
        yield state.failed


def _say_ready(settings: Settings, state: Running) -> None:
    # The link opens the dashboard once; afterwards the browser holds a session.
    where = state.new_link() if state.new_link else "no dashboard in this process"
    hooks = "webhooks" if settings.public_url else f"no public address: polling every {POLL_EVERY.total_seconds():g} s"
    names = (
        ", ".join(f"{one.key} ({one.slug})" for one in settings.connections) or "no forge yet: corrigent setup github"
    )
    typer.echo(f"Corrigent is up · {where} · {names} · {hooks} · Ctrl-C stops it")


def _say_part_ready(settings: Settings, what: str) -> None:
    typer.echo(f"Corrigent is up · {what} · build {settings.worker_build_id} · Temporal at {settings.temporal_address}")


async def _migrate(settings: Settings) -> int:
    db = await Database.open(settings.database_url.get_secret_value())
    try:
        return await migrate(db)
    finally:
        await db.close()
