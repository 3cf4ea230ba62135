"""GraphQL's mutations, with the permissions that GitHub asks for."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping

from app.forges.fake.acts import commenting, reviewing
from app.forges.fake.acts.pull_requests import branch_moved
from app.forges.fake.commits import Content
from app.forges.fake.entities import IssueComment, PullRequest, Repository, Review, ReviewComment, Thread, User
from app.forges.fake.errors import Refusal
from app.forges.fake.graphql_api.objects import (
    REACTIONS,
    Arguments,
    GraphQLRefusal,
    Shown,
    World,
    plain,
    show_issue_comment,
    show_pull,
    show_review,
    show_review_comment,
    show_thread,
)
from app.forges.fake.state import Node, node_id

Mutation = Callable[[World, Arguments], Awaitable[Shown]]

_CLASSIFIERS = ("ABUSE", "DUPLICATE", "OFF_TOPIC", "OUTDATED", "RESOLVED", "SPAM")
_REACTIONS = {told: name for name, told in REACTIONS.items()}


async def resolve_thread(world: World, wanted: Arguments) -> Shown:
    return _set_resolved(world, wanted, resolved=True)


async def unresolve_thread(world: World, wanted: Arguments) -> Shown:
    return _set_resolved(world, wanted, resolved=False)


async def reply_in_thread(world: World, wanted: Arguments) -> Shown:
    """With a pending review of one's own the reply joins it: nobody sees it before the review is submitted."""
    thread = _thread(world, wanted.text("pullRequestReviewThreadId"))
    user = _allowed(world, thread.pull.repo, "pull_requests:write")
    pending = reviewing.pending_review(thread.pull, user)
    if pending is not None:
        comment = reviewing.add_pending_reply(world.github, thread, pending, wanted.text("body"))
    else:
        comment = reviewing.reply(world.github, thread, user, wanted.text("body"))
    return plain("AddPullRequestReviewThreadReplyPayload", {"comment": show_review_comment(world, comment)})


async def minimize(world: World, wanted: Arguments) -> Shown:
    classifier = wanted.text("classifier")
    if classifier not in _CLASSIFIERS:
        raise GraphQLRefusal("INVALID", f"Expected {classifier!r} to be one of: {', '.join(_CLASSIFIERS)}")
    return _set_minimized(world, wanted, classifier, "MinimizeCommentPayload", "minimizedComment")


async def unminimize(world: World, wanted: Arguments) -> Shown:
    return _set_minimized(world, wanted, None, "UnminimizeCommentPayload", "unminimizedComment")


async def add_comment(world: World, wanted: Arguments) -> Shown:
    pull = _node(world, wanted.text("subjectId"))
    if not isinstance(pull, PullRequest):
        raise _unknown(wanted.text("subjectId"))
    user = _allowed(world, pull.repo, "issues:write", "pull_requests:write")
    made = commenting.comment(world.github, pull, user, wanted.text("body"))
    edge = plain("IssueCommentEdge", {"node": show_issue_comment(world, made)})
    return plain("AddCommentPayload", {"commentEdge": edge, "subject": show_pull(world, pull)})


async def add_reaction(world: World, wanted: Arguments) -> Shown:
    """Also on reviews, which REST cannot."""
    subject, content = _node(world, wanted.text("subjectId")), wanted.text("content")
    if not isinstance(subject, IssueComment | ReviewComment | PullRequest | Review) or content not in _REACTIONS:
        raise _unknown(wanted.text("subjectId"))
    pull = _pull_of(subject)
    user = _allowed(world, pull.repo, "pull_requests:write", "issues:write")
    made, _ = commenting.react(world.github, subject.reactions, user, _REACTIONS[content])
    reaction = plain("Reaction", {"id": node_id("REA", made.reaction_id), "content": content})
    return plain("AddReactionPayload", {"reaction": reaction})


