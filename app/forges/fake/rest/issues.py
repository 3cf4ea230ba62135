"""Conversation comments, labels and reactions."""

from pydantic import BaseModel

from app.forges.fake.acts import commenting
from app.forges.fake.acts.pull_requests import add_labels, remove_label
from app.forges.fake.entities import IssueComment, Reaction
from app.forges.fake.errors import Refusal, not_found
from app.forges.fake.http import Answer, Call, Routes
from app.forges.fake.rest.find import issue_comment_of, pull_of, require_author, review_comment_of, updated_since
from app.forges.fake.shapes.people import label
from app.forges.fake.shapes.reviews import issue_comment, reaction

routes = Routes()

_ISSUE = "/repos/{owner}/{repo}/issues/{number}"
_COMMENT = "/repos/{owner}/{repo}/issues/comments/{comment_id}"
_THREAD_COMMENT = "/repos/{owner}/{repo}/pulls/comments/{comment_id}"
_WRITE = "issues:write|pull_requests:write"
_READ = "issues:read|pull_requests:read"


class BodyInput(BaseModel):
    body: str


class ReactionInput(BaseModel):
    content: str


class LabelsInput(BaseModel):
    labels: list[str]


@routes.on(f"GET {_ISSUE}/comments", needs=_READ)
async def list_comments(call: Call) -> Answer:
    return call.page(updated_since(call, pull_of(call).comments), issue_comment)


@routes.on(f"POST {_ISSUE}/comments", needs=_WRITE, content=True)
async def create_comment(call: Call) -> Answer:
    user = call.viewer.acting_user()
    made = commenting.comment(call.github, pull_of(call), user, call.read(BodyInput).body)
    return Answer(201, issue_comment(call.github, made))


@routes.on(f"GET {_COMMENT}", needs=_READ)
async def get_comment(call: Call) -> Answer:
    return Answer(data=issue_comment(call.github, issue_comment_of(call)))


@routes.on(f"PATCH {_COMMENT}", needs=_WRITE)
async def update_comment(call: Call) -> Answer:
    found = _own_comment(call)
    commenting.edit(call.github, found, call.viewer.acting_user(), call.read(BodyInput).body)
    return Answer(data=issue_comment(call.github, found))


@routes.on(f"DELETE {_COMMENT}", needs=_WRITE)
async def delete_comment(call: Call) -> Answer:
    commenting.delete(call.github, _own_comment(call), call.viewer.acting_user())
    return Answer(204)


@routes.on(f"POST {_ISSUE}/labels", needs=_WRITE)
async def add_issue_labels(call: Call) -> Answer:
    pull = pull_of(call)
    await add_labels(call.github, pull, call.read(LabelsInput).labels, call.viewer.acting_user())
    return Answer(data=[label(call.github, call.repo, one) for one in pull.labels])


@routes.on(f"DELETE {_ISSUE}/labels/{{name}}", needs=_WRITE)
async def remove_issue_label(call: Call) -> Answer:
    pull = pull_of(call)
    if call.params["name"] not in {one.name for one in pull.labels}:
        raise Refusal(404, "Label does not exist")
    await remove_label(call.github, pull, call.params["name"], call.viewer.acting_user())
    return Answer(data=[label(call.github, call.repo, one) for one in pull.labels])


@routes.on(f"GET {_ISSUE}/reactions", needs=_READ)
async def list_for_issue(call: Call) -> Answer:
    return call.page(pull_of(call).reactions, reaction)


@routes.on(f"POST {_ISSUE}/reactions", needs=_WRITE)
async def react_to_issue(call: Call) -> Answer:
    return _react(call, pull_of(call).reactions)


@routes.on(f"GET {_COMMENT}/reactions", needs=_READ)
async def list_for_comment(call: Call) -> Answer:
    return call.page(issue_comment_of(call).reactions, reaction)


@routes.on(f"POST {_COMMENT}/reactions", needs=_WRITE)
async def react_to_comment(call: Call) -> Answer:
    return _react(call, issue_comment_of(call).reactions)


@routes.on(f"DELETE {_COMMENT}/reactions/{{reaction_id}}", needs=_WRITE)
async def unreact_to_comment(call: Call) -> Answer:
    return _unreact(call, issue_comment_of(call).reactions)


@routes.on(f"GET {_THREAD_COMMENT}/reactions", needs="pull_requests:read")
async def list_for_thread_comment(call: Call) -> Answer:
    return call.page(review_comment_of(call).reactions, reaction)


@routes.on(f"POST {_THREAD_COMMENT}/reactions", needs="pull_requests:write")
async def react_to_thread_comment(call: Call) -> Answer:
    return _react(call, review_comment_of(call).reactions)


@routes.on(f"DELETE {_THREAD_COMMENT}/reactions/{{reaction_id}}", needs="pull_requests:write")
async def unreact_to_thread_comment(call: Call) -> Answer:
    return _unreact(call, review_comment_of(call).reactions)


def _own_comment(call: Call) -> IssueComment:
    found = issue_comment_of(call)
    require_author(call, found)
    return found


def _react(call: Call, reactions: list[Reaction]) -> Answer:
    user = call.viewer.acting_user()
    made, is_new = commenting.react(call.github, reactions, user, call.read(ReactionInput).content)
    return Answer(201 if is_new else 200, reaction(call.github, made))


def _unreact(call: Call, reactions: list[Reaction]) -> Answer:
    wanted = call.number("reaction_id")
    for one in reactions:
        if one.reaction_id == wanted and one.user is call.viewer.user:
            reactions.remove(one)
            return Answer(204)
    raise not_found()
