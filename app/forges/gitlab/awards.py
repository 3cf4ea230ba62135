"""The emoji that stand for a check where Corrigent only advises: 👀 while at work, ✅ when nothing was found."""

from app.domain.errors import Gone
from app.domain.pull_request import PullRequestRef
from app.domain.review import CheckText
from app.forges.base import CommentRef, Reaction
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.models import AwardShape

AT_WORK = "eyes"
CLEAN = "white_check_mark"

_REACTIONS: dict[Reaction, str] = {"eyes": "eyes", "done": "thumbsup", "confused": "confused"}


class Awards:
    def __init__(self, calls: Calls, user_id: int) -> None:
        self._calls = calls
        self._user_id = user_id

    async def show(self, ref: PullRequestRef, text: CheckText, *, is_new: bool) -> None:
        """What the check says, as an emoji on the merge request."""
        # A superseded run leaves the scene to the one that took its place; a wait looks like work.
        if text.conclusion == "cancelled" or (text.conclusion is None and not is_new):
            return
        if text.conclusion is None:
            await self._set(ref, AT_WORK)
        else:
            await self._set(ref, CLEAN if text.conclusion == "success" else None)

    async def react(self, comment: CommentRef, reaction: Reaction) -> None:
        """Gone means that the comment was taken back, or that the emoji is there: GitLab has one word for both."""
        ref = comment.ref
        try:
            await self._calls.send(
                routes.AWARD_NOTE,
                repo=ref.repo_id,
                number=ref.number,
                note=comment.comment_id,
                json={"name": _REACTIONS[reaction]},
            )
        except Gone:
            return

    async def _set(self, ref: PullRequestRef, wanted: str | None) -> None:
        """Of our two, this one and not the other; a green one from an earlier head would be a lie."""
        there = await self._calls.all(routes.AWARDS, AwardShape, repo=ref.repo_id, number=ref.number)
        ours = [one for one in there if one.user and one.user.id == self._user_id and one.name in {AT_WORK, CLEAN}]
        for award in ours:
            if award.name != wanted:
                await self._take_back(ref, award)
        if wanted and wanted not in {award.name for award in ours}:
            await self._award(ref, wanted)

    async def _award(self, ref: PullRequestRef, name: str) -> None:
        try:
            await self._calls.send(routes.AWARD, repo=ref.repo_id, number=ref.number, json={"name": name})
        except Gone:
            # "Name has already been taken" comes as 404: an earlier try went through.
            return

    async def _take_back(self, ref: PullRequestRef, award: AwardShape) -> None:
        try:
            await self._calls.send(routes.TAKE_BACK_AWARD, repo=ref.repo_id, number=ref.number, award=award.id)
        except Gone:
            return
