"""What a repository teaches: rules that people propose and decide, and those that a dismissal's reason suggests."""

from collections.abc import Callable
from datetime import datetime

from app.commands.base import DecideRule, Dismiss, Remember
from app.domain.actions import Action
from app.domain.findings import TrackedFinding
from app.domain.phrases import Voice
from app.domain.rule_text import list_text, remembered
from app.domain.rules import learnable
from app.store.rules import Rules

# A reason of fewer words explains nothing that could be a rule.
_LEAST_WORDS = 4


class Learning:
    """Safe to repeat: a rule is claimed by the action that proposed it."""

    def __init__(self, *, rules: Rules, clock: Callable[[], datetime]) -> None:
        self.rules = rules
        self.clock = clock

    async def remember(self, action: Action, planned: Remember, voice: Voice) -> str:
        rule = await self.rules.propose(
            action.ref,
            text=planned.text,
            by=action.actor.login,
            source=action.action_key,
            active=planned.active,
            now=self.clock(),
        )
        return remembered(rule, voice)

    async def decide(self, action: Action, planned: DecideRule) -> None:
        state, ref = "active" if planned.on else "disabled", action.ref
        await self.rules.decide(
            ref.connection, ref.repo_id, planned.number, state, by=action.actor.login, now=self.clock()
        )

    async def numbers(self, action: Action) -> tuple[int, ...]:
        """Of the rules that may be decided here; one that was dropped may be put in force again."""
        return tuple(rule.number for rule in await self.rules.of(action.ref.connection, action.ref.repo_id))

    async def listed(self, action: Action, voice: Voice) -> str:
        return list_text(await self.rules.of(action.ref.connection, action.ref.repo_id), voice)

    async def from_dismissal(self, action: Action, planned: Dismiss, findings: list[TrackedFinding]) -> None:
        """A proposal, silently: who dismisses did not ask for a rule, and none is in force before somebody says so."""
        is_reason = planned.counted_as in {"wrong", "wont-fix"} and len(planned.why.split()) >= _LEAST_WORDS
        if not is_reason or len(findings) != 1:
            return
        text = learnable(f'No bug here: "{findings[0].finding.title}". The reason given: {planned.why}')
        await self.rules.propose(
            action.ref, text=text, by=action.actor.login, source=action.action_key, active=False, now=self.clock()
        )
