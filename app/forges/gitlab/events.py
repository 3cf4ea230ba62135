"""What GitLab's payloads mean in our words: one small function per kind of event, in one table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue, ValidationError

from app.domain.errors import MalformedDelivery
from app.domain.events import (
    CommentMade,
    Event,
    FeedbackGiven,
    Ignored,
    PullRequestChange,
    PullRequestChanged,
    RerunRequested,
)
from app.domain.feedback import Feedback, Vote
from app.domain.pull_request import PullRequestRef, Repo
from app.forges.gitlab import payloads

Body = dict[str, JsonValue]


@dataclass(frozen=True)
class Registration:
    """Who we are on this connection: our own words are no news."""

    connection: str
    user_id: int


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


def _merge_request(us: Registration, body: Body) -> Event:
    payload = payloads.MergeRequestPayload.model_validate(body)
    attributes = payload.object_attributes
    if attributes.target_project_id != payload.project.id:
        return _OTHER_PROJECT
    repo = payload.project.repo(us.connection)
    head_sha = attributes.last_commit.id if attributes.last_commit else ""
    change = _CHANGES.get(attributes.action) or (_update(payload) if attributes.action == "update" else None)
    if change is None and _asks_us(us, payload) and payload.user.id != us.user_id:
        ref = _ref(repo, attributes.iid)
        return RerunRequested(repo=repo, ref=ref, run_id=None, head_sha=head_sha, sender=payload.user.person())
    if change is None:
        return Ignored(reason=f"merge request {attributes.action!r} is not used")
    # A push of ours is news like any other; a label of ours is not.
    if payload.user.id == us.user_id and change != "pushed":
        return _OUR_DOING
    return PullRequestChanged(
        ref=_ref(repo, attributes.iid), repo=repo, change=change, head_sha=head_sha, sender=payload.user.person()
    )


_CHANGES: dict[str, PullRequestChange] = {
    "open": "opened",
    "reopen": "reopened",
    "close": "closed",
    "merge": "closed",
}


def _update(payload: payloads.MergeRequestPayload) -> PullRequestChange | None:
    """The weightiest of what changed: state is read from the API, so one word is enough."""
    changes = payload.changes
    if payload.object_attributes.oldrev:
        return "pushed"
    if changes.target_branch:
        return "retargeted"
    if changes.draft:
        return "ready" if changes.draft.current is False else "drafted"
    if changes.labels:
        return _labels(changes.labels)
    return "edited" if (changes.title or changes.description) and changes.reviewers is None else None


def _labels(labels: payloads.Changed) -> Literal["labeled", "unlabeled"]:
    before, after = labels.previous, labels.current
    more = isinstance(before, list) and isinstance(after, list) and len(after) < len(before)
    return "unlabeled" if more else "labeled"


def _asks_us(us: Registration, payload: payloads.MergeRequestPayload) -> bool:
    """Whether we became its reviewer by this, or were asked again."""
    reviewers = payload.changes.reviewers
    if reviewers is None:
        return False
    now = next((one for one in reviewers.current if one.id == us.user_id), None)
    return now is not None and (now.re_requested or all(one.id != us.user_id for one in reviewers.previous))


def _note(us: Registration, body: Body) -> Event:
    payload = payloads.NotePayload.model_validate(body)
    note = payload.object_attributes
    if note.noteable_type != "MergeRequest" or payload.merge_request is None:
        return Ignored(reason="comment on something that is no merge request")
    if note.system:
        return Ignored(reason="written by GitLab itself")
    # What only members may read is not answered where everybody reads, so it is not taken in at all.
    if note.confidential or note.internal or payload.event_type != "note":
        return Ignored(reason="an internal note")
    if us.user_id in {note.author_id, payload.user.id}:
        return Ignored(reason="our own words")
    if payload.merge_request.target_project_id != payload.project.id:
        return _OTHER_PROJECT
    if note.author_id != payload.user.id:
        return Ignored(reason="somebody changed the words of somebody else")
    return _comment(us, payload, payload.merge_request.iid)


def _comment(us: Registration, payload: payloads.NotePayload, number: int) -> Event:
    note, repo = payload.object_attributes, payload.project.repo(us.connection)
    in_thread = note.type is not None and note.discussion_id is not None
    text = note.note or ""
    return CommentMade(
        ref=_ref(repo, number),
        repo=repo,
        kind="thread" if in_thread else "comment",
        comment_id=str(note.id),
        root_comment_id=note.discussion_id if in_thread else None,
        author=payload.user.person(),
        body=text,
        # GitLab does not tell the former text, so none of an edited one is known to be new.
        previous_body=None if note.action == "create" else text,
    )


def _emoji(us: Registration, body: Body) -> Event:
    payload = payloads.EmojiPayload.model_validate(body)
    emoji, note = payload.object_attributes, payload.note
    if payload.user.id == us.user_id:
        return _OUR_DOING
    vote = _VOTES.get(emoji.name)
    person = payload.user.person()
    ours = note is not None and note.author_id == us.user_id and not (note.confidential or note.internal)
    if vote is None or not ours or note is None or note.discussion_id is None or person.is_bot:
        return Ignored(reason=f"emoji {emoji.name[:60]!r} on {emoji.awardable_type!r}")
    if payload.merge_request is None or payload.merge_request.target_project_id != payload.project.id:
        return _OTHER_PROJECT
    repo = payload.project.repo(us.connection)
    return FeedbackGiven(
        ref=_ref(repo, payload.merge_request.iid),
        repo=repo,
        root_comment_id=note.discussion_id,
        feedback=Feedback(person=person, vote=vote),
        given=payload.event_type != "revoke",
    )


_VOTES: dict[str, Vote] = {"thumbsup": "up", "thumbsdown": "down"}


def _push(_: Registration, __: Body) -> Event:
    return Ignored(reason="a push; its merge requests tell of it themselves")


_READERS: dict[str, Callable[[Registration, Body], Event]] = {
    "Merge Request Hook": _merge_request,
    "Note Hook": _note,
    "Emoji Hook": _emoji,
    "Push Hook": _push,
}

_OTHER_PROJECT = Ignored(reason="it names two projects")
_OUR_DOING = Ignored(reason="our own doing")


def _ref(repo: Repo, number: int) -> PullRequestRef:
    return PullRequestRef(connection=repo.connection, repo_id=repo.repo_id, number=number)
