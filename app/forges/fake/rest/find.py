"""Finding what a path names, or answering 404."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from app.forges.fake.access import Viewer
from app.forges.fake.entities import App, CheckRun, IssueComment, PullRequest, Review, ReviewComment
from app.forges.fake.errors import Refusal, not_found
from app.forges.fake.http import Call
from app.forges.fake.state import node_id

Commented = TypeVar("Commented", IssueComment, ReviewComment)


def pull_of(call: Call, name: str = "number") -> PullRequest:
    pull = call.repo.pulls.get(call.number(name))
    if pull is None:
        raise not_found()
    return pull


def review_of(call: Call) -> Review:
    """A pending review does not exist for anybody but its author."""
    wanted = call.number("review_id")
    for review in pull_of(call).reviews:
        if review.review_id == wanted and is_visible(call.viewer, review):
            return review
    raise not_found()


def review_comment_of(call: Call) -> ReviewComment:
    found = call.github.nodes.get(node_id("PRRC", call.number("comment_id")))
    if (
        not isinstance(found, ReviewComment)
        or found.thread.pull.repo is not call.repo
        or found not in found.thread.comments
        or not is_visible(call.viewer, found.review)
    ):
        raise not_found()
    return found


def issue_comment_of(call: Call) -> IssueComment:
    found = call.github.nodes.get(node_id("IC", call.number("comment_id")))
    if not isinstance(found, IssueComment) or found.pull.repo is not call.repo or found not in found.pull.comments:
        raise not_found()
    return found


def check_of(call: Call) -> CheckRun:
    run = call.repo.check_runs.get(call.number("check_run_id"))
    if run is None:
        raise not_found()
    return run


def app_of(call: Call) -> App:
    """The App itself, signed in with its key."""
    if call.viewer.app is None:
        raise Refusal(401, "A JSON web token could not be decoded")
    return call.viewer.app


def updated_since(call: Call, items: Sequence[Commented]) -> list[Commented]:
    """Those that changed since the moment that `since` names; all without it."""
    since = call.request.query.get("since")
    if since is None:
        return list(items)
    try:
        earliest = datetime.fromisoformat(since)
    except ValueError:
        raise Refusal(422, "Validation Failed") from None
    return [item for item in items if item.updated_at >= earliest]


def is_visible(viewer: Viewer, review: Review) -> bool:
    return review.state != "PENDING" or review.user is viewer.user


def require_author(call: Call, comment: IssueComment | ReviewComment) -> None:
    """Others' words may be changed by those who can write only; an App changes its own."""
    user = call.viewer.acting_user()
    if comment.user is user:
        return
    if call.viewer.installation is not None or not call.viewer.allows(call.repo, "contents:write"):
        raise Refusal(403, "Resource not accessible by integration")
