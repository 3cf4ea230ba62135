"""The model reviewer: several passes over the change, a vote, a check, and a ledger of what was read."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from app.domain.findings import Finding
from app.domain.review import ReviewerReport, ReviewerUsage
from app.domain.secrets import Redactor
from app.llm.budget import AnswerStore, Budget, MeteredModel
from app.llm.chat import ChatModel
from reviewers.base import Change
from reviewers.bug_hunter.check import Checked, check
from reviewers.bug_hunter.excerpts import TOKENS_PER_BATCH, batches
from reviewers.bug_hunter.ledger import Ledger
from reviewers.bug_hunter.passes import PLANS, Plan
from reviewers.bug_hunter.reading import PAUSES, Asking, Done, raise_what_ends_it, read_all
from reviewers.context.references import References, references
from reviewers.stages.bucket import Claim, bucket
from reviewers.stages.vote import vote


class BugHunter:
    """Has no tools: whatever a change talks its model into, all it can do is return findings, and those are checked."""

    name = "bug_hunter"
    is_model = True

    def __init__(
        self,
        *,
        model: ChatModel,
        budget: Budget,
        check_model: ChatModel | None = None,
        answers: AnswerStore | None = None,
        secrets: Sequence[str] = (),
        batch_tokens: int = TOKENS_PER_BATCH,
        pauses: Sequence[timedelta] = PAUSES,
    ) -> None:
        self._model = model
        self._budget = budget
        self._check_model = check_model
        self._answers = answers
        self._redactor = Redactor(secrets)
        self._batch_tokens = batch_tokens
        self._pauses = tuple(pauses)

    async def review(self, change: Change) -> ReviewerReport:
        """Findings and the ledger.

        Raises RateLimited or UserError when the provider says so, and ModelUnavailable when it answered nothing at all;
        with an AnswerStore the next attempt asks only what was not answered. Any other trouble is the ledger's.
        """
        plan = PLANS[change.effort]
        todo, unreadable = await asyncio.to_thread(batches, change, self._batch_tokens)
        reading = self._asking(self._model, await references(change))
        done = await read_all(change, todo, plan.passes, reading)
        raise_what_ends_it(done)
        ledger = _ledger(self.name, unreadable, plan, done)
        kept, outvoted = await asyncio.to_thread(_voted, done, plan, change.hits)
        checking = self._asking(self._check_model) if self._check_model else reading
        checked = await check(change, kept, checking)
        return ReviewerReport(
            reviewer=self.name,
            is_model=True,
            findings=checked.findings,
            readings=ledger.readings(change.diff),
            usage=reading.model.usage.model_copy(update={"role": _role(plan, checked, checking is reading)}),
            check_usage=_check_usage(checking) if self._check_model else ReviewerUsage(),
            dropped=tuple(reason for one in done for reason in one.dropped),
            outvoted=tuple(outvoted),
        )

    def _asking(self, model: ChatModel, around: References | None = None) -> Asking:
        return Asking(MeteredModel(model, self._budget, self._answers), self._redactor, self._pauses, around)


def _voted(done: Sequence[Done], plan: Plan, hits: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    claims = [Claim(one.by.voter, finding) for one in done for finding in one.findings]
    return vote(bucket(claims), passes=len(plan.passes), needed=plan.votes, hits=hits)


def _ledger(name: str, unreadable: dict[tuple[str, int], str], plan: Plan, done: Sequence[Done]) -> Ledger:
    ledger = Ledger(name, unreadable, quorum=plan.quorum)
    for one in done:
        if one.failed:
            ledger.failed(one.batch, one.by, one.failed)
        else:
            ledger.read(one.batch, one.by)
    return ledger


def _role(plan: Plan, checked: Checked, own_check: bool) -> str:
    """What the model did, as it stands behind its name in the check."""
    passes = f"{len(plan.passes)} passes, kept at {plan.votes} votes" if len(plan.passes) > 1 else "1 pass"
    if checked.trouble:
        return f"{passes}, not checked: {checked.trouble}"
    return f"{passes}, then checked" if own_check and checked.findings else passes


def _check_usage(checking: Asking) -> ReviewerUsage:
    return checking.model.usage.model_copy(update={"role": "check"})
