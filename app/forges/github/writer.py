"""Everything the poster may do on GitHub: checks, reviews, answers, an emoji, a resolved thread."""

from collections.abc import Sequence

from pydantic import JsonValue

from app.domain.errors import ForgeRefused, Gone
from app.domain.names import CHECK_NAME
from app.domain.pull_request import PullRequestRef
from app.domain.review import CheckText, ReviewDraft
from app.forges.base import CommentRef, PostedThread, Reaction, Thread
from app.forges.github import routes
from app.forges.github.auth import Auth
from app.forges.github.calls import Calls, GraphqlAnswer
from app.forges.github.client import GitHubClient
from app.forges.github.fitting import LONGEST_BODY, LONGEST_SUMMARY, LONGEST_TITLE, cut_at_line
from app.forges.github.models import ChecksShape, CommentShape, CreatedShape, ReviewShape
from app.forges.github.reviews import Reviews
from app.forges.github.threads import MOST_MUTATIONS, REACT_DOCUMENT, resolve_document

# How many comments do we edit at most in one call where resolving is not ours to do? Each is two requests.
MOST_NOTES = 5
# GitHub's limits for a button.
_LABEL, _DESCRIPTION = 20, 40

_EMOJI: dict[Reaction, str] = {"eyes": "eyes", "done": "+1", "confused": "confused"}


class GitHubWriter:
    """The `ForgeWriter` of one connection. It never approves, requests changes, merges or pushes."""

    def __init__(self, client: GitHubClient, auth: Auth) -> None:
        self._auth = auth
        self._app_id = client.connection.app_id
        self._calls = Calls(client, auth, "post", routes.WRITER_ROUTES)
        self._reviews = Reviews(self._calls, auth)

    async def ensure_check(
        self, ref: PullRequestRef, head_sha: str, run_id: str, text: CheckText, check_id: str | None, look_first: bool
    ) -> str:
        body = _check(text)
        if check_id is None and look_first:
            check_id = await self._find_check(ref, head_sha, run_id)
        if check_id is None:
            body |= {"name": CHECK_NAME, "head_sha": head_sha, "external_id": run_id}
            return await self._create(routes.CREATE_CHECK, ref, body)
        await self._calls.send(routes.UPDATE_CHECK, ref.repo_id, check=check_id, json=body)
        return check_id

    async def stage_review(self, ref: PullRequestRef, draft: ReviewDraft, look_first: bool) -> str:
        return await self._reviews.stage(ref, draft, look_first)

    async def submit_review(self, ref: PullRequestRef, review_id: str) -> Sequence[PostedThread]:
        return await self._reviews.submit(ref, review_id)

    async def discard_review(self, ref: PullRequestRef, review_id: str) -> None:
        await self._reviews.discard(ref, review_id)

    async def comment(
        self, ref: PullRequestRef, body: str, marker: str, reply_to: CommentRef | None, look_first: bool
    ) -> str:
        root = _thread_of(reply_to)
        if look_first and (comment_id := await self._find_comment(ref, marker, root)):
            return comment_id
        fitting: dict[str, JsonValue] = {"body": cut_at_line(body, LONGEST_BODY, marker)}
        if root is None:
            return await self._create(routes.CREATE_COMMENT, ref, fitting, number=ref.number)
        try:
            return await self._create(routes.REPLY, ref, fitting, number=ref.number, comment=root)
        except ForgeRefused as refusal:
            # A staged review that was never submitted blocks replies.
            if refusal.status != 422 or not await self._reviews.discard_leftover(ref):
                raise
        return await self._create(routes.REPLY, ref, fitting, number=ref.number, comment=root)

    async def react(self, comment: CommentRef, reaction: Reaction) -> None:
        try:
            await self._react(comment, _EMOJI[reaction])
        except Gone:
            # Whoever wrote it took it back.
            return

    async def resolve_threads(self, ref: PullRequestRef, threads: Sequence[Thread], note: str) -> None:
        forbidden: list[Thread] = []
        unresolved = [thread for thread in threads if not thread.resolved]
        for start in range(0, len(unresolved), MOST_MUTATIONS):
            forbidden += await self._resolve(ref, unresolved[start : start + MOST_MUTATIONS])
        for thread in forbidden[:MOST_NOTES]:
            await self._note(ref, thread, note)

    async def _find_check(self, ref: PullRequestRef, head_sha: str, run_id: str) -> str | None:
        """The check of an earlier try, among those of our App only."""
        asked: dict[str, str | int] = {"check_name": CHECK_NAME, "filter": "all", "per_page": 100}
        if self._app_id is not None:
            asked["app_id"] = self._app_id
        answer = await self._calls.send(routes.HEAD_CHECKS, ref.repo_id, params=asked, head=head_sha)
        for check in answer.read(ChecksShape).check_runs:
            if check.external_id == run_id and check.app and check.app.id == self._app_id:
                return str(check.id)
        return None

    async def _find_comment(self, ref: PullRequestRef, marker: str, root: str | None) -> str | None:
        byline = await self._auth.byline()
        route = routes.COMMENTS if root is None else routes.THREAD_COMMENTS
        for comment in await self._calls.all(route, ref.repo_id, CommentShape, number=ref.number):
            ours = comment.user is not None and byline.wrote(comment.user.login, comment.user.type)
            here = root is None or str(comment.in_reply_to_id) == root
            if ours and here and marker in (comment.body or ""):
                return str(comment.id)
        return None

    async def _create(
        self, route: routes.Route, ref: PullRequestRef, body: dict[str, JsonValue], **parts: str | int
    ) -> str:
        answer = await self._calls.send(route, ref.repo_id, params=None, json=body, **parts)
        return str(answer.read(CreatedShape).id)

    async def _react(self, comment: CommentRef, emoji: str) -> None:
        ref = comment.ref
        match comment.kind:
            case "comment":
                await self._create(routes.REACT_TO_COMMENT, ref, {"content": emoji}, comment=comment.comment_id)
            case "thread":
                await self._create(routes.REACT_TO_THREAD_COMMENT, ref, {"content": emoji}, comment=comment.comment_id)
            case "review":
                await self._react_to_review(ref, comment.comment_id, emoji)

    async def _react_to_review(self, ref: PullRequestRef, review_id: str, emoji: str) -> None:
        """REST has no reactions for a review's own text."""
        answer = await self._calls.send(routes.REVIEW, ref.repo_id, number=ref.number, review=review_id)
        content = {"+1": "THUMBS_UP"}.get(emoji, emoji.upper())
        variables: dict[str, JsonValue] = {"subject": answer.read(ReviewShape).node_id, "content": content}
        await self._calls.graphql(routes.GRAPHQL_MUTATION, ref.repo_id, REACT_DOCUMENT, variables)

    async def _resolve(self, ref: PullRequestRef, threads: list[Thread]) -> list[Thread]:
        """Resolve all in one document; those we may not resolve come back."""
        document, variables = resolve_document(threads)
        try:
            answer = await self._calls.graphql(routes.GRAPHQL_MUTATION, ref.repo_id, document, variables, partly=True)
        except ForgeRefused as refusal:
            if refusal.status != 403:
                raise
            return threads
        return [threads[index] for index in _forbidden(answer)]

    async def _note(self, ref: PullRequestRef, thread: Thread, note: str) -> None:
        """Say it in the comment itself, once."""
        try:
            answer = await self._calls.send(routes.THREAD_COMMENT, ref.repo_id, comment=thread.root_comment_id)
            body = answer.read(CommentShape).body or ""
            if note not in body:
                text: JsonValue = {"body": f"{note}\n\n{body}"[:LONGEST_BODY]}
                await self._calls.send(
                    routes.UPDATE_THREAD_COMMENT, ref.repo_id, comment=thread.root_comment_id, json=text
                )
        except Gone:
            return


