"""Reviews in two steps: draft notes that only we see, then all of them published at once.

GitLab has no review of its own that could be named: a draft belongs to the run in its marker, so the run's id stands
for the review. Publishing in bulk shows *every* draft of our user, so those of other runs are deleted before.
"""

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

from pydantic import JsonValue

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, HeadMoved
from app.domain.markers import finding_marker, read_finding_marker, read_run_marker, run_marker
from app.domain.pull_request import PullRequestRef
from app.domain.review import InlineComment, ReviewDraft
from app.forges.base import PostedThread
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.discussions import Discussions
from app.forges.gitlab.fitting import LONGEST_BODY, before_marker, cut_at_line
from app.forges.gitlab.heads import Head, Heads
from app.forges.gitlab.models import DiffShape, DraftShape, MergeRequestShape
from app.forges.gitlab.paging import each_page
from app.forges.gitlab.positions import find_file, position, with_suggestion


class Drafts:
    """Staging, submitting and discarding reviews of our own, one at a time for each merge request."""

    def __init__(self, calls: Calls, heads: Heads, discussions: Discussions) -> None:
        self._calls = calls
        self._heads = heads
        self._discussions = discussions
        self._locks: WeakValueDictionary[PullRequestRef, asyncio.Lock] = WeakValueDictionary()

    async def stage(self, ref: PullRequestRef, draft: ReviewDraft, look_first: bool) -> str:
        async with self._lock(ref):
            head = await self._head(ref, draft.head_sha)
            there = await self._of_run(ref, draft.run_id) if look_first else []
            await self._stage(ref, draft, head, there)
        return draft.run_id

    async def submit(self, ref: PullRequestRef, review_id: str) -> Sequence[PostedThread]:
        async with self._lock(ref):
            waiting = await self._publish(ref, review_id)
        found = [
            PostedThread(finding_id=mark[0], comment_id=discussion.id)
            for discussion in await self._discussions.ours(ref)
            if (mark := read_finding_marker(discussion.notes[0].body)) and mark[1] == review_id
        ]
        if len(found) < waiting:
            # A replica of the database may lag behind; another try finds no drafts and believes what it sees.
            raise ForgeUnavailable("the published notes cannot be read yet")
        return found

    async def discard(self, ref: PullRequestRef, review_id: str) -> None:
        async with self._lock(ref):
            for draft in await self._of_run(ref, review_id):
                await self._delete(ref, draft)

    def _lock(self, ref: PullRequestRef) -> asyncio.Lock:
        return self._locks.setdefault(ref, asyncio.Lock())

    async def _head(self, ref: PullRequestRef, head_sha: str) -> Head:
        known = self._heads.find(ref, head_sha)
        if known:
            return known
        answer = await self._calls.send(routes.MERGE_REQUEST, repo=ref.repo_id, number=ref.number)
        shape = answer.read(MergeRequestShape)
        if shape.sha and shape.sha != head_sha:
            raise HeadMoved(shape.sha)
        return self._heads.keep(ref, shape)

    async def _stage(self, ref: PullRequestRef, draft: ReviewDraft, head: Head, there: list[DraftShape]) -> None:
        """Write what is not there yet: the body first, so that it stands above its threads."""
        body_id = next((one.id for one in there if read_run_marker(one.note)), None)
        if body_id is None:
            body_id = (await self._create(ref, _body(draft, ()))).id
        written = {mark[0] for one in there if (mark := read_finding_marker(one.note))}
        wanted = [comment for comment in draft.comments if comment.finding_id not in written]
        files = await self._files(ref, wanted) if wanted else []
        unplaced = [one for one in wanted if not await self._place(ref, one, draft.run_id, files, head)]
        if unplaced:
            note: JsonValue = _body(draft, unplaced)
            await self._calls.send(
                routes.UPDATE_DRAFT, repo=ref.repo_id, number=ref.number, draft=body_id, json={"note": note}
            )

    async def _place(
        self, ref: PullRequestRef, comment: InlineComment, run_id: str, files: list[DiffShape], head: Head
    ) -> bool:
        """Whether GitLab took it at its line; each comment is taken or refused alone."""
        file = find_file(comment, files)
        at = position(comment, file, head) if file else None
        if at is None:
            return False
        text = cut_at_line(with_suggestion(comment), LONGEST_BODY, finding_marker(comment.finding_id, run_id))
        try:
            made = await self._create(ref, text, at)
        except ForgeRefused as refusal:
            if refusal.status not in {400, 422}:
                raise
            return False
        # Where GitLab folds the diff we guessed, and it takes a wrong guess without a word.
        if file and not file.diff and made.line_code is None:
            await self._delete(ref, made)
            return False
        return True

    async def _create(self, ref: PullRequestRef, text: str, at: dict[str, JsonValue] | None = None) -> DraftShape:
        json: dict[str, JsonValue] = {"note": text, **({"position": at} if at else {})}
        answer = await self._calls.send(routes.CREATE_DRAFT, repo=ref.repo_id, number=ref.number, json=json)
        return answer.read(DraftShape)

    async def _files(self, ref: PullRequestRef, comments: list[InlineComment]) -> list[DiffShape]:
        """The changed files up to the last that a comment is about: a change may have thousands."""
        found: list[DiffShape] = []
        missing = {comment.path for comment in comments}
        async for page in each_page(
            lambda asked: self._calls.send(routes.DIFFS, params=asked, repo=ref.repo_id, number=ref.number)
        ):
            files = page.read_list(DiffShape)
            found.extend(files)
            missing -= {file.new_path for file in files}
            if not missing:
                break
        return found

    async def _publish(self, ref: PullRequestRef, run_id: str) -> int:
        """How many threads that makes; none when it was done before."""
        drafts = await self._all(ref)
        ours = [draft for draft in drafts if _run_of(draft) == run_id]
        leftovers = [draft for draft in drafts if _run_of(draft) not in {None, run_id}]
        for draft in leftovers:
            await self._delete(ref, draft)
        if not ours:
            return 0
        if len(ours) + len(leftovers) == len(drafts):
            await self._calls.send(routes.PUBLISH_DRAFTS, repo=ref.repo_id, number=ref.number)
        else:
            # Under a person's token there may be drafts of that person's own, and those are not ours to show.
            for draft in ours:
                await self._publish_one(ref, draft)
        return sum(1 for draft in ours if read_finding_marker(draft.note))

    async def _publish_one(self, ref: PullRequestRef, draft: DraftShape) -> None:
        await self._calls.send(routes.PUBLISH_DRAFT, repo=ref.repo_id, number=ref.number, draft=draft.id)

    async def _of_run(self, ref: PullRequestRef, run_id: str) -> list[DraftShape]:
        return [draft for draft in await self._all(ref) if _run_of(draft) == run_id]

    async def _all(self, ref: PullRequestRef) -> list[DraftShape]:
        """GitLab shows each user their own drafts only."""
        return await self._calls.all(routes.DRAFTS, DraftShape, repo=ref.repo_id, number=ref.number)

    async def _delete(self, ref: PullRequestRef, draft: DraftShape) -> None:
        try:
            await self._calls.send(routes.DELETE_DRAFT, repo=ref.repo_id, number=ref.number, draft=draft.id)
        except Gone:
            return


def _run_of(draft: DraftShape) -> str | None:
    """The run a draft belongs to; None for one that is not ours."""
    mark = read_finding_marker(draft.note)
    return mark[1] if mark else read_run_marker(draft.note)


def _body(draft: ReviewDraft, unplaced: Sequence[InlineComment]) -> str:
    marker = run_marker(draft.run_id)
    body = draft.body
    if unplaced:
        places = ", ".join(f"`{comment.path}:{comment.line}`" for comment in unplaced)
        body = before_marker(body, f"No comment could be placed at {places}: see the check.", marker)
    return cut_at_line(body, LONGEST_BODY, marker)
