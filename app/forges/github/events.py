"""What GitHub's payloads mean in our words: one small function per kind of event, in one table."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import JsonValue, ValidationError

from app.domain.errors import MalformedDelivery
from app.domain.events import (
    ButtonPressed,
    CommentMade,
    Event,
    Ignored,
    InstallationChanged,
    MergeQueued,
    PullRequestChange,
    PullRequestChanged,
    RerunRequested,
    ThreadResolved,
)
from app.domain.pull_request import Person, PullRequestRef, Repo
from app.forges.github import payloads
from app.forges.github.byline import Byline
from app.forges.github.models import AppShape, UserShape

Body = dict[str, JsonValue]
P = TypeVar("P", bound=payloads.Payload)


@dataclass(frozen=True)
class Registration:
    """Who we are on this connection: other Apps' checks and our own words are no news."""

    connection: str
    app_id: int | None
    byline: Byline

    def is_us(self, user: UserShape | None) -> bool:
        return user is not None and self.byline.wrote(user.login, user.type)


def read_event(us: Registration, name: str, body: Body) -> Event:
    """The event of a body; MalformedDelivery names the first field that is not as it must be."""
    try:
        return _READERS[name](us, body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedDelivery(f"{name}: {where}: {first['msg']}") from error


def is_read(name: str) -> bool:
    return name in _READERS


def _pull_request(us: Registration, body: Body) -> Event:
    payload = payloads.PullRequestPayload.model_validate(body)
    change = _PULL_REQUEST_CHANGES.get(payload.action)
    if change == "edited" and payload.changes.base is not None:
        change = "retargeted"
    if change is None:
        return _unused("pull_request", payload)
    repo = _repo(us, payload)
    if repo is None:
        return _NOT_INSTALLED
    return PullRequestChanged(
        ref=_ref(repo, payload.pull_request.number),
        repo=repo,
        change=change,
        head_sha=payload.pull_request.head.sha,
        sender=payload.sender.person() if payload.sender else None,
    )


_PULL_REQUEST_CHANGES: dict[str, PullRequestChange] = {
    "opened": "opened",
    "reopened": "reopened",
    "ready_for_review": "ready",
    "synchronize": "pushed",
    "edited": "edited",
    "closed": "closed",
    "converted_to_draft": "drafted",
    "labeled": "labeled",
    "unlabeled": "unlabeled",
}


def _issue_comment(us: Registration, body: Body) -> Event:
    payload = payloads.IssueCommentPayload.model_validate(body)
    if payload.issue.pull_request is None:
        return Ignored(reason="comment on an issue, not on a pull request")
    if payload.action not in {"created", "edited"}:
        return _unused("issue_comment", payload)
    return _comment(us, payload, payload.issue.number, "comment", payload.comment, payload.changes)


def _thread_comment(us: Registration, body: Body) -> Event:
    payload = payloads.ThreadCommentPayload.model_validate(body)
    if payload.action not in {"created", "edited"}:
        return _unused("pull_request_review_comment", payload)
    return _comment(us, payload, payload.pull_request.number, "thread", payload.comment, payload.changes)


def _review(us: Registration, body: Body) -> Event:
    payload = payloads.ReviewPayload.model_validate(body)
    if payload.action not in {"submitted", "edited"}:
        return _unused("pull_request_review", payload)
    if not payload.review.body:
        return Ignored(reason="review without a text of its own")
    return _comment(us, payload, payload.pull_request.number, "review", payload.review, payload.changes)


def _comment(
    us: Registration,
    payload: payloads.RepoPayload,
    number: int,
    kind: Literal["comment", "thread", "review"],
    comment: payloads.HookComment,
    changes: payloads.Changes,
) -> Event:
    if us.is_us(comment.user) or us.is_us(payload.sender):
        return Ignored(reason="our own words")
    if comment.user is None:
        return Ignored(reason="its author's account is gone")
    repo = _repo(us, payload)
    if repo is None:
        return _NOT_INSTALLED
    edited = payload.action == "edited"
    return CommentMade(
        ref=_ref(repo, number),
        repo=repo,
        kind=kind,
        comment_id=str(comment.id),
        root_comment_id=str(comment.in_reply_to_id) if comment.in_reply_to_id else None,
        author=comment.user.person(),
        body=comment.body or "",
        # An edit that does not name the former text changed something else, so none of the text is new.
        previous_body=_former(changes, comment.body or "") if edited else None,
    )


def _former(changes: payloads.Changes, body: str) -> str:
    return body if changes.body is None else changes.body.from_ or ""


def _thread(us: Registration, body: Body) -> Event:
    payload = payloads.ThreadPayload.model_validate(body)
    if payload.action not in {"resolved", "unresolved"}:
        return _unused("pull_request_review_thread", payload)
    if us.is_us(payload.sender):
        return Ignored(reason="our own doing")
    repo, sender = _repo(us, payload), _sender(payload)
    if repo is None or sender is None:
        return _NOT_INSTALLED if repo is None else _NOBODY
    return ThreadResolved(
        ref=_ref(repo, payload.pull_request.number),
        repo=repo,
        root_comment_id=str(payload.thread.comments[0].id),
        resolved=payload.action == "resolved",
        sender=sender,
    )


def _check_run(us: Registration, body: Body) -> Event:
    payload = payloads.CheckRunPayload.model_validate(body)
    if not _is_our_app(us, payload.check_run.app):
        return _OTHER_APP
    if payload.action not in {"rerequested", "requested_action"}:
        return _unused("check_run", payload)
    repo, sender = _repo(us, payload), _sender(payload)
    if repo is None or sender is None:
        return _NOT_INSTALLED if repo is None else _NOBODY
    run_id = payload.check_run.external_id
    if payload.action == "rerequested":
        return RerunRequested(repo=repo, run_id=run_id or None, head_sha=payload.check_run.head_sha, sender=sender)
    if not run_id or payload.requested_action is None:
        return Ignored(reason="button of a check that names no run")
    return ButtonPressed(repo=repo, run_id=run_id, button=payload.requested_action.identifier, sender=sender)


def _check_suite(us: Registration, body: Body) -> Event:
    payload = payloads.CheckSuitePayload.model_validate(body)
    if not _is_our_app(us, payload.check_suite.app):
        return _OTHER_APP
    if payload.action != "rerequested":
        return _unused("check_suite", payload)
    repo, sender = _repo(us, payload), _sender(payload)
    if repo is None or sender is None:
        return _NOT_INSTALLED if repo is None else _NOBODY
    return RerunRequested(repo=repo, run_id=None, head_sha=payload.check_suite.head_sha, sender=sender)


def _merge_group(us: Registration, body: Body) -> Event:
    """Earlier members have groups of their own, which GitHub judges first: the last one's number is enough."""
    payload = payloads.MergeGroupPayload.model_validate(body)
    if payload.action != "checks_requested":
        return _unused("merge_group", payload)
    repo = _repo(us, payload)
    if repo is None:
        return _NOT_INSTALLED
    last = _LAST_MEMBER.search(payload.merge_group.head_ref)
    if last is None:
        return Ignored(reason="a merge group that names no pull request")
    return MergeQueued(ref=_ref(repo, int(last[1])), repo=repo, head_sha=payload.merge_group.head_sha)


_LAST_MEMBER = re.compile(r"/pr-(\d{1,9})-[0-9a-f]{40,64}$")


def _installation(us: Registration, body: Body) -> Event:
    payload = payloads.InstallationPayload.model_validate(body)
    change = _INSTALLATION_CHANGES.get(payload.action)
    if change is None:
        return _unused("installation", payload)
    if not _is_our_installation(us, payload.installation):
        return _OTHER_APP
    gone = change == "deleted"
    installation_id = str(payload.installation.id)
    return InstallationChanged(
        connection=us.connection,
        installation_id=installation_id,
        account=_account(payload.installation),
        change=change,
        added=() if gone else tuple(repo.repo(us.connection, installation_id) for repo in payload.repositories),
        removed_repo_ids=tuple(str(repo.id) for repo in payload.repositories) if gone else (),
    )


_INSTALLATION_CHANGES: dict[str, Literal["created", "deleted", "suspended", "unsuspended", "permissions"]] = {
    "created": "created",
    "deleted": "deleted",
    "suspend": "suspended",
    "unsuspend": "unsuspended",
    "new_permissions_accepted": "permissions",
}


def _installation_repositories(us: Registration, body: Body) -> Event:
    payload = payloads.InstallationReposPayload.model_validate(body)
    if payload.action not in {"added", "removed"}:
        return _unused("installation_repositories", payload)
    if not _is_our_installation(us, payload.installation):
        return _OTHER_APP
    installation_id = str(payload.installation.id)
    return InstallationChanged(
        connection=us.connection,
        installation_id=installation_id,
        account=_account(payload.installation),
        change="repositories",
        added=tuple(repo.repo(us.connection, installation_id) for repo in payload.repositories_added),
        removed_repo_ids=tuple(str(repo.id) for repo in payload.repositories_removed),
    )


_READERS: dict[str, Callable[[Registration, Body], Event]] = {
    "pull_request": _pull_request,
    "issue_comment": _issue_comment,
    "pull_request_review": _review,
    "pull_request_review_comment": _thread_comment,
    "pull_request_review_thread": _thread,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "merge_group": _merge_group,
    "installation": _installation,
    "installation_repositories": _installation_repositories,
}

_NOT_INSTALLED = Ignored(reason="no installation of ours is named")
_OTHER_APP = Ignored(reason="about another App")
_NOBODY = Ignored(reason="its sender's account is gone")


def _unused(name: str, payload: payloads.Payload) -> Ignored:
    return Ignored(reason=f"{name} {payload.action!r} is not used")


def _repo(us: Registration, payload: payloads.RepoPayload) -> Repo | None:
    """The repository, if the delivery says through which installation it is ours."""
    if payload.installation is None:
        return None
    return payload.repository.repo(us.connection, str(payload.installation.id))


def _ref(repo: Repo, number: int) -> PullRequestRef:
    return PullRequestRef(connection=repo.connection, repo_id=repo.repo_id, number=number)


def _sender(payload: payloads.Payload) -> Person | None:
    return payload.sender.person() if payload.sender else None


def _account(installation: payloads.InstalledShape) -> str:
    return installation.account.login if installation.account else ""


def _is_our_app(us: Registration, app: AppShape | None) -> bool:
    return app is not None and app.id == us.app_id


def _is_our_installation(us: Registration, installation: payloads.InstalledShape) -> bool:
    return installation.app_id is None or installation.app_id == us.app_id
