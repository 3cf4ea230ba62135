"""Reviews and their threads: written whole or not at all, pending once per person, never unwritten once submitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.forges.fake.acts.anchors import NOT_IN_PULL, Anchor, BadAnchor, WantedPlace, diff_of, is_in_pull, place
from app.forges.fake.acts.events import announce
from app.forges.fake.acts.pull_requests import BODY_LIMIT, TOO_LONG
from app.forges.fake.entities import PullRequest, Review, ReviewComment, ReviewState, Thread, User
from app.forges.fake.errors import Refusal, invalid, unprocessable
from app.forges.fake.shapes.pulls import pull_request_simple
from app.forges.fake.shapes.reviews import review as review_shape
from app.forges.fake.shapes.reviews import review_comment as comment_shape
from app.forges.fake.shapes.reviews import thread as thread_shape
from app.forges.fake.state import FakeGitHub

Json = dict[str, object]
ReviewEvent = Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"]

ONE_PENDING = "User can only have one pending review per pull request"
ALREADY_SUBMITTED = "Review has already been submitted."
NOT_PENDING = "Can not delete a non-pending pull request review"
_STATES: dict[ReviewEvent, ReviewState] = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


@dataclass(frozen=True)
class WantedComment:
    where: WantedPlace
    body: str


async def create_review(
    github: FakeGitHub,
    pull: PullRequest,
    user: User,
    *,
    body: str,
    event: ReviewEvent | None,
    commit_id: str | None,
    comments: Sequence[WantedComment],
) -> Review:
    """All or nothing; without an event it stays pending, seen by its author alone."""
    check_unlocked(pull, user)
    if pending_review(pull, user) is not None:
        raise unprocessable(ONE_PENDING)
    commit_id = commit_id or pull.head_sha
    if not await is_in_pull(pull, commit_id):
        raise unprocessable(NOT_IN_PULL)
    if max((len(text) for text in (body, *(comment.body for comment in comments))), default=0) > BODY_LIMIT:
        raise unprocessable(TOO_LONG)
    if event is not None:
        _check_event(pull, user, event, body, bool(comments))
    diff = await diff_of(pull, commit_id)
    try:
        anchors = [place(diff, comment.where, commit_id) for comment in comments]
    except BadAnchor as refused:
        raise unprocessable(str(refused)) from None
    review = Review(github.new_id(), pull, user, body, "PENDING", commit_id)
    # Another request may have won while git was asked.
    if pending_review(pull, user) is not None:
        raise unprocessable(ONE_PENDING)
    pull.reviews.append(review)
    github.register(review)
    for anchor, comment in zip(anchors, comments, strict=True):
        _start_thread(github, review, anchor, comment.body)
    if event is not None:
        _publish(github, review, event)
    return review


def submit_review(github: FakeGitHub, review: Review, user: User, *, event: ReviewEvent, body: str | None) -> None:
    """Show a pending review to everybody, once."""
    if review.state != "PENDING":
        raise unprocessable(ALREADY_SUBMITTED)
    if body is not None:
        review.body = body
    if len(review.body) > BODY_LIMIT:
        raise unprocessable(TOO_LONG)
    _check_event(review.pull, user, event, review.body, bool(review.pull.comments_of(review)))
    _publish(github, review, event)


def delete_pending(review: Review) -> None:
    """Take a pending review back with its comments."""
    if review.state != "PENDING":
        raise unprocessable(NOT_PENDING)
    for comment in review.pull.comments_of(review):
        _remove(comment)
    review.pull.reviews.remove(review)


def update_review(github: FakeGitHub, review: Review, body: str) -> None:
    if not body:
        raise unprocessable("Body can't be blank")
    if len(body) > BODY_LIMIT:
        raise unprocessable(TOO_LONG)
    before, review.body, review.updated_at = review.body, body, github.clock.now()
    if review.state != "PENDING":
        _tell_review(github, review, "edited", {"changes": {"body": {"from": before}}})


def dismiss_review(github: FakeGitHub, review: Review, user: User) -> None:
    if review.state not in ("APPROVED", "CHANGES_REQUESTED"):
        raise unprocessable("Can not dismiss a commented pull request review")
    review.state = "DISMISSED"
    _tell_review(github, review, "dismissed", {}, sender=user)


async def comment_on_line(
    github: FakeGitHub, pull: PullRequest, user: User, *, where: WantedPlace, body: str, commit_id: str
) -> ReviewComment:
    """A single comment: GitHub wraps it into a review of its own."""
    check_unlocked(pull, user)
    if pending_review(pull, user) is not None:
        raise one_pending()
    if not await is_in_pull(pull, commit_id):
        raise invalid("PullRequestReviewComment", "end_commit_oid", "end_commit_oid is not part of the pull request")
    if len(body) > BODY_LIMIT:
        raise invalid("PullRequestReviewComment", "body", TOO_LONG)
    try:
        anchor = place(await diff_of(pull, commit_id), where, commit_id)
    except BadAnchor as refused:
        problem = "pull_request_review_thread.path" if "path" in str(refused) else "pull_request_review_thread.line"
        raise invalid("PullRequestReviewComment", problem, f"{problem} must be part of the diff") from None
    review = _silent_review(github, pull, user, commit_id)
    comment = _start_thread(github, review, anchor, body)
    _tell_comment(github, comment, "created", user)
    return comment


def reply(github: FakeGitHub, thread: Thread, user: User, body: str) -> ReviewComment:
    """An answer in a thread; refused while a review of one's own is pending, as GitHub refuses it."""
    pull = thread.pull
    check_unlocked(pull, user)
    if pending_review(pull, user) is not None:
        raise one_pending()
    if not body:
        raise invalid("PullRequestReviewComment", "body", code="missing_field")
    if len(body) > BODY_LIMIT:
        raise invalid("PullRequestReviewComment", "body", TOO_LONG)
    review = _silent_review(github, pull, user, thread.anchor.commit_id)
    comment = _add_comment(github, thread, review, body)
    _tell_comment(github, comment, "created", user)
    return comment


