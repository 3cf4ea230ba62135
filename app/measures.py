"""`corrigent measures`: what became of findings when their pull requests were closed, from this machine's store."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from app.domain.errors import UserError
from app.domain.measure_summary import Rate, Summary, summarise
from app.domain.phrases import count, dollars, seconds, short
from app.eval.estimate import span
from app.output.terminal import Terminal
from app.settings import Settings, load_settings
from app.wiring import Store, open_store, require_database, utc_now


def run_measures(*, last: str, repo: str, as_json: bool, home: Path | None) -> int:
    """Always 0; UserError for a span that cannot be read, or a repository that is not known."""
    window = span(last)
    settings = load_settings({"home": str(home)} if home else None)
    found = asyncio.run(_summary(settings, repo, window))
    terminal = Terminal()
    if as_json:
        terminal.write(found.model_dump_json(indent=2) + "\n")
    else:
        terminal.say(*told(found, last))
    return 0


def told(found: Summary, last: str) -> Iterator[str]:
    """One line for each measure; what nothing is known of is left out."""
    closed = count(found.pull_requests, "reviewed pull request")
    yield f"{closed} closed in the last {last}, {found.merged} of them merged."
    if not found.pull_requests:
        return
    unknown = f", the end of {found.unknown} is not known" if found.unknown else ""
    yield f"  reviews        {found.reviews}"
    yield f"  findings       {found.findings} with a thread{unknown}"
    yield f"  acted on       {_rate(found.acted_on)}"
    if found.acted_on_by:
        yield f"    by           {', '.join(f'{sign} {number}' for sign, number in found.acted_on_by)}"
    yield f"  control        {_rate(found.control)} of the lines that nobody flagged changed as well"
    for one in (*found.by_severity, *found.by_category):
        yield f"    {one.name:<15}{_rate(one)}"
    if found.dismissals:
        yield f"  dismissed      {', '.join(f'{reason} {number}' for reason, number in found.dismissals)}"
    if found.median_seconds is not None:
        yield f"  first review   {seconds(found.median_seconds)}, the median"
    yield f"  cost           {dollars(found.dollars)}"
    yield f"  escaped bugs   {len(found.escapes)}"
    for one in found.escapes:
        yield f"    pull request {one.ref.number}, {count(one.lines, 'line')}: {short(one.fix_sha)} {one.subject[:60]}"


def _rate(rate: Rate) -> str:
    share = "–" if rate.share is None else f"{rate.share:.0%}"
    return f"{share:>4}  {rate.part} of {rate.of}"


async def _summary(settings: Settings, repo: str, window: timedelta) -> Summary:
    require_database(settings)
    async with open_store(settings, may_migrate=False) as store:
        repos = [await _find(store, repo)] if repo else None
        since = utc_now() - window
        return summarise(await store.measures.since(since, repos), await store.measures.escapes_since(since, repos))


async def _find(store: Store, full_name: str) -> tuple[str, str]:
    for one in await store.repositories.all():
        if one.full_name.lower() == full_name.lower():
            return one.connection, one.repo_id
    raise UserError(f"{full_name!r} is no repository that was reviewed here; `--repo` takes OWNER/REPO.")
