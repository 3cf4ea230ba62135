"""`corrigent doctor`: every part looked at side by side; exit 1 when one of them fails."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import typer

from app.doctor.base import Check, Ground, Line
from app.doctor.layout import laid_out
from app.doctor.registry import checks_of
from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited, Refused, UserError
from app.domain.secrets import Redactor
from app.settings import load_settings
from app.telemetry import start_logging

FAILED = 1
LONGEST_REASON = 300
# Their words are meant for people.
_TOLD = (UserError, Refused, ForgeRefused, ForgeUnavailable, RateLimited)


def run_doctor(part: str, *, home: Path | None) -> int:
    """0 when nothing fails; waiting for something is not failing."""
    try:
        settings = load_settings({"home": str(home)} if home else None)
    except UserError as error:
        return _print([Line("FAIL", "settings", str(error), "then: corrigent doctor")])
    secrets = settings.secret_values()
    start_logging(level="error", secrets=secrets)
    checks = _chosen(checks_of(settings), part)
    redactor = Redactor(secrets)
    lines = asyncio.run(examine(checks, Ground(settings, asked=bool(part))))
    return _print([Line(one.state, one.part, redactor.redact(one.text), one.next_step) for one in lines])


async def examine(checks: Sequence[Check], ground: Ground) -> list[Line]:
    """All at once, each within its deadline; one that breaks costs its own line only."""
    results = await asyncio.gather(*(_in_time(check, ground) for check in checks), return_exceptions=True)
    return [
        result if isinstance(result, Line) else Line("FAIL", check.part, _reason(result, check), check.mend)
        for check, result in zip(checks, results, strict=True)
    ]


async def _in_time(check: Check, ground: Ground) -> Line:
    async with asyncio.timeout(check.deadline.total_seconds()):
        return await check.run(ground)


def _reason(error: BaseException, check: Check) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {check.deadline.total_seconds():g} s"
    first = (str(error).splitlines() or [""])[0][:LONGEST_REASON]
    if isinstance(error, _TOLD) and first:
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _chosen(checks: Sequence[Check], part: str) -> Sequence[Check]:
    wanted = part.lower()
    found = [one for one in checks if not wanted or wanted in (one.part.lower(), *one.names)]
    if not found:
        names = ", ".join(dict.fromkeys(one.part for one in checks))
        raise UserError(f"There is no part {part!r}; use one of {names}.")
    return found


def _print(lines: Sequence[Line]) -> int:
    for row in laid_out(lines, shutil.get_terminal_size((130, 40)).columns):
        typer.echo(row)
    return FAILED if any(line.state == "FAIL" for line in lines) else 0
