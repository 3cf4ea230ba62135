"""What an action gets back on the forge, in the least noisy way, and its line in the audit log."""

from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import JsonValue

from app.domain.actions import OPERATORS, Action
from app.domain.answers import marked
from app.domain.errors import ForgeRefused
from app.domain.markers import action_marker
from app.forges.base import CommentRef, ForgeWriter, Reaction
from app.store.audit import Audit
from app.store.effects import Effects


class Answering:
    """Safe to repeat: every answer has its mark, and an action is noted once."""

    def __init__(
        self,
        *,
        writers: Mapping[str, ForgeWriter],
        effects: Effects,
        audit: Audit,
        clock: Callable[[], datetime],
    ) -> None:
        self.writers = writers
        self.effects = effects
        self.audit = audit
        self.clock = clock

    async def answer(self, action: Action, text: str) -> None:
        if action.source in OPERATORS:
            # Nobody on the pull request has asked, and nobody there is told.
            await self.note(action, answer=text)
            return
        body, writer = marked(text, action.action_key), self.writers[action.ref.connection]

        async def write(look_first: bool) -> JsonValue:
            return await writer.comment(
                action.ref, body, action_marker(action.action_key), _thread_of(action), look_first
            )

        await self.effects.perform(f"answer/{action.action_key}", write)

    async def react(self, action: Action, reaction: Reaction) -> None:
        """An emoji on the command; where there is nothing to put it on, or we may not, the act itself is the answer."""
        if action.comment_id is None or action.source not in {"comment", "thread", "review"}:
            return
        comment = _comment_of(action)
        try:
            await self.writers[action.ref.connection].react(comment, reaction)
        except ForgeRefused:
            # The comment is gone, or the conversation is locked.
            return

    async def note(self, action: Action, *, answer: str = "") -> None:
        detail = {"word": action.word, "argument": action.argument[:200], "action_key": action.action_key}
        detail |= {"answer": answer} if answer else {}
        await self.audit.append_once(
            f"note/{action.action_key}", "command", action.actor.login, action.ref, detail, self.clock()
        )


def _comment_of(action: Action) -> CommentRef:
    kind = action.source if action.source in {"comment", "thread", "review"} else "comment"
    return CommentRef.model_validate(
        {
            "ref": action.ref,
            "kind": kind,
            "comment_id": action.comment_id or "",
            "root_comment_id": action.root_comment_id,
        }
    )


def _thread_of(action: Action) -> CommentRef | None:
    """A question in a thread is answered there, all others below the pull request."""
    return _comment_of(action) if action.source == "thread" else None
