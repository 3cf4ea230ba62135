"""Reviews in two steps: draft notes that only we see, then all of them published at once, and the body below them.

GitLab has no review that could be named: a draft belongs to the run in its marker. Publishing in bulk shows *every*
draft of our user, so those of other runs are deleted before.
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
from app.forges.gitlab.staged import LONGEST_REVIEW, Staged


class Drafts:
    """Staging, submitting and discarding reviews of our own, one at a time for each merge request."""

    def __init__(self, calls: Calls, heads: Heads, discussions: Discussions, *, in_person: bool) -> None:
        self._calls = calls
        # Whoever's token this is may add a draft at any moment, which publishing in bulk would show.
        self._one_by_one = in_person
        self._heads = heads
        self._discussions = discussions
        self._locks: WeakValueDictionary[PullRequestRef, asyncio.Lock] = WeakValueDictionary()
        # Staged here, and not yet tried to be published.
        self._untried: set[tuple[PullRequestRef, str]] = set()

    async def stage(self, ref: PullRequestRef, draft: ReviewDraft, look_first: bool) -> str:
        async with self._lock(ref):
            head = await self._head(ref, draft.head_sha)
            there = await self._of_run(ref, draft.run_id) if look_first else []
            unplaced = await self._stage(ref, draft, head, there)
            self._untried.add((ref, draft.run_id))
        return Staged(draft.run_id, _body(draft, unplaced)).review_id

    async def submit(self, ref: PullRequestRef, review_id: str) -> Sequence[PostedThread]:
        staged = Staged.read(review_id)
        async with self._lock(ref):
            waiting = await self._publish(ref, staged.run_id)
            ours = [one for one in await self._discussions.ours(ref) if _run_of(one.notes[0].body) == staged.run_id]
            threads = [(mark[0], one.id) for one in ours if (mark := read_finding_marker(one.notes[0].body))]
            if len(threads) < waiting:
                # A replica of the database may lag behind; another try finds no drafts and believes what it sees.
                raise ForgeUnavailable("the published notes cannot be read yet")
            if all(one.notes[0].resolvable for one in ours):
                note: dict[str, JsonValue] = {"body": staged.body}
                await self._calls.send(routes.CREATE_NOTE, repo=ref.repo_id, number=ref.number, json=note)
        return [PostedThread(finding_id=finding_id, comment_id=comment_id) for finding_id, comment_id in threads]

    async def discard(self, ref: PullRequestRef, review_id: str) -> None:
        async with self._lock(ref):
            run_id = Staged.read(review_id).run_id
            self._untried.discard((ref, run_id))
            for draft in await self._of_run(ref, run_id):
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

    async def _stage(
        self, ref: PullRequestRef, draft: ReviewDraft, head: Head, there: list[DraftShape]
    ) -> list[InlineComment]:
        """Write what is not there yet; what GitLab took at no line comes back."""
        written = {mark[0] for one in there if (mark := read_finding_marker(one.note))}
        wanted = [comment for comment in draft.comments if comment.finding_id not in written]
        files = await self._files(ref, wanted) if wanted else []
        return [one for one in wanted if not await self._place(ref, one, draft.run_id, files, head)]

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

    async def _create(self, ref: PullRequestRef, text: str, at: dict[str, JsonValue]) -> DraftShape:
        json: dict[str, JsonValue] = {"note": text, "position": at}
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
        ours = [draft for draft in drafts if _run_of(draft.note) == run_id]
        leftovers = [draft for draft in drafts if _run_of(draft.note) not in {None, run_id}]
        has_others = len(ours) + len(leftovers) < len(drafts)
        for draft in leftovers:
            await self._delete(ref, draft)
        if (ref, run_id) not in self._untried:
            ours = await self._unpublished(ref, run_id, ours)
        self._untried.discard((ref, run_id))
        if not ours:
            return 0
        if not has_others and not self._one_by_one:
            await self._calls.send(routes.PUBLISH_DRAFTS, repo=ref.repo_id, number=ref.number)
        else:
            # Drafts of a person's own are not ours to show.
            for draft in ours:
                await self._publish_one(ref, draft)
        return len(ours)

    async def _unpublished(self, ref: PullRequestRef, run_id: str, ours: list[DraftShape]) -> list[DraftShape]:
        """GitLab makes all notes first and then deletes all drafts: cut off in between, both are there."""
        if not ours:
            return []
        marks = [read_finding_marker(one.notes[0].body) for one in await self._discussions.ours(ref)]
        shown = {mark[0] for mark in marks if mark and mark[1] == run_id}
        left: list[DraftShape] = []
        for draft in ours:
            mark = read_finding_marker(draft.note)
            if mark and mark[0] in shown:
                await self._delete(ref, draft)
            else:
                left.append(draft)
        return left

    async def _publish_one(self, ref: PullRequestRef, draft: DraftShape) -> None:
        await self._calls.send(routes.PUBLISH_DRAFT, repo=ref.repo_id, number=ref.number, draft=draft.id)

    async def _of_run(self, ref: PullRequestRef, run_id: str) -> list[DraftShape]:
        return [draft for draft in await self._all(ref) if _run_of(draft.note) == run_id]

    async def _all(self, ref: PullRequestRef) -> list[DraftShape]:
        """GitLab shows each user their own drafts only."""
        return await self._calls.all(routes.DRAFTS, DraftShape, repo=ref.repo_id, number=ref.number)

    async def _delete(self, ref: PullRequestRef, draft: DraftShape) -> None:
        try:
            await self._calls.send(routes.DELETE_DRAFT, repo=ref.repo_id, number=ref.number, draft=draft.id)
        except Gone:
            return


def _run_of(text: str) -> str | None:
    """The run a text of ours belongs to; None for one that is not ours."""
    mark = read_finding_marker(text)
    return mark[1] if mark else read_run_marker(text)


def _body(draft: ReviewDraft, unplaced: Sequence[InlineComment]) -> str:
    marker = run_marker(draft.run_id)
    body = draft.body
    if unplaced:
        places = ", ".join(f"`{comment.path}:{comment.line}`" for comment in unplaced)
        body = before_marker(body, f"No comment could be placed at {places}: see the check.", marker)
    return cut_at_line(body, LONGEST_REVIEW, marker)
