"""What an agent says on the pull request: each thing once, where it was asked, with an emoji on the command."""

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from pydantic import JsonValue

from app.domain.actions import Action
from app.domain.agents import Agent, AgentState
from app.domain.answers import marked
from app.domain.errors import ForgeRefused
from app.domain.markers import action_marker
from app.domain.phrases import Voice
from app.domain.secrets import Redactor
from app.forges.base import CommentRef, ForgeWriter, Reaction
from app.store.actions import Actions
from app.store.agents import Agents
from app.store.effects import Effects
from workflows.activities.agent_start import JOINED, mark_of, thread_of

log = structlog.get_logger()


class Telling:
    """Safe to repeat: each text is an effect with a mark of its own."""

    def __init__(
        self,
        *,
        writers: Mapping[str, ForgeWriter],
        agents: Agents,
        actions: Actions,
        effects: Effects,
        voices: Mapping[str, Voice],
        redactor: Redactor,
        clock: Callable[[], datetime],
    ) -> None:
        self.writers = writers
        self.agents = agents
        self.actions = actions
        self.effects = effects
        self.voices = voices
        self.redactor = redactor
        self.clock = clock

    def voice(self, agent: Agent) -> Voice:
        return self.voices[agent.ref.connection]

    async def in_thread(self, agent: Agent) -> bool:
        """Whether a reply to what it says is for it."""
        return bool(await self._thread(agent))

    async def say(self, agent: Agent, text: str, *, about: str) -> str:
        """The comment's id, empty where nobody can be told any more. `about` tells texts of one agent apart."""
        # The last wall: whatever a model has said or a patch holds, our own secrets are told to nobody.
        text = self.redactor.redact(text)
        mark = mark_of(agent.agent_id, agent.action_key, str(agent.attempt), about)
        thread = await self._thread(agent)
        reply_to = (
            CommentRef(ref=agent.ref, kind="thread", comment_id=thread, root_comment_id=thread) if thread else None
        )

        async def write(look_first: bool) -> JsonValue:
            writer = self.writers[agent.ref.connection]
            return await writer.comment(agent.ref, marked(text, mark), action_marker(mark), reply_to, look_first)

        try:
            comment_id = str(await self.effects.perform(f"said/{mark}", write, run_id=agent.agent_id))
        except ForgeRefused as refusal:
            # Uninstalled, locked or deleted: what was to be said is on the agent's page.
            log.warning("agent.not_told", agent_id=agent.agent_id, status=refusal.status)
            return ""
        await self.agents.change(agent.agent_id, comment_id=comment_id, thread_comment_id=thread)
        return comment_id

    async def say_end(self, agent: Agent, state: AgentState, text: str, *, mended: bool) -> None:
        """The answer to whoever asked, and the end of the work; `text` may be empty."""
        if text:
            await self.say(agent, text, about="end")
        await self.react(agent, "done" if mended else "confused")
        await self.agents.end(agent.agent_id, state, text[:300], self.clock())

    async def react(self, agent: Agent, reaction: Reaction) -> None:
        """On the command, and on those of others who asked for the same meanwhile."""
        await self._react_to(await self._action(agent), reaction)
        for joined in (await self.effects.kept(agent.agent_id, kind=JOINED)).values():
            await self._react_to(await self.actions.get(str(joined)), reaction)

    async def heard(self, action_key: str) -> None:
        """An answer to its question is all there: whoever gave it need not wait for what it leads to."""
        await self._react_to(await self.actions.get(action_key), "done")

    async def _react_to(self, action: Action | None, reaction: Reaction) -> None:
        if action is None or action.comment_id is None or action.source not in {"comment", "thread", "review"}:
            return
        comment = CommentRef.model_validate(
            {
                "ref": action.ref,
                "kind": action.source,
                "comment_id": action.comment_id,
                "root_comment_id": action.root_comment_id,
            }
        )
        try:
            await self.writers[action.ref.connection].react(comment, reaction)
        except ForgeRefused:
            # The comment is gone, or the conversation is locked.
            return

    async def _thread(self, agent: Agent) -> str:
        """Where the newest word was said; what nobody asked for stands in its finding's thread."""
        action = await self._action(agent)
        return agent.thread_comment_id if action is None else thread_of(action)

    async def _action(self, agent: Agent) -> Action | None:
        return await self.actions.get(agent.action_key) if agent.action_key else None
