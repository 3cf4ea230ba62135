"""Review endpoints: pending and submitted reviews, their comments, replies."""

from typing import Literal

from pydantic import BaseModel

from app.forges.fake.acts import reviewing
from app.forges.fake.acts.anchors import WantedPlace
from app.forges.fake.entities import ReviewComment
from app.forges.fake.errors import Refusal, invalid, not_found
from app.forges.fake.http import Answer, Call, Routes
from app.forges.fake.rest.find import is_visible, pull_of, require_author, review_comment_of, review_of, updated_since
from app.forges.fake.shapes.reviews import review, review_comment

routes = Routes()

Side = Literal["LEFT", "RIGHT"]
_REVIEWS = "/repos/{owner}/{repo}/pulls/{number}/reviews"
_WRITE = "pull_requests:write"
_READ = "pull_requests:read"


class CommentInput(BaseModel):
    path: str
    body: str
    position: int | None = None
    line: int | None = None
    side: Side | None = None
    start_line: int | None = None
    start_side: Side | None = None
    commit_id: str | None = None
    in_reply_to: int | None = None
    # Looked at for a comment of its own only: in a review GitHub takes comments on lines.
    subject_type: Literal["line", "file"] = "line"

    def place(self, *, may_be_file: bool = False) -> WantedPlace:
        return WantedPlace(
            path=self.path,
            line=self.line,
            side=self.side or "RIGHT",
            start_line=self.start_line,
            start_side=self.start_side,
            position=self.position,
            whole_file=may_be_file and self.subject_type == "file",
        )


class ReviewInput(BaseModel):
    commit_id: str | None = None
    body: str | None = None
    event: Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"] | None = None
    comments: list[CommentInput] = []


class SubmitInput(BaseModel):
    event: Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"]
    body: str | None = None


class BodyInput(BaseModel):
    body: str


class DismissInput(BaseModel):
    message: str


@routes.on(f"GET {_REVIEWS}", needs=_READ)
async def list_reviews(call: Call) -> Answer:
    found = [one for one in pull_of(call).reviews if is_visible(call.viewer, one)]
    return call.page(found, review)


@routes.on(f"POST {_REVIEWS}", needs=_WRITE, content=True)
async def create_review(call: Call) -> Answer:
    wanted = call.read(ReviewInput)
    made = await reviewing.create_review(
        call.github,
        pull_of(call),
        call.viewer.acting_user(),
        body=wanted.body or "",
        event=wanted.event,
        commit_id=wanted.commit_id,
        comments=[reviewing.WantedComment(one.place(), one.body) for one in wanted.comments],
    )
    return Answer(data=review(call.github, made))


@routes.on(f"GET {_REVIEWS}/{{review_id}}", needs=_READ)
async def get_review(call: Call) -> Answer:
    return Answer(data=review(call.github, review_of(call)))


@routes.on(f"PUT {_REVIEWS}/{{review_id}}", needs=_WRITE)
async def update_review(call: Call) -> Answer:
    found = review_of(call)
    if found.user is not call.viewer.user:
        raise Refusal(403, "Resource not accessible by integration")
    reviewing.update_review(call.github, found, call.read(BodyInput).body)
    return Answer(data=review(call.github, found))


@routes.on(f"DELETE {_REVIEWS}/{{review_id}}", needs=_WRITE)
async def delete_pending_review(call: Call) -> Answer:
    found = review_of(call)
    shown = review(call.github, found)
    reviewing.delete_pending(found)
    return Answer(data=shown)


@routes.on(f"GET {_REVIEWS}/{{review_id}}/comments", needs=_READ)
async def list_comments_of_review(call: Call) -> Answer:
    return call.page(pull_of(call).comments_of(review_of(call)), review_comment)


@routes.on(f"POST {_REVIEWS}/{{review_id}}/events", needs=_WRITE, content=True)
async def submit_review(call: Call) -> Answer:
    found, wanted = review_of(call), call.read(SubmitInput)
    reviewing.submit_review(call.github, found, call.viewer.acting_user(), event=wanted.event, body=wanted.body)
    return Answer(data=review(call.github, found))


@routes.on(f"PUT {_REVIEWS}/{{review_id}}/dismissals", needs=_WRITE)
async def dismiss_review(call: Call) -> Answer:
    found = review_of(call)
    call.read(DismissInput)
    reviewing.dismiss_review(call.github, found, call.viewer.acting_user())
    return Answer(data=review(call.github, found))


@routes.on("GET /repos/{owner}/{repo}/pulls/{number}/comments", needs=_READ)
async def list_review_comments(call: Call) -> Answer:
    """Comments of pending reviews are in no list but their review's own."""
    found = [one for one in pull_of(call).review_comments if one.review.state != "PENDING"]
    return call.page(updated_since(call, found), review_comment)


@routes.on("POST /repos/{owner}/{repo}/pulls/{number}/comments", needs=_WRITE, content=True)
async def create_review_comment(call: Call) -> Answer:
    pull, user, wanted = pull_of(call), call.viewer.acting_user(), call.read(CommentInput)
    if wanted.in_reply_to is not None:
        root = next((one for one in pull.review_comments if one.comment_id == wanted.in_reply_to), None)
        if root is None:
            raise not_found()
        return Answer(201, review_comment(call.github, reviewing.reply(call.github, root.thread, user, wanted.body)))
    if wanted.commit_id is None:
        raise invalid("PullRequestReviewComment", "commit_id", code="missing_field")
    made = await reviewing.comment_on_line(
        call.github, pull, user, where=wanted.place(may_be_file=True), body=wanted.body, commit_id=wanted.commit_id
    )
    return Answer(201, review_comment(call.github, made))


@routes.on("POST /repos/{owner}/{repo}/pulls/{number}/comments/{comment_id}/replies", needs=_WRITE, content=True)
async def create_reply(call: Call) -> Answer:
    pull, root = pull_of(call), review_comment_of(call)
    if root.thread.pull is not pull or root.in_reply_to_id is not None:
        raise not_found()
    made = reviewing.reply(call.github, root.thread, call.viewer.acting_user(), call.read(BodyInput).body)
    return Answer(201, review_comment(call.github, made))


@routes.on("GET /repos/{owner}/{repo}/pulls/comments/{comment_id}", needs=_READ)
async def get_review_comment(call: Call) -> Answer:
    return Answer(data=review_comment(call.github, review_comment_of(call)))


@routes.on("PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}", needs=_WRITE)
async def update_review_comment(call: Call) -> Answer:
    found = _own_comment(call)
    reviewing.edit_comment(call.github, found, call.viewer.acting_user(), call.read(BodyInput).body)
    return Answer(data=review_comment(call.github, found))


@routes.on("DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}", needs=_WRITE)
async def delete_review_comment(call: Call) -> Answer:
    reviewing.delete_comment(call.github, _own_comment(call), call.viewer.acting_user())
    return Answer(204)


def _own_comment(call: Call) -> ReviewComment:
    found = review_comment_of(call)
    require_author(call, found)
    return found