def _forbidden(answer: GraphqlAnswer) -> list[int]:
    """Which of t0, t1, … were refused for want of permission. A thread that is gone needs nothing more."""
    refused: list[int] = []
    for error in answer.errors:
        if error.type in {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
            refused.append(int(str(error.path[0]).removeprefix("t")))
        elif error.type != "NOT_FOUND":
            raise ForgeRefused(422, error.message)
    return refused


def _thread_of(reply_to: CommentRef | None) -> str | None:
    """The first comment of the thread to answer in; None when the answer goes below the pull request."""
    if reply_to is None or reply_to.kind != "thread":
        return None
    return reply_to.root_comment_id or reply_to.comment_id


def _check(text: CheckText) -> dict[str, JsonValue]:
    output: JsonValue = {
        "title": text.title[:LONGEST_TITLE],
        "summary": cut_at_line(text.summary, LONGEST_SUMMARY),
    }
    buttons: list[JsonValue] = [
        {
            "label": button.label[:_LABEL],
            "description": button.description[:_DESCRIPTION],
            "identifier": button.identifier,
        }
        for button in text.buttons[:3]
    ]
    body: dict[str, JsonValue] = {"output": output, "actions": buttons}
    if text.conclusion is None:
        return body | {"status": "in_progress"}
    return body | {"status": "completed", "conclusion": text.conclusion}
