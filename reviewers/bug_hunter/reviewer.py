"""The model reviewer: several passes over the change, a vote, a check, and a ledger of what was read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from app.domain.findings import Finding
from app.domain.invisible import hidden_in
from app.domain.phrases import count
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
from reviewers.bug_hunter.used import used_by
from reviewers.context.references import References, references
from reviewers.stages.bucket import Claim, bucket
from reviewers.stages.vote import vote


class BugHunter:
    """Has no tools but looking: whatever its model is talked into, it can return findings, and those are checked."""

    name = "bug_hunter"
    is_model = True

    def __init__(
        self,
        *,
        model: ChatModel,
        budget: Budget,
        finders: Sequence[ChatModel] = (),
        check_model: ChatModel | None = None,
        answers: AnswerStore | None = None,
        earlier: Mapping[str, Sequence[str]] | None = None,
        secrets: Sequence[str] = (),
        batch_tokens: int = TOKENS_PER_BATCH,
        pauses: Sequence[timedelta] = PAUSES,
    ) -> None:
        # The passes are dealt out to them.
        self._finders = tuple(finders) or (model,)
        self._budget = budget
        self._check_model = check_model
        self._answers = answers
        self._earlier = earlier or {}
        self._redactor = Redactor(secrets)
        self._batch_tokens = batch_tokens
        self._pauses = tuple(pauses)

    async def review(self, change: Change) -> ReviewerReport:
        """Findings and the ledger.

        Raises RateLimited or UserError when the provider says so, and ModelUnavailable when it answered nothing at all;
        with an AnswerStore the next attempt asks only what was not answered. Any other trouble is the ledger's.
        """
        change = replace(change, earlier=self._earlier)
        plan = PLANS[change.effort]
        todo, unreadable = await asyncio.to_thread(batches, change, self._batch_tokens)
        around = await references(change)
        finders = [self._asking(model, around) for model in self._finders]
        done = await read_all(change, todo, plan.passes, finders)
        raise_what_ends_it(done)
        ledger = _ledger(self.name, unreadable, plan, done)
        kept, outvoted = await asyncio.to_thread(_voted, done, plan, change.hits)
        checking = self._asking(self._check_model) if self._check_model else finders[0]
        checked = await check(change, kept, checking)
        ending = _ending(checked, own_check=checking is finders[0]) + _left_out(change)
        used = used_by(finders, plan, done, ending)
        return ReviewerReport(
            reviewer=self.name,
            is_model=True,
            findings=checked.findings,
            readings=ledger.readings(change.diff),
            usage=used[0],
            other_usage=(*used[1:], *(_checkers(checking) if self._check_model else ())),
            dropped=tuple(reason for one in done for reason in one.dropped),
            outvoted=tuple(outvoted),
        )

    def _asking(self, model: ChatModel, around: References | None = None) -> Asking:
        return Asking(MeteredModel(model, self._budget, self._answers), self._redactor, self._pauses, around)


def _voted(done: Sequence[Done], plan: Plan, hits: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    several = len({one.model for one in done if one.model}) > 1
    claims = [
        Claim(one.by.voter, finding, model=one.model if several else "") for one in done for finding in one.findings
    ]
    return vote(bucket(claims), passes=len(plan.passes), needed=plan.votes, hits=hits)


def _ledger(name: str, unreadable: dict[tuple[str, int], str], plan: Plan, done: Sequence[Done]) -> Ledger:
    ledger = Ledger(name, unreadable, quorum=plan.quorum)
    for one in done:
        if one.failed:
            ledger.failed(one.batch, one.by, one.failed)
        else:
            ledger.read(one.batch, one.by)
    return ledger


def _ending(checked: Checked, *, own_check: bool) -> str:
    """What is said after the passes: whether and how their findings were checked."""
    if checked.trouble:
        return f", not checked: {checked.trouble}"
    return ", then checked" if own_check and checked.findings else ""


def _checkers(checking: Asking) -> tuple[ReviewerUsage, ...]:
    return tuple(one.model_copy(update={"role": "check"}) for one in checking.model.usages)


def _left_out(change: Change) -> str:
    """What the author's words hold that nobody sees, and the model was not shown either."""
    hidden = sum(len(hidden_in(line)) for line in (change.title, *change.body.split("\n")))
    return f", {count(hidden, 'invisible character')} of the description left out" if hidden else ""
