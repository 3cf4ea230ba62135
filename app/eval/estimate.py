"""`corrigent estimate`: what reviewing the last weeks of a repository would have cost. Nothing is sent anywhere."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.domain.errors import UserError
from app.domain.phrases import count, dollars
from app.domain.repo_config import Effort, RepoConfig
from app.domain.secrets import Redactor
from app.eval.progress import Bar
from app.eval.together import together
from app.llm.budget import UNLIMITED, Budget
from app.llm.models import ModelSpec
from app.llm.prices import dollars as price
from app.output.terminal import Terminal
from app.settings import load_settings
from reviewers.base import Change
from reviewers.bug_hunter.questions import expected_check
from reviewers.evals.counting import CountingModel
from reviewers.evals.history import PastChange, past_changes
from reviewers.registry import BUG_HUNTER, REVIEWERS, Parts

# Whose price is shown when nobody names a model: the usual one for code of each provider.
_USUAL = ("anthropic:claude-sonnet-4-5", "openai:gpt-5", "google:gemini-2.5-pro")
_SPAN = re.compile(r"(\d{1,4})([dw])")
# Most of the time is git's.
_AT_ONCE = 4


@dataclass(frozen=True)
class Cost:
    """Of one change: questions, and the tokens that go in and, about, come out."""

    title: str
    questions: int
    input_tokens: int
    output_tokens: int

    def price(self, spec: ModelSpec) -> float | None:
        return price(spec.provider, spec.name, input_tokens=self.input_tokens, output_tokens=self.output_tokens)


@dataclass
class Measured:
    """What is known so far, of so many changes."""

    changes: int = 0
    costs: list[Cost] = field(default_factory=list[Cost])

    @property
    def is_partial(self) -> bool:
        return len(self.costs) < self.changes


def run_estimate(folder: Path, *, last: str, model: str, effort: Effort) -> int:
    """Always 0; UserError when there is no repository or the span cannot be read. Stopped, it says what it has."""
    since = span(last)
    settings = load_settings()
    named = model or settings.model
    specs = [ModelSpec.parse(name) for name in ([named] if named else _USUAL)]
    measured = Measured()
    try:
        asyncio.run(_measure(folder, since, effort, settings.secret_values(), measured))
    except KeyboardInterrupt:
        if measured.costs:
            Terminal().say(*told(measured, specs, last))
        raise
    Terminal().say(*told(measured, specs, last))
    return 0


def span(text: str) -> timedelta:
    """`30d` or `8w`."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or not int(found[1]):
        raise UserError(f"--last {text!r} is no span of time; use days or weeks: 30d, 8w.")
    return timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))


def told(measured: Measured, specs: Sequence[ModelSpec], last: str) -> Iterator[str]:
    """The sums, and a price for each model where it is known."""
    read = [cost for cost in measured.costs if cost.questions]
    yield f"{count(measured.changes, 'change')} merged in the last {last}, {len(read)} with something to read."
    if measured.is_partial:
        yield f"Stopped: {len(measured.costs)} of them are measured, and the sums are of these alone."
    if not read:
        return
    tokens = sorted(cost.input_tokens for cost in read)
    answers = sum(cost.output_tokens for cost in read)
    yield f"  questions   {sum(cost.questions for cost in read):>12,}"
    yield f"  tokens in   {sum(tokens):>12,}   median {tokens[len(tokens) // 2]:,}, most {tokens[-1]:,} a change"
    yield f"  tokens out  {answers:>12,}   about, as measured"
    for spec in specs:
        yield f"  {_priced(read, spec)}"
    yield "Nothing was sent to a model. Budgets hold when it is: budget.review, budget.pull_request and budget.day."


def _priced(costs: Sequence[Cost], spec: ModelSpec) -> str:
    prices = [price for cost in costs if (price := cost.price(spec)) is not None]
    if len(prices) < len(costs):
        return f"{spec}: its price is not known here"
    most = max(zip(prices, costs, strict=True), key=lambda pair: pair[0])
    dearest = f"{dollars(most[0])} the dearest ({most[1].title[:50]})"
    return f"{spec}: {dollars(sum(prices))}, {dollars(sum(prices) / len(prices))} a change, {dearest}"


async def _measure(folder: Path, since: timedelta, effort: Effort, secrets: Sequence[str], measured: Measured) -> None:
    async with past_changes(folder, since=since, now=datetime.now(UTC)) as changes:
        measured.changes = len(changes)
        with Bar("measuring") as bar:

            async def measure(change: PastChange) -> None:
                measured.costs.append(await cost_of(change, effort, secrets))
                bar.told(len(measured.costs), len(changes), 0.0)

            await together(changes, measure, at_once=_AT_ONCE)


async def cost_of(past: PastChange, effort: Effort, secrets: Sequence[str] = ()) -> Cost:
    """By the real reviewer, with a model that counts what it is asked."""
    async with past.opened(RepoConfig(effort=effort)) as (diff, head, base):
        if not diff.reviewable:
            return Cost(past.title, 0, 0, 0)
        budget = Budget(pull_request=UNLIMITED, day=UNLIMITED)
        reviewer = REVIEWERS[BUG_HUNTER](Parts(model=CountingModel(), budget=budget, secrets=tuple(secrets)))
        change = Change(diff=diff, head_root=head, base_root=base, title=past.title, body="", effort=effort)
        usage = (await reviewer.review(change)).usage
        check = await asyncio.to_thread(expected_check, change, Redactor(secrets))
        answer = await CountingModel().ask(check) if check and usage.requests else None
        return Cost(
            past.title,
            usage.requests + (answer is not None),
            usage.input_tokens + (answer.input_tokens if answer else 0),
            usage.output_tokens + (answer.output_tokens if answer else 0),
        )
