"""Saying what came of a reply in a finding's thread: one answer, or the finding is withdrawn for good."""

from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import JsonValue
from temporalio import activity

from app.domain.actions import Action
from app.domain.answers import answered, marked, not_answered, right_but_blocking, withdrawn
from app.domain.errors import ForgeRefused
from app.domain.findings import TrackedFinding
from app.domain.markers import action_marker
from app.domain.phrases import Voice
from app.domain.pull_request import Permission, PullRequest
from app.domain.repo_config import ConfigInForce
from app.domain.talk import MOST_ANSWERS, Judgement
from app.forges.base import CommentRef, ForgeReader, ForgeWriter
from app.store.actions import Actions
from app.store.audit import Audit
from app.store.blobs import Blobs
from app.store.effects import Effects
from app.store.findings import Findings
from app.store.runs import Runs
from workflows.activities.dismiss import Dismissing
from workflows.client import Turns
from workflows.messages import ReplyRequest


class Replying:
    """Safe to repeat: the answer is an effect with a mark of its own, and a withdrawn finding stays withdrawn."""

    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        writers: Mapping[str, ForgeWriter],
        actions: Actions,
        audit: Audit,
        effects: Effects,
        findings: Findings,
        runs: Runs,
        blobs: Blobs,
        dismissing: Dismissing,
        turns: Turns,
        voices: Mapping[str, Voice],
        has_model: bool,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self.writers = writers
        self.actions = actions
        self.audit = audit
        self.effects = effects
        self.findings = findings
        self.runs = runs
        self.blobs = blobs
        self.dismissing = dismissing
        self.turns = turns
        self.voices = voices
        self.has_model = has_model
        self.clock = clock

    async def is_heard(self, action: Action, pull_request: PullRequest, permission: Permission) -> bool:
        """Whether this reply is worth a model's time; silence otherwise, because nobody typed a command."""
        if not self.has_model or pull_request.state != "open" or not permission.allows(Permission.READ):
            return False
        finding = await self.findings.by_comment(action.ref, action.root_comment_id or "")
        if finding is None or finding.state != "open" or action.actor.is_bot:
            return False
        return await self._is_of_the_first(action)

    async def _is_of_the_first(self, action: Action) -> bool:
        """Those that came later do not count: many at once would keep each other from any answer."""
        replies = [one.action_key for one in await self.actions.in_thread(action)]
        return action.action_key in replies[:MOST_ANSWERS]

    async def begin(self, action: Action) -> None:
        await self.turns.talk(action.ref, action.action_key)

    @activity.defn(name="reply")
    async def reply(self, request: ReplyRequest) -> None:
        action = await self.actions.get(request.action_key)
        if action is None:
            raise LookupError(f"action {request.action_key} is not in the store")
        finding = await self.findings.by_comment(action.ref, action.root_comment_id or "")
        # Asked again: one that came before this may have been written down after it was heard.
        if finding is None or finding.state not in {"open", "withdrawn"} or not await self._is_of_the_first(action):
            return
        if request.failure:
            await self._say(action, not_answered(request.failure))
            return
        judgement = await self.blobs.get_model(request.judgement_key, Judgement)
        voice = self.voices[action.ref.connection]
        if judgement.verdict == "answers":
            await self._say(action, answered(judgement, voice))
        elif finding.state == "open" and not await self._may_close(action, finding):
            await self._say(action, right_but_blocking(judgement.text, finding.number, voice))
        else:
            await self._say(action, withdrawn(judgement.text, voice))
            await self._withdraw(action, finding)

    async def _withdraw(self, action: Action, finding: TrackedFinding) -> None:
        await self.dismissing.withdraw(action.ref, finding)
        detail = {"number": str(finding.number), "action_key": action.action_key}
        await self.audit.append("finding.withdrawn", action.actor.login, action.ref, detail, self.clock())

    async def _may_close(self, action: Action, finding: TrackedFinding) -> bool:
        """In a gate nobody talks a blocking finding away who could not dismiss it."""
        run = await self.runs.last_reviewed(action.ref)
        config = (await self.blobs.get_model(run.config_key, ConfigInForce)).config if run is not None else None
        if config is None or not config.blocks(finding.finding.severity):
            return True
        reader = self.readers[action.ref.connection]
        pull_request = await reader.pull_request(action.ref)
        permission = await reader.permission(pull_request.repo, action.actor)
        author = pull_request.author
        return permission.allows(Permission.WRITE) and (author is None or author.user_id != action.actor.user_id)

    async def _say(self, action: Action, text: str) -> None:
        mark, comment = action_marker(action.action_key), _comment_of(action)

        async def write(look_first: bool) -> JsonValue:
            writer = self.writers[action.ref.connection]
            return await writer.comment(action.ref, marked(text, action.action_key), mark, comment, look_first)

        try:
            await self.effects.perform(f"answer/{action.action_key}", write)
        except ForgeRefused:
            # The comment is gone, or the conversation is locked: nobody can be told any more.
            return


def _comment_of(action: Action) -> CommentRef:
    return CommentRef(
        ref=action.ref,
        kind="thread",
        comment_id=action.comment_id or "",
        root_comment_id=action.root_comment_id,
    )
