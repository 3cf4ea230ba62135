"""Comments of others on lines of a pull request on GitHub."""

from collections.abc import Sequence

from app.domain.findings import Place
from app.domain.pull_request import PullRequestRef
from app.domain.remarks import Remark
from app.forges.github import routes
from app.forges.github.auth import Auth
from app.forges.github.calls import Calls
from app.forges.github.client import GitHubClient
from app.forges.github.models import LineCommentShape


class GitHubRemarks:
    """The `ForgeRemarks` of one connection."""

    def __init__(self, client: GitHubClient, auth: Auth) -> None:
        self._calls = Calls(client, auth, "read", frozenset({routes.THREAD_COMMENTS}))

    async def remarks(self, ref: PullRequestRef) -> Sequence[Remark]:
        shapes = await self._calls.all(routes.THREAD_COMMENTS, ref.repo_id, LineCommentShape, number=ref.number)
        return [remark for shape in shapes if (remark := _remark(shape))]


def _remark(shape: LineCommentShape) -> Remark | None:
    """None for a reply, for a comment on a file or on a removed line, of a bot, and of an account that is gone."""
    line = shape.original_line
    if (
        shape.user is None
        or shape.user.person().is_bot
        or shape.in_reply_to_id is not None
        or line is None
        or shape.side != "RIGHT"
    ):
        return None
    return Remark(
        comment_id=str(shape.id),
        author=shape.user.person(),
        body=shape.body or "",
        place=Place(path=shape.path, start_line=line, line=line),
        commit_sha=shape.original_commit_id,
    )