def add_pending_reply(github: FakeGitHub, thread: Thread, pending: Review, body: str) -> ReviewComment:
    """A reply that waits with its author's pending review."""
    if len(body) > BODY_LIMIT:
        raise invalid("PullRequestReviewComment", "body", TOO_LONG)
    return _add_comment(github, thread, pending, body)


def edit_comment(github: FakeGitHub, comment: ReviewComment, user: User, body: str) -> None:
    if len(body) > BODY_LIMIT:
        raise invalid("PullRequestReviewComment", "body", TOO_LONG)
    before, comment.body, comment.updated_at = comment.body, body, github.clock.now()
    if comment.review.state != "PENDING":
        _tell_comment(github, comment, "edited", user, {"changes": {"body": {"from": before}}})


def delete_comment(github: FakeGitHub, comment: ReviewComment, user: User) -> None:
    if comment.review.state != "PENDING":
        _tell_comment(github, comment, "deleted", user)
    _remove(comment)


def set_resolved(github: FakeGitHub, thread: Thread, resolved: bool, user: User) -> None:
    """Resolve a thread or open it again; doing it twice changes and tells nothing."""
    if thread.resolved == resolved:
        return
    thread.resolved_by = user if resolved else None
    payload: Json = {
        "action": "resolved" if resolved else "unresolved",
        "pull_request": pull_request_simple(github, thread.pull),
        "thread": thread_shape(github, thread),
        "updated_at": github.clock.now().isoformat(),
    }
    announce(github, thread.pull.repo, "pull_request_review_thread", user, payload)


def pending_review(pull: PullRequest, user: User) -> Review | None:
    return next((review for review in pull.reviews if review.user is user and review.state == "PENDING"), None)


def check_unlocked(pull: PullRequest, user: User) -> None:
    """A locked conversation takes words only from those who may write."""
    if pull.locked and user.user_id not in pull.repo.roles and user is not pull.repo.owner:
        raise Refusal(403, "Unable to create comment because issue is locked.")


def one_pending() -> Refusal:
    return invalid("PullRequestReview", "user_id", "user_id can only have one pending review per pull request")


def _check_event(pull: PullRequest, user: User, event: ReviewEvent, body: str, has_comments: bool) -> None:
    if user is pull.author and event != "COMMENT":
        word = "approve" if event == "APPROVE" else "request changes on"
        raise unprocessable(f"Can not {word} your own pull request")
    if event != "APPROVE" and not body and not has_comments:
        raise unprocessable("Body can't be blank")


def _publish(github: FakeGitHub, review: Review, event: ReviewEvent) -> None:
    now = github.clock.now()
    review.state, review.submitted_at, review.updated_at = _STATES[event], now, now
    review.pull.updated_at = now
    _tell_review(github, review, "submitted", {})
    for comment in review.pull.comments_of(review):
        comment.created_at = comment.updated_at = now
        _tell_comment(github, comment, "created", review.user)


def _silent_review(github: FakeGitHub, pull: PullRequest, user: User, commit_id: str) -> Review:
    """The review without words that GitHub makes around a single comment, and tells of."""
    now = github.clock.now()
    review = Review(github.new_id(), pull, user, "", "COMMENTED", commit_id, now, now)
    pull.reviews.append(review)
    github.register(review)
    _tell_review(github, review, "submitted", {})
    return review


def _start_thread(github: FakeGitHub, review: Review, anchor: Anchor, body: str) -> ReviewComment:
    thread = Thread(github.new_id(), review.pull, anchor)
    review.pull.threads.append(thread)
    github.register(thread)
    return _add_comment(github, thread, review, body)


def _add_comment(github: FakeGitHub, thread: Thread, review: Review, body: str) -> ReviewComment:
    now = github.clock.now()
    root = thread.comments[0].comment_id if thread.comments else None
    comment = ReviewComment(github.new_id(), thread, review, review.user, body, now, now, in_reply_to_id=root)
    thread.comments.append(comment)
    github.register(comment)
    return comment


def _remove(comment: ReviewComment) -> None:
    thread = comment.thread
    thread.comments.remove(comment)
    if not thread.comments:
        thread.pull.threads.remove(thread)


def _tell_review(github: FakeGitHub, review: Review, action: str, extra: Json, *, sender: User | None = None) -> None:
    shown = {**review_shape(github, review), "state": review.state.lower(), "body": review.body or None}
    payload: Json = {
        "action": action,
        "review": shown,
        "pull_request": pull_request_simple(github, review.pull),
        **extra,
    }
    announce(github, review.pull.repo, "pull_request_review", sender or review.user, payload)


def _tell_comment(
    github: FakeGitHub, comment: ReviewComment, action: str, sender: User, extra: Json | None = None
) -> None:
    pull = comment.thread.pull
    payload: Json = {
        "action": action,
        "comment": comment_shape(github, comment),
        "pull_request": pull_request_simple(github, pull),
        **(extra or {}),
    }
    announce(github, pull.repo, "pull_request_review_comment", sender, payload)
