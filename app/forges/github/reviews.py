"""Reviews in two steps: written where nobody sees them, then shown once. A submitted review can never be deleted."""

import re
from collections.abc import Sequence

from pydantic import JsonValue

from app.domain.errors import ForgeRefused, Gone, HeadMoved
from app.domain.markers import finding_marker, read_finding_marker, read_run_marker, run_marker
from app.domain.pull_request import PullRequestRef
from app.domain.review import InlineComment, ReviewDraft
from app.forges.base import PostedThread
from app.forges.github import routes
from app.forges.github.auth import Auth
from app.forges.github.calls import Calls
from app.forges.github.fitting import LONGEST_BODY, cut_at_line, fitting_draft, without
from app.forges.github.models import CommentShape, CreatedShape, FileShape, PullShape, ReviewShape

# GitHub's words, as seen in its answers; all of them come as 422.
_ONE_PENDING = "one pending review"
_NOT_IN_PULL = re.compile(r"commit.* is not part of the pull request", re.IGNORECASE)


class Reviews:
    """Staging, submitting and discarding reviews of our own."""

    def __init__(self, calls: Calls, auth: Auth) -> None:
        self._calls = calls
        self._auth = auth

    async def stage(self, ref: PullRequestRef, draft: ReviewDraft, look_first: bool) -> str:
        if look_first and (review_id := await self._adopt(ref, draft.run_id)):
            return review_id
        try:
            return await self._stage_fitting(ref, draft)
        except ForgeRefused as refusal:
            if _NOT_IN_PULL.search(refusal.message):
                answer = await self._calls.send(routes.PULL, ref.repo_id, number=ref.number)
                raise HeadMoved(answer.read(PullShape).head.sha) from refusal
            raise

    async def submit(self, ref: PullRequestRef, review_id: str) -> Sequence[PostedThread]:
        try:
            await self._calls.send(
                routes.SUBMIT_REVIEW, ref.repo_id, number=ref.number, review=review_id, json={"event": "COMMENT"}
            )
        except ForgeRefused:
            # Submitting works once. Whatever the words of the refusal: the review itself knows whether it was done.
            answer = await self._calls.send(routes.REVIEW, ref.repo_id, number=ref.number, review=review_id)
            if answer.read(ReviewShape).state == "PENDING":
                raise
        comments = await self._calls.all(
            routes.REVIEW_COMMENTS, ref.repo_id, CommentShape, number=ref.number, review=review_id
        )
        marked = [(comment, read_finding_marker(comment.body or "")) for comment in comments]
        return [PostedThread(finding_id=mark[0], comment_id=str(comment.id)) for comment, mark in marked if mark]

    async def discard(self, ref: PullRequestRef, review_id: str) -> None:
        try:
            await self._calls.send(routes.DELETE_REVIEW, ref.repo_id, number=ref.number, review=review_id)
        except Gone:
            return

    async def discard_leftover(self, ref: PullRequestRef) -> bool:
        """Remove a pending review of ours, which blocks further reviews and replies; whether there was one."""
        leftover = await self._pending(ref)
        if leftover:
            await self.discard(ref, str(leftover.id))
        return leftover is not None

    async def _stage_fitting(self, ref: PullRequestRef, draft: ReviewDraft) -> str:
        """GitHub takes a review whole or not at all, and does not say which comment it did not like."""
        marker = run_marker(draft.run_id)
        try:
            return await self._create_or_adopt(ref, draft)
        except ForgeRefused as refusal:
            if not _about_places(refusal, draft):
                raise
        files = await self._calls.all(routes.PULL_FILES, ref.repo_id, FileShape, number=ref.number)
        smaller = fitting_draft(draft, files, marker)
        try:
            return await self._create_or_adopt(ref, smaller)
        except ForgeRefused as refusal:
            if not _about_places(refusal, smaller):
                raise
        return await self._create_or_adopt(ref, without(draft, (), marker))

    async def _create_or_adopt(self, ref: PullRequestRef, draft: ReviewDraft) -> str:
        try:
            return await self._create(ref, draft)
        except ForgeRefused as refusal:
            if _ONE_PENDING not in refusal.message:
                raise
        return await self._adopt(ref, draft.run_id) or await self._create(ref, draft)

    async def _create(self, ref: PullRequestRef, draft: ReviewDraft) -> str:
        # Without `event` it stays pending.
        body: JsonValue = {
            "commit_id": draft.head_sha,
            "body": cut_at_line(draft.body, LONGEST_BODY, run_marker(draft.run_id)),
            "comments": [_comment(comment, draft.run_id) for comment in draft.comments],
        }
        answer = await self._calls.send(routes.CREATE_REVIEW, ref.repo_id, number=ref.number, json=body)
        return str(answer.read(CreatedShape).id)

    async def _adopt(self, ref: PullRequestRef, run_id: str) -> str | None:
        """Our pending review if it is of this run; one of another run is removed."""
        leftover = await self._pending(ref)
        if leftover is None:
            return None
        if read_run_marker(leftover.body or "") == run_id:
            return str(leftover.id)
        await self.discard(ref, str(leftover.id))
        return None

    async def _pending(self, ref: PullRequestRef) -> ReviewShape | None:
        byline = await self._auth.byline()
        reviews = await self._calls.all(routes.REVIEWS, ref.repo_id, ReviewShape, number=ref.number)
        for review in reviews:
            ours = review.user is not None and byline.wrote(review.user.login, review.user.type)
            # Under a person's token a review without our mark is that person's own draft, and none of our business.
            if review.state == "PENDING" and ours and read_run_marker(review.body or ""):
                return review
        return None


def _about_places(refusal: ForgeRefused, draft: ReviewDraft) -> bool:
    """Any 422 about a review that has comments, bar the two that are known to be about something else."""
    known = _ONE_PENDING in refusal.message or _NOT_IN_PULL.search(refusal.message) is not None
    return refusal.status == 422 and bool(draft.comments) and not known


def _comment(comment: InlineComment, run_id: str) -> JsonValue:
    side = "RIGHT" if comment.side == "new" else "LEFT"
    marker = finding_marker(comment.finding_id, run_id)
    entry: dict[str, JsonValue] = {
        "path": comment.path,
        "body": cut_at_line(comment.body, LONGEST_BODY, marker),
        "line": comment.line,
        "side": side,
    }
    if comment.start_line < comment.line:
        entry |= {"start_line": comment.start_line, "start_side": side}
    return entry
