"""Comments of others on lines of a merge request on GitLab."""

from collections.abc import Sequence

from app.domain.findings import Place
from app.domain.pull_request import PullRequestRef
from app.domain.remarks import Remark
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.models import DiscussionShape


class GitLabRemarks:
    """The `ForgeRemarks` of one connection."""

    def __init__(self, client: GitLabClient, user_id: int) -> None:
        self._calls = Calls(client, frozenset({routes.DISCUSSIONS}))
        self._user_id = user_id

    async def remarks(self, ref: PullRequestRef) -> Sequence[Remark]:
        found = await self._calls.all(routes.DISCUSSIONS, DiscussionShape, repo=ref.repo_id, number=ref.number)
        return [remark for one in found if (remark := self._remark(one))]

    def _remark(self, discussion: DiscussionShape) -> Remark | None:
        """None for what stands on no line of the new side, and for what the bot or GitLab itself wrote."""
        first = discussion.notes[0] if discussion.notes else None
        if first is None or first.system or first.author is None or first.author.id == self._user_id:
            return None
        where = first.position
        if where is None or not where.new_path or where.new_line is None or not where.head_sha:
            return None
        return Remark(
            comment_id=str(first.id),
            author=first.author.person(),
            body=first.body,
            place=Place(path=where.new_path, start_line=where.new_line, line=where.new_line),
            commit_sha=where.head_sha,
        )
