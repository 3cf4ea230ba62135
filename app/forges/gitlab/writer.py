"""Everything the poster may do on GitLab: outcomes, reviews, answers, an emoji, a resolved thread."""

from collections.abc import Sequence

from pydantic import JsonValue

from app.domain.pull_request import PullRequestRef
from app.domain.review import CheckText, ReviewDraft
from app.forges.base import CommentRef, PostedThread, Reaction, Thread
from app.forges.gitlab import routes
from app.forges.gitlab.awards import Awards
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.discussions import MOST_NOTES, Discussions
from app.forges.gitlab.drafts import Drafts
from app.forges.gitlab.fitting import LONGEST_BODY, cut_at_line
from app.forges.gitlab.gate import Gate, status_of
from app.forges.gitlab.heads import Heads
from app.forges.gitlab.models import CreatedShape, DiscussionShape, NoteShape


class GitLabWriter:
    """The `ForgeWriter` of one connection. It never approves, requests changes, merges or pushes."""

    def __init__(self, client: GitLabClient, heads: Heads, user_id: int) -> None:
        self._user_id = user_id
        self._calls = Calls(client, routes.WRITER_ROUTES)
        self._discussions = Discussions(self._calls, user_id)
        self._drafts = Drafts(self._calls, heads, self._discussions, in_person=client.connection.in_person)
        self._awards = Awards(self._calls, user_id)
        self._gate = Gate(self._calls, heads, self._discussions, user_id)

    async def ensure_check(
        self,
        ref: PullRequestRef,
        head_sha: str,
        run_id: str,
        text: CheckText,
        check_id: str | None,
        look_first: bool,  # noqa: ARG002 - emoji and status are looked at in any case, so none is doubled
    ) -> str:
        """GitLab has no check with an id of its own; the run's stands for it."""
        await self._awards.show(ref, text, is_new=check_id is None)
        status = status_of(text)
        if status:
            await self._gate.tell(ref, head_sha, run_id, status, text.title)
        elif text.conclusion not in {None, "cancelled"}:
            await self._gate.lift(ref, head_sha)
        return check_id or run_id

    async def stage_review(self, ref: PullRequestRef, draft: ReviewDraft, look_first: bool) -> str:
        return await self._drafts.stage(ref, draft, look_first)

    async def submit_review(self, ref: PullRequestRef, review_id: str) -> Sequence[PostedThread]:
        return await self._drafts.submit(ref, review_id)

    async def discard_review(self, ref: PullRequestRef, review_id: str) -> None:
        await self._drafts.discard(ref, review_id)

    async def comment(
        self, ref: PullRequestRef, body: str, marker: str, reply_to: CommentRef | None, look_first: bool
    ) -> str:
        root = _thread_of(reply_to)
        if look_first and (comment_id := await self._find_comment(ref, marker, root)):
            return comment_id
        fitting: dict[str, JsonValue] = {"body": cut_at_line(body, LONGEST_BODY, marker)}
        if root is None:
            answer = await self._calls.send(routes.CREATE_NOTE, repo=ref.repo_id, number=ref.number, json=fitting)
        else:
            answer = await self._calls.send(
                routes.REPLY, repo=ref.repo_id, number=ref.number, discussion=root, json=fitting
            )
        return str(answer.read(CreatedShape).id)

    async def react(self, comment: CommentRef, reaction: Reaction) -> None:
        await self._awards.react(comment, reaction)

    async def resolve_threads(self, ref: PullRequestRef, threads: Sequence[Thread], note: str) -> None:
        unresolved = [thread for thread in threads if not thread.resolved]
        forbidden = [thread for thread in unresolved if not await self._discussions.resolve(ref, thread.thread_id)]
        for thread in forbidden[:MOST_NOTES]:
            await self._discussions.note(ref, thread.thread_id, note)

    async def _find_comment(self, ref: PullRequestRef, marker: str, root: str | None) -> str | None:
        """The comment of an earlier try."""
        for note in await self._notes(ref, root):
            ours = note.author is not None and note.author.id == self._user_id
            if ours and not note.system and marker in note.body:
                return str(note.id)
        return None

    async def _notes(self, ref: PullRequestRef, root: str | None) -> Sequence[NoteShape]:
        if root is None:
            return await self._calls.all(routes.NOTES, NoteShape, repo=ref.repo_id, number=ref.number)
        answer = await self._calls.send(routes.DISCUSSION, repo=ref.repo_id, number=ref.number, discussion=root)
        return answer.read(DiscussionShape).notes


def _thread_of(reply_to: CommentRef | None) -> str | None:
    """The discussion to answer in; None when the answer goes below the merge request."""
    if reply_to is None or reply_to.kind != "thread":
        return None
    return reply_to.root_comment_id
