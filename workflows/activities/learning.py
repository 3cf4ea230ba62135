"""What a repository teaches: rules that people propose and decide, and those that a dismissal's reason suggests."""

from collections.abc import Callable, Sequence
from datetime import datetime

from app.commands.base import DecideRule, Dismiss, Remember
from app.domain.actions import Action
from app.domain.findings import TrackedFinding
from app.domain.phrases import Voice
from app.domain.pull_request import PullRequestRef
from app.domain.rule_life import EvidenceKind, Thresholds, number_of
from app.domain.rule_text import list_text, remembered
from app.domain.rules import LearnedRule, learnable
from app.store.audit import Audit
from app.store.rules import Rules

# A reason of fewer words explains nothing that could be a rule.
_LEAST_WORDS = 4
# What is put off, or accepted as it is, was right to be said.
_NOT_AGAINST = frozenset({"later", "accepted-risk"})


class Learning:
    """Safe to repeat: a rule is claimed by the action that proposed it, and evidence counts once for each source."""

    def __init__(self, *, rules: Rules, audit: Audit, thresholds: Thresholds, clock: Callable[[], datetime]) -> None:
        self.rules = rules
        self.audit = audit
        self.thresholds = thresholds
        self.clock = clock

    async def remember(self, action: Action, planned: Remember, voice: Voice) -> str:
        by, source = action.actor.login, action.action_key
        rule = await self.propose(action.ref, planned.text, by=by, source=source, active=planned.active)
        return remembered(rule, voice)

    async def propose(
        self, ref: PullRequestRef, text: str, *, by: str, source: str, active: bool = False
    ) -> LearnedRule:
        """The rule, new or one that says the same: then this is a word for it."""
        now = self.clock()
        proposed = await self.rules.propose(ref, text=text, by=by, source=source, active=active, now=now)
        rule = proposed.rule
        if proposed.is_new or rule.state == "disabled":
            return rule
        if active and rule.state == "proposed":
            await self.rules.decide(ref.connection, ref.repo_id, rule.number, "active", by=by, now=now)
        elif rule.proposed_by != by or rule.pull_request_number != ref.number:
            await self.weigh(ref, rule.name, "supported", source=source, by=by)
        return next(one for one in await self.rules.of(ref.connection, ref.repo_id) if one.number == rule.number)

    async def decide(self, action: Action, planned: DecideRule) -> None:
        state, ref = "active" if planned.on else "disabled", action.ref
        await self.rules.decide(
            ref.connection, ref.repo_id, planned.number, state, by=action.actor.login, now=self.clock()
        )

    async def decide_here(self, action: Action) -> None:
        """By a button of ours, whose words are `R7 on`."""
        name, _, way = action.argument.partition(" ")
        await self.decide(action, DecideRule(number=number_of(name) or 0, on=way == "on"))

    async def numbers(self, action: Action) -> tuple[int, ...]:
        """Of the rules that may be decided here; one that was dropped may be put in force again."""
        return tuple(rule.number for rule in await self.rules.of(action.ref.connection, action.ref.repo_id))

    async def listed(self, action: Action, voice: Voice) -> str:
        known = await self.rules.known([(action.ref.connection, action.ref.repo_id)])
        return list_text([(one.rule, one.acceptance) for one in known], voice)

    async def from_dismissal(self, action: Action, planned: Dismiss, findings: Sequence[TrackedFinding]) -> None:
        """Evidence against the rules that were named; else a proposal, silently: nobody asked for a rule."""
        by = action.actor.login
        for one in findings:
            if planned.counted_as not in _NOT_AGAINST:
                await self.weigh(
                    action.ref, one.finding.breaks_rule, "dismissed", source=source_of(one.finding_id), by=by
                )
        is_reason = planned.counted_as in {"wrong", "wont-fix"} and len(planned.why.split()) >= _LEAST_WORDS
        if is_reason and len(findings) == 1 and not findings[0].finding.breaks_rule:
            text = learnable(f'No bug here: "{findings[0].finding.title}". The reason given: {planned.why}')
            await self.propose(action.ref, text, by=by, source=action.action_key)

    async def weigh(self, ref: PullRequestRef, rule: str, kind: EvidenceKind, *, source: str, by: str) -> None:
        """What speaks for or against a learned rule, by its name; nothing for one that lies in a file."""
        number, now = number_of(rule), self.clock()
        if number is None:
            return
        changed = await self.rules.weigh(ref, number, kind, source=source, by=by, thresholds=self.thresholds, now=now)
        if changed is not None:
            detail = {"rule": rule, "why": changed.why}
            await self.audit.append(f"rule.{changed.state}", "", ref, detail, now)


def source_of(finding_id: str) -> str:
    """A finding's place among the sources of evidence: it speaks once, whatever becomes of it later."""
    return f"finding/{finding_id}"
