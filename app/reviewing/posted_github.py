"""What a review of ours left on GitHub: threads, and the check of the newest head that was read."""

from collections.abc import Iterator, Sequence

from typing_extensions import override

from app.domain.findings import Place
from app.domain.markers import is_run_id, read_finding_marker
from app.domain.names import CHECK_NAME
from app.domain.posted_text import PostedCheck, read_check
from app.domain.pull_request import PullRequest
from app.forges.base import Thread
from app.forges.github import routes
from app.forges.github.auth import TokenAuth
from app.forges.github.byline import Byline
from app.forges.github.calls import Calls
from app.forges.github.client import GitHubClient
from app.forges.github.models import LineCommentShape, Shape
from app.forges.github.reader import GitHubReader
from app.forges.registry import Connection
from app.one_process_limits import OneProcessLimits
from app.reviewing.posted import Posted, only, open_threads

# Under this name any workflow of the repository may write what it likes.
_WORKFLOWS = "github-actions"
# How many of the heads that threads were begun on are asked for a check, when the newest head has none?
_EARLIER_HEADS = 3


class _App(Shape):
    slug: str = ""


class _Output(Shape):
    title: str | None = None
    summary: str | None = None


class _Check(Shape):
    head_sha: str
    external_id: str | None = None
    status: str = ""
    conclusion: str | None = None
    app: _App | None = None
    output: _Output = _Output()

    @property
    def by(self) -> str:
        return self.app.slug if self.app else ""


class _Checks(Shape):
    check_runs: tuple[_Check, ...] = ()


class _Comment(LineCommentShape):
    """`line` is missing where the code has changed under it since."""

    line: int | None = None
    start_line: int | None = None

    def place(self) -> Place:
        line = self.line or self.original_line or 1
        return Place(
            path=self.path,
            side="old" if self.side == "LEFT" else "new",
            start_line=min(self.start_line or line, line),
            line=line,
        )


class _ReadingFor(TokenAuth):
    """A person who looks at what a bot wrote."""

    def __init__(self, client: GitHubClient, token: str, bot: str) -> None:
        super().__init__(client, token)
        self._bot = bot

    @override
    async def byline(self) -> Byline:
        return Byline(self._bot, is_bot=True)


async def posted_on_github(connection: Connection, pull_request: PullRequest, bot: str) -> Posted:
    token, ref = connection.token.get_secret_value(), pull_request.ref
    client = GitHubClient(connection, OneProcessLimits())
    try:
        allowed = frozenset({routes.HEAD_CHECKS, routes.THREAD_COMMENTS})
        calls = Calls(client, TokenAuth(client, token), "read", allowed)
        comments = await calls.all(routes.THREAD_COMMENTS, ref.repo_id, _Comment, number=ref.number)
        checks = await _newest_checks(calls, pull_request, comments, bot)
        by = bot or only(check.by for check in checks)
        threads = await GitHubReader(client, _ReadingFor(client, token, by)).threads(ref)
    finally:
        await client.close()
    check = checks[0] if checks else None
    output = check.output if check else _Output()
    return Posted(
        by=by,
        threads=open_threads(_bodies(threads, comments)),
        title=output.title or "",
        conclusion=(check.conclusion or "") if check else "",
        check=read_check(output.summary) if output.summary else PostedCheck(),
        reviewed_sha=check.head_sha if check else "",
        at_work=check is not None and check.status != "completed",
    )


async def _newest_checks(calls: Calls, pull_request: PullRequest, comments: list[_Comment], bot: str) -> list[_Check]:
    """Of the head; else of the newest head that a thread was begun on. A run's id alone makes no check ours."""
    begun = (one.original_commit_id for one in reversed(comments) if read_finding_marker(one.body or ""))
    heads = dict.fromkeys([pull_request.head_sha, *filter(None, begun)])
    asked: dict[str, str | int] = {"check_name": CHECK_NAME, "filter": "latest", "per_page": 100}
    for head in list(heads)[: _EARLIER_HEADS + 1]:
        answer = await calls.send(routes.HEAD_CHECKS, pull_request.ref.repo_id, params=asked, head=head)
        found = [one for one in answer.read(_Checks).check_runs if _is_ours(one, bot)]
        if found:
            return found
    return []


def _is_ours(check: _Check, bot: str) -> bool:
    if bot:
        return check.by.lower() == bot.lower()
    return check.by not in {"", _WORKFLOWS} and is_run_id(check.external_id or "")


def _bodies(threads: Sequence[Thread], comments: Sequence[_Comment]) -> Iterator[tuple[str, str, Place]]:
    by_id = {str(one.id): one for one in comments}
    for thread in threads:
        comment = by_id.get(thread.root_comment_id)
        if comment is not None and not thread.resolved:
            yield thread.finding_id, comment.body or "", comment.place()
