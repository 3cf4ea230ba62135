"""A writer that writes nothing where the operator wants Corrigent to look on in silence."""

from collections.abc import Awaitable, Callable, Sequence

from app.domain.pull_request import PullRequestRef
from app.domain.review import CheckText, ReviewDraft
from app.forges.base import CommentRef, ForgeWriter, PostedThread, Reaction, Thread

# Stands for the id of what was not written.
NOT_WRITTEN = "not-written"


class QuietWriter:
    """Asks at every write, so that one setting stops them all at the next start; reviews go on and are in the store."""

    def __init__(self, writer: ForgeWriter, is_quiet: Callable[[PullRequestRef], Awaitable[bool]]) -> None:
        self.writer = writer
        self.is_quiet = is_quiet

    async def ensure_check(
        self, ref: PullRequestRef, head_sha: str, run_id: str, text: CheckText, check_id: str | None, look_first: bool
    ) -> str:
        if await self.is_quiet(ref):
            return check_id or NOT_WRITTEN
        # A check of the silent time is not there to be updated.
        known = None if check_id == NOT_WRITTEN else check_id
        return await self.writer.ensure_check(ref, head_sha, run_id, text, known, look_first)

    async def stage_review(self, ref: PullRequestRef, draft: ReviewDraft, look_first: bool) -> str:
        if await self.is_quiet(ref):
            return NOT_WRITTEN
        return await self.writer.stage_review(ref, draft, look_first)

    async def submit_review(self, ref: PullRequestRef, review_id: str) -> Sequence[PostedThread]:
        if review_id == NOT_WRITTEN or await self.is_quiet(ref):
            return ()
        return await self.writer.submit_review(ref, review_id)

    async def discard_review(self, ref: PullRequestRef, review_id: str) -> None:
        if review_id != NOT_WRITTEN and not await self.is_quiet(ref):
            await self.writer.discard_review(ref, review_id)

    async def comment(
        self, ref: PullRequestRef, body: str, marker: str, reply_to: CommentRef | None, look_first: bool
    ) -> str:
        if await self.is_quiet(ref):
            return NOT_WRITTEN
        return await self.writer.comment(ref, body, marker, reply_to, look_first)

    async def react(self, comment: CommentRef, reaction: Reaction) -> None:
        if not await self.is_quiet(comment.ref):
            await self.writer.react(comment, reaction)

    async def resolve_threads(self, ref: PullRequestRef, threads: Sequence[Thread], note: str) -> None:
        if not await self.is_quiet(ref):
            await self.writer.resolve_threads(ref, threads, note)