async def create_commit(world: World, wanted: Arguments) -> Shown:
    """Compare and swap on the branch's head; neither modes nor symbolic links can be given."""
    branch, message = wanted.inside("branch"), wanted.inside("message")
    name, expected = branch.text("branchName"), wanted.text("expectedHeadOid")
    repo = _repository(world, branch.text("repositoryNameWithOwner"))
    user = _allowed(world, repo, "contents:write")
    before = await repo.git.resolve(name)
    if before is None:
        raise GraphQLRefusal("NOT_FOUND", f"No such branch: {name}")
    if before != expected:
        raise GraphQLRefusal(
            "STALE_DATA", f'Expected branch to point to "{expected}" but it did not. Pull and try again.'
        )
    if name in repo.protected_branches:
        raise GraphQLRefusal("UNPROCESSABLE", f"Protected branch update failed for refs/heads/{name}.")
    text = "\n\n".join(part for part in (message.text("headline"), message.maybe_text("body")) if part)
    changes = _file_changes(wanted.inside("fileChanges"))
    after = await repo.git.commit(name, changes, message=text, author=user.login, parent=before)
    await branch_moved(world.github, repo, name, before, after, user)
    commit = {"oid": after, "url": f"{world.github.web_url}/{repo.full_name}/commit/{after}"}
    return plain(
        "CreateCommitOnBranchPayload", {"commit": plain("Commit", commit), "ref": plain("Ref", {"name": name})}
    )


MUTATIONS: Mapping[str, Mutation] = {
    "resolveReviewThread": resolve_thread,
    "unresolveReviewThread": unresolve_thread,
    "addPullRequestReviewThreadReply": reply_in_thread,
    "minimizeComment": minimize,
    "unminimizeComment": unminimize,
    "addComment": add_comment,
    "addReaction": add_reaction,
    "createCommitOnBranch": create_commit,
}
# These count as creating content.
CONTENT_MUTATIONS = frozenset({"addPullRequestReviewThreadReply", "addComment"})


def _set_resolved(world: World, wanted: Arguments, *, resolved: bool) -> Shown:
    """An App needs contents:write for this; pull_requests:write alone is FORBIDDEN."""
    thread = _thread(world, wanted.text("threadId"))
    if world.viewer.user is thread.pull.author:
        user = world.viewer.acting_user()
    else:
        user = _allowed(world, thread.pull.repo, "contents:write")
    reviewing.set_resolved(world.github, thread, resolved, user)
    kind = "ResolveReviewThreadPayload" if resolved else "UnresolveReviewThreadPayload"
    return plain(kind, {"thread": show_thread(world, thread)})


def _set_minimized(world: World, wanted: Arguments, classifier: str | None, kind: str, field: str) -> Shown:
    comment = _node(world, wanted.text("subjectId"))
    match comment:
        case ReviewComment():
            _allowed(world, comment.thread.pull.repo, "pull_requests:write")
            comment.minimized = classifier
            shown = show_review_comment(world, comment)
        case IssueComment():
            _allowed(world, comment.pull.repo, "issues:write", "pull_requests:write")
            comment.minimized = classifier
            shown = show_issue_comment(world, comment)
        case Review():
            _allowed(world, comment.pull.repo, "pull_requests:write")
            comment.minimized = classifier
            shown = show_review(world, comment)
        case _:
            raise _unknown(wanted.text("subjectId"))
    return plain(kind, {field: shown})


def _file_changes(wanted: Arguments) -> dict[str, Content]:
    changes: dict[str, Content] = {}
    for addition in wanted.items("additions"):
        try:
            changes[addition.text("path")] = base64.b64decode(addition.text("contents"), validate=True)
        except binascii.Error:
            raise GraphQLRefusal("INVALID", "A file's contents are not valid Base64") from None
    for deletion in wanted.items("deletions"):
        changes[deletion.text("path")] = None
    return changes


def _allowed(world: World, repo: Repository, *needs: str) -> User:
    try:
        world.viewer.require(repo, needs)
    except Refusal as refused:
        if refused.status == 404:
            raise GraphQLRefusal("NOT_FOUND", "Could not resolve to a node.") from None
        raise GraphQLRefusal("FORBIDDEN", refused.message) from None
    return world.viewer.acting_user()


def _node(world: World, wanted: str) -> Node:
    found = world.github.nodes.get(wanted)
    if found is None:
        raise _unknown(wanted)
    return found


def _thread(world: World, wanted: str) -> Thread:
    found = _node(world, wanted)
    if not isinstance(found, Thread) or found not in found.pull.threads or not world.see(found.pull.repo):
        raise _unknown(wanted)
    return found


def _repository(world: World, full_name: str) -> Repository:
    owner, _, name = full_name.partition("/")
    repo = world.github.find_repository(owner, name)
    if repo is None or not world.see(repo):
        raise GraphQLRefusal("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
    return repo


def _pull_of(subject: IssueComment | ReviewComment | PullRequest | Review) -> PullRequest:
    match subject:
        case PullRequest():
            return subject
        case ReviewComment():
            return subject.thread.pull
        case IssueComment() | Review():
            return subject.pull


def _unknown(wanted: str) -> GraphQLRefusal:
    return GraphQLRefusal("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")
