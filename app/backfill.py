"""`corrigent backfill`: reviews of pull requests that nobody reviewed, newest first; what they cost is said before."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import typer

from app.backfill_cost import Size, Sizing
from app.domain.errors import UserError
from app.domain.events import ReviewAsked
from app.domain.phrases import count, dollars
from app.domain.pull_request import OPERATOR, PullRequest
from app.embedded_address import temporal_address
from app.llm.models import ModelSpec
from app.llm.prices import dollars as price
from app.own_deliveries import put_own
from app.settings import Settings, load_settings
from app.telemetry import start_logging
from app.unreviewed import unreviewed
from app.wiring import Forges, Store, open_forges, open_mirrors, open_store, operator_layers
from workflows.activities.configuration import Configurations
from workflows.activities.fetching import Fetching
from workflows.activities.look import OPT_OUT_LABEL

# Between two of them: a burst would only make the forge and the model say "later".
PACE = timedelta(seconds=2)

Say = Callable[[str], None]
Confirm = Callable[[str], bool]


def run_backfill(*, last: int, repo: str, yes: bool, home: Path | None) -> int:
    settings = load_settings({"home": str(home)} if home else None)
    start_logging(level="error", secrets=settings.secret_values())

    def confirm(question: str) -> bool:
        return yes or typer.confirm(question, default=False)

    return asyncio.run(backfill(settings, last=last, repo=repo, confirm=confirm, say=typer.echo))


async def backfill(settings: Settings, *, last: int, repo: str, confirm: Confirm, say: Say) -> int:
    """0 when they were handed over, or were not wanted; UserError when nothing runs that could review them."""
    if temporal_address(settings) is None:
        raise UserError(
            f"Nothing runs in {settings.home} that could review. Start `corrigent up` first; where it does run, "
            "set temporal_port to a port of your choice and start it again."
        )
    async with (
        open_store(settings, may_migrate=False) as store,
        open_forges(settings, store.limits, db=store.db) as forges,
    ):
        found = await _unreviewed(store, forges, repo)
        chosen = found[:last]
        if not chosen:
            say("Every open pull request that may be reviewed has its review.")
            return 0
        for line in await _told(settings, store, forges, chosen, len(found)):
            say(line)
        if not confirm(f"Review {'it' if len(chosen) == 1 else f'these {len(chosen)}'}?"):
            say("Nothing was done.")
            return 0
        for number, pull_request in enumerate(chosen):
            await asyncio.sleep(PACE.total_seconds() * settings.time_scale if number else 0)
            handed = await _hand_over(store, pull_request)
            say(f"{'handed over' if handed else 'asked before'}  {_named(pull_request)}")
    return 0


async def _unreviewed(store: Store, forges: Forges, wanted: str) -> list[PullRequest]:
    """Those a review would be made of: a draft, a bot's or one with our label waits until somebody asks there."""
    found: list[PullRequest] = []
    matching = 0
    for reader in forges.readers.values():
        repos = [repo for repo in await reader.repositories() if wanted.lower() in ("", repo.full_name.lower())]
        matching += len(repos)
        found += [one.pull_request for one in await unreviewed(reader, repos, store.pull_requests, store.runs)]
    if wanted and not matching:
        raise UserError(f"No connection of ours reaches {wanted!r}; `corrigent doctor` says how many each does.")
    found.sort(key=lambda one: one.created_at, reverse=True)
    return [one for one in found if not (one.draft or _of_a_bot(one) or OPT_OUT_LABEL in one.labels)]


async def _hand_over(store: Store, pull_request: PullRequest) -> bool:
    """A row of the inbox, as a command's: once for each head, however often this is cut off and begun again."""
    ref = pull_request.ref
    await store.repositories.ensure(pull_request.repo)
    await store.pull_requests.see(pull_request)
    asked = ReviewAsked(ref=ref, by=OPERATOR)
    return await put_own(store.deliveries, asked, delivery_id=f"backfill/{ref}/{pull_request.head_sha}")


async def _told(settings: Settings, store: Store, forges: Forges, chosen: Sequence[PullRequest], of: int) -> list[str]:
    """Each with its size and price, and what they cost together; where that is not known, that it is not."""
    lines = [f"{len(chosen)} of {count(of, 'open pull request')} without a review, newest first:"]
    if not settings.model:
        lines += [f"  {_named(one)}" for one in chosen]
        return [*lines, "No model is configured: linters read them, and they cost nothing."]
    sizing = _sizing(settings, store, forges)
    sizes = [await sizing.size(one) for one in chosen]
    spec = ModelSpec.parse(settings.model)
    lines += [f"  {_named(one)} · {_size_told(size, spec)}" for one, size in zip(chosen, sizes, strict=True)]
    return [*lines, *_total(sizes, spec)]


def _sizing(settings: Settings, store: Store, forges: Forges) -> Sizing:
    mirrors = open_mirrors(settings)
    return Sizing(
        fetching=Fetching(readers=forges.readers, mirrors=mirrors),
        mirrors=mirrors,
        configurations=Configurations(
            mirrors=mirrors,
            files=store.config_files,
            rules=store.rules,
            operator=operator_layers(settings),
            reviewed_with=settings.model,
        ),
        secrets=settings.secret_values(),
    )


def _size_told(size: Size | None, spec: ModelSpec) -> str:
    if size is None:
        return "its change cannot be fetched now"
    cost = _price(size, spec)
    return f"about {size.input_tokens:,} tokens" + ("" if cost is None else f", {dollars(cost)}")


def _total(sizes: Sequence[Size | None], spec: ModelSpec) -> Iterator[str]:
    known = [size for size in sizes if size is not None]
    together = Size(sum(one.questions for one in known), sum(one.input_tokens for one in known))
    cost = _price(together, spec)
    tokens = f"{count(together.questions, 'question')}, about {together.input_tokens:,} tokens"
    priced = f"about {dollars(cost)}" if cost is not None else f"the price of {spec} is not known here"
    missing = f" {len(sizes) - len(known)} not counted." if len(known) < len(sizes) else ""
    yield f"Together {tokens}: {priced}.{missing} Budgets hold: what is over them waits."


def _price(size: Size, spec: ModelSpec) -> float | None:
    return price(spec.provider, spec.name, input_tokens=size.input_tokens, output_tokens=size.output_tokens)


def _of_a_bot(pull_request: PullRequest) -> bool:
    return pull_request.author is not None and pull_request.author.is_bot


def _named(pull_request: PullRequest) -> str:
    return f"{pull_request.repo.full_name} {pull_request.ref.number}  {pull_request.title[:60]}"
