"""From an action to its plan: the facts as they are now, and what the command's word makes of them."""

from collections.abc import Mapping

from pydantic import JsonValue, TypeAdapter

from app.commands.base import Facts, Plan
from app.commands.parser import ParsedCommand
from app.commands.registry import plan
from app.domain.actions import Action
from app.domain.phrases import Voice
from app.domain.pull_request import Permission, PullRequest
from app.domain.repo_config import ConfigInForce
from app.store.agents import Agents
from app.store.effects import Effects
from app.store.findings import Findings
from app.store.runs import Runs
from workflows.activities.learning import Learning

PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)
# Buttons of our check and of our pages, as the commands they stand for.
BUTTONS: Mapping[str, ParsedCommand] = {
    "again": ParsedCommand(word="review", argument="full", number=None, line="", ordinal=0),
    "review": ParsedCommand(word="review", argument="full", number=None, line="", ordinal=0),
    "fix": ParsedCommand(word="fix", argument="", number=None, line="", ordinal=0),
}


class Planning:
    """Safe to repeat: a plan that was made stands."""

    def __init__(
        self,
        *,
        agents: Agents,
        effects: Effects,
        findings: Findings,
        runs: Runs,
        learning: Learning,
        voices: Mapping[str, Voice],
    ) -> None:
        self.agents = agents
        self.effects = effects
        self.findings = findings
        self.runs = runs
        self.learning = learning
        self.voices = voices

    async def plan(self, action: Action, facts: Facts) -> Plan:
        """Planned once: what a first try did already must not look like a different question to the second."""

        async def plan_now(_: bool) -> JsonValue:
            return PLAN.dump_python(plan(_parsed(action), facts), mode="json")

        return PLAN.validate_python(await self.effects.perform(f"plan/{action.action_key}", plan_now))

    async def facts(
        self, action: Action, pull_request: PullRequest, config: ConfigInForce, permission: Permission
    ) -> Facts:
        found = await self.findings.of(action.ref)
        root = action.root_comment_id
        thread = next((one.number for one in found if root is not None and one.comment_id == root), None)
        return Facts(
            actor=action.actor,
            permission=permission,
            repo_name=pull_request.repo.full_name,
            author=pull_request.author,
            state=pull_request.state,
            open_findings=tuple(one for one in found if one.state == "open"),
            thread_number=thread,
            learned=await self.learning.numbers(action),
            config=config.config,
            running=bool(await self.runs.running(action.ref) or await self.agents.running(action.ref)),
            fixes_locked=config.locks_fixes,
            voice=self.voices[action.ref.connection],
        )


def _parsed(action: Action) -> ParsedCommand:
    if action.source in {"button", "dashboard"}:
        return BUTTONS.get(action.word, ParsedCommand(word=action.word, argument="", number=None, line="", ordinal=0))
    return ParsedCommand(word=action.word, argument=action.argument, number=action.number, line="", ordinal=0)
